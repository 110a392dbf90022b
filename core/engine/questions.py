"""What a form asked, as its page carries it: a question of then that is no longer asked is never answered in silence.

A step may ask one question for each row that it concerns (a claim that goes on or is refused). Its page carries the
questions with the words that were read. When the form comes back, the questions of now are compared with them, and what
was answered is told in these words, even where nothing asks it any more.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.forms import BaseForm, ChoiceField, DateField, DecimalField, FileField, HiddenInput, ModelChoiceField
from django.utils.choices import flatten_choices
from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.money import EuroField, format_number

ASKED = "+asked"
"""The name, among the values of a token, of the questions of the page."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
MOST_CHOICES = 30
"""Longer lists are registers (countries, departments), whose words are no matter of the row."""


@dataclass(frozen=True)
class Question:
    """One question: the name of its field, its label, and its choices as (value, words) where it has some."""

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()

    def words(self, values: list[str], form: BaseForm | None = None) -> str:
        """What was typed or ticked, as the page said it; empty when nothing was."""
        known = dict(self.choices)
        found = form.fields.get(self.name) if form is not None else None
        if isinstance(found, ModelChoiceField):
            known = _rows_named(found, [value for value in values if value])
        if isinstance(found, DecimalField):
            values = [_number(found, value) for value in values]
        if found is None or isinstance(found, DateField):
            values = [_day(value) for value in values]
        told = [known.get(value, _("yes") if value == "on" else value) for value in values if value.strip()]
        return ", ".join(told)


def _number(field: DecimalField, value: str) -> str:
    """A number that was typed, as screens write it; what is none stays as it was typed."""
    try:
        number = field.clean(value)
    except ValidationError:
        return value
    return "" if number is None else format_number(number)


def _day(value: str) -> str:
    """A day that a browser sent ("2027-01-13"), as screens write it; what is none stays as it was typed."""
    try:
        return format_date_long(date.fromisoformat(value)) if _DAY.fullmatch(value) else value
    except ValueError:
        return value


def questions_of(form: BaseForm | None) -> list[Question]:
    """What a form asks: its visible fields but files, whose content no page repeats."""
    if form is None:
        return []
    return [
        Question(form.add_prefix(name), str(form[name].label), choices_of(item))
        for name, item in form.fields.items()
        if not isinstance(item, FileField) and not isinstance(item.widget, HiddenInput)
    ]


def choices_of(item: Any) -> tuple[tuple[str, str], ...]:
    """The choices of a field as (value, words); none where they are rows of a table, or too many."""
    if not isinstance(item, ChoiceField) or isinstance(item, ModelChoiceField):
        return ()
    found = tuple((str(value), str(words)) for value, words in item.choices if not isinstance(words, list | tuple))
    return found if len(found) <= MOST_CHOICES else ()


def words_of(field: Any, value: Any) -> str | None:
    """A value of a field with choices, or of an amount, as pages say it; None for other fields. Nothing is empty."""
    if isinstance(field, EuroField) and isinstance(value, Decimal):
        return field.in_words(value)
    if not isinstance(field, ChoiceField):
        return None
    values = value if isinstance(value, QuerySet | list | tuple | set) else [value]
    values = [item for item in values if item not in (None, "")]
    if isinstance(field, ModelChoiceField):
        key = field.to_field_name or "pk"
        keys = [str(getattr(item, key)) if isinstance(item, Model) else str(item) for item in values]
        known = _rows_named(field, keys)
        return ", ".join(known.get(item, item) for item in keys)
    known = {str(key): str(words) for key, words in flatten_choices(field.choices)}
    return ", ".join(known.get(str(item), str(item)) for item in values)


def _rows_named(field: ModelChoiceField, keys: list[str]) -> dict[str, str]:
    """The words of the rows of these keys. A form whose rows leave its choices meanwhile (a case that is ready no more)
    gives those that its page may have offered as ``offered`` of the field: a page does not tell a key to anybody."""
    key, rows = field.to_field_name or "pk", getattr(field, "offered", field.queryset)
    asked = [item for item in keys if _may_be_key(field, item)]
    return {str(getattr(row, key)): str(row) for row in rows.filter(**{f"{key}__in": asked})} if asked else {}


def _may_be_key(field: ModelChoiceField, value: str) -> bool:
    """Whether a row could be called so: what no page offered is told as it was sent."""
    meta = field.queryset.model._meta
    try:
        (meta.get_field(field.to_field_name) if field.to_field_name else meta.pk).to_python(value)
    except ValidationError:
        return False
    return True


def written(form: BaseForm | None) -> dict[str, str]:
    """The questions of a page, for its token."""
    asked = [[item.name, item.label, item.choices] for item in questions_of(form)]
    return {ASKED: json.dumps(asked, ensure_ascii=False)} if asked else {}


def read(values: Mapping[str, str]) -> list[Question] | None:
    """The questions that a token carries; None when its page carried none."""
    if ASKED not in values:
        return None
    asked = json.loads(values[ASKED])
    return [Question(name, label, tuple((value, words) for value, words in choices)) for name, label, choices in asked]


def are_others(then: list[Question] | None, form: BaseForm | None) -> bool:
    """Whether a step asks now anything else than it did: another field, another choice, another amount in a choice."""
    if then is None:
        return False
    return {(item.name, item.choices) for item in then} != {(item.name, item.choices) for item in questions_of(form)}
