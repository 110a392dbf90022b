"""What rows said at an instant: read from their history, which nobody edits.

A report of a past day speaks with the words of that day: a programme that was renamed since, a person who changed
name, keep there the name that they had. A row whose history begins after the instant (it was loaded later, or its
history began later) says what is first known of it.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Max, When

from core.engine.lines import fetch, quoted
from core.history import history_model_of, tracked_models
from core.models.proof import Erasure

Row = TypeVar("Row", bound=models.Model)


def rows_as_of(model: type[Row], limit: datetime, pks: Iterable[Any] | None = None) -> dict[Any, Row]:
    """The rows of a tracked model as they stood at the end of ``limit``, by primary key; one query.

    Args:
        pks: only these rows; all of them when None.

    The instances are not to be saved. Fields that the history leaves out (secrets) have their default.
    """
    history = history_model_of(model)
    kept = {field.attname for field in history._meta.concrete_fields}
    names = [field.attname for field in model._meta.concrete_fields if field.attname in kept]
    lines = history.objects.exclude(pgh_label="delete")
    if pks is not None:
        lines = lines.filter(pgh_obj_id__in=list(pks))
    # The newest of the lines written by then; without any, the oldest of those written later.
    known = Case(When(pgh_created_at__lte=limit, then=F("pgh_id")), default=-F("pgh_id"))
    chosen = lines.order_by("pgh_obj_id", known.desc()).distinct("pgh_obj_id")
    rows = {}
    for values in chosen.values("pgh_id", "pgh_obj_id", *names):
        rows[values["pgh_obj_id"]] = row = model(**{name: values[name] for name in names})
        row.line_of_history = values["pgh_id"]
    return rows


class Erasures:
    """Which rows had their personal values erased by law, up to which line of their history; a query a table."""

    def __init__(self) -> None:
        self._tables: dict[type[models.Model], dict[str, int]] = {}

    def of(self, row: models.Model | None) -> bool:
        """Whether what this row says is what an erasure left: as it stood then, or as it stands."""
        if row is None:
            return False
        model = type(row)
        if model not in self._tables:
            erased = Erasure.objects.filter(table=model._meta.db_table, last_line__isnull=False)
            self._tables[model] = dict(erased.values_list("row").annotate(Max("last_line")))
        last = self._tables[model].get(str(row.pk))
        return last is not None and getattr(row, "line_of_history", last) <= last


@dataclass(frozen=True)
class Life:
    """What short texts, numbers and keys a row held, from when on, oldest first: what a row is called by is of these."""

    lines: tuple[tuple[datetime, Mapping[str, Any]], ...]

    def at(self, limit: datetime) -> Mapping[str, Any]:
        """The values at the end of ``limit``; where the history begins later, those that are first known."""
        return next((values for day, values in reversed(self.lines) if day <= limit), self.lines[0][1])


def lives_of(wanted: Mapping[type[models.Model], Collection[Any]]) -> dict[tuple[type[models.Model], Any], Life]:
    """The lives of rows of tracked models, by (model, key): one query, however many tables. Long texts are left out."""
    parts, places = [], []
    for model, keys in wanted.items():
        if not keys or model not in tracked_models():
            continue
        history = history_model_of(model)
        kept = {field.attname for field in history._meta.concrete_fields}
        if "pgh_obj_id" not in kept:
            continue
        fields = [
            field
            for field in model._meta.concrete_fields
            if field.attname in kept and not isinstance(field, models.JSONField | models.TextField | ArrayField)
        ]
        pairs = ", ".join(f"'{field.attname}', {quoted(field.column)}" for field in fields)
        parts.append(
            f"SELECT {len(places)} AS place, pgh_id, pgh_created_at, pgh_obj_id::text AS key,"  # noqa: S608
            f" jsonb_build_object({pairs}) AS said FROM {quoted(history._meta.db_table)}"
            " WHERE pgh_obj_id = ANY (%s) AND pgh_label <> 'delete'"
        )
        places.append((model, fields, list(keys)))
    if not parts:
        return {}
    lines: dict[tuple[type[models.Model], Any], list[tuple[datetime, Mapping[str, Any]]]] = {}
    for line in fetch(
        " UNION ALL ".join(parts) + " ORDER BY place, pgh_id", [keys for _model, _fields, keys in places]
    ):
        model, fields, _keys = places[line["place"]]
        said = json.loads(line["said"]) if isinstance(line["said"], str) else line["said"]
        values = {field.attname: _value(field, said[field.attname]) for field in fields}
        lines.setdefault((model, model._meta.pk.to_python(line["key"])), []).append((line["pgh_created_at"], values))
    return {place: Life(tuple(found)) for place, found in lines.items()}


def _value(field: models.Field, said: Any) -> Any:
    """A value as the row has it, from the JSON of its history line."""
    return said if said is None else getattr(field, "target_field", field).to_python(said)


class Past:
    """Rows as they stood at one instant; each table is read once, when it is first asked for."""

    def __init__(self, limit: datetime):
        self.limit = limit
        self._tables: dict[type[models.Model], dict[Any, models.Model]] = {}
        self.erasures = Erasures()

    def of(self, row: Row | None) -> Row | None:
        """The row as it stood; None for none."""
        return None if row is None else self.get(type(row), row.pk)

    def get(self, model: type[Row], pk: Any) -> Row | None:
        """The row of this key as it stood; None for no key.

        Raises:
            LookupError: the history knows no such row.
        """
        if pk is None:
            return None
        if model not in self._tables:
            self._tables[model] = rows_as_of(model, self.limit)
        try:
            return self._tables[model][pk]
        except KeyError:
            raise LookupError(f"The history of {model.__name__} knows no row {pk}.") from None


class Present:
    """Rows as they are: what stands for a :class:`Past` where today is meant."""

    erasures = None

    @staticmethod
    def of(row: Row | None) -> Row | None:
        """The row itself."""
        return row


class Moments:
    """Rows as they stood at several instants: a list of frozen things reads each table once, however many it shows.

    For tables of reference, whose whole history is short.
    """

    def __init__(self) -> None:
        self._tables: dict[type[models.Model], dict[Any, list[tuple[datetime, models.Model]]]] = {}

    def at(self, limit: datetime) -> "Moment":
        """Return the rows as they stood at the end of ``limit``."""
        return Moment(self, limit)

    def row(self, model: type[Row], pk: Any, limit: datetime) -> Row:
        """Return the row as it stood; where its history begins later, as it is first known.

        Raises:
            LookupError: the history knows no such row.
        """
        if model not in self._tables:
            self._tables[model] = self._read(model)
        lines = self._tables[model].get(pk)
        if not lines:
            raise LookupError(f"The history of {model.__name__} knows no row {pk}.")
        written = [row for day, row in lines if day <= limit]
        return written[-1] if written else lines[0][1]

    @staticmethod
    def _read(model: type[models.Model]) -> dict[Any, list[tuple[datetime, models.Model]]]:
        history = history_model_of(model)
        kept = {field.attname for field in history._meta.concrete_fields}
        names = [field.attname for field in model._meta.concrete_fields if field.attname in kept]
        found: dict[Any, list[tuple[datetime, models.Model]]] = {}
        lines = history.objects.exclude(pgh_label="delete").order_by("pgh_id")
        for values in lines.values("pgh_obj_id", "pgh_created_at", *names):
            row = model(**{name: values[name] for name in names})
            found.setdefault(values["pgh_obj_id"], []).append((values["pgh_created_at"], row))
        return found


class Moment:
    """One instant of :class:`Moments`, asked like a :class:`Past`."""

    def __init__(self, moments: Moments, limit: datetime):
        self._moments, self.limit = moments, limit

    def of(self, row: Row | None) -> Row | None:
        """The row as it stood; None for none."""
        return None if row is None else self._moments.row(type(row), row.pk, self.limit)
