"""Whose hand wrote a row last: read from the row history, which outlives the row."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
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
