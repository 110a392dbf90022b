"""Events that no longer say what was written: which field, and what it said before.

The hash of an event tells that it changed, not what. What it said can be guessed (another action, another state, the day
before, a value that the row kept in the same transaction), and the guess proven by the hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations, islice
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import models
from django_fsm import FSMFieldMixin

from core.engine.changes import key_of
from core.events import content_hash_of, hash_of
from core.history import history_model_of, tracked_models
from core.json_safe import json_safe
from core.models.event import Event
from core.transitions import transitions_of

CONTENT = ("data", "changes", "comment", "actor_label")
EXCHANGED = ("action", "from_state", "to_state", "actor_id", "created_at")
DAYS = 3_660
"""How far from the day that it says an event is looked for."""
GUESSES = 20_000
"""How many contents are tried for one event."""


@dataclass
class Told:
    """What an edited event said, as far as it is proven: {field: what stood}; ``unknown`` are the parts that are not."""

    stood: dict[str, Any] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    @property
    def header_holds(self) -> bool:
        """Whether what was done, when, by whom and with which effect is known."""
        return "header" not in self.unknown


def kind_named(label: str) -> type[models.Model] | None:
    """The model of a label of the table of kinds; None where there is none any more."""
    return next((model for model in apps.get_models() if model._meta.label_lower == label), None)


def what_it_said(
    event: Event, label: str, written: str, previous: str | None, *, has_words: bool, others: Sequence[Event] = ()
) -> Told:
    """What an event said whose hash was ``written``; ``previous`` is the hash of the one before it in its chain. What an
    erasure emptied (not ``has_words``) is left to the hash of it. ``others`` are events that do not hold either: what it said
    may stand in one of them."""
    told = Told()
    if event.formula == 1:  # one hash over everything
        if hash_of(event, label) != written:
            told = _of_guesses(
                event, label, written, [*_headers(event, label, previous, others), *_contents(event, label)]
            )
        return told
    if hash_of(event, label) != written:
        told = _of_guesses(event, label, written, _headers(event, label, previous, others))
        if not told.header_holds and (stood := _content_that_gives(event, label, written)) is not None:
            return Told(stood)
    if (
        has_words
        and "content_hash" not in told.stood
        and content_hash_of(event) != event.content_hash
        and told.header_holds
    ):
        told = _with_content(event, label, told)
    return told


def _of_guesses(event: Event, label: str, written: str, guesses: Any) -> Told:
    for guess in guesses:
        if hash_of(_as(event, guess), label) == written:
            return Told(dict(guess))
    return Told(unknown={"header"})


def _with_content(event: Event, label: str, told: Told) -> Told:
    for guess in islice(_contents(event, label), GUESSES):
        if content_hash_of(_as(event, guess)) == event.content_hash:
            return replace(told, stood=told.stood | guess)
    return replace(told, unknown={"content"})


def _content_that_gives(event: Event, label: str, written: str) -> dict[str, Any] | None:
    """The content that an event had whose hash of it was made to fit."""
    if hash_of(_as(event, {"content_hash": content_hash_of(event)}), label) == written:
        return {"content_hash": content_hash_of(event)}
    for guess in islice(_contents(event, label), GUESSES):
        made = content_hash_of(_as(event, guess))
        if hash_of(_as(event, {"content_hash": made}), label) == written:
            return guess
    return None


def _as(event: Event, values: Mapping[str, Any]) -> Event:
    made = Event(**{item.attname: getattr(event, item.attname) for item in Event._meta.concrete_fields})
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _headers(event: Event, label: str, previous: str | None, others: Sequence[Event] = ()) -> Iterator[dict[str, Any]]:
    """What was done, with which effect, by whom, when: one of these was another, or several are those of another event."""
    if previous is not None:
        yield {"previous_hash": previous}
    for other in others:
        names = [name for name in EXCHANGED if getattr(other, name) != getattr(event, name)]
        for count in range(2, len(names) + 1):
            for some in combinations(names, count):
                yield {name: getattr(other, name) for name in some}
    model = kind_named(label)
    moves = [spec.name for spec in transitions_of(model)] if model else []
    actions = dict.fromkeys([*moves, *Event.objects.order_by().values_list("action", flat=True).distinct()])
    states = _states(label)
    yield from ({"action": action} for action in actions)
    for name in ("to_state", "from_state"):
        yield from ({name: state} for state in states)
    yield from ({"to_state": one, "from_state": other} for one in states for other in states)
    yield {"actor_id": None}
    yield from ({"actor_id": pk} for pk in get_user_model().objects.order_by("pk").values_list("pk", flat=True))
    for days in range(1, DAYS):
        yield {"created_at": event.created_at + timedelta(days=days)}
        yield {"created_at": event.created_at - timedelta(days=days)}
    for hours in range(1, 24):
        yield {"created_at": event.created_at + timedelta(hours=hours)}
        yield {"created_at": event.created_at - timedelta(hours=hours)}


def _states(label: str) -> list[str]:
    model = kind_named(label)
    found = (item for item in model._meta.concrete_fields if isinstance(item, FSMFieldMixin)) if model else ()
    return ["", *(str(value) for item in found for value, _label in item.flatchoices)]


def _contents(event: Event, label: str) -> Iterator[dict[str, Any]]:
    """One text, or one value inside the data or the changes, was another that is known of the event or of its row."""
    pool = _known_values(event, label)
    for name in ("comment", "actor_label"):
        yield from ({name: text} for text in dict.fromkeys(["", *(value for value in pool if isinstance(value, str))]))
    for name in ("data", "changes"):
        whole = getattr(event, name)
        yield {name: {}}
        for path in list(_leaves(whole)):
            for value in pool:
                made = deepcopy(whole)
                _put(made, path, value)
                yield {name: made}


def _known_values(event: Event, label: str) -> list[Any]:
    found = [_at(whole, path) for whole in (event.data, event.changes) for path in _leaves(whole)]
    model = kind_named(label)
    if model is not None and model in tracked_models():
        lines = history_model_of(model).objects.filter(**{key_of(model): event.object_id})
        names = [item.attname for item in model._meta.concrete_fields]
        kept = {item.attname for item in history_model_of(model)._meta.concrete_fields}
        for line in lines.order_by("-pgh_id").values(*(name for name in names if name in kept))[:20]:
            found += [value for value in json_safe(line).values() if not isinstance(value, dict | list)]
    unique = {(type(value), value): value for value in found if not isinstance(value, dict | list)}
    return [*unique.values(), None, "", True, False]


def _leaves(whole: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(whole, Mapping):
        for key, value in whole.items():
            yield from _leaves(value, (*path, key))
    elif isinstance(whole, list):
        for place, value in enumerate(whole):
            yield from _leaves(value, (*path, place))
    elif path:
        yield path


def _at(whole: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        whole = whole[step]
    return whole


def _put(whole: Any, path: tuple[Any, ...], value: Any) -> None:
    _at(whole, path[:-1])[path[-1]] = value
