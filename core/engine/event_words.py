"""What is told of an event that does not hold: its subject, what was done, and each field, as the screens say it."""

from collections.abc import Mapping
from typing import Any, Protocol

from django.db import models
from django.utils.text import capfirst
from django_fsm import FSMFieldMixin

from core.engine.edited_events import kind_named
from core.engine.findings import differences, value_in_words
from core.models.event import Event
from core.presentation import action_label, event_value


class HasSubject(Protocol):
    """An event, or the place where it stood."""

    content_type_id: int
    object_id: int


def subject_in_words(place: HasSubject, labels: Mapping[int, str]) -> str:
    """The row that an event is about, in words: "application 17"."""
    model = kind_named(labels.get(place.content_type_id, "?"))
    return f"{model._meta.verbose_name if model else '?'} {place.object_id}"


def done(model: type[models.Model] | None, action: str) -> str:
    """What an event did, in the words of the screens."""
    return action_label(model or Event, action)


def as_told(model: type[models.Model] | None, stood: Mapping[str, Any], event: Event) -> tuple[str, Any, Any]:
    """The fields of an event that were edited, with what stood and what stands, in words."""
    if not stood:
        return "*", None, None
    before = {_column(name): _words(model, name, value) for name, value in stood.items()}
    after = {_column(name): _words(model, name, getattr(event, name)) for name in stood}
    if len(stood) == 1 and next(iter(stood)) in ("data", "changes"):
        (name,) = stood
        pairs = {
            key: (stood[name].get(key), getattr(event, name).get(key))
            for key in {**stood[name], **getattr(event, name)}
        }
        unlike = {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}
        sides = (
            {_label(model, key): _value(model, key, pair[side]) for key, pair in unlike.items()} for side in (0, 1)
        )
        return (name, *sides)
    return differences(before, after)


def _column(name: str) -> str:
    return Event._meta.get_field(name).column


def _words(model: type[models.Model] | None, name: str, value: Any) -> Any:
    match name:
        case "action":
            return done(model, value)
        case "from_state" | "to_state":
            found = (
                next((item for item in model._meta.concrete_fields if isinstance(item, FSMFieldMixin)), None)
                if model
                else None
            )
            return value_in_words(model, found.column, value) if found is not None else value
    return value


def _label(model: type[models.Model] | None, key: str) -> str:
    """What a value that an event keeps is called."""
    if words := event_value(key):
        return str(words.label)
    found = (
        next((item for item in model._meta.concrete_fields if key in (item.name, item.column)), None) if model else None
    )
    return capfirst(str(found.verbose_name)) if found is not None else capfirst(key.replace("_", " "))


def _value(model: type[models.Model] | None, key: str, value: Any) -> str:
    if isinstance(value, list):  # what stood and what stood after it, of a field that changed
        return " → ".join(_value(model, key, one) for one in value)
    if words := event_value(key):
        return words.text(value)
    return value_in_words(model, key, value)
