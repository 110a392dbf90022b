"""The rules of a programme are those of their version; the scores of a case are within their scale."""

from collections.abc import Iterator

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from grants.models import Application, Programme, ProgrammeVersion
from grants.rules.definition import fingerprint as fingerprint_of_programme


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
        sentence=_("No criterion of a case has a score under nothing or above the highest of its scale."),
        source=_("Rule of the programme: each criterion has its scale."),
        subject=Application,
        sql="""
            SELECT app.id, concat_ws(' · ', app.number, criterion.label) AS label,
                   to_char(least(s.max_score, greatest(s.score, 0)), 'FM9990D00') AS expected,
                   to_char(s.score, 'FM9990D00') AS found
            FROM grants_score s JOIN grants_application app ON app.id = s.application_id
            JOIN grants_programmeversion v ON v.id = app.programme_version_id
            LEFT JOIN LATERAL (
                SELECT coalesce(one -> 'label' ->> 'fr', one ->> 'label') AS label FROM jsonb_array_elements(v.definition -> 'criteria') AS one
                WHERE one ->> 'code' = s.code LIMIT 1
            ) AS criterion ON TRUE
            WHERE s.score NOT BETWEEN 0 AND s.max_score ORDER BY app.id, s.id
        """,
        unit=Unit.TEXT,
    ),
)
