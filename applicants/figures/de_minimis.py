"""No grant of the Region takes an undertaking above the ceiling of its regime."""

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from applicants.models import DeMinimisAid
from applicants.models.applicant import SINGLE_UNDERTAKING
from core.figures.invariants import Broken, Invariant, Severity, Unit, register

# The establishments of the enterprise of the grant ``g`` and of the enterprises linked with it, however far.
OF_UNDERTAKING = SINGLE_UNDERTAKING.replace("%s", "g.applicant_id")


def overdue() -> Iterator[Broken]:
    """The grants that the central register does not know as they are, past their day; one query."""
    today = timezone.localdate()
    for aid in DeMinimisAid.objects.to_be_entered().order_by("pk"):
        if aid.enter_by < today:
            # Entered once and changed since, or never: as it is, it is not entered today.
            yield Broken(aid.pk, aid.reference, aid.enter_by, today)


def _window() -> dict[str, Any]:
    return {"anniversary": settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY}


register(
    Invariant(
        code="applicants.de-minimis-within-ceiling",
        name=_("Ceiling of de minimis aid"),
        sentence=_(
            "At each grant of the Region, the aids of the undertaking over the three years that end on this day are "
            "within the ceiling of the regime."
        ),
        source=_("Regulation (EU) 2023/2831, Article 3(2): the ceiling over any period of three years."),
        subject=DeMinimisAid,
        sql=f"""
            SELECT g.id, g.reference AS label, c.amount AS expected, sum(o.amount) AS found
            FROM applicants_deminimisaid g JOIN applicants_deminimisceiling c ON c.regime = g.regime AND c.valid_from <= g.granted_on
                AND (c.valid_until IS NULL OR c.valid_until >= g.granted_on) AND c.window = 'rolling'
            JOIN LATERAL ({OF_UNDERTAKING}) AS member ON TRUE
            JOIN applicants_deminimisaid o ON o.applicant_id = member.id AND o.withdrawn_on IS NULL
                AND o.granted_on <= g.granted_on
                AND (o.granted_on > g.granted_on - make_interval(years => c.years)
                     OR (%(anniversary)s AND o.granted_on = g.granted_on - make_interval(years => c.years)))
                AND (c.counts @> to_jsonb(o.regime) OR (c.counts = '[]' AND o.regime = g.regime))
                AND (o.recorded_at <= g.recorded_at)
            WHERE g.origin = 'granted' AND g.withdrawn_on IS NULL
            GROUP BY g.id, g.reference, c.amount HAVING sum(o.amount) > c.amount ORDER BY g.id
        """,  # noqa: S608 - a constant
        parameters=_window,
        relation="≤",
    ),
    Invariant(
        code="applicants.register-entered-in-time",
        name=_("Central register of de minimis aid"),
        sentence=_(
            "Each grant stands in the central register with the amount that counts, at the latest on the twentieth working "
            "day after it was granted or changed."
        ),
        source=_("Regulation (EU) 2023/2831, Article 6(2): entered within twenty working days."),
        subject=DeMinimisAid,
        rows=overdue,
        unit=Unit.DAY,
        relation="≤",
        severity=Severity.FOLLOW_UP,
    ),
)
