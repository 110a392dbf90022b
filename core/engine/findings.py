"""What a check of the proof found."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

log = logging.getLogger(__name__)

LONG = 120
"""Signs of a value that a finding shows."""
SHARED = 20


@dataclass(frozen=True)
class Finding:
    """One broken link: where, what stood (or should: the sum of what it is made of) and what stands, and when that was
    last right (or written). Values are given as they are kept; they are told in words.

    ``sentence`` says what is wrong, with the names of ``words`` in it: what is told in one sentence is one kind.
    """

    table: str
    id: Any
    field: str
    before: Any
    after: Any
    when: datetime | str | None
    sentence: str
    words: Mapping[str, Any] = dataclass_field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What is wrong, whatever the row."""
        return re.sub(r"%\(\w+\)[sd]", "…", self.sentence)

    def __str__(self) -> str:
        place = {"table": named(self.table), "id": self.id, "field": self.field}
        if self.id == "*":
            where = _("%(table)s: ")
        else:
            where = _("%(table)s id=%(id)s: ") if self.field == "*" else _("%(table)s id=%(id)s field=%(field)s: ")
        sentence = self.sentence % self.words if self.words else self.sentence
        said = ""
        if self.before is not None or self.after is not None:
            before, after = _in_words(self.table, self.field, self.before, self.after)
            said = _(" before=%(before)s after=%(after)s") % {"before": before, "after": after}
        if self.when:
            said += _(" when=%(when)s") % {"when": _words(None, "", self.when)}
        return f"{where % place}{sentence}{said}"


def of_the_catalogue(table: str, name: Any, sentence: str, before: Any = None, after: Any = None) -> Finding:
    """What is wrong with a guard or a right: something that the database has beside rows, known by its name."""
    return Finding(table, name, "*", before, after, None, sentence)


# --- what stood, and what stands: one door, the older first, each value as people read it everywhere -------------------

Words = Callable[[type[models.Model] | None, str, Any], str]
_values_say: list[Words] = []


def say_values_with(words: Words) -> None:
    """Let values of fields be told as on every screen; ``words`` gets the model, the name of the field and its value."""
    _values_say[:] = [words]


def line_in_words(label: str | None) -> str:
    """What a line of the row history tells: an entry, a change, a removal."""
    match label:
        case "insert":
            return pgettext("line of the history", "insert")
        case "update":
            return pgettext("line of the history", "update")
        case "delete":
            return pgettext("line of the history", "delete")
    return label or "–"


def named(table: str) -> str:
    """The table; in another language than that of the code, what its rows are called comes first."""
    found = _model_of(table)
    if found is None or (get_language() or "en").startswith("en"):
        return table
    return f"{capfirst(str(found._meta.verbose_name))} ({table})"


def _model_of(table: str) -> type[models.Model] | None:
    every = (model for model in apps.get_models(include_auto_created=True) if not model._meta.auto_created)
    return next((model for model in every if model._meta.db_table == table), None)


def _in_words(table: str, field: str, before: Any, after: Any) -> tuple[str, str]:
    model = _model_of(table)
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        return _rows_in_words(model, field, before, after)
    texts = [_words(model, field, value) for value in (before, after)]
    start = _same_until(*texts) if max(map(len, texts)) > LONG else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _rows_in_words(model: type[models.Model] | None, field: str, before: Any, after: Any) -> tuple[str, str]:
    """Of two rows, or two contents of one field, what differs; of one that is alone, its first values."""
    both = isinstance(before, Mapping) and isinstance(after, Mapping)
    sides = []
    for mine, other in ((before, after), (after, before)):
        if not isinstance(mine, Mapping):
            sides.append(_words(model, field, mine))
            continue
        shown = {
            name: value
            for name, value in mine.items()
            if (other.get(name) != value if both else value not in (None, "", [], {}, False))
            and not (model and name == model._meta.pk.column)  # the place says it
        }
        inside = model if field == "*" or field not in _columns(model) else None
        told = [f"{_label(inside, name)} = {_words(inside, name, value)}" for name, value in shown.items()]
        sides.append(_cut(" · ".join(told) or "–", 0))
    return sides[0], sides[1]


def _columns(model: type[models.Model] | None) -> set[str]:
    return {item.column for item in model._meta.concrete_fields} if model else set()


def _label(model: type[models.Model] | None, column: str) -> str:
    if model is None or (get_language() or "en").startswith("en"):
        return column
    return next((str(item.verbose_name) for item in model._meta.concrete_fields if item.column == column), column)


def _words(model: type[models.Model] | None, field: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    name = next((item.name for item in model._meta.concrete_fields if item.column == field), "") if model else ""
    if isinstance(value, Mapping | list) or (name and isinstance(model._meta.get_field(name), models.JSONField)):
        return json.dumps(value, ensure_ascii=False, default=str)
    try:
        return _values_say[0](model if name else None, name, value)
    except Exception:
        # Words are read from tables, which may be those that were forged: whatever goes wrong, the value is told as it
        # stands, and the next finding after it.
        log.exception("A value of %s.%s has no words.", model and model._meta.label, name)
        return str(value)


def _same_until(one: str, other: str) -> int:
    """Where two long texts begin to differ, with a little of what they share before."""
    same = next((place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return max(same - SHARED, 0)


def _cut(text: str, start: int) -> str:
    shown = f"…{text[start:]}" if start else text
    return f"{shown[: LONG - 1]}…" if len(shown) > LONG else shown
