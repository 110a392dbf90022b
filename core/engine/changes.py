"""Who changed what, when, from what to what: read from the row history, which holds every change of every field.

An event says what somebody did and why; the row history says what became of each value. The two are written in one
transaction, whose number both bear: it gives a change its reason and its day.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.contenttypes.models import ContentType
from django.db import models

from core.history import history_model_of
from core.models.event import Event

Values = Mapping[str, Any]
NEWEST = 5_000
"""How many history lines of one table a page reads at the most, newest first."""


@dataclass(frozen=True)
class Part:
    """Rows that belong to a row, and whose changes its page shows: the lines of a claim, the scores of a case.

    ``owner`` is the attribute of the part that holds the key of the row ("claim_id"); ``fields`` are the names of those
    that count (a foreign key by its own name); ``name`` says how a part is called, from its values.
    """

    model: type[models.Model]
    owner: str
    fields: tuple[str, ...]
    name: Callable[[models.Model, Values], str]


@dataclass(frozen=True)
class Change:
    """One value that changed. ``kind`` is insert, update or delete; ``values`` are those of the whole row."""

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
    events: tuple[Event, ...] = field(default=(), compare=False)


def key_of(model: type[models.Model]) -> str:
    """The attribute of a history line that names the row."""
    history = history_model_of(model)
    names = {item.attname for item in history._meta.concrete_fields}
    return "pgh_obj_id" if "pgh_obj_id" in names else model._meta.pk.attname


def changes_of(row: models.Model, fields: Iterable[str], parts: Iterable[Part] = ()) -> list[Change]:
    """Every change of a row and of its parts, newest first, with the events of its transaction.

    Args:
        fields: the names of the row's own fields that count; its creation is no change.
    """
    own = type(row)._meta.concrete_model
    found = list(_of_table(own, {key_of(own): row.pk}, tuple(fields), None))
    for part in parts:
        found += _of_table(part.model, {part.owner: row.pk}, part.fields, part)
    found = _with_events(found)
    return sorted(found, key=lambda change: (_day_of(change), change.line), reverse=True)


def _of_table(
    model: type[models.Model], where: Mapping[str, Any], fields: tuple[str, ...], part: Part | None
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
        latest[line[key]] = line
        if part is None and line["pgh_label"] == "insert":
            continue
        yield from _differences(model, line, before, names, key, part)


def _differences(
    model: type[models.Model],
    line: Values,
    before: Values | None,
    names: Mapping[str, str],
    key: str,
    part: Part | None,
) -> Iterator[Change]:
    kind, context = line["pgh_label"], line["pgh_context"] or {}
    for name, attname in names.items():
        old = None if kind == "insert" or before is None else before[attname]
        new = None if kind == "delete" else line[attname]
        if kind == "delete":
            old = line[attname]
        if old == new or (old in (None, "") and new in (None, "")):
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
        )


def _with_events(changes: list[Change]) -> list[Change]:
    """The changes with the events that were written in their transactions."""
    numbers = {change.transaction for change in changes if change.transaction}
    events: dict[UUID, list[Event]] = {}
    for event in Event.objects.filter(transaction__in=numbers).select_related("actor").order_by("pk"):
        events.setdefault(event.transaction, []).append(event)
    return [
        Change(**{**vars(change), "events": tuple(events.get(change.transaction, ()))})
        if change.transaction
        else change
        for change in changes
    ]


def _day_of(change: Change) -> datetime:
    return change.events[0].created_at if change.events else change.at


def event_about(change: Change, row: models.Model) -> Event | None:
    """The event that says why: one about the row itself before any other of the transaction; of those, one that names
    the field, then one with words."""
    kind = ContentType.objects.get_for_model(row, for_concrete_model=True).pk
    ranked = sorted(
        change.events,
        key=lambda event: (
            (event.content_type_id, event.object_id) != (kind, row.pk),
            change.name not in (event.changes or {}),
            not event.comment,
        ),
    )
    return ranked[0] if ranked else None
