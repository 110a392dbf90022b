"""Aid under State aid rules: the register was consulted, and the enterprise is known, before the proposal."""

from django.utils.translation import gettext_lazy as _

from applicants.models.de_minimis import Regime
from core.figures.invariants import Invariant, Unit, register
from grants.models import Application

DE_MINIMIS = _("Regulation (EU) 2023/2831, Articles 2(2) and 6: the single undertaking, and what it received before.")
# The live proposals in favour, of the cases of a de minimis regime that are not decided yet, or are under way.
PROPOSED = """
    FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
    JOIN grants_programmeversion v ON v.id = app.programme_version_id
    WHERE p.sent_back_at IS NULL AND p.favourable AND coalesce(v.definition ->> 'de_minimis', '') <> ''
"""
# The same proposals, at each step that rests on them: made, visa, grant noted on the grid, session closed.
PROPOSED_STEPS = PROPOSED.replace(
    "WHERE",
    """
    CROSS JOIN LATERAL (
        VALUES (p.made_at), (p.visa_at)
        UNION ALL
        SELECT unnest(ARRAY[item.decided_at, s.closed_at]) FROM grants_agendaitem item
        JOIN grants_committeesession s ON s.id = item.session_id
        WHERE item.application_id = app.id AND item.decision = 'granted'
    ) AS step(at)
    WHERE step.at IS NOT NULL AND""",
)


def had_its_number(body: str) -> str:
    """SQL (a condition): the applicant ``body`` had its SIRET at ``app.at`` already; one that is being created adds it later."""
    return f"""coalesce((
        SELECT line.siret IS NOT DISTINCT FROM {body}.siret FROM applicants_applicantevent line
        WHERE line.pgh_obj_id = {body}.id AND line.pgh_created_at <= app.at ORDER BY line.pgh_id DESC LIMIT 1), TRUE)"""  # noqa: S608 - a name of a table


register(
    Invariant(
        code="grants.register-was-consulted",
        name=_("Consultation of the register of de minimis aid"),
        sentence=_(
            "Every live proposal of de minimis aid says under which regime it is, and how the register was consulted or why "
            "it could not be."
        ),
        source=DE_MINIMIS,
        subject=Application,
        sql=f"""
            SELECT app.id, app.number AS label,
                   CASE WHEN p.de_minimis_regime = v.definition ->> 'de_minimis' THEN 'consulted'
                        ELSE v.definition ->> 'de_minimis' END AS expected,
                   CASE WHEN p.de_minimis_regime = v.definition ->> 'de_minimis' THEN 'unproven'
                        ELSE p.de_minimis_regime END AS found
            {PROPOSED}
              AND (p.de_minimis_regime <> v.definition ->> 'de_minimis' OR (p.register_unavailable = '' AND (
                   p.register_consulted_on IS NULL
                   OR (p.register_reference = '' AND p.register_document_id IS NULL))))
            ORDER BY app.id
        """,
        unit=Unit.TEXT,
        words={
            **dict(Regime.choices),
            "consulted": _("the register consulted, with its proof"),
            "unproven": _("no proof of the consultation"),
        },
    ),
    Invariant(
        code="grants.undertaking-is-known",
        name=_("Establishments of one enterprise"),
        sentence=_(
            "No de minimis aid was proposed, given a visa or granted while the service had not answered whether the "
            "establishments of the applicant’s enterprise then known are one undertaking."
        ),
        source=DE_MINIMIS,
        subject=Application,
        sql=f"""
            SELECT DISTINCT app.id, app.number AS label, mine.siret AS expected, other.siret AS found
            FROM applicants_applicant mine
            JOIN applicants_applicant other ON left(other.siret, 9) = left(mine.siret, 9) AND other.id <> mine.id
            JOIN LATERAL (SELECT app.id, app.number, step.at {PROPOSED_STEPS} AND app.applicant_id = mine.id) AS app ON TRUE
            WHERE other.created_at < app.at AND {had_its_number("mine")} AND {had_its_number("other")} AND NOT EXISTS (
                SELECT 1 FROM applicants_undertakinganswer u WHERE u.siren = left(mine.siret, 9) AND u.side = 'service'
                   AND u.answered_at <= app.at AND u.establishments @> to_jsonb(ARRAY[mine.siret, other.siret]))
            ORDER BY app.id
        """,  # noqa: S608 - a constant
        unit=Unit.TEXT,
    ),
)
