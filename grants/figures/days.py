"""Each day of a case follows the one that it rests on: begun, filed, asked and answered, proposed, seen, decided."""

from django.utils.translation import gettext_lazy as _

from core.days_in_sql import TODAY, day_of
from core.figures.invariants import Invariant, Unit, register
from grants.models import Application, CommitteeSession

register(
    Invariant(
        code="grants.case-days-in-order",
        name=_("Days of a case"),
        sentence=_(
            "A case is filed once it was begun, is complete once it was filed, its pieces and opinions are answered once they "
            "were asked for, and its proposal has its visa, or is sent back, once it was made: nothing of it is to come."
        ),
        source=_("Code of relations between the public and the administration, Article R112-5: days of a receipt."),
        subject=Application,
        sql=f"""
            SELECT app.id, coalesce(app.number, app.title) AS label, step.follows AS expected, step.day AS found
            FROM (
                SELECT id AS case_id, {day_of("created_at")} AS follows, {day_of("submitted_at")} AS day FROM grants_application
                UNION ALL
                SELECT id, {day_of("submitted_at")}, received_complete_on FROM grants_application
                UNION ALL
                SELECT id, {day_of("submitted_at")}, {TODAY} FROM grants_application
                UNION ALL
                SELECT application_id, {day_of("requested_at")}, {day_of("answered_at")} FROM grants_piecerequest
                UNION ALL
                SELECT application_id, {day_of("asked_at")}, {day_of("answered_at")} FROM grants_opinion
                UNION ALL
                SELECT application_id, {day_of("asked_at")}, given_on FROM grants_opinion
                UNION ALL
                SELECT application_id, {day_of("made_at")}, {day_of("visa_at")} FROM grants_proposal
                UNION ALL
                SELECT application_id, {day_of("made_at")}, {day_of("sent_back_at")} FROM grants_proposal
                UNION ALL
                SELECT p.application_id, {day_of("app.submitted_at")}, {day_of("p.made_at")}
                FROM grants_proposal p JOIN grants_application app ON app.id = p.application_id
                UNION ALL
                SELECT item.application_id, {day_of("p.visa_at")}, {day_of("item.decided_at")}
                FROM grants_agendaitem item JOIN grants_proposal p ON p.application_id = item.application_id
                 AND p.sent_back_at IS NULL JOIN grants_committeesession s ON s.id = item.session_id
                WHERE item.decision = 'granted' AND s.closed_at IS NOT NULL
            ) AS step JOIN grants_application app ON app.id = step.case_id
            WHERE step.day < step.follows ORDER BY app.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="≥",
    ),
    Invariant(
        code="grants.session-days-in-order",
        name=_("Days of a session"),
        sentence=_(
            "A session is convened, opened, then closed; its deliberation is sent to the control of legality once it is "
            "dated."
        ),
        source=_("General Code of Local Authorities, Article L4141-1: acts are enforceable once sent to the State."),
        subject=CommitteeSession,
        sql=f"""
            SELECT s.id, coalesce(nullif(s.deliberation_number, ''), s.title) AS label, step.follows AS expected, step.day AS found
            FROM grants_committeesession s CROSS JOIN LATERAL (VALUES
                ({day_of("s.convened_at")}, {day_of("s.opened_at")}), ({day_of("s.opened_at")}, {day_of("s.closed_at")}),
                (s.deliberation_on, s.legality_sent_on)) AS step (follows, day)
            WHERE step.day < step.follows ORDER BY s.id
        """,  # noqa: S608 - fragments of our own
        unit=Unit.DAY,
        relation="≥",
    ),
)
