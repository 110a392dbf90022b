"""What is done once a day: for the proof, and what is forgotten."""

from pathlib import Path

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from core.engine.anchors import AnchorError, has_destination, make_anchor, text_of, write_anchor
from core.engine.files import alerts
from core.engine.once import forget_sent_forms
from core.engine.seals import seal_all
from core.models.outbox import OutboxMessage
from core.outbox import enqueue_mail


@shared_task
def anchor_seals() -> None:
    """Note the end of the chain of seals outside of the database, where a folder or an address is set."""
    send_anchor()


@shared_task
def forget_forms() -> None:
    """The forms that were sent some days ago: no page sends them again."""
    forget_sent_forms()


def send_anchor() -> bool:
    """Today's anchor, into the folder and to the addresses of the settings; False when neither is set."""
    if not has_destination():
        return False
    folder, addresses = settings.ESSOR_ANCHOR_FOLDER, settings.ESSOR_ANCHOR_MAIL
    key = f"anchor.{timezone.localdate():%Y-%m-%d}"
    if (
        addresses and OutboxMessage.objects.filter(key=key).exists()
    ):  # the mail itself is sealed: no anchor of an anchor
        return True
    seal_all()
    try:
        content = make_anchor()
        if folder:
            write_anchor(content, Path(folder))
    except (AnchorError, OSError) as error:
        alerts.error("The anchor of the proof was not made: %s", error)
        raise
    if addresses:
        enqueue_mail(
            to=addresses,
            template="essor/mail/anchor",
            context={"position": content["position"], "anchor": text_of(content)},
            key=key,
        )
    return True
