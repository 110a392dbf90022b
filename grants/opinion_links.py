"""The link of a body that is asked for its opinion: what it reads of the case without an account, and its answer.

The link's secret is in the mail and nowhere else (only its hash is kept); it opens one opinion, until the answer is
recorded, the case leaves the instruction, an officer closes it, or it expires. What the body answers is kept apart: an
officer accepts it before it counts as the opinion.
"""

import hashlib
import secrets
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from core.acting import acting_as
from core.documents import PIECE_TYPES, store
from core.engine import versions
from core.events import record
from grants import notices
from grants.models import Application, Opinion, OpinionResult, Piece
from grants.states import ApplicationState as State
from grants.void import file_number

OPEN_STATES = (State.SUBMITTED, State.INCOMPLETE, State.ADMISSIBLE, State.IN_INSTRUCTION)
LASTS_AFTER_DUE = timedelta(days=30)
REMIND_BEFORE = timedelta(days=5)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def new_link(opinion: Opinion) -> str:
    """Make the link of an opinion, in place of the one before; its address, which is told once."""
    token = secrets.token_urlsafe(32)
    opinion.token_hash = _hash(token)
    opinion.link_expires_at = timezone.now() + (opinion.due_on - timezone.localdate()) + LASTS_AFTER_DUE
    opinion.save(update_fields=["token_hash", "link_expires_at"])
    return settings.ESSOR_SITE_URL + reverse("grants:opinion", args=[token])


def find(token: str) -> Opinion | None:
    """The opinion that a link opens now; None for a link that is unknown, closed, answered for good, or too old."""
    found = (
        Opinion.objects.select_related(
            "application__applicant", "application__programme_version__programme", "answer_document"
        )
        .filter(token_hash=_hash(token), result="", link_expires_at__gt=timezone.now())
        .first()
    )
    return found if found is not None and found.application.state in OPEN_STATES else None


def pieces_of(opinion: Opinion) -> list[Piece]:
    """The pieces of the case that the officer chose for the body, with their files."""
    chosen = opinion.application.pieces.filter(pk__in=opinion.shared_pieces, document__isnull=False)
    return list(chosen.select_related("document__file"))


def receive(
    opinion: Opinion, *, result: str, summary: str, name: str, upload, shown: versions.Shown | None = None
) -> Opinion:
    """Keep what the body answers by its link; until it is accepted, a second sending replaces the first. People of one
    body share the link: the first is the one of which the page of the second (``shown``) said that it was there.

    Raises:
        ValidationError: with errors by field. DocumentRefused: the file is not taken. Stale: another answer was sent since.
    """
    if result not in OpinionResult.values:
        raise ValidationError({"result": _("Say what your opinion is.")})
    with transaction.atomic(), acting_as(label=f"{name} · {opinion.body}"):
        Application.objects.select_for_update(of=("self",), no_key=True).get(pk=opinion.application_id)
        opinion = Opinion.objects.select_for_update(of=("self",)).get(pk=opinion.pk)
        if opinion.result or opinion.application.state not in OPEN_STATES:
            raise ValidationError(_("This opinion is recorded already: nothing more can be sent."))
        versions.verify(opinion, shown, {"answered_at": opinion.answered_at})
        opinion.answer_document = store(
            upload, name=upload.name, subject=opinion, user=None, kind="opinion", allowed=PIECE_TYPES
        )
        opinion.answer_result, opinion.answer_summary = result, summary.strip()
        opinion.answered_by_name, opinion.answered_at = name.strip(), timezone.now()
        opinion.file_number = file_number(opinion.application)
        opinion.save()
        data = {"opinion": opinion.code, "result": result, "by": opinion.answered_by_name, "via": "link"}
        record(opinion.application, "opinion_received", data=data, comment=opinion.answer_summary)
        notices.tell_opinion_received(opinion)
    return opinion


def remind() -> int:
    """Remind, once, each body whose opinion is awaited within a few days, with a fresh link; how many were."""
    today = timezone.localdate()
    waiting = Opinion.objects.filter(
        result="",
        answered_at__isnull=True,
        reminded_at__isnull=True,
        due_on__gte=today,
        due_on__lte=today + REMIND_BEFORE,
        asked_at__lt=timezone.now() - timedelta(days=1),
        application__state__in=OPEN_STATES,
    ).exclude(token_hash="")
    count = 0
    for pk in list(waiting.values_list("pk", flat=True)):
        with transaction.atomic(), acting_as(label="reminders of opinions"):
            opinion = Opinion.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
            if opinion is None or opinion.reminded_at or opinion.result:
                continue
            opinion.reminded_at = timezone.now()
            opinion.save(update_fields=["reminded_at"])
            notices.remind_opinion(opinion, new_link(opinion))
            record(opinion.application, "opinion_reminded", data={"opinion": opinion.code, "due_on": opinion.due_on})
            count += 1
    return count
