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
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from core.text import in_a_sentence

log = logging.getLogger("essor.proof")

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
        place = {"table": named(self.table), "id": self.id, "field": _field_named(self.table, self.field)}
        if self.id == "*":
            where = _("%(table)s: ")
        elif self.field == "*" and self.table.startswith("pg_"):  # an object of the server, by its name
            where = pgettext("an object by its name", "%(table)s id=%(id)s: ")
        else:
            where = _("%(table)s id=%(id)s: ") if self.field == "*" else _("%(table)s id=%(id)s field=%(field)s: ")
        sentence = self.sentence % self.words if self.words else self.sentence
        said = ""
        if self.before is not None or self.after is not None:
            before, after = _in_words(self.table, self.field, *_with_subjects(self), pk=self.id)
            said = _(" before=%(before)s after=%(after)s") % {"before": before, "after": after}
        if self.when:
            said += _(" when=%(when)s") % {"when": _words(None, "", self.when)}
        return f"{where % place}{sentence}{said}"


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, Any, Any]:
    """The fields in which two states of a row differ, all of them, with what stood and what stands; one that is alone
    with its bare values, several as {column: value}."""
    names = [name for name in after if before.get(name) != after[name]]
    if len(names) == 1:
        return names[0], before.get(names[0]), after[names[0]]
    return ", ".join(names) or "*", {name: before.get(name) for name in names}, {name: after[name] for name in names}


def of_the_catalogue(table: str, name: Any, sentence: str, before: Any = None, after: Any = None) -> Finding:
    """What is wrong with a guard or a right: something that the database has beside rows, known by its name."""
    return Finding(table, name, "*", before, after, None, sentence)


# --- what stood, and what stands: one door, the older first, each value as people read it everywhere -------------------

Words = Callable[[type[models.Model] | None, str, Any], str]
Label = Callable[[type[models.Model], str], str]
Expand = Callable[[type[models.Model], str, Any, Any, Any], list[tuple[str, str, str]]]
_values_say: list[Words] = []
_fields_are_called: list[Label] = []
_many_in_one: list[Expand] = []


def say_values_with(words: Words, labels: Label, expand: Expand) -> None:
    """Let fields and their values be told as on every screen; ``words`` gets the model, the name of the field and its
    value, ``labels`` the model and the name; ``expand`` says what changed inside a field that holds many values, from the
    model, the name, the key of the row, what stood and what stands."""
    _values_say[:], _fields_are_called[:], _many_in_one[:] = [words], [labels], [expand]


def _expanded(model: type[models.Model], field: str, pk: Any, before: Any, after: Any) -> list[tuple[str, str, str]]:
    try:
        return _many_in_one[0](model, field, pk, before, after) if _many_in_one else []
    except Exception:  # words are read from tables that may be forged, see _words
        log.exception("What changed in %s.%s has no words.", model._meta.label, field)
        return []


def value_in_words(model: type[models.Model] | None, column: str, value: Any) -> str:
    """A value of a field of this model, as every finding tells it."""
    return _words(model, column, value)


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
    if kept := getattr(found, "pgh_tracked_model", None):  # the library names a history in English
        said = _("History of: %(rows)s") % {"rows": kept._meta.verbose_name_plural}
        return f"{said} ({table})"
    return f"{capfirst(str(found._meta.verbose_name))} ({table})"


def _model_of(table: str) -> type[models.Model] | None:
    every = (model for model in apps.get_models(include_auto_created=True) if not model._meta.auto_created)
    return next((model for model in every if model._meta.db_table == table), None)


def _in_words(table: str, field: str, before: Any, after: Any, pk: Any = None) -> tuple[str, str]:
    model = _model_of(table)
    if isinstance(_column(model, field), models.JSONField) and (told := _expanded(model, field, pk, before, after)):
        return tuple(" · ".join(f"{label} = {values[side]}" for label, *values in told) for side in (0, 1))
    if isinstance(before, Mapping) or isinstance(after, Mapping):
        return _rows_in_words(table, field, before, after, pk)
    texts = [_words(model, field, value) for value in (before, after)]
    if texts[0] == texts[1] and str(before) != str(after):  # two rows of one name, two instants of one minute
        texts = [
            f"{text} ({_exactly(model, field, value)})" for text, value in zip(texts, (before, after), strict=True)
        ]
    start = _same_until(*texts) if max(map(len, texts)) > LONG else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _exactly(model: type[models.Model] | None, field: str, value: Any) -> str:
    """What tells apart two values that read alike: the number of a row, the microsecond of an instant."""
    column = _column(model, field)
    if column is not None and column.is_relation:
        return _("no. %(number)s") % {"number": value}
    if isinstance(column, models.DateTimeField):
        try:
            value = column.to_python(value)
        except ValidationError:
            return str(value)
    return f"{timezone.localtime(value):%H:%M:%S.%f}" if isinstance(value, datetime) else str(value)


