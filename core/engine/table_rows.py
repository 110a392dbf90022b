"""The rows of a table under a form, when the form comes back: what two people changed in them, row by row."""

from typing import Any

from django.db import models
from django.forms import BaseForm, FileField
from django.forms.formsets import DELETION_FIELD_NAME

from core.engine import versions
from core.engine.digests import digest, typed_in


def compared_rows(
    formset: Any, subject: models.Model, shown: versions.Shown
) -> tuple[list[versions.Difference], list[versions.Difference]]:
    """What two people changed in the rows of a table on the page of ``subject``, and what was typed there besides."""
    differences, besides = [], []
    for row in formset.forms:
        if hasattr(row, "gone"):  # somebody removed it: said once
            differences += [row.gone] if row.gone else []
        else:
            found = _changed_by_both(row, subject, shown) if row.instance.pk is not None else []
            differences += found
            besides += versions.undisputed(row, subject, shown, found)
    return differences, besides


def _changed_by_both(row: BaseForm, subject: models.Model, shown: versions.Shown) -> list[versions.Difference]:
    """Field by field; but a row that somebody named otherwise meanwhile (another year) is another one to whoever typed in
    it, and so is any change to whoever removes it: what it is now is told with all that was typed in it."""
    on_page = {name: row.add_prefix(name) for name, item in row.fields.items() if not isinstance(item, FileField)}
    on_page = {name: item for name, item in on_page.items() if item in shown.values}
    now = {name: row.get_initial_for_field(row.fields[name], name) for name in on_page}
    typed = {name: typed_in(row, name) for name in on_page}
    other = {name for name in on_page if digest(typed[name]) != digest(now[name])}
    touched = {name for name in other if digest(typed[name]) != shown.values[on_page[name]]}
    moved = {name for name in other if digest(now[name]) != shown.values[on_page[name]]}
    rests_on = {*on_page} if DELETION_FIELD_NAME in touched else _names(type(row.instance))
    if not touched or not moved & rests_on:
        return versions.compared(row, subject, shown)[1]
    told = touched | (moved & rests_on)
    return [versions.difference(row, name, now[name], typed[name], subject) for name in on_page if name in told]


def _names(model: type[models.Model]) -> set[str]:
    """The fields by which a row is told from the others of its table."""
    rules = [rule.fields for rule in model._meta.constraints if isinstance(rule, models.UniqueConstraint)]
    alone = {item.name for item in model._meta.concrete_fields if item.unique and not item.primary_key}
    return alone.union(*rules, *model._meta.unique_together)
