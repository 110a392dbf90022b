"""Who sat in a session: as many voting members as its quorum. What it decided, between its opening and its close."""

from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.figures.invariants import Invariant, Unit, register
from grants.models import CommitteeSession

register(
    Invariant(
        code="grants.closed-session-had-its-quorum",
        name=_("Quorum of a closed session"),
        sentence=_("As many voting members as the quorum asks for were present at each session that was closed."),
        source=_("Rules of procedure of the committee: a deliberation is valid where the quorum is reached."),
        subject=CommitteeSession,
        sql="""
            SELECT s.id, concat_ws(' · ', s.title, nullif(s.deliberation_number, '')) AS label, s.quorum AS expected,
                   count(m.id) AS found
            FROM grants_committeesession s
            LEFT JOIN grants_committeemember m ON m.session_id = s.id AND m.is_voting AND m.is_present
            WHERE s.state = 'closed' GROUP BY s.id HAVING count(m.id) < s.quorum ORDER BY s.id
        """,
        unit=Unit.NUMBER,
        counted=_("voting members present"),
        relation="≥",
    ),
    Invariant(
        code="grants.decided-in-its-session",
        name=_("Day of a decision"),
        sentence=_(
            "What a session decides on a case is noted on no day before its opening, and on none after its close."
        ),
        source=_("Rules of procedure of the committee: a deliberation is valid where the quorum is reached."),
        subject=CommitteeSession,
        sql=f"""
            SELECT s.id, concat_ws(' · ', s.title, app.number) AS label, step.sign || step.limit_of AS expected,
                   {day_of("item.decided_at")} AS found
            FROM grants_agendaitem item JOIN grants_committeesession s ON s.id = item.session_id
            JOIN grants_application app ON app.id = item.application_id
            CROSS JOIN LATERAL (VALUES ('≥ ', {day_of("s.opened_at")}), ('≤ ', {day_of("s.closed_at")})) AS step (sign, limit_of)
            WHERE CASE step.sign WHEN '≥ ' THEN {day_of("item.decided_at")} < step.limit_of
                       ELSE {day_of("item.decided_at")} > step.limit_of END
            ORDER BY s.id, item.rank
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        relation="",
    ),
    Invariant(
        code="grants.agenda-rank-once",
        name=_("Ranks of an agenda"),
        sentence=_("Two cases of an agenda do not stand at the same rank."),
        source=_("Rules of procedure of the committee: the cases are called in the order of the agenda."),
        subject=CommitteeSession,
        sql="""
            SELECT s.id, concat_ws(' · ', s.title, nullif(s.deliberation_number, '')) AS label,
                   count(DISTINCT item.rank) AS expected, count(*) AS found
            FROM grants_committeesession s JOIN grants_agendaitem item ON item.session_id = s.id
            GROUP BY s.id HAVING count(*) <> count(DISTINCT item.rank) ORDER BY s.id
        """,
        unit=Unit.NUMBER,
        counted=_("ranks"),
    ),
)
