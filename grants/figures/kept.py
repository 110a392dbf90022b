"""How long a case is kept is known from the day of the event that says it."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, Severity, Unit, register
from grants.models import Application
from grants.retention import CASE_ENDED, DE_MINIMIS
from grants.states import FINAL, GRANTED


def _rules() -> dict[str, Any]:
    return {
        "ended": CASE_ENDED.code, "final": list(FINAL), "de_minimis": DE_MINIMIS.code, "granted": list(GRANTED),
    }  # fmt: skip


register(
    Invariant(
        code="grants.retention-is-set",
        name=_("Retention of a case"),
        sentence=_("Every case that has ended, or was granted de minimis aid, knows until when it is kept for that."),
        source=_("Code of heritage, Article L212-2, and Regulation (EU) 2023/2831, Article 6(3)."),
        subject=Application,
        sql="""
            SELECT app.id, coalesce(app.number, app.title) || ' · ' || wanted.rule AS label, 1 AS expected, 0 AS found
            FROM grants_application app JOIN grants_programmeversion v ON v.id = app.programme_version_id
            CROSS JOIN LATERAL (
                SELECT %(ended)s AS rule WHERE app.state = ANY(%(final)s)
                UNION ALL
                SELECT %(de_minimis)s WHERE app.state = ANY(%(granted)s) AND coalesce(v.definition ->> 'de_minimis', '') <> ''
            ) AS wanted
            WHERE NOT EXISTS (
                SELECT 1 FROM core_retention r WHERE r.object_id = app.id AND r.rule = wanted.rule AND r.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'grants' AND model = 'application'))
            ORDER BY app.id
        """,
        parameters=_rules,
        unit=Unit.NUMBER,
        label_words={rule.code: rule.label for rule in (CASE_ENDED, DE_MINIMIS)},
        counted=_("retention periods"),
        severity=Severity.FOLLOW_UP,
    )
)
