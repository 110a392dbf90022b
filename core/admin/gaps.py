"""What a row says and the end of its history does not: nobody is known to have written it, and the page says so."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models

from core.admin.changes import counted_fields, parts_of
from core.admin.values import Names, field_label, value_text
from core.engine.changes import EMPTY, Part
from core.engine.owners import Place
from core.history import history_model_of

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Gap:
    """A field whose history ends on ``said`` while its row says ``stands``, in words."""

    what: str
    said: str
    stands: str


def gaps_of(row: models.Model, ends: Mapping[Place, Values]) -> list[Gap]:
    """Where a row or one of its parts is not what its history ends on; one query for the row and for each kind of part.

    Args:
        ends: the newest line of each of these rows, by its place.
    """
    model, names = type(row)._meta.concrete_model, Names()
    found = list(_of_rows(model, {"pk": row.pk}, counted_fields(model), ends))
    told = [Gap(field_label(model, name), *words) for name, words in _in_words(found, names)]
    for part in parts_of(model):
        told += _of_part(part, row, ends, names)
    return told


def _of_part(part: Part, row: models.Model, ends: Mapping[Place, Values], names: Names) -> Iterator[Gap]:
    if not any(place[0] is part.model for place in ends):
        return
    for found in _of_rows(part.model, {part.owner: row.pk}, part.fields, ends):
        ((name, words),) = _in_words([found], names)
        line = ends[part.model, found[1]]
        yield Gap(f"{part.name(row, line)} · {field_label(part.model, name)}", *words)


def _of_rows(
    model: type[models.Model], where: Mapping[str, Any], fields: Any, ends: Mapping[Place, Values]
) -> Iterator[tuple[type[models.Model], Any, str, Any, Any]]:
    """(model, key, field, what the history ends on, what the row says) of each field that differs."""
    kept = {item.attname for item in history_model_of(model)._meta.concrete_fields}
    attnames = {name: model._meta.get_field(name).attname for name in fields}
    attnames = {name: attname for name, attname in attnames.items() if attname in kept}
    for values in model._base_manager.filter(**where).values("pk", *attnames.values()):
        line = ends.get((model, values["pk"]))
        if line is None or line["pgh_label"] == "delete":
            continue
        for name, attname in attnames.items():
            said, stands = line[attname], values[attname]
            if said != stands and not (said in EMPTY and stands in EMPTY):
                yield model, values["pk"], name, said, stands


def _in_words(found: list[tuple[Any, ...]], names: Names) -> Iterator[tuple[str, tuple[str, str]]]:
    for model, _pk, name, said, stands in found:
        yield name, (value_text(model, name, said, names), value_text(model, name, stands, names))
