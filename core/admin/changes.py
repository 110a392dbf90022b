"""Who changed this, when, from what to what, and why: the page that answers for a row and for its parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.values import (
    Names,
    expander_of,
    field_label,
    field_of,
    label_in_words,
    subject_key,
    value_text,
)
from core.engine.changes import (
    Change,
    Part,
    causes,
    changes_of,
    event_about,
    know_owners,
    moment_of,
    only_event,
    origin,
    says,
    subject_of,
)
from core.engine.entries import Entry
from core.engine.owners import Owners, Place, subject_of_values
from core.models.event import Event
from core.money import MoneyField
from core.presentation import action_label

TECHNICAL = frozenset({
    "search_text", "sort_name", "duplicate_key", "name_key", "total_key", "corrects_key", "alike_keys", "proof_key",
    "answer_versions", "rank", "sequence", "sha256", "hash", "salt", "key", "token", "password", "session_key", "public_id",
    "lease_until",
})  # fmt: skip
"""Fields that no reader knows."""
TECHNICAL_ENDINGS = ("_sha256", "_hash", "_digest", "_mark", "_salt", "_token", "_key", "_secret")
"""How the names of others end: marks and hashes of what is kept elsewhere, keys and secrets."""
CAUSES = 3
"""How many things that were done at once are told as the cause of an amount."""


@dataclass
class ChangeLine:
    """One change in words. ``code`` names what changed, ``label`` what its field is called and ``of`` whose it is, for
    the filter; ``event`` is the key of the event that tells of the row itself, not of one of its parts."""

    when: datetime
    who: str
    what: str
    before: str
    after: str
    action: str = ""
    why: str = ""
    code: str = ""
    event: int | None = None
    label: str = ""
    of: str = ""


_not_shown: set[tuple[type[models.Model], str]] = set()


def do_not_show(model: type[models.Model], *names: str) -> None:
    """Say that fields of a model are a matter of the machine, under names that are words of people elsewhere."""
    for name in names:
        model._meta.get_field(name)  # raises for one that is none
        _not_shown.add((model, name))


def is_technical(name: str, model: type[models.Model] | None = None) -> bool:
    """Whether a field is a matter of the machine, or a secret: no history shows it, nor offers to look for it."""
    if name in TECHNICAL or name.endswith(TECHNICAL_ENDINGS) or (model, name) in _not_shown:
        return True
    links = () if model is None else model._meta.private_fields
    return any(getattr(link, "ct_field", None) == name for link in links)  # the row is told with its kind


def counted_fields(model: type[models.Model]) -> list[str]:
    """The fields of a row whose changes a reader wants to know: those that its screens name."""
    return [
        item.name
        for item in model._meta.concrete_fields
        if not item.primary_key
        and not item.generated
        and not is_technical(item.name, model)
        and not getattr(item, "auto_now", False)
        and not getattr(item, "auto_now_add", False)
    ]


_parts: dict[type[models.Model], tuple[Part, ...]] = {}


def register_parts(model: type[models.Model], *parts: Part) -> None:
    """Let the history of a model's rows show what changed of the rows that belong to them: the fields that are named, and
    every amount."""
    _parts[model] = (*_parts.get(model, ()), *map(_with_amounts, parts))


def _with_amounts(part: Part) -> Part:
    amounts = [item.name for item in part.model._meta.concrete_fields if isinstance(item, MoneyField)]
    return replace(part, fields=tuple(dict.fromkeys((*part.fields, *amounts))))


def parts_of(model: type[models.Model]) -> tuple[Part, ...]:
    """What was registered for a model; nothing for one whose rows have no parts."""
    return _parts.get(model, ())


def change_lines(row: models.Model, ends: dict[Place, Mapping[str, Any]] | None = None) -> list[ChangeLine]:
    """Every change of a row and of its parts in words, newest first.

    What one person typed again and again in a field on one day, with no reason, is one line: from the first value to
    the last. ``ends`` is given the newest line of each row that was read.
    """
    model = type(row)._meta.concrete_model
    changes = _taken_together(changes_of(row, counted_fields(model), parts_of(model), ends=ends))
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
        own = (type(self.row)._meta.concrete_model, self.row.pk)
        spoken = [(event_about(change), change) for change in changes]
        know_owners([change for event, change in spoken if _is_caused(change, event)], self.owners, own)
        for event, change in spoken:
            told = self.told[_key(change)] = _told_of(change, event, self.row, self.owners)
            _want(change, self.names)
            self.want_subjects(told.events, change)
            for entry in change.entries:
                for place in filter(None, (entry.named, self.whom(entry, told.events))):
                    self.names.want(*place)

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
        shown |= {(entry.model._meta.concrete_model, entry.pk) for entry in change.entries}
        return None if subject is None or subject in shown else subject

    def whom(self, entry: Entry, events: Sequence[Event]) -> Place | None:
        """The body that gets what an entry says, where neither the page nor what was done says it."""
        own = (type(self.row)._meta.concrete_model, self.row.pk)
        if entry.whom:
            return None if entry.whom in self.owners.of(own) else entry.whom
        place = (entry.model._meta.concrete_model, entry.pk)
        return next(iter(self.bodies_of(place)), None) if place in map(subject_of, events) else None

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


def _is_caused(change: Change, event: Event | None) -> bool:
    """Whether no event says of itself what this change is: it is told by what was done with it."""
    return bool(event is None or change.entries or (_is_amount(change) and not says(event, change)))


def _told_of(change: Change, event: Event | None, row: models.Model, owners: Owners) -> _Told:
    only = None if event else only_event(change, row)
    done = event or only
    told = [done] if done else []
    if done is None:
        told = causes(change, owners) if change.entries else origin(change, owners)
    elif _is_caused(change, done):
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
            entries = (*change.entries, *newer.entries)
            kept[open_ones[place]] = replace(newer, before=change.before, kind=kind, entries=entries)
            continue
        open_ones[place] = len(kept)
        kept.append(change)
    return [change for change in kept if change.before != change.after]


def _says_no_more(newer: Change, older: Change) -> bool:
    if newer.kind != "update" or older.kind == "delete" or newer.before != older.after:
        return False
    if any(not entry.entries.together for change in (newer, older) for entry in change.entries):
        return False
    if any(event.comment or event.to_state for change in (newer, older) for event in change.events):
        return False
    same_person = (newer.user_id, newer.label) == (older.user_id, older.label)
    return same_person and timezone.localdate(moment_of(newer)) == timezone.localdate(moment_of(older))


def _want(change: Change, names: Names) -> None:
    names.want(get_user_model(), change.user_id)
    if place := _subject(change, change.values):
        names.want(*place)
    found = field_of(change.model, change.name)
    if found is not None and found.is_relation and found.related_model and found.target_field.primary_key:
        for key in (change.before, change.after):
            names.want(found.related_model, key)


def _lines_of(change: Change, page: _Page) -> list[ChangeLine]:
    row, model = page.row, change.model
    label = field_label(model, change.name)
    common = {"when": moment_of(change), **_who_and_why(change, page), "label": label, "of": _kind_in_words(model)}
    common["code"] = f"{model._meta.model_name}.{change.name}"
    if expand := expander_of(model, change.name):
        return [
            ChangeLine(what=_what(change, row, each), before=before, after=after, **common)
            for each, before, after in expand(row, change.before, change.after)
        ]
    words = [_value_in_words(change, value, page.names) for value in (change.before, change.after)]
    return [ChangeLine(what=_what(change, row, label), before=words[0], after=words[1], **common)]


def _kind_in_words(model: type[models.Model]) -> str:
    return capfirst(str(model._meta.verbose_name))


def _subject(change: Change, values: Mapping[str, Any]) -> Place | None:
    """The row whose number a field holds that links to any table."""
    return subject_of_values(change.model, values) if subject_key(change.model, change.name) else None


def _value_in_words(change: Change, value: Any, names: Names) -> str:
    place = _subject(change, {**change.values, change.name: value})
    if place is None:
        return value_text(change.model, change.name, value, names, change.at)
    return f"{_kind_in_words(place[0])} {names.of(*place, change.at)}"


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
    why = (event.comment if event else "") or change.own_reason or (only.comment if only else "")
    if change.entries:  # what was said of the entry is why the sum moved
        why = next((told.comment for told in told.events if told.comment), "") or why
    return {
        "who": who,
        "action": _actions(told.events, change, page),
        "why": why,
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
    named = dict.fromkeys(_entry_in_words(entry, events, change, page) for entry in change.entries)
    return " · ".join([*_first(list(found)), *_first(list(named))])


def _first(words: list[str]) -> list[str]:
    return words if len(words) <= CAUSES else [*words[:CAUSES], "…"]


def _entry_in_words(entry: Entry, events: Sequence[Event], change: Change, page: _Page) -> str:
    """The row that moved a sum, as it was called then: "payment order MAN-2026-0004, Hugo Moreau"."""
    model, name = entry.model, ""
    if entry.named:
        model, name = entry.named[0], page.names.of(*entry.named, change.at)
    named = [name or entry.name]
    if whom := page.whom(entry, events):
        named.append(page.names.of(*whom, change.at))
    return " ".join(filter(None, [str(model._meta.verbose_name), ", ".join(filter(None, named))]))


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
    """What may be looked for among these lines: (code, words), by their words; with whose they are where two fields are
    called alike."""
    found = {line.code: line for line in lines}
    alike = Counter(line.label.casefold() for line in found.values())
    words = [
        (code, f"{line.of} · {line.label}" if alike[line.label.casefold()] > 1 else line.label)
        for code, line in found.items()
    ]
    return sorted(words, key=lambda item: item[1].casefold())


__all__ = [
    "ChangeLine", "Part", "change_lines", "choices_of", "counted_fields", "do_not_show", "is_technical", "part_name", "register_body",
    "register_parts",
]  # fmt: skip
