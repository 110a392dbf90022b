"""Who issued a certificate acted for no body of the case."""

from django.utils.translation import gettext_lazy as _

from applicants.figures.impartial import IMPARTIAL, Act, partial
from core.figures.invariants import ANOTHER, Invariant, Unit, register
from reporting.models import Certificate

ISSUED = Act(
    "reporting_certificate c JOIN reporting_operation o ON o.id = c.operation_id"
    " JOIN agreements_agreement a ON a.id = o.agreement_id",
    "c.id", "a.application_id", "c.issued_by_id", "c.issued_at",
)  # fmt: skip

register(
    Invariant(
        code="reporting.certified-impartially",
        name=_("Interest in a certificate"),
        sentence=_("Nobody issued the certificate of an operation of a body for which they acted."),
        source=IMPARTIAL,
        subject=Certificate,
        sql=partial([ISSUED], "row.number", "reporting_certificate"),
        unit=Unit.TEXT,
        words=ANOTHER,
    )
)
