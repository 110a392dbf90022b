"""What was filed: its snapshot, its budget, its request."""

from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Severity, Unit, register
from grants.models import Application
from grants.rules.deadlines import DEFAULT_SILENCE_MONTHS

SNAPSHOT = _("Rule 6 of the domain: submission freezes a snapshot that nothing rewrites; a correction is a new one.")
CERFA = _("Form CERFA 12156: the total of the charges is the total of the products.")
PENDING = (
    "('submitted', 'incomplete', 'admissible', 'in_instruction', 'instructed', 'ready_for_committee', 'scheduled')"
)


register(
    Invariant(
        code="grants.filed-has-snapshot",
        name=_("Snapshot of what was filed"),
        sentence=_("Every filed case has the snapshot of its filing, and its snapshots are numbered without a gap."),
        source=SNAPSHOT,
        subject=Application,
        sql="""
            SELECT id, number AS label, CASE WHEN filings = 0 THEN 1 ELSE last END AS expected,
                   CASE WHEN filings = 0 THEN 0 ELSE kept END AS found FROM (
                SELECT app.id, app.number, greatest(coalesce(max(s.number), 0), 1) AS last, count(s.id) AS kept,
                       count(s.id) FILTER (WHERE s.kind = 'submission') AS filings
                FROM grants_application app LEFT JOIN grants_snapshot s ON s.application_id = app.id
                WHERE app.submitted_at IS NOT NULL GROUP BY app.id, app.number) AS its
            WHERE kept <> last OR filings = 0 ORDER BY id
        """,
        unit=Unit.NUMBER,
        counted=_("snapshots"),
    ),
    Invariant(
        code="grants.budget-is-balanced",
        name=_("Budget of a case"),
        sentence=_("The budget of a filed case is balanced, contributions in kind apart."),
        source=CERFA,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, sum(l.amount) FILTER (WHERE l.side = 'charge') AS expected,
                   sum(l.amount) FILTER (WHERE l.side = 'product') AS found
            FROM grants_application app JOIN grants_budgetline l ON l.application_id = app.id
            WHERE app.submitted_at IS NOT NULL AND l.account_code NOT LIKE '86%%' AND l.account_code NOT LIKE '87%%'
            GROUP BY app.id, app.number
            HAVING sum(l.amount) FILTER (WHERE l.side = 'charge')
                   IS DISTINCT FROM sum(l.amount) FILTER (WHERE l.side = 'product') ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.request-stands-in-the-budget",
        name=_("Amount asked"),
        sentence=_("The amount that a filed case asks for is the line that this request finances in its budget."),
        source=CERFA,
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, l.amount AS expected, app.requested_amount AS found
            FROM grants_application app JOIN grants_budgetline l ON l.application_id = app.id
            WHERE app.submitted_at IS NOT NULL AND l.financer_status = 'this_request'
              AND app.requested_amount IS DISTINCT FROM l.amount ORDER BY app.id
        """,
    ),
    Invariant(
        code="grants.retained-within-declared",
        name=_("Retained expenses"),
        sentence=_("What is retained of an expense is between zero and the amount that the applicant declared."),
        source=_("Regulation (EU) 2021/1060, Article 63, and the rule of the programme on eligible costs."),
        subject=Application,
        sql="""
            SELECT app.id, coalesce(app.number, app.title) || ' · ' || l.label AS label, l.amount AS expected,
                   l.eligible_amount AS found
            FROM grants_budgetline l JOIN grants_application app ON app.id = l.application_id
            WHERE l.eligible_amount NOT BETWEEN 0 AND l.amount ORDER BY app.id, l.rank
        """,
        relation="≤",
    ),
    Invariant(
        code="grants.request-for-pieces-is-open",
        name=_("Requests for pieces"),
        sentence=_("A case is incomplete exactly while one request for pieces awaits its answer."),
        source=_("Code of relations between the public and the administration, Article L114-5."),
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, (app.state = 'incomplete')::int AS expected, count(r.id) AS found
            FROM grants_application app
            LEFT JOIN grants_piecerequest r ON r.application_id = app.id AND r.answered_at IS NULL
            WHERE app.state IN ('submitted', 'incomplete') GROUP BY app.id, app.number, app.state
            HAVING count(r.id) <> (app.state = 'incomplete')::int ORDER BY app.id
        """,
        unit=Unit.NUMBER,
        counted=_("open requests"),
    ),
    Invariant(
        code="grants.filed-before-the-close",
        name=_("Closing of a call"),
        sentence=_("Every case was filed from the opening of its call on, and before it closed."),
        source=_("Code of relations between the public and the administration, Article L112-3: the day of a filing."),
        subject=Application,
        sql=f"""
            SELECT app.id, app.number AS label,
                   {day_of("CASE WHEN app.submitted_at > c.closes_at THEN c.closes_at ELSE c.opens_at END")} AS expected,
                   {day_of("app.submitted_at")} AS found
            FROM grants_application app JOIN grants_call c ON c.id = app.call_id
            WHERE app.submitted_at NOT BETWEEN c.opens_at AND c.closes_at ORDER BY app.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="grants.silence-has-its-date",
        name=_("Date of the implied decision"),
        sentence=_(
            "Every filed case on which nothing is decided knows the day on which silence is an answer: the months of "
            "its programme after the filing, put off by the time given for each answer, or by the days waited where it "
            "came before."
        ),
        source=_("Code of relations between the public and the administration, Articles L112-3, L114-5 and L231-4."),
        subject=Application,
        sql=f"""
            SELECT id, label, expected, found FROM (
                SELECT app.id, app.number AS label, app.decision_due_on AS found,
                       ({day_of("app.submitted_at")} + make_interval(months => coalesce(
                           (v.definition #>> '{{deadlines,silence_months}}')::int, {DEFAULT_SILENCE_MONTHS})))::date
                       + coalesce((
                           SELECT sum(greatest(least({day_of("r.answered_at")}, r.due_on) - {day_of("r.requested_at")}, 0))
                           FROM grants_piecerequest r WHERE r.application_id = app.id
                       ), 0)::int AS expected
                FROM grants_application app JOIN grants_programmeversion v ON v.id = app.programme_version_id
                WHERE app.state IN {PENDING}
            ) s WHERE expected IS DISTINCT FROM found ORDER BY id
        """,  # noqa: S608 - constants
        unit=Unit.DAY,
        severity=Severity.FOLLOW_UP,
    ),
)
