"""Who changed this, when, from what to what, and why: the page that answers for a row and for its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.values import Names, expander_of, field_label, field_of, label_in_words, value_text
from core.engine.changes import (
    Change,
    Part,
    causes,
    changes_of,
    event_about,
    know_owners,
    only_event,
    says,
    subject_of,
)
from core.engine.owners import Owners, Place
from core.models.event import Event
from core.money import MoneyField
from core.presentation import action_label

TECHNICAL = frozenset({
    "search_text", "sort_name", "duplicate_key", "name_key", "total_key", "corrects_key", "alike_keys", "proof_key",
    "answer_versions", "rank", "sequence", "sha256", "hash", "salt", "key", "token", "password", "session_key", "public_id",
})  # fmt: skip
"""Fields that no reader knows."""
TECHNICAL_ENDINGS = ("_sha256", "_hash", "_digest", "_mark", "_salt", "_token", "_key", "_secret")
"""How the names of others end: marks and hashes of what is kept elsewhere, keys and secrets."""
CAUSES = 3
"""How many things that were done at once are told as the cause of an amount."""


@dataclass
class ChangeLine:
    """One change in words. ``code`` names what changed, for the filter; ``event`` is the key of the event that tells of
    the row itself, not of one of its parts."""

    when: datetime
    who: str
    what: str
    before: str
    after: str
    action: str = ""
    why: str = ""
    code: str = ""
    event: int | None = None


def is_technical(name: str) -> bool:
    """Whether a field is a matter of the machine, or a secret: no history shows it, nor offers to look for it."""
    return name in TECHNICAL or name.endswith(TECHNICAL_ENDINGS)


def counted_fields(model: type[models.Model]) -> list[str]:
    """The fields of a row whose changes a reader wants to know: those that its screens name."""
    return [
        item.name
        for item in model._meta.concrete_fields
        if not item.primary_key
        and not item.generated
        and not is_technical(item.name)
        and not getattr(item, "auto_now", False)
        and not getattr(item, "auto_now_add", False)
    ]


_parts: dict[type[models.Model], tuple[Part, ...]] = {}


def register_parts(model: type[models.Model], *parts: Part) -> None:
    """Let the history of a model's rows show what changed of the rows that belong to them."""
    _parts[model] = (*_parts.get(model, ()), *parts)


def parts_of(model: type[models.Model]) -> tuple[Part, ...]:
    """What was registered for a model; nothing for one whose rows have no parts."""
    return _parts.get(model, ())


def change_lines(row: models.Model) -> list[ChangeLine]:
    """Every change of a row and of its parts in words, newest first.

    What one person typed again and again in a field on one day, with no reason, is one line: from the first value to
    the last.
    """
    model = type(row)._meta.concrete_model
    changes = _taken_together(changes_of(row, counted_fields(model), parts_of(model)))
    page = _Page(row, Names(), Owners())
    page.read(changes)
    lines: list[ChangeLine] = []
    for change in changes:
        lines += _lines_of(change, page)
    return lines


@dataclass
class _Page:
    """The row whose page it is, and what is read once for all its lines."""

    row: models.Model
    names: Names
    owners: Owners
    told: dict[tuple[Any, ...], "_Told"] = field(default_factory=dict)

    def read(self, changes: Sequence[Change]) -> None:
        """Find what is told of each change, then read the names that will be needed, table by table."""
        amounts = [change for change in changes if _is_amount(change)]
        own = (type(self.row)._meta.concrete_model, self.row.pk)
        know_owners(amounts, self.owners, own)
        for change in changes:
            told = self.told[_key(change)] = _told_of(change, self.row, self.owners)
            _want(change, self.names)
            self.want_subjects(told.events, change)

    def want_subjects(self, events: Sequence[Event], change: Change) -> None:
        for event in events:
            if subject := self.named_subject(event, change):
                self.names.want(*subject)
                for body in self.bodies_of(subject):
                    self.names.want(*body)

    def named_subject(self, event: Event, change: Change) -> Place | None:
        """What an event is about, where that is neither the row of the page nor the one that changed."""
        subject = subject_of(event)
        shown = {(type(self.row)._meta.concrete_model, self.row.pk), (change.model._meta.concrete_model, change.pk)}
        return None if subject is None or subject in shown else subject

    def bodies_of(self, subject: Place) -> list[Place]:
        """The bodies to which a row belongs, where the page is not of one of theirs: one at the most is told."""
        own = self.owners.of((type(self.row)._meta.concrete_model, self.row.pk))
        found = [place for place in self.owners.of(subject) - own if place[0] in _bodies and place != subject]
        return found if len(found) == 1 else []


@dataclass(frozen=True)
class _Told:
    """The events that tell of a change: ``event`` of its very row, ``only`` one of the transaction, ``events`` shown."""

    event: Event | None
    only: Event | None
    events: tuple[Event, ...]


def _key(change: Change) -> tuple[Any, ...]:
    return (change.model, change.line, change.name)


def _told_of(change: Change, row: models.Model, owners: Owners) -> _Told:
    event = event_about(change)
    only = None if event else only_event(change, row)
    done = event or only
    told = [done] if done else []
    if _is_amount(change) and not (done and says(done, change)):
        told = causes(change, owners) or told
    return _Told(event, only, tuple(told))


_bodies: set[type[models.Model]] = set()


