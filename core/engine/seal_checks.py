"""The chain of seals: whole, of events that are there, made when it says, and of everything that should have one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from core.engine.added_lines import added_lines, findings_of
from core.engine.authors import BEGINS_WITH as AUTHORS_BEGIN_WITH
from core.engine.authors import exceptions_of
from core.engine.edited_seals import SealsOfLines
from core.engine.findings import Finding
from core.engine.lines import Lines, fetch
from core.engine.lost_seals import (
    cut_lines,
    finding_of_the_end,
    findings_of_seals,
    lines_without_their_seal,
    removed_batches,
    rounds_of_removed_seals,
)
from core.engine.seals import FORMULA, LATE, broken_seals, seal_hash, waits_at_most
from core.events import hash_of
from core.history import tracked_models
from core.models.event import Event, EventSeal

CHUNK = 2_000
# From this migration on, seals are of formula 2: their hash takes in when they were made.
BEGINS_WITH = ("core", "0010_what_the_proof_left_out")


def check_seals() -> Iterator[Finding]:
    """The chain of all events is whole, and every sealed event is still there, unchanged."""
    table, position, last = EventSeal._meta.db_table, 0, _Link("", "")
    told = set(removed_batches()) if rounds_of_removed_seals() else set[int]()  # these are named with their lines
    for seal in EventSeal.objects.order_by("position").iterator(CHUNK):
        position += 1
        gap = seal.position != position
        if gap and not told.issuperset(range(position, seal.position)):
            yield Finding(
                table, seal.position, "position", position, seal.position, seal.sealed_at,
                _("a seal before this one is missing."),
            )  # fmt: skip
        position = seal.position
        computed = seal_hash(last.said, seal)
        follows = computed == seal.hash
        if last.seal and not follows and not gap and seal_hash(last.computed, seal) == seal.hash:
            yield last.edited("hash")
            follows, last.seal = True, None
        elif last.seal:
            yield last.edited("*")
        if gap and not follows:
            computed, follows = seal.hash, True  # what it followed is gone: nothing can be said of it
        last = _Link(seal.hash, computed, None if follows else seal)
    if last.seal:
        yield last.edited("last")
    query = f"""
        SELECT seal.position, seal.event_id, seal.event_hash, event.hash, seal.sealed_at,
               seal.transaction::text AS sealed_transaction, event.transaction::text AS transaction
        FROM {table} AS seal LEFT JOIN {Event._meta.db_table} AS event ON event.id = seal.event_id
        WHERE seal.event_id IS NOT NULL AND (event.id IS NULL OR event.transaction IS DISTINCT FROM seal.transaction)
        ORDER BY seal.position
    """  # noqa: S608
    rows = fetch(query)
    broken = broken_seals(row["position"] for row in rows)  # these seals were edited, and are named for it
    yield from _found_in_events([row for row in rows if row["position"] not in broken])
    yield from check_unchained()
    yield from check_times_of_events()
    yield from check_beginning()
    yield from check_times_of_seals()


@dataclass
class _Link:
    """A seal that the next one is compared with: the hash that it says, and the one that is made of its content.

    ``seal`` is kept when the two differ: the seal after it says whether its hash was edited, or what it seals.
    """

    said: str
    computed: str
    seal: EventSeal | None = None

    def edited(self, field: str) -> Finding:
        """The seal was edited. The one after it proves the hash made of the content ("hash"), or not ("*"), or is none."""
        table, position, at = EventSeal._meta.db_table, self.seal.position, self.seal.sealed_at
        if field == "hash":
            sentence = _("the hash of this seal was edited: the seal after it follows the one that its content gives.")
            return Finding(table, position, "hash", self.computed, self.said, at, sentence)
        if field == "last":
            sentence = _("this seal was edited, its content or its hash: none comes after it that would say which.")
        else:
            sentence = _("this seal was edited: its content is not what was chained. What it said before is not known.")
        return Finding(table, position, "*", None, None, None, sentence)  # when it was made may be what was edited


def check_unchained() -> Iterator[Finding]:
    """A seal says nothing beside what its hash takes in, and is made by a formula that there is."""
    table = EventSeal._meta.db_table
    query = """
        SELECT seal.position, seal.sealed_at, field.name, field.before, field.after FROM core_eventseal AS seal
        CROSS JOIN LATERAL (VALUES
            ('formula', NULL, seal.formula::text, seal.formula NOT BETWEEN 1 AND %(newest)s),
            ('batch_hash', '', seal.batch_hash, seal.event_id IS NOT NULL AND seal.batch_hash <> ''),
            ('columns', '{}', seal.columns::text, seal.event_id IS NOT NULL AND seal.columns <> '{}'::jsonb),
            ('table', '', seal."table", seal.event_id IS NOT NULL AND seal."table" <> ''),
            ('lines', '0', seal.lines::text, seal.event_id IS NOT NULL AND seal.lines <> 0),
            ('event_hash', '', seal.event_hash, seal.event_id IS NULL AND seal.event_hash <> ''),
            ('transaction', NULL, seal.transaction::text, seal.event_id IS NULL AND seal.transaction IS NOT NULL)
        ) AS field (name, before, after, is_unchained)
        WHERE field.is_unchained ORDER BY seal.position
    """
    for row in fetch(query, {"newest": FORMULA}):
        sentence = _("this seal was edited: what it says here is not what a seal of its kind says.")
        yield Finding(table, row["position"], row["name"], row["before"], row["after"], row["sealed_at"], sentence)


def check_times_of_events() -> Iterator[Finding]:
    """When an event was written is what its seal says, which the chain proves; one without a seal is not of the future."""
    query = """
        SELECT event.id, coalesce(seal.oldest, event.created_at) AS before, event.recorded_at, seal.position,
               coalesce(seal.sealed_at, event.created_at) AS sealed_at
        FROM core_event AS event LEFT JOIN core_eventseal AS seal ON seal.event_id = event.id
        WHERE seal.formula > 1 AND coalesce(event.recorded_at, event.created_at) IS DISTINCT FROM seal.oldest
           OR seal.formula = 1 AND event.recorded_at IS NOT NULL
           OR seal.position IS NULL AND event.recorded_at > clock_timestamp() + interval '5 minutes'
        ORDER BY event.id
    """
    rows = fetch(query)
    broken = broken_seals(row["position"] for row in rows if row["position"])
    for row in rows:
        if row["position"] in broken:  # the seal was edited, and is named for it
            continue
        if row["position"]:
            sentence = _("this event says that it was recorded at another instant than the one that was sealed.")
        else:
            sentence = _("this event says that it was recorded at an instant to come.")
        before = row["before"] if row["position"] else None
        yield Finding(
            Event._meta.db_table, row["id"], "recorded_at", before, row["recorded_at"], row["sealed_at"], sentence
        )


def check_beginning() -> Iterator[Finding]:
    """The migrations from which on lines are asked for their event are not said to be later than what they brought."""
    query = """
        SELECT migration.id, migration.app || '.' || migration.name AS name, migration.applied, seal.sealed_at, seal.position
        FROM django_migrations AS migration CROSS JOIN LATERAL (
            SELECT position, sealed_at FROM core_eventseal WHERE formula > 1 AND sealed_at < migration.applied
            ORDER BY sealed_at, position LIMIT 200
        ) AS seal
        WHERE (migration.app || '.' || migration.name) = ANY (%s) ORDER BY migration.id, seal.sealed_at, seal.position
    """
    rows, named = fetch(query, [[".".join(AUTHORS_BEGIN_WITH), ".".join(BEGINS_WITH)]]), set[int]()
    broken = broken_seals(row["position"] for row in rows)
    for row in rows:
        if row["id"] in named or row["position"] in broken:
            continue  # a seal that was edited says nothing of when others were written
        named.add(row["id"])
        sentence = _(
            "the migration %(name)s is said to have come after what it brought: older lines would not be asked."
        )
        yield Finding(
            "django_migrations", row["id"], "applied", row["sealed_at"], row["applied"], row["applied"], sentence,
            {"name": row["name"]},
        )  # fmt: skip


def _found_in_events(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    table = Event._meta.db_table
    for row in rows:
        if row["hash"] is None:
            sentence = _("this sealed event was removed.")
            yield Finding(table, row["event_id"], "*", None, None, row["sealed_at"], sentence)
            continue
        sentence = _("this event says that it was written in another transaction than the one that was sealed.")
        before, after = row["sealed_transaction"], row["transaction"]
        yield Finding(table, row["event_id"], "transaction", before, after, row["sealed_at"], sentence)


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
        WHERE sealed_at < before OR sealed_at > clock_timestamp() + interval '5 minutes' OR formula < least(formula_before, %s)
              OR sealed_at < written - interval '1 day' OR (formula = 1 AND sealed_at > %s)
        ORDER BY position
    """
    rows = fetch(query, [FORMULA, _begins_at()])
    broken = broken_seals(position for row in rows for position in (row["position"] - 1, row["position"]))
    for row in rows:
        if broken & {row["position"] - 1, row["position"]}:
            continue  # it is a seal that was edited that says another time, and it is named for it
        sentence = _("this seal cannot have been made when it says.")
        yield Finding(table, row["position"], "sealed_at", row["before"], row["sealed_at"], row["written"], sentence)
    query = """
        SELECT round, min(oldest) AS first, max(sealed_at) AS sealed_at,
               count(event_id) AS events, coalesce(sum(lines), 0) AS lines, array_agg(position) AS positions
        FROM core_eventseal WHERE formula > 1 AND sealed_at - oldest > %s
          AND NOT EXISTS (SELECT FROM core_event AS event WHERE event.content_type_id = %s
                          AND event.object_id = core_eventseal.round AND event.action = %s)
        GROUP BY round ORDER BY round
    """
    for row in fetch(query, [waits_at_most(), ContentType.objects.get_for_model(EventSeal).pk, LATE]):
        if broken_seals(row["positions"]).issuperset(row["positions"]):
            continue  # these seals say another round or time than was chained, and are named for it
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


