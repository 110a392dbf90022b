"""Who sat in a session: as many voting members as its quorum."""

from django.utils.translation import gettext_lazy as _

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
)
