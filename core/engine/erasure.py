"""Erasing what is personal, by law, without spoiling the proof of what remains.

The seals hash personal values with a salt that stands outside of the chains (``PersonSalt`` for rows, ``Event.salt``).
An erasure empties the values, in the rows, in the lines of their history and in the events about them, and throws the
salts away: what remains is a hash that tells nothing, and that still belongs to the chain. The erasure is an event, and
``verify_history`` accepts an emptied place only when an event names it. What somebody still waits for is not erased:
``core.engine.needs``.

Only the owner of the tables can do this: the triggers refuse it to everybody else. See docs/adr/0009.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, connection, models, transaction
from django.db.models import Max
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from core.engine.findings import Finding, differences
from core.engine.lines import Lines, fetch, quoted
from core.engine.needs import take_leave, why_needed
from core.engine.refusals import constraint_message
from core.engine.seals import seal_all
from core.events import record
from core.history import personal_fields, tracked_models
from core.models.event import Event
from core.models.proof import Erasure, HistorySeal, PersonSalt

ACTION = "erase"
NOTHING = "—"
# What stands for the number of an erased account, before the key of its row.
NO_IBAN = "XX00ERASED"
# By these, rows are compared with each other: one that was emptied is like no other.
KEYS = frozenset({"name_key", "duplicate_key"})
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
        ErasureRefused: no reason, a model without personal values, a row for which somebody still waits, or a value that
            a constraint wants.
    """
    if not reason.strip():
        raise ErasureRefused(_("An erasure needs its reason: who asked for it, and under which article."))
    for row in rows:
        if not personal_fields(type(row)):
            raise ErasureRefused(_("“%(name)s” holds no personal value.") % {"name": row})
    _ask([type(row)._base_manager.get(pk=row.pk) for row in rows])
    seal_all()
    with transaction.atomic():
        # Asked again of what stands now: an order may have been made on the account meanwhile, and none is from here on.
        rows = [type(row)._base_manager.select_for_update().get(pk=row.pk) for row in rows]
        _ask(rows)
        events = [event for row in rows for event in Event.objects.of(row)]
        for row in rows:
            take_leave(row, actor)
        places = [_place(row) for row in rows]
        told = [event for event in events if event.formula > 1 and event.action != ACTION]
        places += [[Event._meta.db_table, str(event.pk), None] for event in told]
        kept = {f"{row._meta.db_table} {row.pk}": left for row in rows if (left := _left_of(row))}
        data = {"places": places} | ({"kept": kept} if kept else {})
        said = record(rows[0], ACTION, actor=actor, data=data, comment=reason)
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


def _ask(rows: Sequence[models.Model]) -> None:
    """Refuse what somebody still waits for."""
    for row in rows:
        if needs := why_needed(row):
            raise ErasureRefused(" ".join(needs))


def _place(row: models.Model) -> list[Any]:
    table, key = row._meta.db_table, str(row.pk)
    last = HistorySeal.objects.filter(table=table, row=key).aggregate(last=Max("line"))["last"]
    return [table, key, last]


def _left_of(row: models.Model) -> dict[str, Any]:
    """What stays of the structured values of a row, for the event to say: it is in the chain, where the row's mark is not."""
    words, model = getattr(row, "ERASED", {}), type(row)
    names = [name for name in words if isinstance(model._meta.get_field(name), models.JSONField)]
    left = {f"left_{name}": words[name] for name in names}
    said = model._base_manager.filter(pk=row.pk).annotate(**left).values(*left).get() if names else {}
    return {name: said[f"left_{name}"] for name in names if said[f"left_{name}"]}


