"""Who changed what, when, from what to what: read from the row history, which holds every change of every field.

An event says what somebody did and why; the row history says what became of each value. The two are written in one
transaction, whose number both bear. A transaction may hold several events: a change takes its reason from the one that
speaks of its very row, from the row's own reason, or from the only event of the transaction; never from a neighbour's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import models

from core.engine.entries import Entry, entries_behind
from core.engine.kinds import kind_of
from core.engine.owners import Owners, Place, is_anothers, subject_of_values
from core.history import history_model_of, key_of
from core.json_safe import json_safe
from core.models.event import Event

Values = Mapping[str, Any]
EMPTY: tuple[Any, ...] = (None, "", [], {})
NEWEST = 5_000
"""How many history lines of one table a page reads at the most, newest first."""


@dataclass(frozen=True)
class Part:
    """Rows that belong to a row, and whose changes its page shows: the lines of a claim, the scores of a case.

    ``owner`` is the attribute of the part that holds the key of the row ("claim_id"), or the path to it; ``fields`` are the names of those
    that count (a foreign key by its own name); ``name`` says how a part is called, from its values.
    """

    model: type[models.Model]
    owner: str
    fields: tuple[str, ...]
    name: Callable[[models.Model, Values], str]


@dataclass(frozen=True)
class Told:
    """How the rows of a table say why they changed, and how the events of their owner speak of them.

    ``reason`` is the column that holds a row's own reason. ``by`` is {key of an event's data: column of the row}: an
    event that has all of them, with the values of the row, speaks of it ("criterion": "code"). ``actions`` are the
    actions that speak of no other table.
    """

    reason: str = ""
    by: Mapping[str, str] = field(default_factory=dict)
    actions: tuple[str, ...] = ()


_told: dict[type[models.Model], Told] = {}


def register_told(
    model: type[models.Model], *, reason: str = "", by: Mapping[str, str] | None = None, actions: tuple[str, ...] = ()
) -> None:
    """Say how rows of ``model`` are spoken of; see :class:`Told`."""
    _told[model] = Told(reason, by or {}, actions)


class Said:
    """The events of one transaction, found by what they are about and by the rows to which they refer."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.events = tuple(events)
        self._about: dict[tuple[int, int], list[Event]] = {}
        self._naming: dict[tuple[str, Any], list[Event]] = {}
        for event in self.events:
            self._about.setdefault((event.content_type_id, event.object_id), []).append(event)
            for row in {(part["model"], part["id"]) for part in _mappings(event.data) if _is_reference(part)}:
                self._naming.setdefault(row, []).append(event)

    def about(self, model: type[models.Model], pk: Any) -> list[Event]:
        """The events whose subject is this row."""
        return self._about.get((kind_of(model), pk), [])

    def naming(self, model: type[models.Model], pk: Any) -> list[Event]:
        """The events whose data refer to this row."""
        return self._naming.get((model._meta.label_lower, pk), [])


@dataclass(frozen=True)
class Change:
    """One value that changed. ``kind`` is insert, update or delete; ``values`` are those of the whole row.

    ``own_reason`` is the reason that the row itself gives with this change; ``entries`` the rows that moved a sum.
    """

    model: type[models.Model]
    pk: Any
    kind: str
    name: str
    before: Any
    after: Any
    values: Values
    line: int
    at: datetime
    user_id: int | None
    label: str
    transaction: UUID | None
    part: Part | None = None
    own_reason: str = ""
    entries: tuple[Entry, ...] = ()
    said: Said = field(default_factory=Said, compare=False)

    @property
    def events(self) -> tuple[Event, ...]:
        """The events of the transaction in which it was written."""
        return self.said.events


def changes_of(
    row: models.Model, fields: Iterable[str], parts: Iterable[Part] = (), *, ends: dict[Place, Values] | None = None
) -> list[Change]:
    """Every change of a row and of its parts, newest first, with the events of its transaction.

    Args:
        fields: the names of the row's own fields that count; the first of its life are its values at entry.
        ends: is given the newest line of each row that was read, by its place: what the history says that it is now.
    """
    own = type(row)._meta.concrete_model
    ends = {} if ends is None else ends
    found = list(_of_table(own, {key_of(own): row.pk}, tuple(fields), None, ends))
    for part in parts:
        found += _of_table(part.model, {part.owner: row.pk}, part.fields, part, ends)
    return newest_first(_with_events(_with_entries(found)))


def newest_first(changes: Iterable[Change]) -> list[Change]:
    """The changes by the minute that a page shows, the newest first; what one minute holds as it was written.

    Transactions overlap: of one value, whatever clock they went by, the changes stand in the order of its history.
    """
    found = sorted(changes, key=_place_in_time, reverse=True)  # of one line, in the order of the fields
    chains: dict[tuple[Any, ...], list[int]] = {}
    for place, change in enumerate(found):
        chains.setdefault((_minute_of(change), change.model, change.pk, change.name), []).append(place)
    for places in chains.values():
        chain = sorted((found[place] for place in places), key=lambda change: change.line, reverse=True)
        for place, change in zip(places, chain, strict=True):
            found[place] = change
    return found


