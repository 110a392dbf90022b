"""The years of a multi-year agreement: one of which nothing is granted asks nothing; what a report says was meant."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from agreements.forms.reports import FAR_ABOVE
from agreements.models import Agreement, TrancheReport
from core.figures.invariants import Invariant, Severity, Unit, register


def _far_above() -> dict[str, Any]:
    return {"far_above": FAR_ABOVE}


register(
    Invariant(
        code="agreements.year-without-grant-asks-nothing",
        name=_("Years without a grant"),
        sentence=_("A year of which nothing is granted is not open, and no report on it waits for anybody."),
        source=_("Terms of the multi-year agreement: a year opens for what is granted of it."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, 'nothing' AS expected,
                   CASE WHEN t.state = 'released' THEN 'open' ELSE 'report' END AS found
            FROM agreements_tranche t JOIN agreements_agreement a ON a.id = t.agreement_id
            WHERE t.amount = 0 AND (t.state = 'released' OR EXISTS (
                SELECT 1 FROM agreements_tranchereport r WHERE r.tranche_id = t.id AND r.state IN ('filed', 'returned')))
            ORDER BY a.id, t.rank
        """,
        unit=Unit.TEXT,
        words={"nothing": _("nothing asked"), "open": _("an open year"), "report": _("a report that waits")},
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.year-opened-on-something",
        name=_("Report of a year in which nothing was spent"),
        sentence=_(
            "A report that says that nothing was spent in its year is accepted, and opens the year that follows, only with "
            "the written reason of whoever accepts it."
        ),
        source=_("Terms of the multi-year agreement: each year follows the accepted report of the year before."),
        subject=Agreement,
        sql="""
            SELECT a.id, a.number || ' · ' || t.label AS label, 'reason' AS expected, 'none' AS found
            FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
            JOIN agreements_agreement a ON a.id = t.agreement_id
            WHERE r.state = 'accepted' AND r.spent_amount = 0 AND btrim(r.decision_comment) = '' ORDER BY a.id, t.rank
        """,
        unit=Unit.TEXT,
        words={"reason": _("a reason"), "none": _("none")},
    ),
    Invariant(
        code="agreements.report-amount-is-meant",
        name=_("Amount of a yearly report"),
        sentence=_(
            "What the report of a year says was spent is far above what was planned for that year only where whoever filed it "
            "answered that this amount is right."
        ),
        source=_("Law 2000-321, Article 10: the account of a grant says how it was used."),
        subject=TrancheReport,
        sql="""
            SELECT r.id, a.number || ' · ' || t.label AS label, %(far_above)s * greatest(t.cost, t.amount) AS expected,
                   r.spent_amount AS found
            FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
            JOIN agreements_agreement a ON a.id = t.agreement_id
            WHERE r.spent_amount > %(far_above)s * greatest(t.cost, t.amount) AND NOT EXISTS (
                SELECT 1 FROM core_event e WHERE e.object_id = r.id AND e.action IN ('file', 'file_again')
                 AND e.content_type_id =
                     (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'tranchereport')
                 AND coalesce(e.data ->> 'amount_is_right', '') NOT IN ('', 'false')) ORDER BY r.id
        """,
        parameters=_far_above,
        relation="≤",
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="agreements.report-amount-as-filed",
        name=_("Amount of a yearly report, as it was filed"),
        sentence=_("What the report of a year says was spent is what was filed last."),
        source=_("Law 2000-321, Article 10: the account of a grant says how it was used."),
        subject=TrancheReport,
        # What was erased by law of the event accuses nobody.
        sql="""
            SELECT r.id, a.number || ' · ' || t.label AS label, told.spent AS expected, r.spent_amount AS found
            FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
            JOIN agreements_agreement a ON a.id = t.agreement_id
            JOIN LATERAL (
                SELECT coalesce(e.data ->> 'spent', e.data ->> 'spent_amount')::numeric AS spent FROM core_event e
                WHERE e.object_id = r.id AND e.action IN ('file', 'file_again') AND e.content_type_id =
                    (SELECT id FROM django_content_type WHERE app_label = 'agreements' AND model = 'tranchereport')
                ORDER BY e.sequence DESC LIMIT 1) AS told ON told.spent IS NOT NULL
            WHERE r.spent_amount IS DISTINCT FROM told.spent ORDER BY r.id
        """,
    ),
)
