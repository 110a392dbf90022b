"""A mail that was given up waits for a person: it is sent again, or those it was for were told otherwise."""

from django.db import transaction
from django.utils import timezone

from core.events import record
from core.models.event import Event
from core.models.outbox import OutboxMessage
from core.models.user import User

SENT_AGAIN = "mail_sent_again"
TOLD_OTHERWISE = "mail_answered"


def waits_for_answer(message: OutboxMessage) -> bool:
    """Whether it was given up, and nobody has said how those it was for were told."""
    return message.state == OutboxMessage.State.FAILED and not (
        Event.objects.of(message).filter(action=TOLD_OTHERWISE).exists()
    )


def answer_failed(message: OutboxMessage, *, actor: User, reason: str, again: bool) -> bool:
    """Send it ``again``, or keep that they were told otherwise; ``reason`` says what was mended, or how. False where
    somebody has answered meanwhile."""
    with transaction.atomic():
        locked = OutboxMessage.objects.select_for_update(of=("self",)).get(pk=message.pk)
        if not waits_for_answer(locked):
            return False
        if again:
            locked.state, locked.attempts, locked.next_attempt_at = locked.State.PENDING, 0, timezone.now()
            locked.save()  # the worker takes it within minutes, as any mail that waits
        record(locked, SENT_AGAIN if again else TOLD_OTHERWISE, actor=actor, comment=reason)
    return True