def _place_in_time(change: Change) -> tuple[datetime, datetime, bool, int]:
    return _minute_of(change), change.at, change.part is None, change.line


def _minute_of(change: Change) -> datetime:
    return moment_of(change).replace(second=0, microsecond=0)


def _of_table(
    model: type[models.Model],
    where: Mapping[str, Any],
    fields: tuple[str, ...],
    part: Part | None,
    ends: dict[Place, Values],
) -> Iterator[Change]:
    history, key = history_model_of(model), key_of(model)
    kept = {item.attname for item in history._meta.concrete_fields}
    attnames = {name: model._meta.get_field(name).attname for name in fields}
    names = {name: attname for name, attname in attnames.items() if attname in kept}  # secrets are not in the history
    columns = [item.attname for item in model._meta.concrete_fields if item.attname in kept]
    technical = ["pgh_id", "pgh_label", "pgh_created_at", "pgh_context", "pgh_context_id"]
    lines = history.objects.filter(**where).order_by("-pgh_id").values(key, *columns, *technical)[:NEWEST]
    latest: dict[Any, Values] = {}
    for line in reversed(lines):
        before = latest.get(line[key])
        latest[line[key]] = ends[model, line[key]] = line
        yield from _differences(model, line, before, names, key, part)


def _differences(
    model: type[models.Model],
    line: Values,
    before: Values | None,
    names: Mapping[str, str],
    key: str,
    part: Part | None,
) -> Iterator[Change]:
    kind, context, reason = line["pgh_label"], line["pgh_context"] or {}, _own_reason(model, line, before)
    for name, attname in names.items():
        old = None if kind == "insert" or before is None else before[attname]
        new = None if kind == "delete" else line[attname]
        if kind == "delete":
            old = line[attname]
        if old == new or (old in EMPTY and new in EMPTY):
            continue
        if kind == "insert" and _is_default(model, name, new):
            continue
        yield Change(
            model=model,
            pk=line[key],
            kind=kind,
            name=name,
            before=old,
            after=new,
            values=line,
            line=line["pgh_id"],
            at=line["pgh_created_at"],
            user_id=context.get("user"),
            label=context.get("label") or "",
            transaction=line["pgh_context_id"],
            part=part,
            own_reason=reason,
        )


def _own_reason(model: type[models.Model], line: Values, before: Values | None) -> str:
    """The reason that a line of the history gives itself: one that was there before is the reason of another change."""
    column = _told.get(model, Told()).reason
    if not column or (before is not None and before[column] == line[column] and line["pgh_label"] != "delete"):
        return ""
    return line[column] or ""


def _is_default(model: type[models.Model], name: str, value: Any) -> bool:
    """Whether nobody said this value when the row was entered: no, zero, or what the table gives by itself."""
    if value is False or value == 0:
        return True
    item = model._meta.get_field(name)
    return item.has_default() and not callable(item.default) and value == item.default


def _with_entries(changes: list[Change]) -> list[Change]:
    """The changes of sums, each with the rows that moved it."""
    found = entries_behind(changes)
    return [replace(change, entries=found[id(change)]) if id(change) in found else change for change in changes]


def _with_events(changes: list[Change]) -> list[Change]:
    """The changes with the events that were written in their transactions."""
    numbers = {change.transaction for change in changes if change.transaction}
    events: dict[UUID, list[Event]] = {}
    for event in Event.objects.filter(transaction__in=numbers).select_related("actor").order_by("pk"):
        events.setdefault(event.transaction, []).append(event)
    said = {number: Said(found) for number, found in events.items()}
    return [
        replace(change, said=said[change.transaction]) if change.transaction in said else change for change in changes
    ]


def moment_of(change: Change) -> datetime:
    """When a change was made, as its event says; the moment of its line where there is none."""
    return change.events[0].created_at if change.events else change.at


def event_about(change: Change) -> Event | None:
    """The event that speaks of the very row that changed: it is its subject, or the event's data name it.

    None when none does, or when several do and nothing says which of them changed this value.
    """
    found = change.said.about(change.model, change.pk) or change.said.naming(change.model, change.pk)
    return _of_this_value(found or _told_by_owners(change), change)


def only_event(change: Change, row: models.Model) -> Event | None:
    """The only event of the transaction, when it is about ``row`` (whose page this is) or about the owner of the row
    that changed: all that the transaction wrote of them, it wrote for that."""
    if len(change.events) != 1:
        return None
    found = change.said.about(type(row), row.pk) or list(_of_owners(change))
    return found[0] if found else None


