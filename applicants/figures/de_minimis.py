"""No grant of the Region takes an undertaking above the ceiling of its regime."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from applicants.models import DeMinimisAid
from core.figures.invariants import Invariant, register


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
        sql="""
            WITH aid AS (
                SELECT d.*, coalesce('u' || a.undertaking_id, 's' || nullif(left(a.siret, 9), ''), 'a' || a.id) AS undertaking
                FROM applicants_deminimisaid d JOIN applicants_applicant a ON a.id = d.applicant_id
                WHERE d.withdrawn_on IS NULL
            )
            SELECT g.id, g.reference AS label, c.amount AS expected, sum(o.amount) AS found
            FROM aid g JOIN applicants_deminimisceiling c ON c.regime = g.regime AND c.valid_from <= g.granted_on
                AND (c.valid_until IS NULL OR c.valid_until >= g.granted_on) AND c.window = 'rolling'
            JOIN aid o ON o.undertaking = g.undertaking AND o.granted_on <= g.granted_on
                AND (o.granted_on > g.granted_on - make_interval(years => c.years)
                     OR (%(anniversary)s AND o.granted_on = (g.granted_on - make_interval(years => c.years))::date))
                AND (c.counts @> to_jsonb(o.regime) OR (c.counts = '[]' AND o.regime = g.regime))
                AND (o.recorded_at <= g.recorded_at)
            WHERE g.origin = 'granted' GROUP BY g.id, g.reference, c.amount HAVING sum(o.amount) > c.amount ORDER BY g.id
        """,
        parameters=_window,
        relation="≤",
    )
)
