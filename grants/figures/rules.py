"""The rules of a programme are those of their version; the scores of a case are within their scale."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from grants.models import Application, Programme, ProgrammeVersion
from grants.rules.definition import fingerprint as fingerprint_of_programme
from grants.rules.schema import Criterion
from grants.rules.scoring import OUT_OF


def defined_otherwise() -> Iterator[Broken]:
    """The versions whose rules do not give the hash with which they were loaded; one query, few rows."""
    for version in ProgrammeVersion.objects.select_related("programme").order_by("pk"):
        found = fingerprint_of_programme(version.definition)
        if found != version.sha256:
            yield Broken(version.programme_id, f"{version.programme.code} · {version.number}", version.sha256, found)


register(
    Invariant(
        code="grants.version-gives-its-hash",
        name=_("Fingerprint of the rules of a programme"),
        sentence=_("The rules of a version of a programme give the fingerprint with which they were loaded."),
        source=_("Rule 6 of the domain: an application keeps the rules under which it was filed."),
        subject=Programme,
        rows=defined_otherwise,
        unit=Unit.HASH,
    ),
    Invariant(
        code="grants.score-within-its-scale",
        name=_("Scores within their scale"),
        sentence=_(
            "No criterion of a case has a score under nothing or above the highest of its scale, which is the one of the case’s version "
            "of the programme; the score that was proposed is made of those of the criteria."
        ),
        source=_("Rule of the programme: each criterion has its scale."),
        subject=Application,
        sql=f"""
            WITH criterion AS (
                SELECT v.id AS version_id, one ->> 'code' AS code, coalesce(one -> 'label' ->> 'fr', one ->> 'label') AS label,
                       (one ->> 'weight')::numeric / sum((one ->> 'weight')::numeric) OVER (PARTITION BY v.id) AS share,
                       coalesce((one ->> 'max_score')::numeric, {Criterion.max_score}) AS highest
                FROM grants_programmeversion v CROSS JOIN LATERAL jsonb_array_elements(v.definition -> 'criteria') AS one
            ), proposed AS (
                SELECT DISTINCT ON (application_id) application_id, score, made_at FROM grants_proposal
                ORDER BY application_id, made_at DESC, id DESC
            ), made AS (
                SELECT app.id, round(sum(s.score / c.highest * {OUT_OF} * c.share), 2) AS total, max(s.scored_at) AS scored_at
                FROM grants_application app JOIN criterion c ON c.version_id = app.programme_version_id
                LEFT JOIN grants_score s ON s.application_id = app.id AND s.code = c.code
                GROUP BY app.id HAVING count(s.id) = count(*)
            ), told AS (
                SELECT app.id, concat_ws(' · ', app.number, c.label) AS label, least(c.highest, greatest(s.score, 0)) AS expected,
                       s.score AS found
                FROM grants_score s JOIN grants_application app ON app.id = s.application_id
                JOIN criterion c ON c.version_id = app.programme_version_id AND c.code = s.code
                WHERE s.score NOT BETWEEN 0 AND c.highest
                UNION ALL
                SELECT app.id, concat_ws(' · ', app.number, c.label, 'scale'), c.highest, s.max_score
                FROM grants_score s JOIN grants_application app ON app.id = s.application_id
                LEFT JOIN criterion c ON c.version_id = app.programme_version_id AND c.code = s.code
                WHERE s.max_score IS DISTINCT FROM c.highest
                UNION ALL
                SELECT app.id, concat_ws(' · ', app.number, 'proposed'), made.total, p.score
                FROM proposed p JOIN grants_application app ON app.id = p.application_id LEFT JOIN made ON made.id = app.id
                WHERE made.total IS DISTINCT FROM p.score AND (made.id IS NULL OR made.scored_at <= p.made_at)
            )
            SELECT id, label, to_char(expected, 'FM9990D00') AS expected, to_char(found, 'FM9990D00') AS found
            FROM told ORDER BY id, label
        """,  # noqa: S608 - numbers of the rules
        unit=Unit.TEXT,
        label_words={"scale": _("scale"), "proposed": _("score that was proposed")},
    ),
)