def causes(change: Change, owners: Owners) -> list[Event]:
    """The events with which a value followed: moves of a state of its row or of what this belongs to, else moves that
    whoever wrote it made in its transaction; where nothing moved, other events of the same. Never one of another case,
    body or object than that of the row: ten cases may be decided in one transaction.

    For what nobody types itself (the sum that an order moves): they say what was done, not why this value is right.
    ``owners`` has read what :func:`places_of` names.
    """
    for entry in change.entries:
        if found := _told_of_entry(replace(change, model=entry.model, pk=entry.pk, values=entry.values, entries=())):
            return found
    about = [*change.said.about(change.model, change.pk), *change.said.naming(change.model, change.pk)]
    near = list(dict.fromkeys([*about, *_of_owners(change)]))
    if change.user_id:
        mine = [event for event in change.events if event.actor_id == change.user_id]
    else:
        mine = [event for event in change.events if change.label and event.actor_label == change.label]
    place = owners.of_values((change.model._meta.concrete_model, change.pk), change.values)
    for entry in change.entries:
        place |= owners.of_values((entry.model, entry.pk), entry.values)
    mine = [event for event in mine if not _is_anothers(event, place, owners)]
    return _moves(near) or _moves(mine) or near or mine


def origin(change: Change, owners: Owners) -> list[Event]:
    """What a value was written by that no event speaks of alone: those of its causes that tell of the field, else those
    about its very row, else all of them; of a row that was entered, the first of these, for each of its fields."""
    found = causes(change, owners)
    own = change.said.about(change.model, change.pk)
    told = [event for event in found if change.name in (event.changes or {})]
    told = told or [event for event in found if event in own] or found
    return told[:1] if change.kind == "insert" else told


def _told_of_entry(entry: Change) -> list[Event]:
    """What was done to the row that moved a sum, or to what that belongs to: what only follows from it (a claim that is
    paid, a tranche that closes) is no cause of the sum."""
    own = [*entry.said.about(entry.model, entry.pk), *entry.said.naming(entry.model, entry.pk)]
    above = list(dict.fromkeys(_of_owners(entry)))
    return _moves(own) or _told_by_owners(entry) or _moves(above) or own or above


def _is_anothers(event: Event, place: set[Place], owners: Owners) -> bool:
    subject = subject_of(event)
    return subject is not None and is_anothers(place, owners.of(subject))


def subject_of(event: Event) -> Place | None:
    """The row that an event is about; None for a table that is no more."""
    model = ContentType.objects.get_for_id(event.content_type_id).model_class()
    return None if model is None else (model, event.object_id)


def know_owners(changes: Iterable[Change], owners: Owners, *rows: Place) -> None:
    """Read what one must know of the owners of rows to say what caused these changes; and those of ``rows``."""
    known = [(change.model._meta.concrete_model, change.values) for change in changes]
    known += [(entry.model, entry.values) for change in changes for entry in change.entries]
    subjects = {subject_of(event) for change in changes for event in change.events}
    owners.know(known, {*rows, *filter(None, subjects)})


def says(event: Event, change: Change) -> bool:
    """Whether an event speaks of this very value, or gives a reason: it moves a state, or names the field."""
    return bool(event.comment or event.to_state != event.from_state or change.name in (event.changes or {}))


def _moves(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.to_state != event.from_state]


def _of_this_value(events: list[Event], change: Change) -> Event | None:
    if len(events) <= 1:
        return events[0] if events else None
    value = [json_safe(change.before), json_safe(change.after)]
    naming = [event for event in events if change.name in (event.changes or {})]
    for found in (
        [event for event in naming if event.changes[change.name] == value],
        naming,
        [event for event in events if event.to_state and [event.from_state, event.to_state] == value],
    ):
        if len(found) == 1:
            return found[0]
    return None


def _of_owners(change: Change) -> Iterator[Event]:
    """The events whose subject is a row to which the changed row belongs."""
    for item in change.model._meta.concrete_fields:
        if item.is_relation and (key := change.values.get(item.attname)) is not None:
            yield from change.said.about(item.related_model, key)
    if subject := subject_of_values(change.model, change.values):
        yield from change.said.about(*subject)


def _told_by_owners(change: Change) -> list[Event]:
    """The events of the row's owners that tell it by its rank or its code (see :class:`Told`)."""
    told = _told.get(change.model, Told())
    if not (told.by or told.actions):
        return []
    wanted = {key: str(json_safe(change.values[column])) for key, column in told.by.items()}
    return [
        event
        for event in dict.fromkeys(_of_owners(change))
        if event.action in told.actions or (wanted and any(_has(part, wanted) for part in _mappings(event.data)))
    ]


def _has(part: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    return all(str(part.get(key, "")) == value for key, value in wanted.items())


def _is_reference(part: Mapping[str, Any]) -> bool:
    return isinstance(part.get("model"), str) and isinstance(part.get("id"), int | str)


def _mappings(data: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping in the data of an event, at any depth: references are some (see ``core.json_safe``)."""
    if isinstance(data, Mapping):
        yield data
        data = list(data.values())
    if isinstance(data, list):
        for value in data:
            yield from _mappings(value)
