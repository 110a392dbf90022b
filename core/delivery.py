"""Sending what the outbox holds: at least once, one sender at a time, with patience."""

import hashlib
import logging
from datetime import timedelta

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils import timezone

from core.documents import open_document
from core.models.outbox import OutboxMessage

logger = logging.getLogger("essor.outbox")

MAX_ATTEMPTS = 6
FIRST_DELAY = timedelta(minutes=1)  # then 2, 4, 8, 16 minutes
BATCH = 200
# A message younger than this is in the hands of the task that its transaction sent.
GRACE = timedelta(seconds=30)


def due(limit: int = BATCH) -> list[int]:
    """The messages that should have left by now, oldest first."""
    pending = OutboxMessage.objects.filter(
        state=OutboxMessage.State.PENDING, next_attempt_at__lt=timezone.now() - GRACE
    )
    return list(pending.order_by("next_attempt_at").values_list("pk", flat=True)[:limit])


def deliver(message_id: int) -> bool:
    """Send a message if it still waits and nobody else is sending it. True when it has left now."""
    with transaction.atomic():
        message = (
            OutboxMessage.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
            .filter(pk=message_id, state=OutboxMessage.State.PENDING)
            .first()
        )
        if message is None:
            return False
        message.attempts += 1
        try:
            _mail(message).send()
        except Exception as error:
            _postpone(message, error)
        else:
            message.state = OutboxMessage.State.SENT
            message.sent_at = timezone.now()
            message.reason = ""
        message.save()
    return message.state == OutboxMessage.State.SENT


def _postpone(message: OutboxMessage, error: Exception) -> None:
    logger.warning("The message %s did not leave (attempt %s).", message.pk, message.attempts, exc_info=error)
    message.reason = f"{type(error).__name__}: {error}"[:1000]
    if message.attempts >= MAX_ATTEMPTS:
        message.state = OutboxMessage.State.FAILED
    else:
        message.next_attempt_at = timezone.now() + FIRST_DELAY * 2 ** (message.attempts - 1)


def _mail(message: OutboxMessage) -> EmailMessage:
    domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
    mail = EmailMessage(
        subject=message.subject_line,
        body=message.body,
        to=message.to,
        reply_to=[message.reply_to] if message.reply_to else None,
        # The same message always has the same number: a mail sent twice by a crash is recognised as one.
        headers={
            "Message-ID": f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{domain}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": message.language,
        },
    )
    for document in message.attachments.select_related("file"):
        with open_document(document) as file:
            mail.attach(document.name, file.read(), document.file.media_type)
    return mail