def _rows_in_words(table: str, field: str, before: Any, after: Any, pk: Any) -> tuple[str, str]:
    """Of two rows, or two contents of one field, what differs; of one that is alone, its first values."""
    model = _model_of(table)
    inside = model if field == "*" or _column(model, field) is None else None
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        pairs = [_in_words(table if inside else "", name, before.get(name), after.get(name), pk) for name in names]
        sides = (
            [f"{_label(inside, name)} = {pair[side]}" for name, pair in zip(names, pairs, strict=True)]
            for side in (0, 1)
        )
        before_said, after_said = (" · ".join(told) or "–" for told in sides)
        return (before_said, after_said) if inside else (_cut(before_said, 0), _cut(after_said, 0))
    sides = []
    for mine in (before, after):
        if not isinstance(mine, Mapping):
            sides.append(_words(model, field, mine))
            continue
        shown = {
            name: value
            for name, value in mine.items()
            if value not in (None, "", [], {}, False)
            and not (model and name == model._meta.pk.column)  # the place says it
        }
        if not shown and inside:  # a row that says nothing else is told by its key
            shown = {name: value for name, value in mine.items() if name == inside._meta.pk.column}
        told = [f"{_label(inside, name)} = {_words(inside, name, value)}" for name, value in shown.items()]
        sides.append(_cut(" · ".join(told) or "–", 0))
    return sides[0], sides[1]


def _column(model: type[models.Model] | None, name: str) -> models.Field | None:
    return next((item for item in model._meta.concrete_fields if item.column == name), None) if model else None


def _label(model: type[models.Model] | None, column: str) -> str:
    """What a field is called; in the language of the code, its column."""
    found = _column(model, column)
    if (get_language() or "en").startswith("en") or (found is None and column != "pgh_label"):
        return column
    if found is None:
        return _("what the line tells")
    return in_a_sentence(_fields_are_called[0](model, found.name)) if _fields_are_called else str(found.verbose_name)


def _field_named(table: str, field: str) -> str:
    """The column of a finding, with what it is called on the screens."""
    label = _label(_model_of(table), field)
    alike = "".join(filter(str.isalnum, label)).lower() == field.replace("_", "").lower()
    return field if alike or label == field else f"{field} ({label})"


def _subject_of(model: type[models.Model]) -> GenericForeignKey | None:
    return next((item for item in model._meta.private_fields if isinstance(item, GenericForeignKey)), None)


def _with_subjects(finding: Finding) -> tuple[Any, Any]:
    """The two values of a finding; where a row speaks of another by its kind and its number (a document of a case), that
    one is named: the number alone says nothing."""
    model = _model_of(finding.table)
    if model is None or (subject := _subject_of(model)) is None:
        return finding.before, finding.after
    kind, number = model._meta.get_field(subject.ct_field).column, model._meta.get_field(subject.fk_field).column
    if finding.field == number:
        row = model._base_manager.filter(pk=finding.id).values_list(kind, flat=True).first()
        return _subject_named(row, finding.before), _subject_named(row, finding.after)
    return _subject_inside(finding.before, kind, number), _subject_inside(finding.after, kind, number)


def _subject_inside(values: Any, kind: str, number: str) -> Any:
    if not isinstance(values, Mapping) or not {kind, number} <= values.keys():
        return values
    return {name: value for name, value in values.items() if name != kind} | {
        number: _subject_named(values[kind], values[number])
    }


def _subject_named(kind: Any, number: Any) -> Any:
    try:
        model = ContentType.objects.get_for_id(kind).model_class() if kind and number else None
    except ContentType.DoesNotExist:  # the kind may be what was forged
        model = None
    return f"{model._meta.verbose_name} {number}" if model else number


def _words(model: type[models.Model] | None, field: str, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if field == "pgh_label":
        return line_in_words(value)
    column = _column(model, field)
    name = column.name if column is not None else ""
    if isinstance(value, Mapping | list) or isinstance(column, models.JSONField):
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
