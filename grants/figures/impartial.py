"""Who proposed, gave the visa or wrote a decision acted for no body of the case."""

from django.utils.translation import gettext_lazy as _

from applicants.figures.impartial import IMPARTIAL, Act, partial
from core.figures.invariants import ANOTHER, Invariant, Unit, register
from grants.models import Application

ACTS = (
    Act("grants_proposal", "application_id", "application_id", "made_by_id", "made_at"),
    Act("grants_proposal", "application_id", "application_id", "visa_by_id", "visa_at"),
    Act("grants_agendaitem", "application_id", "application_id", "decided_by_id", "decided_at"),
)

register(
    Invariant(
        code="grants.decided-impartially",
        name=_("Interest in a case"),
        sentence=_("Nobody proposed, gave the visa or wrote the decision on a case of a body for which they acted."),
        source=IMPARTIAL,
        subject=Application,
        sql=partial(ACTS, "row.number", "grants_application"),
        unit=Unit.TEXT,
        words=ANOTHER,
    )
)
