"""Values of fields as people read them everywhere else: amounts in euros, days, words for choices, names for keys."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.utils import formats
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.dates import format_moment
from core.engine.findings import say_values_with
from core.engine.past import Life, lives_of
from core.job_runner import kinds
from core.money import MoneyField, format_euros
from core.presentation import actor_words, event_value
from core.text import listed
from core.workbooks.cells import clean_text

NOTHING = "–"
LONG = 400
"""Characters of a text that a history shows; the page of the row has the whole."""


_row_names: dict[type[models.Model], Callable[[Any], str]] = {}


_field_names: dict[tuple[type[models.Model], str], Any] = {}
_readers: dict[tuple[str, str], Callable[[Any], str]] = {}


def register_field_name(model: type[models.Model], name: str, label: Any) -> None:
    """Name a field of a table that a library made: its own name is no word of ours."""
    _field_names[model, name] = label


def register_reader(model: str, name: str, read: Callable[[Any], str]) -> None:
    """Let a field of structured data ("app.Model") be read aloud: ``read`` gets what it holds, never empty."""
    _readers[model.lower(), name] = read


def register_row_name(model: type[models.Model], name: Callable[[Any], str]) -> None:
    """Let a row be called otherwise than its ``str()`` says: a role by its words, not by its code."""
    _row_names[model] = name


def is_a_page(label: str) -> bool:
    """Whether a name under which something was written is the address of a page: nobody was signed in, or the person is
    named beside it."""
    head, _space, rest = label.partition(" ")
    return head.isupper() and rest.startswith("/")


def label_in_words(label: str) -> str:
    """Who acted where no person did: a job, a command, a task by what it does, a page by who may write there unnamed;
    other names as they are."""
    head, _space, rest = label.partition(" ")
    if words := actor_words(label):
        forms = {"command": _("command: %(what)s"), "task": _("periodic task: %(what)s")}
        return forms[head] % {"what": words} if head in forms else words
    if head == "job":
        name, _hash, number = rest.partition(" #")
        kind = next((kind.label for kind in kinds() if kind.name == name), name)
        return _("job no. %(number)s: %(kind)s") % {"number": number, "kind": kind}
    if head == "command":  # one of the frame's own, or of another day's version
        return _("command “%(name)s”") % {"name": rest.replace("_", " ")}
    if is_a_page(label):
        return _("somebody who was not signed in")
    return label


def _loaded(row: models.Model | None) -> list[models.Field]:
    """The fields of a row that cost no query."""
    if row is None:
        return []
    waiting = row.get_deferred_fields()
    return [item for item in row._meta.concrete_fields if item.attname not in waiting and not item.generated]


class Names:
    """What rows are called, asked once for each table; what they were called on a day, once for all tables."""

    def __init__(self):
        self._wanted: dict[type[models.Model], set[Any]] = {}
        self._found: dict[type[models.Model], dict[Any, str]] = {}
        self._rows: dict[type[models.Model], dict[Any, models.Model]] = {}
        self._lives: dict[tuple[type[models.Model], Any], Life | None] = {}
        self._past: dict[tuple[type[models.Model], Any, datetime], str] = {}
        self._by_column: dict[tuple[type[models.Model], str, Any], Any] = {}

    def want(self, model: type[models.Model], pk: Any) -> None:
        """Say that the name of this row will be needed."""
        if pk is not None:
            self._wanted.setdefault(model, set()).add(pk)

    def know(self, row: models.Model) -> None:
        """Take the name of a row that is at hand."""
        model = type(row)._meta.concrete_model
        self._rows.setdefault(model, {})[row.pk] = row
        self._found.setdefault(model, {})[row.pk] = _row_names.get(model, str)(row)

    def know_unchanged(self, row: models.Model) -> None:
        """Take it that a row at hand never had another name: its past is not read."""
        self._lives[type(row)._meta.concrete_model, row.pk] = None

    def of(self, model: type[models.Model], pk: Any, at: datetime | None = None) -> str:
        """The name of a row; its number when it is gone. With ``at``, the name that it had then, today's in brackets where
        it is another one."""
        if at is None:
            return self._now(model, pk)
        if (model, pk, at) not in self._past:
            self._past[model, pk, at] = self._then(model, pk, at)
        return self._past[model, pk, at]

    def of_key(self, field: models.ForeignKey, key: Any, at: datetime | None = None) -> str:
        """The name of the row that a foreign key refers to, by its primary key or by another column of its own."""
        model, target = field.related_model, field.target_field
        if not target.primary_key:
            if (model, target.name, key) not in self._by_column:
                found = model._base_manager.filter(**{target.name: key}).values_list("pk", flat=True).first()
                self._by_column[model, target.name, key] = found
            if (pk := self._by_column[model, target.name, key]) is None:
                return _("no. %(number)s") % {"number": key}
            return self.of(model, pk, at)
        return self.of(model, key, at)

    def _then(self, model: type[models.Model], pk: Any, at: datetime) -> str:
        now = self._now(model, pk)
        life = self._life(model, pk)
        if life is None:
            return now
        row = self._rows.get(model, {}).get(pk)
        values = life.at(at)
        other = {name: value for name, value in values.items() if row is None or getattr(row, name) != value}
        if not other:
            return now
        then = model(**({item.attname: getattr(row, item.attname) for item in _loaded(row)} | values))
        if row is not None:  # what it belongs to is at hand, where it belonged to the same
            at_hand = row._state.fields_cache.items()
            then._state.fields_cache = {key: value for key, value in at_hand if f"{key}_id" not in other}
        name = _row_names.get(model, str)(then)
        if row is None or name == now:
            return name
        return _("%(name)s (today: %(now)s)") % {"name": name, "now": now}

    def _life(self, model: type[models.Model], pk: Any) -> Life | None:
        if (model, pk) not in self._lives:
            places = {(model, pk)} | {(table, key) for table, keys in self._wanted.items() for key in keys}
            places |= {(table, key) for table, found in self._found.items() for key in found}
            wanted: dict[type[models.Model], set[Any]] = {}
            for table, key in places - set(self._lives):
                wanted.setdefault(table, set()).add(key)
            found = lives_of(wanted)
            self._lives |= {(table, key): found.get((table, key)) for table, keys in wanted.items() for key in keys}
        return self._lives[model, pk]

    def _now(self, model: type[models.Model], pk: Any) -> str:
        known = self._found.setdefault(model, {})
        if pk not in known:
            keys = {pk, *self._wanted.pop(model, ())} - set(known)
            rows, name = model._base_manager.in_bulk(keys), _row_names.get(model, str)
            self._rows.setdefault(model, {}).update(rows)
            for key in keys:
                known[key] = name(rows[key]) if key in rows else _("no. %(number)s") % {"number": key}
        return known[pk]


def field_of(model: type[models.Model], name: str) -> models.Field | None:
    """The field of this name or column, or None where an event speaks of something else."""
    try:
        found = model._meta.get_field(name)
    except FieldDoesNotExist:
        found = next((item for item in model._meta.concrete_fields if item.attname == name), None)
    return found if isinstance(found, models.Field) else None


def field_label(model: type[models.Model], name: str) -> str:
    """What a field is called on screens."""
    found = field_of(model, name)
    words = event_value(name)
    if words:
        return str(words.label)
    if (model, name) in _field_names:
        return capfirst(str(_field_names[model, name]))
    if found is None:
        return capfirst(name.replace("_", " "))
    if subject_key(model, name):
        return _("About")
    if found.is_relation and found.related_model and found.verbose_name == found.name.replace("_", " "):
        return capfirst(str(found.related_model._meta.verbose_name))  # nobody named it: it is called what it holds
    return capfirst(str(found.verbose_name))


def subject_key(model: type[models.Model], name: str) -> GenericForeignKey | None:
    """The link to a row of any table whose number ``name`` holds; None for every other field."""
    links = (item for item in model._meta.private_fields if isinstance(item, GenericForeignKey))
    return next((link for link in links if link.fk_field == name), None)


def value_text(model: type[models.Model], name: str, raw: Any, names: Names, at: datetime | None = None) -> str:
    """The value of a field in words; ``raw`` may be the plain data that an event or a history line keeps. With ``at``, a
    row is called as it was then."""
    words = event_value(name)
    if words:
        return words.text(raw) or NOTHING
    found = field_of(model, name)
    if raw in (None, "", [], {}):
        return NOTHING
    if read := _readers.get((model._meta.label_lower, name)):
        return read(raw)
    if found is None:
        return plain_text(raw)
    if found.is_relation and found.related_model:
        key = raw["id"] if isinstance(raw, Mapping) and "id" in raw else raw
        try:
            key = found.target_field.to_python(key)
        except ValidationError:
            return plain_text(raw)  # the event keeps the name of that day
        return names.of_key(found, key, at)
    if isinstance(found, models.JSONField):
        return plain_text(raw)
    choices = dict(found.flatchoices)
    if raw in choices:
        return str(choices[raw])
    try:
        value = found.to_python(raw)
    except (ValidationError, TypeError, ValueError):
        return plain_text(raw)
    return _typed_text(found, value)


def _typed_text(found: models.Field, value: Any) -> str:
    if isinstance(found, MoneyField):
        return format_euros(value)
    return plain_text(value)


def plain_text(value: Any) -> str:
    """Any value in words: no code, no microsecond."""
    if value in (None, "", [], {}):
        return NOTHING
    match value:
        case bool():
            return pgettext("answer", "Yes") if value else pgettext("answer", "No")
        case datetime():
            return format_moment(value)
        case date():
            return formats.date_format(value, "SHORT_DATE_FORMAT")
        case Decimal():
            digits = max(0, -value.normalize().as_tuple().exponent)
            return formats.number_format(value, decimal_pos=digits, force_grouping=True)
        case Mapping():
            if "label" in value:
                return str(value["label"])
            return _("on the page of the row")  # its keys are words of the machine
        case str():
            text = clean_text(value)
            return text if len(text) <= LONG else f"{text[:LONG].rstrip()}…"
        case Iterable():
            return listed(plain_text(item) for item in value)
    return str(value)


Expander = Callable[[models.Model, Any, Any], Iterable[tuple[str, str, str]]]
_expanders: dict[tuple[str, str], Expander] = {}


def register_expander(model: str, name: str, expand: Expander) -> None:
    """Let a field that holds many values (the answers of a form) say each that changed: (label, before, after).

    ``model`` is "app.Model"; ``expand(row, before, after)`` gives texts.
    """
    _expanders[model.lower(), name] = expand


def expander_of(model: type[models.Model], name: str) -> Expander | None:
    """The expander of a field, or None for one that holds one value."""
    return _expanders.get((model._meta.label_lower, name))


def words_of_a_finding(model: type[models.Model] | None, name: str, value: Any) -> str:
    """A value that the proof tells of: as on the screens, without the context of a page."""
    if model is None:
        return plain_text(value)
    return value_text(model, name, value, Names())


def changes_of_a_finding(
    model: type[models.Model], name: str, pk: Any, before: Any, after: Any
) -> list[tuple[str, str, str]]:
    """What changed inside a field of many values that the proof tells of: (label, what stood, what stands)."""
    expand = expander_of(model, name)
    row = model._base_manager.filter(pk=pk).first() if expand else None
    return list(expand(row, before, after)) if row is not None else []


say_values_with(words_of_a_finding, field_label, changes_of_a_finding)
