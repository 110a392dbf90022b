"""Who changed this, when, from what to what, and why: the page that answers for a row and for its parts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from core.admin.values import Names, expander_of, field_label, field_of, label_in_words, value_text
from core.engine.changes import Change, Part, causes, changes_of, event_about, only_event, says
from core.models.event import Event
from core.money import MoneyField
from core.presentation import action_label

TECHNICAL = frozenset({
    "search_text", "sort_name", "duplicate_key", "name_key", "total_key", "corrects_key", "alike_keys", "proof_key",
    "answer_versions", "rank", "sequence",
})  # fmt: skip
"""Fields that no reader knows."""
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


def counted_fields(model: type[models.Model]) -> list[str]:
    """The fields of a row whose changes a reader wants to know: those that its screens name."""
    return [
        item.name
        for item in model._meta.concrete_fields
        if not item.primary_key
        and not item.generated
        and item.name not in TECHNICAL
        and not getattr(item, "auto_now", False)
        and not getattr(item, "auto_now_add", False)
        and not item.name.endswith(("_sha256", "_token", "_key", "_hash"))
        and item.name not in ("sha256", "hash", "public_id")
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
    names = Names()
    for change in changes:
        _want(change, names)
    lines: list[ChangeLine] = []
    for change in changes:
        lines += _lines_of(change, row, names)
    return lines


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
    if found is not None and found.is_relation and found.related_model:
        for key in (change.before, change.after):
            names.want(found.related_model, key)


def _lines_of(change: Change, row: models.Model, names: Names) -> list[ChangeLine]:
    common = {"when": _moment(change), **_who_and_why(change, row, names)}
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


def _who_and_why(change: Change, row: models.Model, names: Names) -> dict[str, Any]:
    """Who did it, what they did, and why: of this very row, never of a neighbour in the transaction."""
    event = event_about(change)
    only = None if event else only_event(change, row)
    done = event or only
    if change.user_id:
        who = names.of(get_user_model(), change.user_id, change.at)
    elif done and done.actor:
        who = names.of(get_user_model(), done.actor_id, done.recorded_at or done.created_at)
    else:
        who = label_in_words(change.label or (done.actor_label if done else "")) or _("nobody is named")
    told = [done] if done else []
    if _is_amount(change) and not (done and says(done, change)):
        told = causes(change) or told
    return {
        "who": who,
        "action": _actions(told, row),
        "why": (event.comment if event else "") or change.own_reason or (only.comment if only else ""),
        "event": done.pk if done and change.part is None else None,
    }


def _is_amount(change: Change) -> bool:
    return isinstance(field_of(change.model, change.name), MoneyField)


def _actions(events: Sequence[Event], row: models.Model) -> str:
    """What was done, each once; with what it was done to where that is not said by the page."""
    found: dict[str, None] = {}
    for event in events:
        model = ContentType.objects.get_for_id(event.content_type_id).model_class()
        if model is None:
            continue
        words = action_label(model, event.action)
        alone = len(events) == 1 or isinstance(row, model)
        found[words if alone else f"{words} ({model._meta.verbose_name})"] = None
    shown = list(found)[:CAUSES]
    return " · ".join([*shown, "…"] if len(found) > CAUSES else shown)


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


__all__ = ["ChangeLine", "Part", "change_lines", "choices_of", "counted_fields", "part_name", "register_parts"]
