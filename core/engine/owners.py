"""What a row belongs to: the case, the body, the act behind its foreign keys, so that nothing is put down to a neighbour.

A transaction may decide ten cases. What one of them moved is no cause of what became of another.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models

Place = tuple[type[models.Model], Any]
Values = Mapping[str, Any]
HOPS = 4
"""How far foreign keys are followed: from an order to its claim, its act, its case, its applicant."""

# (model, column): the model to which a text refers that is no foreign key, and the column there.
_texts: dict[tuple[type[models.Model], str], tuple[type[models.Model], str]] = {}


def register_owner(model: type[models.Model], column: str, owner: type[models.Model], named_by: str) -> None:
    """Say that ``column`` of ``model`` names a row of ``owner``, by its column ``named_by``, without a foreign key."""
    _texts[model, column] = (owner, named_by)


class Owners:
    """What rows belong to, read once for each table and hop of a page."""

    def __init__(self) -> None:
        self._above: dict[Place, frozenset[Place]] = {}
        self._named: dict[tuple[type[models.Model], str, str], Any] = {}

    def know(self, rows: Iterable[tuple[type[models.Model], Values]], places: Iterable[Place] = ()) -> None:
        """Read what rows with these values belong to, and what ``places`` do."""
        rows = list(rows)
        self._read_texts(rows)
        self.read({*places, *(above for model, values in rows for above in self.above(model, values))})

    def read(self, places: Iterable[Place]) -> None:
        """Read what these rows belong to, and what that belongs to; one query for each table and hop."""
        wanted = set(places)
        for _hop in range(HOPS):
            wanted -= self._above.keys()
            if not wanted:
                return
            wanted = self._read_one_hop(wanted)

    def _read_one_hop(self, wanted: set[Place]) -> set[Place]:
        keys: dict[type[models.Model], set[Any]] = {}
        for model, pk in wanted:
            keys.setdefault(model, set()).add(pk)
        found: set[Place] = set()
        for model, pks in keys.items():
            columns = [*_keys(model), *_subject_columns(model), *(column for named, column in _texts if named is model)]
            self._above |= dict.fromkeys(((model, pk) for pk in pks), frozenset())
            if not columns:
                continue
            rows = list(model._base_manager.filter(pk__in=pks).values("pk", *columns))
            self._read_texts([(model, values) for values in rows])
            for values in rows:
                above = frozenset(self.above(model, values))
                self._above[model, values["pk"]] = above
                found |= above
        return found

    def of(self, place: Place) -> set[Place]:
        """The row and all to which it belongs, of what was read."""
        found, left = {place}, [place]
        while left:
            for above in self._above.get(left.pop(), ()):
                if above not in found:
                    found.add(above)
                    left.append(above)
        return found

    def of_values(self, place: Place, values: Values) -> set[Place]:
        """The row that had these values and all to which it belonged; see :meth:`know`."""
        return {place}.union(*(self.of(above) for above in self.above(place[0], values)))

    def above(self, model: type[models.Model], values: Values) -> Iterator[Place]:
        """The rows that the values of a row refer to, by foreign keys, by a link to any table and by the texts that were
        read."""
        for attname, owner in _keys(model).items():
            if values.get(attname) is not None:
                yield owner, values[attname]
        if subject := subject_of_values(model, values):
            yield subject
        for (named, column), (owner, by) in _texts.items():
            if named is model and (pk := self._named.get((owner, by, values.get(column)))) is not None:
                yield owner, pk

    def _read_texts(self, rows: list[tuple[type[models.Model], Values]]) -> None:
        wanted: dict[tuple[type[models.Model], str], set[str]] = {}
        for model, values in rows:
            for (named, column), (owner, by) in _texts.items():
                if named is model and values.get(column) and (owner, by, values[column]) not in self._named:
                    wanted.setdefault((owner, by), set()).add(values[column])
        for (owner, by), texts in wanted.items():
            found = owner._base_manager.filter(**{f"{by}__in": texts}).values_list(by, "pk")
            self._named |= {(owner, by, text): pk for text, pk in found}


def is_anothers(mine: Iterable[Place], other: Iterable[Place]) -> bool:
    """Whether two rows are of two cases, bodies or objects: both belong to rows of one table, and to none together."""
    kept: dict[type[models.Model], set[Any]] = {}
    for model, pk in mine:
        kept.setdefault(model, set()).add(pk)
    found: dict[type[models.Model], set[Any]] = {}
    for model, pk in other:
        found.setdefault(model, set()).add(pk)
    return any(kept[model].isdisjoint(keys) for model, keys in found.items() if model in kept)


def subject_of_values(model: type[models.Model], values: Values) -> Place | None:
    """The row of any table that a row with these values is about (a document's case); None where it is about none."""
    if not (columns := _subject_columns(model)):
        return None
    kind, key = (values.get(column) for column in columns)
    about = ContentType.objects.get_for_id(kind).model_class() if kind and key is not None else None
    return (about._meta.concrete_model, key) if about else None


def _subject_columns(model: type[models.Model]) -> tuple[str, ...]:
    """The columns of the link to any table that a table has: the kind of row, and its key."""
    link = next((item for item in model._meta.private_fields if isinstance(item, GenericForeignKey)), None)
    return (model._meta.get_field(link.ct_field).attname, link.fk_field) if link else ()


def _keys(model: type[models.Model]) -> dict[str, type[models.Model]]:
    """The foreign keys of a table, but to people, who do things with many rows, to kinds of rows, and to tables of
    reference (by a code)."""
    return {
        item.attname: item.related_model._meta.concrete_model
        for item in model._meta.concrete_fields
        if item.many_to_one or item.one_to_one
        if item.target_field.primary_key
        and item.related_model._meta.label != settings.AUTH_USER_MODEL
        and item.related_model._meta.concrete_model is not ContentType
    }
