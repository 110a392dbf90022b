"""The chain of events of each subject: whole, as it was written, and each event in the chain where it was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

from django.db import models
from django.db.models import Case, F, Value, When
from django.utils.translation import gettext as _

from core.engine.broken_lines import EXPLAINED
from core.engine.edited_events import Told, kind_named, what_it_said
from core.engine.event_words import as_told, done, subject_in_words
from core.engine.findings import Finding
from core.engine.kind_checks import proven_kinds
from core.engine.lines import fetch
from core.engine.seals import broken_seals
from core.events import content_hash_of, hash_of
from core.models.event import Event, EventSeal
from core.models.proof import Erasure

CHUNK = 2_000


def check_events() -> Iterator[Finding]:
    """Every event says what its hash says, which is the one that was sealed, and follows the one before it in its
    subject's chain. One that does not is named alone: its neighbours are read with what it said."""
    chains = Chains.read()
    if not chains.are_whole:
        yield from chains.findings()


@dataclass(frozen=True)
class Place:
    """Where an event stood in a chain when it was written: its subject, and its rank there."""

    content_type_id: int
    object_id: int
    sequence: int

    def given_to(self, event: Event) -> None:
        event.content_type_id, event.object_id, event.sequence = self.content_type_id, self.object_id, self.sequence

    @classmethod
    def of(cls, event: Event) -> "Place":
        return cls(event.content_type_id, event.object_id, event.sequence)


