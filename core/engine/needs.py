"""What still rests on a row that holds personal values: the law leaves it until then (GDPR, Article 17(3)(b) and (e)).

Each app says of its rows for what they are still needed, and what to do first; ``core.engine.erasure`` asks. It also says
what becomes of a row that is emptied: an account that nobody can read any more is no longer verified, by an event.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.db import models

Need = Callable[[Any], Iterable[str]]
Farewell = Callable[[Any, Any], None]

_needs: dict[type[models.Model], list[Need]] = {}
_farewells: dict[type[models.Model], Farewell] = {}


def register_need(model: type[models.Model], need: Need) -> None:
    """Let ``need(row)`` say, in sentences, why a row of this model cannot be erased yet and what to do first."""
    _needs.setdefault(model, []).append(need)


def register_farewell(model: type[models.Model], farewell: Farewell) -> None:
    """Let ``farewell(row, actor)`` be done, in the transaction of the erasure, before a row of this model is emptied."""
    _farewells[model] = farewell


def why_needed(row: models.Model) -> list[str]:
    """Why this row cannot be erased yet; nothing where nothing waits for it."""
    return [sentence for need in _needs.get(type(row), ()) for sentence in need(row)]


def take_leave(row: models.Model, actor: Any) -> None:
    """Do what goes before the emptying of this row."""
    if farewell := _farewells.get(type(row)):
        farewell(row, actor)
