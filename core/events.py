"""Recording and reading events. Each subject's events form a chain: each one holds the hash of the one before."""

import datetime
import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.utils import timezone

from core.acting import current_actor, current_label
from core.engine.standing import reason_reads_only
from core.json_safe import json_safe
from core.models.event import Event, EventQuerySet

# How new events are hashed; see hash_of.
FORMULA = 2


_told: ContextVar[list[str] | None] = ContextVar("essor_told", default=None)


@contextmanager
def listening() -> Iterator[list[str]]:
    """The actions of the events recorded inside: whether a view wrote anything."""
    told: list[str] = []
    token = _told.set(told)
    try:
        yield told
    finally:
        _told.reset(token)


def canonical(content: Any) -> str:
    """The one way in which a content is written before it is hashed."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def content_hash_of(event: Event) -> str:
    """The SHA-256 (hexadecimal) of what the event says in words and values, made with its salt."""
    content = {
        "actor_label": event.actor_label,
        "data": event.data,
        "comment": event.comment,
        "changes": event.changes,
    }
    return hashlib.sha256(f"{event.salt}|{canonical(content)}".encode()).hexdigest()


def hash_of(event: Event, subject_label: str) -> str:
    """The SHA-256 (hexadecimal) of an event and of the hash before it. ``subject_label`` is ``app.model``.

    Formula 2 takes ``content_hash`` for what may name people, so that the chain holds when that is erased by law.
    """
    content = {
        "subject": f"{subject_label}:{event.object_id}",
        "sequence": event.sequence,
        "created_at": event.created_at.astimezone(datetime.UTC).isoformat(timespec="microseconds"),
        "actor": event.actor_id,
        "action": event.action,
        "from": event.from_state,
        "to": event.to_state,
        "previous": event.previous_hash,
    }
    if event.formula == 1:
        content |= {
            "actor_label": event.actor_label,
            "data": event.data,
            "comment": event.comment,
            "changes": event.changes,
        }
    else:
        content |= {"formula": event.formula, "content": event.content_hash}
    return hashlib.sha256(canonical(content).encode()).hexdigest()


def lock_subject(subject: models.Model) -> None:
    """Hold the subject's row until the transaction ends: its chain has one writer at a time.

    A row that the database never lets change is not held: nobody may.
    """
    if getattr(subject, "NEVER_CHANGES", False):
        return
    manager = subject._meta.model._base_manager  # the subject may be the lazy user of a request
    list(manager.select_for_update(of=("self",), no_key=True).filter(pk=subject.pk).values_list("pk"))


def _label_of(actor: Any) -> str:
    """What acts, or how; never the name of the actor, which is the actor's row to tell."""
    label = current_label()
    return "" if actor is not None and label == str(actor) else label[:200]


def _moved(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes that are some: a value that stayed what it was is not told as changed."""
    told = json_safe(changes)
    return {
        name: pair
        for name, pair in told.items()
        if not (isinstance(pair, list) and len(pair) == 2 and pair[0] == pair[1])
    }


def record(
    subject: models.Model,
    action: str,
    *,
    actor=None,
    data: Mapping[str, Any] | None = None,
    comment: str = "",
    changes: Mapping[str, Any] | None = None,
    from_state: str = "",
    to_state: str = "",
) -> Event:
    """Add an event to the chain of a saved subject, in the caller's transaction.

    Without ``actor``, the one of :func:`core.acting.acting_as` is meant. Every write leaves an event: this is the net
    under the permissions of each service, and an auditor's event undoes what it tells of.

    Raises PermissionDenied for an auditor, but on what they do by right (``OPEN_TO_AUDITORS``: asking for a report, leaving a
    body; all acts, or those named; ``OPEN_TO_ITSELF``: the acts of everybody on their own account).
    """
    if subject.pk is None:
        raise ValueError("An event needs a saved subject.")
    actor = actor if actor is not None else current_actor()
    _refuse_auditor(subject, action, actor)
    content_type = ContentType.objects.get_for_model(subject)
    with transaction.atomic():
        lock_subject(subject)
        last = Event.objects.of(subject).only("sequence", "hash").last()
        event = Event(
            content_type=content_type,
            object_id=subject.pk,
            sequence=last.sequence + 1 if last else 1,
            created_at=timezone.now(),
            actor=actor,
            actor_label=_label_of(actor),
            action=action,
            from_state=from_state or "",
            to_state=to_state or "",
            data=json_safe(data or {}),
            comment=json_safe(comment),
            changes=_moved(changes or {}),
            formula=FORMULA,
            salt=secrets.token_hex(16),
            previous_hash=last.hash if last else "",
        )
        event.content_hash = content_hash_of(event)
        event.hash = hash_of(event, subject._meta.concrete_model._meta.label_lower)
        event.save(force_insert=True)
    if (told := _told.get()) is not None:
        told.append(action)
    return event


def _refuse_auditor(subject: models.Model, action: str, actor: Any) -> None:
    by_right = getattr(subject, "OPEN_TO_AUDITORS", False)
    if actor is None or by_right is True or (by_right and action in by_right):
        return
    if subject == actor and action in getattr(subject, "OPEN_TO_ITSELF", ()):
        return
    if reason := reason_reads_only(actor):
        raise PermissionDenied(reason)


def history(subject: models.Model) -> EventQuerySet:
    """The events of a subject with the people who did them, oldest first."""
    return Event.objects.of(subject).select_related("actor")
