"""Row history of the sensitive tables: written by triggers, refused to every edit.

``@tracked`` makes a table ``<model>event`` beside the model. Every insert, update and delete, also by raw SQL, leaves
a row in it with the acting person (``pgh_context``: ``{"user": id, "label": text}``, null when the change was not made
through Essor). ``manage.py verify_history`` compares it with the present rows.
"""

from collections.abc import Sequence

import pghistory
from django.db import models

from core.triggers import no_truncate

_tracked: list[type[models.Model]] = []
_personal: dict[type[models.Model], tuple[str, ...]] = {}
_retired: dict[type[models.Model], tuple[str, ...]] = {}


def tracked(
    model: type[models.Model] | None = None,
    *,
    exclude: list[str] | None = None,
    personal: Sequence[str] = (),
    retired: Sequence[str] = (),
):
    """Class decorator: record every change of the model's rows.

    ``exclude`` names fields that stay out (secrets). ``personal`` names those that say something of a person: the seals
    hash them with the row's salt, and ``core.engine.erasure`` empties them. ``retired`` names the columns that the model
    has no more: the lines that were sealed with them keep them, else nobody could prove these lines any more.
    """

    def decorate(cls: type[models.Model]) -> type[models.Model]:
        # The rows of a many-to-many table (tracked by a proxy) cannot be referred to: their own id is kept.
        refer = None if cls._meta.proxy else pghistory.ObjForeignKey(related_name="history_rows")
        pghistory.track(
            pghistory.InsertEvent(),
            pghistory.UpdateEvent(),
            pghistory.DeleteEvent(),
            exclude=exclude,
            append_only=True,
            obj_field=refer,
            context_field=pghistory.ContextJSONField(),
            context_id_field=pghistory.ContextUUIDField(),
            meta={"triggers": [no_truncate()]},
        )(cls)
        _tracked.append(cls)
        _personal[cls] = tuple(personal)
        _retired[cls] = tuple(retired)
        return cls

    return decorate(model) if model is not None else decorate


def tracked_models() -> list[type[models.Model]]:
    """The tracked models, in the order of their tables' names."""
    return sorted(_tracked, key=lambda model: model._meta.db_table)


def personal_fields(model: type[models.Model]) -> tuple[str, ...]:
    """The names of the fields of a tracked model that say something of a person."""
    return _personal[model]


def retired_columns() -> dict[str, set[str]]:
    """The columns that history tables keep for the lines of before, by table."""
    return {history_model_of(model)._meta.db_table: {*names} for model, names in _retired.items() if names}


def history_model_of(model: type[models.Model]) -> type[models.Model]:
    """The model of the history rows of a tracked model; LookupError when it is not tracked."""
    for event_model in pghistory.core.event_models():
        if event_model.pgh_tracked_model is model:
            return event_model
    raise LookupError(f"{model.__name__} is not tracked.")


def key_of(model: type[models.Model]) -> str:
    """The attribute of a history line that names the row."""
    history = history_model_of(model)
    names = {item.attname for item in history._meta.concrete_fields}
    return "pgh_obj_id" if "pgh_obj_id" in names else model._meta.pk.attname


def history_rows(instance: models.Model) -> models.QuerySet:
    """The history of one row, oldest first."""
    return history_model_of(type(instance)).objects.filter(pgh_obj_id=instance.pk).order_by("pgh_id")
