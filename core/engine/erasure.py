"""Erasing what is personal, by law, without spoiling the proof of what remains.

The seals hash personal values with a salt that stands outside of the chains (``PersonSalt`` for rows, ``Event.salt``).
An erasure empties the values, in the rows, in the lines of their history and in the events about them, and throws the
salts away: what remains is a hash that tells nothing, and that still belongs to the chain. The erasure is an event, and
``verify_history`` accepts an emptied place only when an event names it.

Only the owner of the tables can do this: the triggers refuse it to everybody else. See docs/adr/0009.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pgtrigger
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import Lines, quoted
from core.engine.seals import seal_all
from core.events import record
from core.history import personal_fields
from core.models.event import Event
from core.models.proof import Erasure, HistorySeal, PersonSalt

ACTION = "erase"
NOTHING = "—"


class ErasureRefused(ValueError):
    """What cannot be erased, in a sentence."""


@dataclass(frozen=True)
class Erased:
    """What an erasure emptied; ``kept`` are events whose formula does not let their words go."""

    event: Event
    rows: int
    lines: int
    events: int
    kept: int


def erase(rows: Sequence[models.Model], *, reason: str, actor: Any = None) -> Erased:
    """Empty the personal values of these rows, of their history and of the events about them.

    Raises:
        ErasureRefused: no reason, a model without personal values, or a value that a constraint wants.
    """
    if not reason.strip():
        raise ErasureRefused(_("An erasure needs its reason: who asked for it, and under which article."))
    for row in rows:
        if not personal_fields(type(row)):
            raise ErasureRefused(_("“%(name)s” holds no personal value.") % {"name": row})
    seal_all()
    with transaction.atomic():
        places = [_place(row) for row in rows]
        events = [event for row in rows for event in Event.objects.of(row)]
        told = [event for event in events if event.formula > 1 and event.action != ACTION]
        places += [[Event._meta.db_table, str(event.pk), None] for event in told]
        said = record(rows[0], ACTION, actor=actor, data={"places": places}, comment=reason)
        lines = 0
        with pgtrigger.ignore():
            for row in rows:
                lines += _empty(row)
            Event.objects.filter(pk__in=[event.pk for event in told]).update(
                data={}, changes={}, comment="", actor_label="", salt=""
            )
        Erasure.objects.bulk_create(
            Erasure(table=table, row=row, last_line=last, event=said.pk) for table, row, last in places
        )
    return Erased(said, len(rows), lines, len(told), len(events) - len(told))


def _place(row: models.Model) -> list[Any]:
    table, key = row._meta.db_table, str(row.pk)
    last = HistorySeal.objects.filter(table=table, row=key).aggregate(last=Max("line"))["last"]
    return [table, key, last]


def _empty(row: models.Model) -> int:
    """Empty one row and its history alike, and throw its salt away; how many lines there were."""
    model, lines = type(row), Lines.of(type(row))
    fields = [model._meta.get_field(name) for name in personal_fields(model)]
    # What was empty stays empty: a rule on who has which name holds as it did.
    assignments = ", ".join(
        f"{column} = CASE WHEN {column}::text = '' THEN {column} ELSE %s END"
        for column in (quoted(field.column) for field in fields)
    )
    parameters = [*(_nothing(field, row.pk) for field in fields), row.pk]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if words := getattr(
                model, "ERASED", None
            ):  # what the history holds a mark of; it gets the mark of what is left
                kept = model._base_manager.filter(pk=row.pk)
                kept.update(**words)
                parameters = [*kept.values_list(*personal_fields(model)).get(), row.pk]
            else:
                cursor.execute(
                    f"UPDATE {quoted(model._meta.db_table)} SET {assignments} "  # noqa: S608
                    f"WHERE {quoted(model._meta.pk.column)} = %s",
                    parameters,
                )
            cursor.execute(f"UPDATE {lines.table} SET {assignments} WHERE {lines.key} = %s", parameters)  # noqa: S608
            count = cursor.rowcount
    except IntegrityError as error:
        reason = str(error).splitlines()[0]
        raise ErasureRefused(_("“%(name)s” cannot be emptied: %(reason)s") % {"name": row, "reason": reason}) from error
    PersonSalt.objects.filter(table=lines.name, row=str(row.pk)).delete()
    return count


def _nothing(field: models.Field, pk: Any) -> Any:
    """What stands for an erased value, within what the column takes."""
    if field.null:
        return None
    if isinstance(field, models.EmailField) or field.name == "email":
        return "" if field.blank else f"erased-{pk}@erased.invalid"
    if field.name == "iban":
        return f"XX00ERASED{pk:09d}"
    if isinstance(field, models.JSONField):
        return "{}"
    if field.name.startswith("search") or (field.blank and "name" not in field.name):
        return ""
    return NOTHING


def check_erasures() -> Iterator[Finding]:
    """Every emptied place is named by an event that says who erased it, and why."""
    named: set[tuple[str, str, Any, int]] = set()
    for event in Event.objects.filter(action=ACTION).iterator():
        named |= {(table, row, last, event.pk) for table, row, last in event.data.get("places", ())}
    for erasure in Erasure.objects.order_by("pk").iterator():
        if (erasure.table, erasure.row, erasure.last_line, erasure.event) not in named:
            sentence = _("this place is said to be erased, but no event says who did it.")
            yield Finding(erasure.table, erasure.row, "*", None, None, erasure.erased_at, sentence)
