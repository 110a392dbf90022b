"""The chain of events of each subject: whole, as it was written, and each event in the chain where it was written."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cache

from django.apps import apps
from django.db import models
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext as _

from core.engine.edited_lines import EXPLAINED
from core.engine.findings import Finding
from core.engine.kind_checks import proven_kinds
from core.events import content_hash_of, hash_of
from core.models.event import Event
from core.models.proof import Erasure
from core.presentation import action_label

CHUNK = 2_000


def check_events() -> Iterator[Finding]:
    """Every event says what its hash says, and follows the one before it in its subject's chain.

    One that was moved to another subject is named alone: the chains are read again with it where its hash proves it was.
    """
    labels = proven_kinds()
    found = list(_chains(labels, {}))
    broken = [finding.id for finding in found if finding.field == "hash"][:EXPLAINED]
    moved = _moved_events(broken, labels) if broken else {}
    yield from _chains(labels, moved) if moved else found


@dataclass(frozen=True)
class _Place:
    """Where an event stood in a chain when it was written: its subject, and its rank there."""

    content_type_id: int
    object_id: int
    sequence: int

    def given_to(self, event: Event) -> None:
        event.content_type_id, event.object_id, event.sequence = self.content_type_id, self.object_id, self.sequence


def _moved_events(events: list[int], labels: dict[int, str]) -> dict[int, _Place]:
    """Of events whose hash does not hold, those that the chain of another subject lacks: the event before or after them
    there says which, and the hash proves it."""
    found: dict[int, _Place] = {}
    for event in Event.objects.filter(pk__in=events):
        before = Event.objects.exclude(hash="").filter(hash=event.previous_hash).exclude(pk=event.pk)[:1]
        after = Event.objects.filter(previous_hash=event.hash).exclude(pk=event.pk)[:1]
        for other, step in [*((one, 1) for one in before), *((one, -1) for one in after)]:
            place = _Place(other.content_type_id, other.object_id, other.sequence + step)
            place.given_to(event)
            if hash_of(event, labels.get(place.content_type_id, "?")) == event.hash:
                found[event.pk] = place
                break
    return found


def _in_their_chains(moved: dict[int, _Place]) -> models.QuerySet[Event]:
    names = [item.name for item in fields(_Place)]
    if not moved:
        return Event.objects.order_by(*names)
    stood = {
        f"stood_{name}": Case(
            *(When(pk=pk, then=Value(getattr(place, name))) for pk, place in moved.items()),
            default=F(name),
            output_field=models.BigIntegerField(),
        )
        for name in names
    }
    return Event.objects.annotate(**stood).order_by(*stood)


def _chains(labels: dict[int, str], moved: dict[int, _Place]) -> Iterator[Finding]:
    table, previous = Event._meta.db_table, None
    erased = set(Erasure.objects.filter(table=table).values_list("row", flat=True))
    for event in _in_their_chains(moved).iterator(CHUNK):
        if event.pk in moved:
            yield _moved_event(event, moved[event.pk], labels)
            moved[event.pk].given_to(event)
        yield from _event_in_its_chain(event, previous, labels, is_erased=str(event.pk) in erased)
        previous = event


def _moved_event(event: Event, place: _Place, labels: dict[int, str]) -> Finding:
    sentence = _("the event “%(action)s” of %(name)s was moved from there to %(now)s after it was written.")
    done = _done(_kind(labels.get(place.content_type_id, "?")), event)
    words = {"action": done, "name": _subject(place, labels), "now": _subject(event, labels)}
    return Finding(
        Event._meta.db_table, event.pk, "object_id", place.object_id, event.object_id, event.created_at, sentence, words
    )


def _subject(place: "Event | _Place", labels: dict[int, str]) -> str:
    """The row that an event is about, in words: "application 17"."""
    model = _kind(labels.get(place.content_type_id, "?"))
    return f"{model._meta.verbose_name if model else '?'} {place.object_id}"


def _event_in_its_chain(
    event: Event, previous: Event | None, labels: dict[int, str], *, is_erased: bool
) -> Iterator[Finding]:
    table = Event._meta.db_table
    subject = (event.content_type_id, event.object_id)
    follows = previous is not None and (previous.content_type_id, previous.object_id) == subject
    expected_sequence = previous.sequence + 1 if follows else 1
    expected_hash = previous.hash if follows else ""
    if event.sequence != expected_sequence:
        yield Finding(
            table, event.pk, "sequence", expected_sequence, event.sequence, event.created_at,
            _("an event of %(name)s before this one is missing."), {"name": _subject(event, labels)},
        )  # fmt: skip
    elif event.previous_hash != expected_hash:
        yield Finding(
            table, event.pk, "previous_hash", expected_hash, event.previous_hash, event.created_at,
            _("this event of %(name)s does not follow the one before it."), {"name": _subject(event, labels)},
        )  # fmt: skip
    kept: list[tuple[str, str, str]] = []
    if event.formula > 1 and (event.salt or not is_erased):
        kept.append(("content_hash", event.content_hash, content_hash_of(event)))
    kept.append(("hash", event.hash, hash_of(event, labels.get(event.content_type_id, "?"))))
    for name, said, computed in kept:
        if said != computed:
            sentence = _("the event “%(action)s” of %(name)s was edited after it was written.")
            done = _done(_kind(labels.get(event.content_type_id, "?")), event)
            words = {"action": done, "name": _subject(event, labels)}
            yield Finding(table, event.pk, name, said, computed, event.created_at, sentence, words)


@cache
def _kind(label: str) -> type[models.Model] | None:
    """The model of a label of the table of kinds; None where there is none any more."""
    return next((model for model in apps.get_models() if model._meta.label_lower == label), None)


def _done(model: type[models.Model] | None, event: Event) -> str:
    """What an event did, in the words of the screens."""
    return action_label(model or Event, event.action)