@dataclass
class Chains:
    """The chains as they were written: ``sealed`` is the hash of each event that says another than its seal,
    ``moved`` where each moved event stood, ``told`` what each edited one said, ``added`` those that were never sealed."""

    labels: dict[int, str]
    sealed: dict[int, str]
    moved: dict[int, Place] = field(default_factory=dict)
    told: dict[int, Told] = field(default_factory=dict)
    added: set[int] = field(default_factory=set)
    unread: set[int] = field(default_factory=set)
    wrong: list[Event] = field(default_factory=list)
    are_whole: bool = False

    @classmethod
    def read(cls) -> "Chains":
        """Read every chain; where an event does not hold, look for where it stood and what it said."""
        chains = cls(proven_kinds(), _other_than_sealed())
        wrong, previous, follow = [], None, True
        for event in Event.objects.order_by(*(item.name for item in fields(Place))).iterator(CHUNK):
            if chains.is_wrong(event):
                wrong.append(event)
            follow = follow and _follows(event, previous)
            previous = event
        if follow and not wrong:
            chains.are_whole = True
            return chains
        seals = set(
            EventSeal.objects.filter(event_id__in=[event.pk for event in wrong]).values_list("event_id", flat=True)
        )
        chains.added = {event.pk for event in wrong} - seals
        chains.unread = {event.pk for event in wrong[EXPLAINED:]} - chains.added
        chains.wrong = [event for event in wrong[:EXPLAINED] if event.pk not in chains.added]
        for event in chains.wrong:
            chains.look_at(event)
        return chains

    @cached_property
    def erased(self) -> set[str]:
        return set(Erasure.objects.filter(table=Event._meta.db_table).values_list("row", flat=True))

    def written(self, event: Event) -> str:
        """The hash with which an event was written, as far as it is known."""
        return self.sealed.get(event.pk, event.hash)

    def label(self, place: "Event | Place") -> str:
        return self.labels.get(place.content_type_id, "?")

    def has_words(self, event: Event) -> bool:
        """Whether an event has what its content was hashed of: words, and a salt that no erasure threw away."""
        return bool(event.formula > 1 and (event.salt or str(event.pk) not in self.erased))

    def is_wrong(self, event: Event) -> bool:
        if event.pk in self.sealed or hash_of(event, self.label(event)) != event.hash:
            return True
        return self.has_words(event) and content_hash_of(event) != event.content_hash

    def look_at(self, event: Event) -> None:
        now, place = Place.of(event), self.place_of(event)
        if place != now:
            self.moved[event.pk] = place
            place.given_to(event)
        before = Event.objects.filter(
            content_type_id=place.content_type_id, object_id=place.object_id, sequence=place.sequence - 1
        ).first()
        previous = "" if place.sequence == 1 else self.written(before) if before else None
        told = self.told[event.pk] = what_it_said(
            event,
            self.label(event),
            self.written(event),
            previous,
            has_words=self.has_words(event),
            others=[other for other in self.wrong if other.pk != event.pk],
        )
        if place == now and event.hash != self.written(event) and not told.stood and not told.unknown:
            told.stood["hash"] = self.written(event)
        now.given_to(event)

    def place_of(self, event: Event) -> Place:
        """Where an event stood: the one before or after it there says so, and the hash proves it; else where it is."""
        now, written = Place.of(event), self.written(event)
        if hash_of(event, self.label(event)) == written:
            return now
        places = [Place(number, now.object_id, now.sequence) for number in self.labels if number != now.content_type_id]
        for one in Event.objects.exclude(hash="").filter(hash=event.previous_hash).exclude(pk=event.pk)[:1]:
            places.append(Place(one.content_type_id, one.object_id, one.sequence + 1))
        for one in Event.objects.filter(previous_hash=written).exclude(pk=event.pk)[:1]:
            places.append(Place(one.content_type_id, one.object_id, one.sequence - 1))
        places += [
            Place(now.content_type_id, now.object_id, sequence) for sequence in range(1, now.sequence + EXPLAINED)
        ]
        try:
            for place in places:
                place.given_to(event)
                if hash_of(event, self.label(event)) == written:
                    return place
        finally:
            now.given_to(event)
        return now

    def in_order(self, **where: Any) -> models.QuerySet[Event]:
        """The events in the chains where they were written; ``stood_…`` says where that is."""
        names = [item.name for item in fields(Place)]
        stood = {
            f"stood_{name}": Case(
                *(When(pk=pk, then=Value(getattr(place, name))) for pk, place in self.moved.items()),
                default=F(name),
                output_field=models.BigIntegerField(),
            )
            for name in names
        }
        return Event.objects.annotate(**stood).filter(**where).order_by(*stood)

    # --- what is found ---------------------------------------------------------------------------------------------

    def findings(self) -> Iterator[Finding]:
        previous, swapped = None, self._exchanged()
        removed = _hashes_of_removed_events()
        every = self.in_order() if self.moved else Event.objects.order_by(*(item.name for item in fields(Place)))
        for event in every.iterator(CHUNK):
            if event.pk in self.added:
                yield self._added(event)
                continue  # nothing follows it that was written
            if (place := self.moved.get(event.pk)) and event.pk not in swapped:
                yield self._moved(event, place)
            elif place and (other := swapped[event.pk]):
                yield self._swapped(event, place, other)
            if place:
                place.given_to(event)
            if event.pk in self.told or event.pk in self.unread:
                yield from self._edited(event)
            else:
                yield from self._gap(event, previous, removed)
            previous = event

    def _exchanged(self) -> dict[int, Event | None]:
        """Events that took each other's place in one chain: the first of the two with the other, which has None."""
        events = {event.pk: event for event in Event.objects.filter(pk__in=self.moved)}
        by_place = {place: pk for pk, place in self.moved.items()}
        found: dict[int, Event | None] = {}
        for pk, place in sorted(self.moved.items(), key=lambda pair: pair[1].sequence):
            other = by_place.get(Place.of(events[pk]))
            if other in (None, pk) or Place.of(events[other]) != place or pk in found:
                continue
            if (place.content_type_id, place.object_id) == (events[pk].content_type_id, events[pk].object_id):
                found |= {pk: events[other], other: None}
        return found

    def _swapped(self, event: Event, place: Place, other: Event) -> Finding:
        sentence = _(
            "the order of two events of %(name)s was exchanged after they were written: “%(action)s” came before "
            "“%(other)s” (no. %(number)s)."
        )
        words = {
            "name": subject_in_words(place, self.labels), "number": other.pk,
            "action": self._done(event), "other": self._done(other),
        }  # fmt: skip
        return Finding(
            Event._meta.db_table,
            event.pk,
            "sequence",
            place.sequence,
            event.sequence,
            event.created_at,
            sentence,
            words,
        )

    def _moved(self, event: Event, place: Place) -> Finding:
        name, now = subject_in_words(place, self.labels), subject_in_words(event, self.labels)
        words = {"action": self._done(event), "name": name, "now": now}
        if name != now:
            sentence = _("the event “%(action)s” of %(name)s was moved from there to %(now)s after it was written.")
            column, before, after = "object_id", place.object_id, event.object_id
            if place.content_type_id != event.content_type_id:
                column, before, after = "content_type_id", name, now
        else:
            sentence = _("the event “%(action)s” of %(name)s was moved to another rank there after it was written.")
            column, before, after = "sequence", place.sequence, event.sequence
        return Finding(Event._meta.db_table, event.pk, column, before, after, event.created_at, sentence, words)

    def _added(self, event: Event) -> Finding:
        sentence = _(
            "this event of %(name)s was never sealed, and its hash is not the one of what it says: it was added or edited "
            "outside Essor."
        )
        words = {"name": subject_in_words(event, self.labels)}
        return Finding(Event._meta.db_table, event.pk, "*", None, None, None, sentence, words)

    def _edited(self, event: Event) -> Iterator[Finding]:
        told = self.told.get(event.pk) or Told(unknown={"header"})
        if not told.stood and not told.unknown:
            return  # it was moved, and says what it said
        table, name = Event._meta.db_table, subject_in_words(event, self.labels)
        model = kind_named(self.label(event))
        column, before, after = as_told(model, told.stood, event)
        when = told.stood.get("created_at", event.created_at)
        words = {"action": done(model, told.stood.get("action", event.action)), "name": name}
        if not told.header_holds:
            sentence = _(
                "an event of %(name)s was edited after it was written: what was done, when, by whom or with which effect. "
                "What it said cannot be known; the words that it says now (“%(action)s”) may be the forged ones."
            )
            when = None
        elif told.unknown:
            sentence = _(
                "the event “%(action)s” of %(name)s was edited after it was written: its comment, its values or in whose "
                "name. What they said cannot be known."
            )
        elif set(told.stood) == {"hash"}:
            sentence = _("the hash of the event “%(action)s” of %(name)s was edited; it says what was sealed.")
        else:
            sentence = _("the event “%(action)s” of %(name)s was edited after it was written.")
        yield Finding(table, event.pk, column, before, after, when, sentence, words)

    def _done(self, event: Event) -> str:
        return done(kind_named(self.label(event)), event.action)

    def _gap(self, event: Event, previous: Event | None, removed: set[str]) -> Iterator[Finding]:
        """An event that is as it was written follows the one before it; where that was removed, its seal names it."""
        table = Event._meta.db_table
        follows = _is_of_one_chain(event, previous)
        expected = self.written(previous) if follows else ""
        if event.previous_hash == expected or event.previous_hash in removed:
            return
        words = {"name": subject_in_words(event, self.labels)}
        rank = previous.sequence + 1 if follows else 1
        if event.sequence != rank:
            sentence = _("an event of %(name)s before this one is missing.")
            yield Finding(table, event.pk, "sequence", rank, event.sequence, event.created_at, sentence, words)
        else:
            sentence = _("this event of %(name)s does not follow the one before it.")
            yield Finding(
                table, event.pk, "previous_hash", expected, event.previous_hash, event.created_at, sentence, words
            )


