"""Who drew up, certified, ordered, confirmed or settled acted for no body of the case."""

from django.utils.translation import gettext_lazy as _

from agreements.models import Agreement
from applicants.figures.impartial import IMPARTIAL, Act, partial
from core.days_in_sql import start_of
from core.figures.invariants import ANOTHER, Invariant, Unit, register

AGREEMENT = "agreements_agreement a"
CLAIM = "agreements_paymentclaim c JOIN agreements_agreement a ON a.id = c.agreement_id"
ORDER = f"agreements_paymentorder o JOIN agreements_paymentclaim c ON c.id = o.claim_id JOIN {AGREEMENT} ON a.id = c.agreement_id"
ACTS = (
    Act(AGREEMENT, "a.id", "a.application_id", "a.drafted_by_id", "a.created_at"),
    Act(AGREEMENT, "a.id", "a.application_id", "a.entered_by_id", start_of("a.notified_on")),
    Act(CLAIM, "a.id", "a.application_id", "c.certified_by_id", "c.certified_at"),
    Act(ORDER, "a.id", "a.application_id", "o.ordered_by_id", "o.ordered_at"),
    Act(ORDER, "a.id", "a.application_id", "o.confirmed_by_id", start_of("o.paid_on")),
    Act(
        f"agreements_settlement s JOIN {AGREEMENT} ON a.id = s.agreement_id",
        "a.id", "a.application_id", "s.decided_by_id", "s.decided_at",
    ),
)  # fmt: skip

register(
    Invariant(
        code="agreements.paid-impartially",
        name=_("Interest in an agreement"),
        sentence=_(
            "Nobody drew up, put in force, certified, ordered, confirmed or settled anything of an agreement of a body for "
            "which they acted."
        ),
        source=IMPARTIAL,
        subject=Agreement,
        sql=partial(ACTS, "row.number", "agreements_agreement"),
        unit=Unit.TEXT,
        words=ANOTHER,
    )
)
