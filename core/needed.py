"""For what mails, jobs and accounts of the service are still needed: until then the law leaves them."""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.engine.needs import register_need
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.user import User


def _mail(mail: OutboxMessage) -> Iterator[str]:
    if mail.state == OutboxMessage.State.PENDING:
        yield _("The mail “%(subject)s” has not left yet: erase it once it has.") % {"subject": mail.subject_line}


def _job(job: Job) -> Iterator[str]:
    if job.is_active:
        yield _("The job %(job)s is under way: let it end, or cancel it, then erase it.") % {"job": job}


def _agent(user: User) -> Iterator[str]:
    if user.is_active and user.is_staff_member:
        yield _(
            "“%(name)s” still acts for the Region: hand over the work and deactivate the account, then erase it."
        ) % {"name": user}


def register() -> None:
    """Called once, when the app is ready."""
    register_need(OutboxMessage, _mail)
    register_need(Job, _job)
    register_need(User, _agent)