def _empty(row: models.Model) -> int:
    """Empty one row and its history alike, and throw its salt away; how many lines there were."""
    model, lines = type(row), Lines.of(type(row))
    fields = [model._meta.get_field(name) for name in personal_fields(model)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if words := getattr(model, "ERASED", None):
                # What the history holds a mark of: it gets the mark of what is left.
                kept = model._base_manager.filter(pk=row.pk)
                kept.update(**words)
                left = kept.values_list(*personal_fields(model)).get()
                values = {field: _as_text(value) for field, value in zip(fields, left, strict=True)}
            else:
                values = {field: _nothing(field, row.pk) for field in fields}
                assignments, parameters = _assigned(values)
                cursor.execute(
                    f"UPDATE {quoted(model._meta.db_table)} SET {assignments} "  # noqa: S608
                    f"WHERE {quoted(model._meta.pk.column)} = %s",
                    [*parameters, row.pk],
                )
            count = _empty_lines(cursor, lines, row.pk, values)
    except IntegrityError as error:
        raise ErasureRefused(_in_words(row, error)) from error
    PersonSalt.objects.filter(table=lines.name, row=str(row.pk)).delete()
    return count


def _as_text(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value


def _assigned(values: dict[models.Field, Any]) -> tuple[str, list[Any]]:
    """What is set to what. What was empty stays empty: a rule on who has which name holds as it did."""
    columns = (quoted(field.column) for field in values)
    return ", ".join(f"{column} = CASE WHEN {column}::text = '' THEN {column} ELSE %s END" for column in columns), [
        *values.values()
    ]


def _empty_lines(cursor: Any, lines: Lines, pk: Any, values: dict[models.Field, Any]) -> int:
    """Empty the lines of the history of one row; how many there are. A column that was declared personal only after a line
    was sealed is in what the seal proves of it: that line keeps it."""
    cursor.execute(
        f"SELECT line.pgh_id, seal.columns FROM {lines.table} AS line "  # noqa: S608
        f'LEFT JOIN core_historyseal AS leaf ON leaf."table" = %s AND leaf.line = line.pgh_id '
        f"LEFT JOIN core_eventseal AS seal ON seal.position = leaf.position WHERE line.{lines.key} = %s",
        [lines.name, pk],
    )
    found = cursor.fetchall()
    alike: dict[tuple[str, ...], list[int]] = {}
    for line, columns in found:
        sealed = json.loads(columns) if isinstance(columns, str) else columns or lines.columns
        alike.setdefault(tuple(sealed["personal"]), []).append(line)
    for personal, numbers in alike.items():
        assignments, parameters = _assigned(
            {field: value for field, value in values.items() if field.column in personal}
        )
        cursor.execute(
            f"UPDATE {lines.table} SET {assignments} WHERE pgh_id = ANY (%s)",  # noqa: S608
            [*parameters, numbers],
        )
    return len(found)


def _in_words(row: models.Model, error: IntegrityError) -> str:
    """Why the database keeps a row as it is."""
    rule = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or "–"
    if sentence := constraint_message(rule):
        return _("“%(name)s” cannot be emptied: %(reason)s") % {"name": row, "reason": sentence}
    return _(
        "“%(name)s” cannot be emptied as it stands: the rule “%(rule)s” asks for its values. Take it to its end first, or "
        "tell your administrator this rule."
    ) % {"name": row, "rule": rule}


def _nothing(field: models.Field, pk: Any) -> Any:
    """What stands for an erased value, within what the column takes."""
    if field.null:
        return None
    if isinstance(field, models.EmailField) or field.name == "email":
        return "" if field.blank else f"erased-{pk}@erased.invalid"
    if field.name == "iban":
        return f"{NO_IBAN}{pk:09d}"
    if field.name in KEYS or _tells_rows_apart(field):
        return f"{NOTHING} {pk}"
    if isinstance(field, models.JSONField | ArrayField):
        return "{}"
    if field.name.startswith("search") or (field.blank and "name" not in field.name):
        return ""
    return NOTHING


def _tells_rows_apart(field: models.Field) -> bool:
    """Whether two rows of a list may not have one value of this field: two that were emptied stay two."""
    rules = (rule for rule in field.model._meta.constraints if isinstance(rule, models.UniqueConstraint))
    return field.unique or any(field.name in rule.fields for rule in rules)


def erased_rows(model: type[models.Model]) -> models.QuerySet:
    """The keys of the rows of a tracked model that an erasure emptied: what they held is not there to be compared."""
    erasures = Erasure.objects.filter(table=model._meta.db_table, last_line__isnull=False)
    return erasures.annotate(key=Cast("row", models.BigIntegerField())).values("key")


def check_erasures() -> Iterator[Finding]:
    """Every emptied place is named by an event that says who erased it, and why; it holds the mark of that, no more."""
    named: set[tuple[str, str, Any, int]] = set()
    recorded: dict[int, Any] = {}
    kept: dict[str, tuple[Any, dict[str, Any]]] = {}
    for event in Event.objects.filter(action=ACTION).order_by("pk").iterator():
        recorded[event.pk] = event.recorded_at
        kept |= {place: (event.recorded_at, said) for place, said in event.data.get("kept", {}).items()}
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
    yield from _kept_otherwise(kept)
    yield from _events_filled_again()


def _kept_otherwise(kept: dict[str, tuple[Any, dict[str, Any]]]) -> Iterator[Finding]:
    """Rows of which an erasure left something, that say something else now."""
    models_by_table = {model._meta.db_table: model for model in tracked_models()}
    for place, (told, said) in kept.items():
        table, _space, pk = place.partition(" ")
        model = models_by_table.get(table)
        now = model._base_manager.filter(pk=pk).values(*said).first() if model else None
        if now is not None and now != said:
            field, before, after = differences(said, now)
            sentence = _("what the erasure by law left of this row, its event says otherwise.")
            yield Finding(table, pk, field, before, after, told, sentence)


def _filled_again(model: type[models.Model], rows: dict[str, int]) -> Iterator[Finding]:
    """Lines of erased rows, up to the last of each that was erased, with anything but the mark of an erasure in them."""
    lines = Lines.of(model)
    fields = [model._meta.get_field(name) for name in personal_fields(model)]
    marks = [marks_of(model, field, [model._meta.pk.to_python(row) for row in rows]) for field in fields]
    values = [f"line.{quoted(field.column)}::text" for field in fields]
    # Emptied as one row says nothing, as well as by the mark that tells it from others: some were, once. What was sealed
    # before its column was declared personal stayed.
    wrong = " OR ".join(
        f"coalesce({value}, '') NOT IN ('', '{NOTHING}', coalesce(place.mark_{number}, '')) "
        f"AND (seal.columns IS NULL OR seal.columns -> 'personal' @> '\"{field.column}\"')"
        for number, (field, value) in enumerate(zip(fields, values, strict=True))
    )
    names = ", ".join(f"mark_{number}" for number in range(len(fields)))
    query = f"""
        SELECT place.row, line.pgh_id AS line, line.pgh_created_at AS recorded_at, ARRAY[{names}]::text[] AS marks,
               ARRAY[{", ".join(values)}]::text[] AS said, seal.columns
        FROM unnest(%s::text[], %s::bigint[]{", %s::text[]" * len(fields)}) AS place (row, last, {names})
        JOIN {lines.table} AS line ON line.{lines.key}::text = place.row AND line.pgh_id <= place.last
        LEFT JOIN core_historyseal AS leaf ON leaf."table" = '{lines.name}' AND leaf.line = line.pgh_id
        LEFT JOIN core_eventseal AS seal ON seal.position = leaf.position
        WHERE {wrong} ORDER BY line.pgh_id
    """  # noqa: S608 - the names come from the models
    sentence = _("line %(line)s of the history of this row was erased by law, and says something again.")
    for row in fetch(query, [list(rows), list(rows.values()), *marks]):
        sealed = json.loads(row["columns"]) if row["columns"] else lines.columns
        filled = [
            (field.column, mark, said)
            for field, mark, said in zip(fields, row["marks"], row["said"], strict=True)
            if said and said not in (mark, NOTHING) and field.column in sealed["personal"]
        ]
        field, mark, said = differences(
            {column: mark for column, mark, _said in filled}, {column: said for column, _mark, said in filled}
        )
        yield Finding(lines.name, row["row"], field, mark, said, row["recorded_at"], sentence, {"line": row["line"]})


def marks_of(model: type[models.Model], field: models.Field, rows: list[Any]) -> list[str | None]:
    """The texts of what stands for an erased value of this field, for each row."""
    if words := getattr(model, "ERASED", None):
        mark = words[field.name]
        mark = Cast(mark, models.TextField()) if isinstance(field, models.JSONField) else mark
        marks = dict(model._base_manager.filter(pk__in=rows).values_list("pk", mark))
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