def register_body(model: type[models.Model]) -> None:
    """Say that rows of ``model`` are those for whom things are done: a cause far from its page is told with theirs."""
    _bodies.add(model)


def _taken_together(changes: list[Change]) -> list[Change]:
    kept: list[Change] = []
    open_ones: dict[tuple, int] = {}
    for change in changes:  # newest first: the older one gives its value before
        place = (change.model, change.pk, change.name)
        newer = kept[open_ones[place]] if place in open_ones else None
        if newer and _says_no_more(newer, change):
            kind = "insert" if change.kind == "insert" else newer.kind
            kept[open_ones[place]] = replace(newer, before=change.before, kind=kind)
            continue
        open_ones[place] = len(kept)
        kept.append(change)
    return [change for change in kept if change.before != change.after]


def _says_no_more(newer: Change, older: Change) -> bool:
    if newer.kind != "update" or older.kind == "delete" or newer.before != older.after:
        return False
    if any(event.comment or event.to_state for change in (newer, older) for event in change.events):
        return False
    same_person = (newer.user_id, newer.label) == (older.user_id, older.label)
    return same_person and timezone.localdate(_moment(newer)) == timezone.localdate(_moment(older))


def _moment(change: Change) -> datetime:
    return change.events[0].created_at if change.events else change.at


def _want(change: Change, names: Names) -> None:
    names.want(get_user_model(), change.user_id)
    found = field_of(change.model, change.name)
    if found is not None and found.is_relation and found.related_model and found.target_field.primary_key:
        for key in (change.before, change.after):
            names.want(found.related_model, key)


def _lines_of(change: Change, page: _Page) -> list[ChangeLine]:
    row, names = page.row, page.names
    common = {"when": _moment(change), **_who_and_why(change, page)}
    code = f"{change.model._meta.model_name}.{change.name}"
    if expand := expander_of(change.model, change.name):
        return [
            ChangeLine(what=_what(change, row, label), before=before, after=after, code=code, **common)
            for label, before, after in expand(row, change.before, change.after)
        ]
    words = [value_text(change.model, change.name, value, names, change.at) for value in (change.before, change.after)]
    label = field_label(change.model, change.name)
    return [ChangeLine(what=_what(change, row, label), before=words[0], after=words[1], code=code, **common)]


def _what(change: Change, row: models.Model, label: str) -> str:
    if change.part is None:
        return label
    return f"{change.part.name(row, change.values)} · {label}"


def _who_and_why(change: Change, page: _Page) -> dict[str, Any]:
    """Who did it, what they did, and why: of this very row, never of a neighbour in the transaction."""
    told, names = page.told[_key(change)], page.names
    event, only = told.event, told.only
    done = event or only
    if change.user_id:
        who = names.of(get_user_model(), change.user_id, change.at)
    elif done and done.actor:
        who = names.of(get_user_model(), done.actor_id, done.recorded_at or done.created_at)
    else:
        who = label_in_words(change.label or (done.actor_label if done else "")) or _("nobody is named")
    return {
        "who": who,
        "action": _actions(told.events, change, page),
        "why": (event.comment if event else "") or change.own_reason or (only.comment if only else ""),
        "event": done.pk if done and change.part is None else None,
    }


def _is_amount(change: Change) -> bool:
    return isinstance(field_of(change.model, change.name), MoneyField)


def _actions(events: Sequence[Event], change: Change, page: _Page) -> str:
    """What was done, each once; with what it was done to, and for whom, where the page does not say it."""
    found: dict[str, None] = {}
    for event in events:
        subject = subject_of(event)
        if subject is None:
            continue
        words = action_label(subject[0], event.action)
        if page.named_subject(event, change):
            words = f"{words} ({_subject_in_words(subject, event, page)})"
        found[words] = None
    shown = list(found)[:CAUSES]
    if len(found) > CAUSES:
        shown.append("…")
    if change.entry:
        shown.append(f"{change.entry.model._meta.verbose_name} {change.entry.name}")
    return " · ".join(shown)


def _subject_in_words(subject: Place, event: Event, page: _Page) -> str:
    """What an event is about, as it was called then: "payment claim PAY-2026-0004, Le Jardin partagé"."""
    model, pk = subject
    at = event.recorded_at or event.created_at
    named = [page.names.of(model, pk, at), *(page.names.of(*body, at) for body in page.bodies_of(subject))]
    return f"{model._meta.verbose_name} {', '.join(named)}"


def part_name(label: Any, attname: str = "") -> Any:
    """How a part is called: by a label ("Score"), with the value of one of its columns."""

    def name(_row: models.Model, values: Any) -> str:
        value = values.get(attname) if attname else None
        return capfirst(str(label)) if value in (None, "") else f"{capfirst(str(label))} {value}"

    return name


def choices_of(lines: Sequence[ChangeLine]) -> list[tuple[str, str]]:
    """What may be looked for among these lines: (code, words), by their words."""
    found: dict[str, str] = {}
    for line in lines:
        found.setdefault(line.code, line.what.rpartition(" · ")[2] if "." in line.code else line.what)
    return sorted(found.items(), key=lambda item: item[1].casefold())


__all__ = [
    "ChangeLine", "Part", "change_lines", "choices_of", "counted_fields", "is_technical", "part_name", "register_body",
    "register_parts",
]  # fmt: skip
