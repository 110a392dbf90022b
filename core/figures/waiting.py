"""Nothing waits for a machine longer than the settings allow: mails and jobs."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, Severity, Unit, register
from core.job_runner import kinds
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.text import is_number

# What a person did about a mail ``m`` (``core.mail_answers``).
EVENT = """FROM core_event e JOIN django_content_type t ON t.id = e.content_type_id
    WHERE t.app_label = 'core' AND t.model = 'outboxmessage' AND e.object_id = m.id"""


def _job_words(part: str) -> str:
    """A kind of job by what it does; the number of the job as such."""
    if is_number(part):
        return gettext("no. %(number)s") % {"number": part}
    return next((str(kind.label) for kind in kinds() if kind.name == part), part)


def _minutes() -> dict[str, Any]:
    return {"minutes": settings.ESSOR_WAITS_AT_MOST}


register(
    Invariant(
        code="core.mails-leave",
        name=_("Mails that leave"),
        sentence=_(
            "No mail waits longer than the settings allow; one that was given up is sent again, or a person says how those it "
            "was for were told."
        ),
        source=_("Settings of the Region (ESSOR_WAITS_AT_MOST): a person who is told of a decision must receive it."),
        subject=OutboxMessage,
        sql=f"""
            SELECT m.id, m.subject_line AS label, 'sent' AS expected, m.state AS found FROM core_outboxmessage m
            WHERE (m.state = 'pending' AND m.created_at < now() - make_interval(mins => %(minutes)s)
                   AND NOT EXISTS (SELECT 1 {EVENT} AND e.action = 'mail_sent_again'
                                   AND e.created_at > now() - make_interval(mins => %(minutes)s)))
               OR (m.state = 'failed' AND NOT EXISTS (SELECT 1 {EVENT} AND e.action = 'mail_answered'))
            ORDER BY m.id
        """,  # noqa: S608 - a constant
        parameters=_minutes,
        unit=Unit.STATE,
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="core.jobs-end",
        name=_("Jobs that end"),
        sentence=_("No job waits for a worker longer than the settings allow, and none is held by a worker that died."),
        source=_("Settings of the Region (ESSOR_WAITS_AT_MOST): a job is never silently lost."),
        subject=Job,
        sql="""
            SELECT id, kind || ' · ' || id AS label, 'done' AS expected, state AS found FROM core_job
            WHERE (state = 'queued' AND created_at < now() - make_interval(mins => %(minutes)s))
               OR (state = 'running' AND lease_until < now() - make_interval(mins => %(minutes)s))
            ORDER BY id
        """,
        parameters=_minutes,
        unit=Unit.STATE,
        label_words=_job_words,
        severity=Severity.FOLLOW_UP,
    ),
)
