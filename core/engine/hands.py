"""Whose hand wrote a row last: read from the row history, which outlives the row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ObjectDoesNotExist
from django.db import models

from core.history import history_model_of, key_of, tracked_models


@dataclass(frozen=True)
class Hand:
    """Who wrote (or removed) a row, and when. ``user`` is None when no person did."""

    user: Any
    at: datetime


def last_hand(model: type[models.Model], pk: Any) -> Hand | None:
    """The newest line of the history of the row ``pk``, also when the row is gone; None where no history is kept."""
    model = model._meta.concrete_model
    if model not in tracked_models():
        return None
    lines = history_model_of(model).objects.filter(**{key_of(model): pk}).order_by("-pgh_id")
    line = lines.values("pgh_context", "pgh_created_at").first()
    if line is None:
        return None
    person = (line["pgh_context"] or {}).get("user")
    return Hand(get_user_model().objects.filter(pk=person).first() if person else None, line["pgh_created_at"])


def name_of_gone(model: type[models.Model], pk: Any) -> str:
    """What a row that is gone was called, as the newest line of its history has it; "" where none does."""
    model = model._meta.concrete_model
    if model not in tracked_models():
        return ""
    history = history_model_of(model)
    kept = {item.attname for item in history._meta.concrete_fields}
    names = [item.attname for item in model._meta.concrete_fields if item.attname in kept]
    line = history.objects.filter(**{key_of(model): pk}).order_by("-pgh_id").values(*names).first()
    try:
        return str(model(**line)) if line is not None else ""
    except ObjectDoesNotExist:  # it was called by another row that is gone too
        return ""