def transactions_of_removed_events() -> set[str]:
    """The transactions of sealed events that are gone: what was written in them lacks its event, and is not to blame; those
    of events that are gone with their seals, as far as there are no more of them than seals missing from their rounds."""
    query = """
        SELECT DISTINCT seal.transaction::text AS number FROM core_eventseal AS seal
        LEFT JOIN core_event AS event ON event.id = seal.event_id
        WHERE seal.event_id IS NOT NULL AND event.id IS NULL AND seal.transaction IS NOT NULL
    """
    return {row["number"] for row in fetch(query)} | _transactions_without_seals()


def _transactions_without_seals() -> set[str]:
    """The transactions that name a person of whom they hold no event, by rounds from which seals are gone."""
    if not (missing := rounds_of_removed_seals()):
        return set()
    found: dict[int, set[str]] = {}
    for model in tracked_models():
        lines = Lines.of(model)
        query = f"""
            SELECT DISTINCT batch.round, line.pgh_context_id::text AS number FROM {lines.table} AS line
            JOIN core_historyseal AS leaf ON leaf."table" = %s AND leaf.line = line.pgh_id
            JOIN core_eventseal AS batch ON batch.position = leaf.position
            WHERE batch.round = ANY (%s) AND line.pgh_context ->> 'user' IS NOT NULL AND line.pgh_context_id IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM core_event AS event WHERE event.transaction = line.pgh_context_id
                  AND event.actor_id = (line.pgh_context ->> 'user')::bigint)
              AND NOT coalesce({exceptions_of(lines.name)}, false)
        """  # noqa: S608
        for row in fetch(query, [lines.name, list(missing)]):
            found.setdefault(row["round"], set()).add(row["number"])
    return {number for round_, numbers in found.items() if len(numbers) <= missing[round_] for number in numbers}


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
    seals: SealsOfLines = field(default_factory=SealsOfLines)

    def check(self) -> Iterator[Finding]:
        """Whatever was written longer ago than a seal takes has one. Proving seals nothing."""
        limit, cut = _now() - waits_at_most(), 0
        if self._add(EVENTS, limit, "events"):
            self._take_away([event.recorded_at or event.created_at for event in _false_events()], limit, "events")
        for model in tracked_models():
            lines = Lines.of(model)
            if self._add(_unsealed_lines(lines), limit, "lines"):
                edited = {seal.line: seal.recorded_at(lines) for seal in self.seals.edited if seal.table == lines.name}
                added = {number: row for number, row in added_lines(lines).items() if number not in edited}
                yield from findings_of(lines, added)
                lost = lines_without_their_seal(lines) if self.seals.lacks(lines.name) else {}
                lost = {number: row for number, row in lost.items() if number not in edited}
                yield from findings_of_seals(lines, lost)
                cut += cut_lines(lines)
                named = [*edited.values(), *(row["recorded_at"] for row in [*added.values(), *lost.values()])]
                self._take_away(named, limit, "lines")
        if cut:
            yield finding_of_the_end(cut)
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

    def _take_away(self, written: list[datetime], limit: datetime, kind: str) -> None:
        """What waits for no seal: somebody added it, or edited its seal, and it is named."""
        late = sum(moment < limit for moment in written)
        setattr(self, kind, getattr(self, kind) - late)
        self.young -= len(written) - late

    def _add(self, query: str, limit: datetime, kind: str) -> int:
        """Count what waits; how much of this kind there is."""
        (row,) = fetch(query, {"limit": limit})
        self.young += row["young"]
        setattr(self, kind, getattr(self, kind) + row["late"])
        if row["late"]:
            self.first = min(filter(None, (self.first, row["first"])))
            self.last = max(filter(None, (self.last, row["last"])))
        return row["young"] + row["late"]


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


def _false_events() -> list[Event]:
    """Events without a seal that do not say what their hash says: the check of the events names them."""
    labels = {kind.pk: f"{kind.app_label}.{kind.model}" for kind in ContentType.objects.all()}
    sealed = EventSeal.objects.filter(event_id=OuterRef("pk"))
    return [
        event
        for event in Event.objects.exclude(Exists(sealed)).order_by("-pk")[:CHUNK]
        if hash_of(event, labels.get(event.content_type_id, "?")) != event.hash
    ]


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
