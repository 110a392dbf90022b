"""Filing an application and what follows on the applicant's side. Screens and the demonstration call these."""

import uuid
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from core.events import record
from core.outbox import enqueue_mail
from core.personal_numbers import national_number_reason
from core.transitions import perform
from grants.models import Application, Message
from grants.notices import service_of
from grants.permissions import may_write_message
from grants.services.drafting import (
    FilingRefused,
    attach_piece,
    create_draft,
    lock,
    remove_piece,
    save_answers,
)
from grants.states import ApplicationState

MESSAGE_LENGTH = 5000

__all__ = [
    "FilingRefused",
    "Submission",
    "answer_piece_request",
    "attach_piece",
    "create_draft",
    "remove_piece",
    "save_answers",
    "submit",
    "withdraw",
    "write_message",
]


@dataclass(frozen=True)
class Submission:
    """A filed application; ``replayed`` when it had been filed before (double click, answer that was lost)."""

    application: Application
    replayed: bool


def submit(application: Application, *, user, token: uuid.UUID | None = None) -> Submission:
    """File a draft, once: a second call finds the case filed and changes nothing.

    Raises:
        TransitionRefused: with the reasons by question, or the sentence about the call or the person.
    """
    with transaction.atomic():
        locked = lock(application)
        if locked.state != ApplicationState.DRAFT and locked.submitted_at is not None:
            application.refresh_from_db()
            return Submission(application, replayed=True)
        perform(locked, "submit", actor=user, data={"token": token or uuid.uuid4()})
    application.refresh_from_db()
    return Submission(application, replayed=False)


def answer_piece_request(application: Application, *, user, comment: str = "") -> Application:
    """Send the pieces asked for; the word that goes with them is a message to the service. Raises TransitionRefused."""
    word = comment.replace("\r\n", "\n").strip()
    with transaction.atomic():
        perform(application, "complete", actor=user, comment=word)
        if word:
            application.messages.create(author=user, body=word, from_staff=False)
    return application


def withdraw(application: Application, *, user, comment: str = "") -> Application:
    """Withdraw a draft or a case before its decision. Raises TransitionRefused."""
    perform(application, "withdraw", actor=user, comment=comment)
    return application


def write_message(application: Application, *, user, body: str) -> Message:
    """A message of the applicant to the service.

    Raises:
        FilingRefused: empty, too long, or the case is still a draft.
    """
    body = body.replace("\r\n", "\n").strip()
    if not body:
        raise FilingRefused(_("Write your message first."))
    if len(body) > MESSAGE_LENGTH:
        raise FilingRefused(_("The message is too long: %(limit)d characters at most.") % {"limit": MESSAGE_LENGTH})
    if reason := national_number_reason(body):
        raise FilingRefused(reason)
    if refusal := may_write_message(user, application):
        raise FilingRefused(refusal)
    with transaction.atomic():
        message = application.messages.create(author=user, body=body, from_staff=False)
        record(application, "message_to_service", actor=user, data={"message": message.pk})
        _tell_the_service(message)
    return message


def _tell_the_service(message: Message) -> None:
    application = message.application
    contact = application.rules.contact
    enqueue_mail(
        to=service_of(application),
        template="grants/mail/message_to_service",
        context={"application": application, "contact": contact, "site_url": settings.ESSOR_SITE_URL},
        subject_object=application,
        key=f"application-{application.pk}-to-service-{message.pk}",
    )
