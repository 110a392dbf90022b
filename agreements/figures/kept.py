"""How long a co-financed case is kept is known from its last payment on."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement
from agreements.retention import EU_PAYMENT
from core.figures.invariants import Invariant, Severity, Unit, register


def _rule() -> dict[str, Any]:
    return {"rule": EU_PAYMENT.code}


register(
    Invariant(
        code="agreements.retention-after-payment",
        name=_("Retention after a payment by a European fund"),
        sentence=_("Every case that a European fund paid is kept from the end of the year of its last payment on."),
        source=_("Regulation (EU) 2021/1060, Article 82(1): five years from 31 December of the last payment."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number AS label, max(o.paid_on) AS expected, max(r.starts_on) AS found
            FROM agreements_agreement a JOIN agreements_paymentclaim c ON c.agreement_id = a.id
            JOIN agreements_paymentorder o ON o.claim_id = c.id AND o.state = 'paid'
            LEFT JOIN core_retention r ON r.object_id = a.application_id AND r.rule = %(rule)s AND r.content_type_id =
                (SELECT id FROM django_content_type WHERE app_label = 'grants' AND model = 'application')
            WHERE a.eu_fund <> '' GROUP BY a.id
            HAVING max(r.starts_on) IS NULL OR date_part('year', max(r.starts_on)) < date_part('year', max(o.paid_on)) ORDER BY a.id
        """,
        parameters=_rule,
        unit=Unit.DAY,
        relation="≥",
        severity=Severity.FOLLOW_UP,
    )
)
