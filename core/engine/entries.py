"""Which rows moved a sum: the orders behind what an act has paid, the certificates behind what is asked.

A sum that the database keeps, or that follows its entries, is typed by nobody. Each of its changes is told with the
row that made it: the lines of the two histories that one transaction wrote stand in one order, and the differences of
the one are those of the other, to the cent.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import models

from core.history import history_model_of, key_of

Values = Mapping[str, Any]
Place = tuple[type[models.Model], Any]


@dataclass(frozen=True)
class Entries:
    """Which rows move a sum, and how.

    ``owner`` is the attribute of the entry that holds the key of the sum's row, or the path to it; ``counts`` says what
    an entry with these values counts in the sum, in euros; ``named_by`` is the attribute by which it is called: a
    number, or the key of the row whose name it bears; ``whom`` the key of the body that gets it, where it has one.
    ``together``: what one person entered on one day may be told as one change, the page shows each entry beside.
    """

    model: type[models.Model]
    owner: str
    named_by: str
    counts: Callable[[Values], Decimal]
    whom: str = ""
    together: bool = False


@dataclass(frozen=True)
class Entry:
    """The row whose writing moved a sum: an order, a commitment. ``moved`` is by how much, in euros."""

    entries: Entries
    pk: Any
    values: Values
    moved: Decimal

    @property
    def model(self) -> type[models.Model]:
        """The table of the entry."""
        return self.entries.model

    @property
    def named(self) -> Place | None:
        """The row by whose name the entry is called; None for one that has a name of its own."""
        return self._row_of(self.entries.named_by)

    @property
    def whom(self) -> Place | None:
        """The body that gets it; None where the entry names none."""
        return self._row_of(self.entries.whom) if self.entries.whom else None

    @property
    def name(self) -> str:
        """What it is called by, where that is a value of its own; empty where it has none."""
        value = self.values[self.entries.named_by]
        return "" if value is None else str(value)

    def _row_of(self, attname: str) -> Place | None:
        item = next(item for item in self.model._meta.concrete_fields if item.attname == attname)
        key = self.values[attname]
        return (item.related_model._meta.concrete_model, key) if item.is_relation and key is not None else None


_entries: dict[tuple[type[models.Model], str], Entries] = {}


def register_entries(model: type[models.Model], name: str, entries: Entries) -> None:
    """Say which rows move the sum ``name`` of ``model``: each of its changes is told with the one that made it."""
    _entries[model, name] = entries


def entries_of(model: type[models.Model], name: str) -> Entries | None:
    """Which rows move a sum; None for a field that is no sum."""
    return _entries.get((model, name))


def sums() -> list[tuple[type[models.Model], str]]:
    """The sums of which the entries are known."""
    return list(_entries)


def amount(values: Values, name: str = "amount") -> Decimal:
    """What an entry counts whose whole amount counts, in euros."""
    return values[name] or Decimal(0)


def net_amount(values: Values) -> Decimal:
    """What an entry counts of which a part may be released: what is left of it, in euros."""
    return values["amount"] - values["released_amount"]


def entries_behind(changes: Iterable[Any]) -> dict[int, tuple[Entry, ...]]:
    """{line of history and field of a change, by ``id()``: the entries that made it}; nothing for those that cannot be
    told for sure. One query for each table of entries and kind of owner."""
    groups: dict[Entries, dict[tuple[Any, Any], list[Any]]] = {}
    for change in sorted(changes, key=lambda change: change.line):
        entries = entries_of(change.model, change.name)
        if entries and change.transaction and change.kind == "update":
            groups.setdefault(entries, {}).setdefault((change.pk, change.transaction), []).append(change)
    found: dict[int, tuple[Entry, ...]] = {}
    read: dict[tuple[type[models.Model], str, frozenset[Any]], list[Values]] = {}
    for entries, places in groups.items():
        owners = frozenset(pk for pk, _transaction in places)
        where = (entries.model, entries.owner, owners)
        if where not in read:
            read[where] = _lines(entries.model, entries.owner, owners)
        written = _written(entries, read[where])
        for place, group in places.items():
            found |= _matched(group, written.get(place, ()))
    return found


def _lines(model: type[models.Model], owner: str, owners: frozenset[Any]) -> list[Values]:
    history = history_model_of(model)
    kept = {item.attname for item in history._meta.concrete_fields}
    columns = [item.attname for item in model._meta.concrete_fields if item.attname in kept]
    names = {key_of(model), owner, "pgh_id", "pgh_label", "pgh_context_id", *columns}
    return list(history.objects.filter(**{f"{owner}__in": owners}).order_by("pgh_id").values(*names))


def _written(entries: Entries, lines: Iterable[Values]) -> dict[tuple[Any, Any], list[Entry]]:
    """The entries by (owner, transaction), in the order in which they moved the sum."""
    key, counted = key_of(entries.model), {}
    found: dict[tuple[Any, Any], list[Entry]] = {}
    for line in lines:
        before = counted.get(line[key], Decimal(0))
        counted[line[key]] = Decimal(0) if line["pgh_label"] == "delete" else entries.counts(line)
        if moved := counted[line[key]] - before:
            place = (line[entries.owner], line["pgh_context_id"])
            found.setdefault(place, []).append(Entry(entries, line[key], line, moved))
    return found


def _matched(changes: Sequence[Any], entries: Sequence[Entry]) -> dict[int, tuple[Entry, ...]]:
    """Each change with the entries that add up to it, in their order; nothing where one cent is left over."""
    found: dict[int, tuple[Entry, ...]] = {}
    left = deque(entries)
    for change in changes:
        moved, taken = (change.after or Decimal(0)) - (change.before or Decimal(0)), []
        while left and sum(entry.moved for entry in taken) != moved:
            taken.append(left.popleft())
        if not taken or sum(entry.moved for entry in taken) != moved:
            return {}
        found[id(change)] = tuple(taken)
    return {} if left else found
