"""What a database constraint says to a person: the message declared beside it in the model, or one made of its fields.

A constraint without a message of its own says which fields it is about and what they must be; never its name.
"""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import cache, partial
from typing import Any

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import DatabaseError, IntegrityError, models
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.engine.refusals import constraint_message, refusal_message, tell_of_fields
from core.text import listed

_KEY = re.compile(r"\((?P<columns>.+?)\)=\((?P<values>.*)\)")
"""“Key (envelope_id, year)=(1, 2026) already exists”, in whatever language the server speaks."""
_DIGITS = re.compile(r"\^\\d\{(?P<count>\d+)\}\$")
"""A shape of so many digits and nothing else."""


_BOUNDS = {
    "gte": gettext_lazy("at least %(value)s"),
    "gt": gettext_lazy("more than %(value)s"),
    "lte": gettext_lazy("at most %(value)s"),
    "lt": gettext_lazy("less than %(value)s"),
}


@cache
def _constraints() -> dict[str, tuple[type[models.Model], models.BaseConstraint]]:
    return {
        constraint.name: (model, constraint)
        for model in apps.get_models(include_auto_created=True)
        for constraint in model._meta.constraints
    }


@cache
def _models() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


def constraint_name(error: DatabaseError) -> str:
    """The name of the constraint that the database enforced; empty when it names none."""
    return getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""


def violation_message(error: DatabaseError) -> str | None:
    """The sentence of the constraint or trigger itself; None for one that has only the common one."""
    return refusal_message(error, common=False)


def refusal_sentence(error: IntegrityError) -> str | None:
    """What a refusal says to a person: its own sentence, else that of the fields that its constraint is about."""
    known = _constraints().get(constraint_name(error))
    return violation_message(error) or (sentence_of(*known) if known is not None else None)


def sentence_of(model: type[models.Model], constraint: models.BaseConstraint) -> str | None:
    """What a constraint says to a person: its own message, or for a unique one the fields that make a row one of a kind."""
    if own := constraint_message(constraint.name):
        return own
    if isinstance(constraint, models.UniqueConstraint) and constraint.fields:
        return unique_sentence(model, constraint.fields)
    if isinstance(constraint, models.CheckConstraint):
        return check_sentence(model, constraint.condition)
    return None


def _sentence_by_name(name: str) -> str | None:
    """The sentence of a constraint, whichever it is; None for a name that no model declares."""
    known = _constraints().get(name)
    return sentence_of(*known) if known else None


def give_sentences() -> None:
    """Have each constraint without a message say its sentence wherever Django asks for it: forms, imports."""
    tell_of_fields(_sentence_by_name)
    for model, constraint in _constraints().values():
        if constraint.violation_error_message == constraint.default_violation_error_message and sentence_of(
            model, constraint
        ):
            constraint.get_violation_error_message = partial(sentence_of, model, constraint)


def check_sentence(model: type[models.Model], condition: models.Q) -> str:
    """“Envelope: year of the vote (at least 2000, at most 2100).” or which values do not go together."""
    terms = list(_terms(condition))
    known = {field.name: str(field.verbose_name) for field in model._meta.concrete_fields}
    names = list(dict.fromkeys(name for name, _lookup, _value in terms if name in known))
    what = {"what": capfirst(model._meta.verbose_name), "fields": listed([f"“{known[name]}”" for name in names])}
    bounds = [
        str(_BOUNDS[lookup]) % {"value": number_format(value, use_l10n=True, force_grouping=True)}
        for _name, lookup, value in terms
        if lookup in _BOUNDS and isinstance(value, int | Decimal)
    ]
    if len(names) == 1 and bounds:
        return _("%(what)s: %(fields)s must be %(bounds)s.") % {**what, "bounds": listed(list(dict.fromkeys(bounds)))}
    if len(names) == 1 and (asked := _asked_of_one(condition)):
        return asked % what
    if len(names) == 1:
        return _("%(what)s: this value of %(fields)s is not admitted: check it.") % what
    return _("%(what)s: these do not go together: %(fields)s. Check them.") % what


def _asked_of_one(condition: models.Q) -> str:
    """What a check asks of its one field, with ``%(what)s`` and ``%(fields)s``; empty where no sentence is known."""
    terms = list(_terms(condition))
    if len(terms) != 1:
        return ""
    _name, lookup, value = terms[0]
    if condition.negated and (lookup, value) == ("exact", ""):
        return _("%(what)s: %(fields)s must be filled in.")
    if condition.negated and (lookup, value) == ("exact", 0):
        return _("%(what)s: %(fields)s cannot be zero.")
    if lookup == "regex" and (digits := _DIGITS.fullmatch(value)):
        return _("%(what)s: %(fields)s is written with {count} digits.").format(count=digits["count"])
    return ""


def _terms(condition: Any) -> Iterator[tuple[str, str, Any]]:
    """The comparisons of a condition: field, lookup, value; a field it is compared with counts as one too."""
    for child in getattr(condition, "children", []):
        if not isinstance(child, tuple):
            yield from _terms(child)
            continue
        path, value = child
        name, _dot, lookup = path.partition("__")
        yield name, lookup or "exact", value
        for other in (value, *getattr(value, "get_source_expressions", list)()):
            if isinstance(other, models.F):
                yield other.name, "with", None


def unique_sentence(model: type[models.Model], fields: tuple[str, ...]) -> str:
    """“Payment credit: another row has the same envelope and year already.”"""
    names = [str(model._meta.get_field(name).verbose_name) for name in fields]
    return _("%(what)s: another row already has the same %(fields)s.") % {
        "what": capfirst(model._meta.verbose_name),
        "fields": listed(names),
    }


def existing_row(error: IntegrityError) -> models.Model | None:
    """The row that stands already where a unique constraint refused another; None where that cannot be told."""
    diag = getattr(error.__cause__, "diag", None)
    model = _models().get(getattr(diag, "table_name", None) or "")
    found = _KEY.search(getattr(diag, "message_detail", None) or "")
    if model is None or found is None:
        return None
    columns, values = found["columns"].split(", "), found["values"].split(", ")
    by_column = {field.column: field.attname for field in model._meta.concrete_fields}
    if len(columns) != len(values) or not set(columns) <= set(by_column):
        return None
    wanted = {by_column[column]: value for column, value in zip(columns, values, strict=True)}
    try:
        return model._base_manager.filter(**wanted).first()
    except (ValueError, ValidationError, FieldDoesNotExist):
        return None
