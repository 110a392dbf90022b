"""What the rows of any table are called, for the checks that look at many tables."""

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.db import models
from django.utils.translation import gettext as _

from core.models.event import Event
from core.presentation import action_label
from core.transitions import transitions_of, workflow_models

Place = tuple[type[models.Model], Any]


def names_of(places: Iterable[Place]) -> dict[Place, str]:
    """Each row by its kind and its name ("payment claim VERS-2026-00004"), by its number where it is gone; one query for
    each table."""
    wanted: dict[type[models.Model], set[Any]] = {}
    for model, pk in places:
        wanted.setdefault(model, set()).add(pk)
    found: dict[Place, str] = {}
    for model, keys in wanted.items():
        rows = model._base_manager.in_bulk(keys)
        for pk in keys:
            name = str(rows[pk]) if pk in rows else _("no. %(number)s") % {"number": pk}
            found[model, pk] = f"{model._meta.verbose_name} {name}"
    return found


def action_words(part: str) -> str:
    """An action in the words of the workflow that knows it, for the names of broken rows; an address as it is."""
    if "@" in part:
        return part
    known = (
        model for model in workflow_models(apps.get_models()) if part in {spec.name for spec in transitions_of(model)}
    )
    return action_label(next(known, Event), part)
