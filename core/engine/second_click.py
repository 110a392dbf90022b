"""A form whose step is done already: a second click, or what somebody typed elsewhere.

A double click, an answer that was lost: the same form comes again, and there is nothing to say. A form that says anything
else than what is recorded (another amount, another word, another file, a box left empty) was typed on a page read before,
on another device: it is refused, and the person has back what was typed and the names of the files.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import models
from django.forms import BaseForm
from django.http import HttpRequest

from core.engine import versions
from core.engine.questions import words_of
from core.json_safe import sha256_of_file
from core.models.event import Event
from core.site.chosen_files import CHOSEN, WITHOUT, left_behind
from core.site.known_fields import OF_EVERY_PAGE

MISSING = object()


@dataclass(frozen=True)
class Recorded:
    """What a step recorded, by the names of the page on which it was taken."""

    values: Mapping[str, Any]
    """What was typed and ticked; a field that is not here was not recorded."""
    files: Mapping[str, Collection[str]] = field(default_factory=dict)
    """The SHA-256 (hexadecimal) of each file in its place."""
    forms: Sequence[BaseForm] = ()
    """The forms of the page (bound), which read what was typed: an amount, a day."""
    beside: Collection[str] = ()
    """The names of the buttons of the page, and of what leads from one page to the next."""


def is_again(request: HttpRequest, recorded: Recorded) -> bool:
    """Whether a form brings what is recorded, and nothing else."""
    fields = _fields_of(recorded)
    typed = {name for name in request.POST if not _is_of_the_page(name) and name not in recorded.beside}
    names = (typed | set(recorded.values)) - set(recorded.files)
    return (
        not left_behind(request)
        and all(
            versions.digest(_said(request, fields, name)) == versions.digest(recorded.values.get(name))
            for name in names
        )
        and all(
            sha256_of_file(upload) in recorded.files.get(name, ())
            for name, uploads in request.FILES.lists()
            for upload in uploads
        )
    )


def is_of_its_own(request: HttpRequest, stale: versions.Stale, brings: Callable[[Event], bool]) -> bool:
    """Whether all that happened to the (locked) row since a page was read is that its form, sent once already, kept what it
    brings, or a part of it, and then asked or refused something: the answer was lost, and the form is judged again.

    Args:
        brings: whether the form brings what an event kept. A form that brings nothing kept nothing: whatever happened was
            done in another window.

    Raises:
        Stale: it is so, and what the page sums up has changed all the same.
    """
    since = list(stale.since())
    if stale.shown is None or not since or not all(item.actor_id == request.user.pk and brings(item) for item in since):
        return False
    versions.verify(stale.subject, replace(stale.shown, number=versions.number_of(stale.subject, fresh=True)))
    return True


def only_again(request: HttpRequest, subject: models.Model, reason: str, recorded: Recorded) -> None:
    """Nothing where the form brings what is recorded (the caller leads to the page that says it); it is refused otherwise,
    with ``reason``: what was typed stands beside what is recorded.

    Raises:
        Stale: the form brings something else (:func:`core.engine.versions.gone_on`).
    """
    if is_again(request, recorded):
        return
    differences: list[versions.Difference] = []
    for form in recorded.forms:
        now = {name: recorded.values.get(form.add_prefix(name), MISSING) for name in form.fields}
        now = {name: value for name, value in now.items() if value is not MISSING and not isinstance(value, bool)}
        visible = {name: value for name, value in now.items() if not form.fields[name].widget.is_hidden}
        differences += against_now(form, visible)
    try:
        versions.gone_on(request, subject, reason)
    except versions.Stale as stale:
        stale.differences = differences
        raise


def against_now(form: BaseForm, now: Mapping[str, Any]) -> list[versions.Difference]:
    """What a bound form says otherwise than what is there ``now`` (by field), whoever changed it and whenever: both are
    read before one is written over the other."""
    found = []
    for name in [name for name in now if name in form.fields]:
        both = (now[name], _understood(form, name))
        if versions.digest(both[0]) != versions.digest(both[1]):
            words = [words_of(form.fields[name], value) for value in both]
            told = None if None in words else (words[0], words[1])
            found.append(versions.Difference(form.add_prefix(name), str(form[name].label), *both, told))
    return found


def is_about(data: Mapping[str, Any], subject: models.Model) -> bool:
    """Whether a posted form comes from a page about this row."""
    shown = versions.read(str(data.get(versions.FIELD, "")).partition(versions.REACHED)[0])
    return shown is not None and shown.subject == versions.label_of(subject)


def _understood(form: BaseForm, name: str) -> Any:
    """What was typed in a field as the form understands it, where it was cleaned by now."""
    cleaned = getattr(form, "cleaned_data", {})
    return cleaned[name] if name in cleaned else versions.typed_in(form, name)


def _fields_of(recorded: Recorded) -> dict[str, tuple[BaseForm, str]]:
    return {form.add_prefix(name): (form, name) for form in recorded.forms for name in form.fields}


def _is_of_the_page(name: str) -> bool:
    return name in OF_EVERY_PAGE or name.endswith((CHOSEN, WITHOUT))


def _said(request: HttpRequest, fields: Mapping[str, tuple[BaseForm, str]], name: str) -> Any:
    return _understood(*fields[name]) if name in fields else request.POST.get(name, "")


def word_of(subject: models.Model, action: str) -> str:
    """The word with which a step was last taken."""
    events = Event.objects.of(subject).filter(action=action).order_by("-sequence")
    return events.values_list("comment", flat=True).first() or ""
