"""The chain of seals: whole, of events that are there, made when it says, and of everything that should have one."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.migrations.recorder import MigrationRecorder
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import Lines, fetch
from core.engine.seals import LATE, seal_hash, waits_at_most
from core.history import tracked_models
from core.models.event import Event, EventSeal

CHUNK = 2_000
# From this migration on, seals are of formula 2: their hash takes in when they were made.
BEGINS_WITH = ("core", "0010_what_the_proof_left_out")


def check_seals() -> Iterator[Finding]:
    """The chain of all events is whole, and every sealed event is still there, unchanged."""
    table, position, previous = EventSeal._meta.db_table, 0, ""
    for seal in EventSeal.objects.order_by("position").iterator(CHUNK):
        position += 1
        if seal.position != position:
            yield Finding(
                table, seal.position, "position", position, seal.position, seal.sealed_at,
                _("a seal before this one is missing."),
            )  # fmt: skip
            position = seal.position
        computed = seal_hash(previous, seal)
        if computed != seal.hash:
            yield Finding(
                table, seal.position, "hash", seal.hash, computed, seal.sealed_at,
                _("this seal, or the one before it, was edited."),
            )  # fmt: skip
        previous = seal.hash
    query = f"""
        SELECT seal.position, seal.event_id, seal.event_hash, event.hash, seal.sealed_at
        FROM {table} AS seal LEFT JOIN {Event._meta.db_table} AS event ON event.id = seal.event_id
        WHERE seal.event_id IS NOT NULL AND (event.id IS NULL OR event.hash <> seal.event_hash
              OR event.transaction IS DISTINCT FROM seal.transaction)
        ORDER BY seal.position
    """  # noqa: S608
    yield from _found_in_events(fetch(query))
    yield from check_times_of_seals()


def _found_in_events(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    for row in rows:
        gone = row["hash"] is None
        sentence = _("this sealed event was removed.") if gone else _("this sealed event was written anew.")
        yield Finding(
            Event._meta.db_table, row["event_id"], "hash", row["event_hash"], row["hash"], row["sealed_at"], sentence
        )


def check_times_of_seals() -> Iterator[Finding]:
    """Seals were made one after the other, after what they seal, and soon after it unless an event says otherwise."""
    table = EventSeal._meta.db_table
    query = """
        SELECT position, sealed_at, before, written, formula FROM (
            SELECT seal.position, seal.sealed_at, seal.formula, seal.oldest,
                   lag(seal.sealed_at) OVER chain AS before, lag(seal.formula) OVER chain AS formula_before,
                   coalesce(seal.oldest, event.created_at) AS written
            FROM core_eventseal AS seal LEFT JOIN core_event AS event ON event.id = seal.event_id
            WINDOW chain AS (ORDER BY seal.position)
        ) AS seal
        WHERE sealed_at < before OR sealed_at > clock_timestamp() + interval '5 minutes' OR formula < formula_before
              OR sealed_at < written - interval '1 day' OR (formula = 1 AND sealed_at > %s)
        ORDER BY position
    """
    for row in fetch(query, [_begins_at()]):
        sentence = _("this seal cannot have been made when it says.")
        yield Finding(table, row["position"], "sealed_at", row["before"], row["sealed_at"], row["written"], sentence)
    query = """
        SELECT round, min(oldest) AS first, max(sealed_at) AS sealed_at,
               count(event_id) AS events, coalesce(sum(lines), 0) AS lines
        FROM core_eventseal WHERE formula > 1 AND sealed_at - oldest > %s
          AND NOT EXISTS (SELECT FROM core_event AS event WHERE event.content_type_id = %s
                          AND event.object_id = core_eventseal.round AND event.action = %s)
        GROUP BY round ORDER BY round
    """
    for row in fetch(query, [waits_at_most(), ContentType.objects.get_for_model(EventSeal).pk, LATE]):
        sentence = _(
            "%(events)d events and up to %(lines)d history lines, the first of them written on %(first)s, were sealed "
            "long after, and no event says so: their seals were made anew."
        )
        words = {"events": row["events"], "lines": row["lines"], "first": _minute(row["first"])}
        yield Finding(
            table, row["round"], "sealed_at", row["first"], row["sealed_at"], row["sealed_at"], sentence, words
        )


def _begins_at() -> datetime:
    app, name = BEGINS_WITH
    applied = MigrationRecorder.Migration.objects.filter(app=app, name=name).values_list("applied", flat=True).first()
    return applied or datetime.max.replace(tzinfo=UTC)


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else "?"


@dataclass
class Unsealed:
    """What has no seal yet. ``young``: it waits for the worker's next round; the rest waits too long."""

    events: int = 0
    lines: int = 0
    young: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def check(self) -> Iterator[Finding]:
        """Whatever was written longer ago than a seal takes has one. Proving seals nothing."""
        limit = _now() - waits_at_most()
        self._add(EVENTS, limit, "events")
        for model in tracked_models():
            self._add(_unsealed_lines(Lines.of(model)), limit, "lines")
        if not self.events and not self.lines:
            return
        sentence = _(
            "%(events)d events and %(lines)d history lines, written from %(first)s to %(last)s, have no seal. Start the "
            "worker, which seals each minute and records that it was late. If it was at work, their seals were removed."
        )
        words = {
            "events": self.events, "lines": self.lines, "first": _minute(self.first), "last": _minute(self.last)
        }  # fmt: skip
        yield Finding(EventSeal._meta.db_table, "*", "*", None, None, self.last, sentence, words)

    def _add(self, query: str, limit: datetime, kind: str) -> None:
        (row,) = fetch(query, {"limit": limit})
        self.young += row["young"]
        setattr(self, kind, getattr(self, kind) + row["late"])
        if row["late"]:
            self.first = min(filter(None, (self.first, row["first"])))
            self.last = max(filter(None, (self.last, row["last"])))


_COUNTS = """
    count(*) FILTER (WHERE written >= %(limit)s) AS young, count(*) FILTER (WHERE written < %(limit)s) AS late,
    min(written) AS first, max(written) FILTER (WHERE written < %(limit)s) AS last
"""
EVENTS = f"""
    SELECT {_COUNTS} FROM (
        SELECT coalesce(event.recorded_at, event.created_at) AS written FROM core_event AS event
        WHERE NOT EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.event_id = event.id)
    ) AS unsealed
"""  # noqa: S608


def _unsealed_lines(lines: Lines) -> str:
    return f"""
        SELECT {_COUNTS} FROM (
            SELECT line.pgh_created_at AS written FROM {lines.table} AS line WHERE NOT EXISTS (
                SELECT FROM core_historyseal AS seal WHERE seal."table" = '{lines.name}' AND seal.line = line.pgh_id
            )
        ) AS unsealed
    """  # noqa: S608


def _now() -> datetime:
    (row,) = fetch("SELECT clock_timestamp() AS now")
    return row["now"]


def told_late() -> list[dict[str, Any]]:
    """The events that tell of what was sealed late: how much, from when to when."""
    return [
        {
            "event": event.pk,
            **event.data,
            "from": _minute(datetime.fromisoformat(event.data["from"])),
            "to": _minute(datetime.fromisoformat(event.data["to"])),
        }
        for event in Event.objects.filter(action=LATE, content_type__app_label="core", content_type__model="eventseal")
    ]
