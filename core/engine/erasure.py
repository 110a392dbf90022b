"""Erasing what is personal, by law, without spoiling the proof of what remains.

The seals hash personal values with a salt that stands outside of the chains (``PersonSalt`` for rows, ``Event.salt``).
An erasure empties the values, in the rows, in the lines of their history and in the events about them, and throws the
salts away: what remains is a hash that tells nothing, and that still belongs to the chain. The erasure is an event, and
``verify_history`` accepts an emptied place only when an event names it.

Only the owner of the tables can do this: the triggers refuse it to everybody else. See docs/adr/0009.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pgtrigger
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from core.engine.findings import Finding, differences
from core.engine.lines import Lines, fetch, quoted
from core.engine.seals import seal_all
from core.events import record
from core.history import personal_fields, tracked_models
from core.models.event import Event
from core.models.proof import Erasure, HistorySeal, PersonSalt

ACTION = "erase"
NOTHING = "—"
# An erasure and the event that tells of it are written in one transaction.
SAME_MOMENT = timedelta(hours=1)


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
    if field.name == "name_key":  # what tells rows of a list apart: two that were emptied stay two
        return f"{NOTHING} {pk}"
    if field.name == "iban":
        return f"XX00ERASED{pk:09d}"
    if isinstance(field, models.JSONField):
        return "{}"
    if field.name.startswith("search") or (field.blank and "name" not in field.name):
        return ""
    return NOTHING


def erased_rows(model: type[models.Model]) -> models.QuerySet:
    """The keys of the rows of a tracked model that an erasure emptied: what they held is not there to be compared."""
    erasures = Erasure.objects.filter(table=model._meta.db_table, last_line__isnull=False)
    return erasures.annotate(key=Cast("row", models.BigIntegerField())).values("key")


def check_erasures() -> Iterator[Finding]:
    """Every emptied place is named by an event that says who erased it, and why; it holds the mark of that, no more."""
    named: set[tuple[str, str, Any, int]] = set()
    recorded: dict[int, Any] = {}
    for event in Event.objects.filter(action=ACTION).iterator():
        recorded[event.pk] = event.recorded_at
        named |= {(table, row, last, event.pk) for table, row, last in event.data.get("places", ())}
    places: dict[str, dict[str, int]] = {}
    for erasure in Erasure.objects.order_by("pk").iterator():
        if (erasure.table, erasure.row, erasure.last_line, erasure.event) not in named:
            sentence = _("this place is said to be erased, but no event says who did it.")
            yield Finding(erasure.table, erasure.row, "*", None, None, erasure.erased_at, sentence)
        elif (told := recorded[erasure.event]) and abs(erasure.erased_at - told) > SAME_MOMENT:
            sentence = _("this erasure says that it was made at another time than the event that tells of it.")
            yield Finding(Erasure._meta.db_table, erasure.pk, "erased_at", told, erasure.erased_at, told, sentence)
        if erasure.last_line is not None:
            rows = places.setdefault(erasure.table, {})
            rows[erasure.row] = max(erasure.last_line, rows.get(erasure.row, 0))
    for model in tracked_models():
        if (rows := places.get(model._meta.db_table)) and personal_fields(model):
            yield from _filled_again(model, rows)
    yield from _events_filled_again()


def _filled_again(model: type[models.Model], rows: dict[str, int]) -> Iterator[Finding]:
    """Lines of erased rows, up to the last of each that was erased, with anything but the mark of an erasure in them."""
    lines = Lines.of(model)
    fields = [model._meta.get_field(name) for name in personal_fields(model)]
    marks = [marks_of(model, field, [model._meta.pk.to_python(row) for row in rows]) for field in fields]
    values = [f"line.{quoted(field.column)}::text" for field in fields]
    wrong = " OR ".join(
        f"coalesce({value}, '') NOT IN ('', coalesce(place.mark_{number}, ''))" for number, value in enumerate(values)
    )
    names = ", ".join(f"mark_{number}" for number in range(len(fields)))
    query = f"""
        SELECT place.row, line.pgh_id AS line, line.pgh_created_at AS recorded_at, ARRAY[{names}]::text[] AS marks,
               ARRAY[{", ".join(values)}]::text[] AS said
        FROM unnest(%s::text[], %s::bigint[]{", %s::text[]" * len(fields)}) AS place (row, last, {names})
        JOIN {lines.table} AS line ON line.{lines.key}::text = place.row AND line.pgh_id <= place.last
        WHERE {wrong} ORDER BY line.pgh_id
    """  # noqa: S608 - the names come from the models
    sentence = _("line %(line)s of the history of this row was erased by law, and says something again.")
    for row in fetch(query, [list(rows), list(rows.values()), *marks]):
        filled = [
            (field.column, mark, said)
            for field, mark, said in zip(fields, row["marks"], row["said"], strict=True)
            if said and said != mark
        ]
        field, mark, said = differences(
            {column: mark for column, mark, _said in filled}, {column: said for column, _mark, said in filled}
        )
        yield Finding(lines.name, row["row"], field, mark, said, row["recorded_at"], sentence, {"line": row["line"]})


def marks_of(model: type[models.Model], field: models.Field, rows: list[Any]) -> list[str | None]:
    """The texts of what stands for an erased value of this field, for each row."""
    if words := getattr(model, "ERASED", None):
        marks = dict(model._base_manager.filter(pk__in=rows).values_list("pk", words[field.name]))
        return [marks.get(row) for row in rows]
    return [_nothing(field, row) for row in rows]


def _events_filled_again() -> Iterator[Finding]:
    """Events whose words were erased say nothing any more."""
    table = Event._meta.db_table
    erased = Erasure.objects.filter(table=table).values_list("row", flat=True)
    events = Event.objects.filter(pk__in=[int(row) for row in erased], formula__gt=1, salt="")
    for event in events.exclude(data={}, changes={}, comment="", actor_label="").order_by("pk").iterator():
        said = {"data": event.data, "changes": event.changes, "comment": event.comment, "actor": event.actor_label}
        sentence = _("the words of this event were erased by law, and it says something again.")
        yield Finding(table, event.pk, "*", None, said, event.recorded_at or event.created_at, sentence)
