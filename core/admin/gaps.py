"""What a row says and the end of its history does not: nobody is known to have written it, and the page says so.

So it is with what belongs to the row: a part that was moved to another row, removed, or added without a trace.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from core.admin.changes import counted_fields, parts_of
from core.admin.values import Names, field_label, value_text
from core.engine.changes import EMPTY, Part
from core.engine.owners import Place
from core.history import history_model_of, key_of

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
    fields = counted_fields(model)
    found = list(_differing(model, _rows(model, fields, pk=row.pk), fields, ends))
    told = [Gap(field_label(model, name), *words) for name, words in _in_words(found, names)]
    for part in parts_of(model):
        told += _of_part(part, row, ends, names)
    return told


def _of_part(part: Part, row: models.Model, ends: Mapping[Place, Values], names: Names) -> Iterator[Gap]:
    """The parts of a row, those that stand there and those that its history knows.

    A part whose history ends elsewhere was moved there, or from there, without a trace: its whole history is read. Its first
    step to the row ("line_id") is compared as its other fields are.
    """
    model, step = part.model, part.owner.partition("__")[0].removesuffix("_id")
    fields = tuple(dict.fromkeys((*part.fields, step)))
    ends = {place: line for place, line in ends.items() if place[0] is model}
    rows = _rows(model, fields, **{part.owner: row.pk})
    elsewhere = rows.keys() ^ {pk for (_model, pk), line in ends.items() if _is_there(line)}
    if elsewhere:
        ends |= _whole_history(model, elsewhere)
        rows |= _rows(model, fields, pk__in=elsewhere - rows.keys())
    for found in _differing(model, rows, fields, ends):
        ((name, words),) = _in_words([found], names)
        yield Gap(f"{part.name(row, ends[model, found[1]])} · {field_label(model, name)}", *words)
    for pk in sorted(elsewhere):
        line = ends.get((model, pk))
        if pk not in rows and _is_there(line):
            yield Gap(part.name(row, line), _("an entry or a change"), _("nothing: it is not there any more"))
        elif pk in rows and not _is_there(line):
            values = model._base_manager.filter(pk=pk).values().get()
            yield Gap(part.name(row, values), _("a removal") if line else _("nothing"), _("that it is there"))


def _is_there(line: Values | None) -> bool:
    """Whether a row is there, by the newest line of its history."""
    return line is not None and line["pgh_label"] != "delete"


def _whole_history(model: type[models.Model], keys: Set[Any]) -> dict[Place, Values]:
    """The newest line of these rows, whatever they belonged to."""
    key = key_of(model)
    lines = history_model_of(model)._default_manager.filter(**{f"{key}__in": keys}).order_by(key, "-pgh_id")
    return {(model, line[key]): line for line in lines.distinct(key).values()}


def _rows(model: type[models.Model], fields: Iterable[str], **where: Any) -> dict[Any, Values]:
    """Rows by their key, with those of these fields that a history keeps."""
    attnames = _kept(model, fields).values()
    return {values["pk"]: values for values in model._base_manager.filter(**where).values("pk", *attnames)}


def _kept(model: type[models.Model], fields: Iterable[str]) -> dict[str, str]:
    kept = {item.attname for item in history_model_of(model)._meta.concrete_fields}
    attnames = {name: model._meta.get_field(name).attname for name in fields}
    return {name: attname for name, attname in attnames.items() if attname in kept}


def _differing(
    model: type[models.Model], rows: Mapping[Any, Values], fields: Iterable[str], ends: Mapping[Place, Values]
) -> Iterator[tuple[type[models.Model], Any, str, Any, Any]]:
    """(model, key, field, what the history ends on, what the row says) of each field that differs."""
    for pk, values in rows.items():
        line = ends.get((model, pk))
        if not _is_there(line):
            continue
        for name, attname in _kept(model, fields).items():
            said, stands = line[attname], values[attname]
            if said != stands and not (said in EMPTY and stands in EMPTY):
                yield model, pk, name, said, stands


def _in_words(found: list[tuple[Any, ...]], names: Names) -> Iterator[tuple[str, tuple[str, str]]]:
    for model, _pk, name, said, stands in found:
        yield name, (value_text(model, name, said, names), value_text(model, name, stands, names))