def _is_of_one_chain(event: Event, previous: Event | None) -> bool:
    place = (event.content_type_id, event.object_id)
    return previous is not None and (previous.content_type_id, previous.object_id) == place


def _follows(event: Event, previous: Event | None) -> bool:
    """Whether an event is the first of its chain, or the next after the one before it."""
    rank, before = (previous.sequence + 1, previous.hash) if _is_of_one_chain(event, previous) else (1, "")
    return event.sequence == rank and event.previous_hash == before


def last_states(kind: int, rows: list[Any]) -> dict[Any, str | None]:
    """The state that the last event of each row gave it, as the events were written; None where one of them, which was
    edited, may have given another."""
    chains = Chains.read()
    found: dict[Any, str | None] = {}
    for event in chains.in_order(stood_content_type_id=kind, stood_object_id__in=rows):
        told = chains.told.get(event.pk, Told())
        if event.pk in chains.added:
            continue
        row = event.stood_object_id
        if not told.header_holds or event.pk in chains.unread:
            found[row] = None
        elif state := told.stood.get("to_state", event.to_state):
            found[row] = state
    return found


def transactions_of_edited_events(numbers: set[str]) -> set[str]:
    """Those of these transactions of which an event is not what was written: whom it named, nobody knows from it."""
    labels, sealed = proven_kinds(), _other_than_sealed()
    return {
        str(event.transaction)
        for event in Event.objects.filter(transaction__in=numbers)
        if event.pk in sealed or hash_of(event, labels.get(event.content_type_id, "?")) != event.hash
    }


def _other_than_sealed() -> dict[int, str]:
    """The events whose hash is not the one that was sealed, with that one; a seal that was edited says nothing."""
    query = """
        SELECT event.id, seal.event_hash, seal.position FROM core_event AS event
        JOIN core_eventseal AS seal ON seal.event_id = event.id WHERE event.hash <> seal.event_hash
    """
    rows = fetch(query)
    broken = broken_seals(row["position"] for row in rows)
    return {row["id"]: row["event_hash"] for row in rows if row["position"] not in broken}


def _hashes_of_removed_events() -> set[str]:
    query = """
        SELECT seal.event_hash FROM core_eventseal AS seal LEFT JOIN core_event AS event ON event.id = seal.event_id
        WHERE seal.event_id IS NOT NULL AND event.id IS NULL
    """
    return {row["event_hash"] for row in fetch(query)}
