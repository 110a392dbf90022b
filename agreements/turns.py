"""Whose turn it is, asked of many agreements at once: the tasks of ``agreement_page.tasks_of`` as one condition.

The page of an agreement says what is to be done, in words and in order; a list only asks whether anything is. It is
written in SQL because every list of cases asks it: ``tests/invariants/test_turns.py`` holds the two together.
"""

from typing import Any

from django.db import models
from django.db.models import Func, Value
from django.utils import timezone

from agreements.models import Agreement, Payee, PaymentClaim, Tranche, TrancheReport
from agreements.models.claim_states import EDITABLE
from agreements.settlements.rules import PAY

TO_SIGN = f"a.state = '{Agreement.State.SENT}' AND a.kind = '{Agreement.Kind.AGREEMENT}'"
IN_FORCE = f"a.state = '{Agreement.State.IN_FORCE}'"
SUSPENDED_AT = f"""
    SELECT e.created_at FROM core_event e JOIN django_content_type t ON t.id = e.content_type_id
    WHERE t.app_label = '{PaymentClaim._meta.app_label}' AND t.model = '{PaymentClaim._meta.model_name}'
      AND e.object_id = c.id AND e.action = 'suspend' ORDER BY e.id DESC LIMIT 1
"""  # noqa: S608 - constants
CLAIM_TO_GO_ON_WITH = f"""
    SELECT 1 FROM agreements_paymentclaim c LEFT JOIN agreements_settlementline l ON l.claim_id = c.id
    WHERE c.agreement_id = a.id AND ({IN_FORCE} OR l.outcome = '{PAY}')
      AND (c.state IN {EDITABLE} OR c.state = '{PaymentClaim.State.SUSPENDED}' AND NOT EXISTS (
          SELECT 1 FROM agreements_claimreply r
          WHERE r.claim_id = c.id AND r.created_at >= coalesce(({SUSPENDED_AT}), '-infinity')
      ))
"""  # noqa: S608 - constants
#: The account of the instalment ``i`` is closed: a balance of its part was filed (``agreements.closing``).
CLOSED = f"""i.kind <> 'balance' AND EXISTS (
        SELECT 1 FROM agreements_instalment b JOIN agreements_paymentclaim closing ON closing.instalment_id = b.id
        WHERE b.agreement_id = i.agreement_id AND b.tranche_id IS NOT DISTINCT FROM i.tranche_id AND b.kind = 'balance'
          AND closing.state NOT IN ('{PaymentClaim.State.DRAFT}', '{PaymentClaim.State.REJECTED}')
    )"""  # noqa: S608 - constants
#: A balance of a year waits for the end of the year (``Payment.opens_after``).
PAYMENT_TO_CLAIM = f"""
    SELECT 1 FROM agreements_instalment i LEFT JOIN agreements_tranche t ON t.id = i.tranche_id
    WHERE i.agreement_id = a.id AND (t.id IS NULL OR t.state = '{Tranche.State.RELEASED}') AND NOT EXISTS (
        SELECT 1 FROM agreements_paymentclaim c
        WHERE c.instalment_id = i.id AND c.state <> '{PaymentClaim.State.REJECTED}'
    ) AND NOT ({CLOSED}) AND (i.kind <> 'balance' OR t.id IS NULL OR t.ends_on < %(today)s)
"""  # noqa: S608 - constants
REPORT_TO_FILE = f"""
    SELECT 1 FROM agreements_tranche t LEFT JOIN agreements_tranchereport r ON r.tranche_id = t.id
    WHERE t.agreement_id = a.id AND (r.state = '{TrancheReport.State.RETURNED}'
          OR r.id IS NULL AND t.state <> '{Tranche.State.PLANNED}'
          AND (t.amount > 0 OR t.state = '{Tranche.State.RELEASED}') AND t.ends_on < %(today)s)
"""  # noqa: S608 - constants
ACCOUNT_TO_GIVE = f"""
    a.payee <> '{Payee.PERSONS}' AND NOT EXISTS (
        SELECT 1 FROM applicants_bankaccount b
        WHERE b.applicant_id = a.beneficiary_id AND b.state IN ('entered', 'verified')
    ) AND EXISTS (
        SELECT 1 FROM agreements_instalment i WHERE i.agreement_id = a.id AND NOT EXISTS (
            SELECT 1 FROM agreements_paymentclaim c
            WHERE c.instalment_id = i.id AND c.state = '{PaymentClaim.State.PAID}'
        ) AND NOT ({CLOSED} AND NOT EXISTS (
            SELECT 1 FROM agreements_paymentclaim c
            WHERE c.instalment_id = i.id AND c.state <> '{PaymentClaim.State.REJECTED}'
        ))
    )
"""  # noqa: S608 - constants
AWAITS = f"""EXISTS (
    SELECT 1 FROM agreements_agreement a WHERE a.application_id = %(application)s AND (
        {TO_SIGN} OR EXISTS ({CLAIM_TO_GO_ON_WITH}) OR {IN_FORCE} AND (
            EXISTS ({PAYMENT_TO_CLAIM}) OR EXISTS ({REPORT_TO_FILE}) OR {ACCOUNT_TO_GIVE}
        )
    )
)"""  # noqa: S608 - constants


class AwaitsBeneficiary(Func):
    """The condition, on an application, that its beneficiary has something to do on its agreement today."""

    output_field = models.BooleanField()

    def __init__(self, application: Any = "pk") -> None:
        super().__init__(application, Value(timezone.localdate(), models.DateField()))

    def as_sql(self, compiler: Any, connection: Any, **extra: Any) -> tuple[str, list]:
        (application, its), (today, day) = (compiler.compile(part) for part in self.source_expressions)
        # The day stands in it twice: for the payments to claim, then for the reports to file.
        return AWAITS % {"application": application, "today": today}, [*its, *day, *day]
