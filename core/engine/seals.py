"""The chain over all that happened.

Each subject's events are chained, but the last events of a chain, or a whole chain, could be removed and leave what
remains correct; and a line of the row history has no chain of its own. So everything gets a seal: a gapless position
and a hash over the seal before it and what is sealed, an event or a batch of history lines. Whatever is committed and
has no seal gets one: what an open transaction still holds back comes in the next round, wherever its number falls.

What waited for its seal longer than ``ESSOR_SEALED_WITHIN`` is sealed too, and an event says so (:data:`LATE`): seals
that were removed and made anew cannot be told from a worker that stood still, but neither happens in silence.
"""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from core.engine.lines import Lines, batch_digest, fetch, fix_text_settings
from core.events import canonical, record
from core.history import tracked_models
from core.models.event import EventSeal

# A key of our own for PostgreSQL's advisory locks: one sealer at a time.
SEALING = 0x6573736F72
# The most lines of one batch: their hashes are put together in the database's memory.
BATCH = 50_000

# The action of the event, on the first seal of its round, that tells of what was sealed late.
LATE = "seal_late"
# How new seals are hashed; see seal_hash.
FORMULA = 2

UNSEALED_EVENTS = """
    SELECT event.id, event.hash, event.transaction, coalesce(event.recorded_at, event.created_at) FROM core_event AS event
    WHERE NOT EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.event_id = event.id)
    ORDER BY event.id
"""


@dataclass(frozen=True)
class Sealed:
    """How many events and history lines got their seal."""

    events: int = 0
    lines: int = 0


@dataclass
class Late:
    """What one round sealed that had waited too long: how much, from when to when it was written."""

    events: int = 0
    lines: int = 0
    times: list[datetime] = field(default_factory=list)


def waits_at_most() -> timedelta:
    """How long what was written may wait for its seal; the worker seals each minute."""
    return timedelta(minutes=settings.ESSOR_SEALED_WITHIN)


def _instant(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds") if moment else ""


def seal_hash(previous: str, seal: EventSeal) -> str:
    """The SHA-256 (hexadecimal) of one seal, after the hash of the one before it.

    Formula 2 takes in when the seal was made, and when the first of what it seals was written.
    """
    if seal.event_id is None:
        what = f"{seal.table}|{seal.lines}|{seal.batch_hash}|{canonical(seal.columns)}"
    else:
        what = f"{seal.event_id}|{seal.event_hash}"
        if seal.transaction is not None:  # older events have none
            what += f"|{seal.transaction}"
    if seal.round:  # the first seals were made before there were rounds
        what += f"|{seal.round}"
    if seal.formula > 1:
        what += f"|{_instant(seal.oldest)}|{_instant(seal.sealed_at)}"
    return hashlib.sha256(f"{previous}|{seal.position}|{what}".encode()).hexdigest()


def broken_seals(positions: Iterable[int]) -> set[int]:
    """Those of these seals that do not say what was chained: what they say of others proves nothing."""
    wanted = set(positions)
    near = EventSeal.objects.in_bulk(wanted | {position - 1 for position in wanted})
    return {
        position
        for position in wanted
        if position in near and (position == 1 or position - 1 in near)
        if seal_hash(near[position - 1].hash if position > 1 else "", near[position]) != near[position].hash
    }


def seal_all() -> Sealed:
    """Seal every event and every history line that has no seal yet, in one instant."""
    with _alone():
        fix_text_settings()
        chain = _Chain()
        events = _seal_events(chain)
        lines = sum(_seal_lines(chain, Lines.of(model)) for model in tracked_models())
        if chain.late.times:
            _tell_late(chain)
            events += _seal_events(chain)
    return Sealed(events, lines)


@contextmanager
def _alone() -> Iterator[None]:
    """One sealer at a time, which sees one instant: events and lines of a transaction come in one round.

    The lock is taken before the transaction, whose snapshot must show what the sealer before has done. Inside a
    caller's transaction (tests) both are the caller's.
    """
    if connection.in_atomic_block:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])
            yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [SEALING])
        try:
            with transaction.atomic():
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SEALING])


class _Chain:
    """The end of the chain, to which seals are added; those of one round know its first position."""

    def __init__(self) -> None:
        last = EventSeal.objects.order_by("position").last()
        self.position, self.hash = (last.position, last.hash) if last else (0, "")
        self.round = self.position + 1
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            (self.now,) = cursor.fetchone()
        self.limit = self.now - waits_at_most()
        self.late = Late()

    def add(self, seal: EventSeal) -> EventSeal:
        self.position += 1
        seal.position, seal.round = self.position, self.round
        seal.formula, seal.sealed_at = FORMULA, self.now
        seal.hash = self.hash = seal_hash(self.hash, seal)
        return seal


def _seal_events(chain: _Chain) -> int:
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED_EVENTS)
        seals = [
            chain.add(EventSeal(event_id=number, event_hash=hashed, transaction=transaction_id, oldest=written))
            for number, hashed, transaction_id, written in cursor.fetchall()
        ]
    EventSeal.objects.bulk_create(seals, batch_size=5_000)
    late = [seal.oldest for seal in seals if seal.oldest < chain.limit]
    chain.late.events += len(late)
    chain.late.times += [min(late), max(late)] if late else []
    return len(seals)


def _tell_late(chain: _Chain) -> None:
    """Record, in the round itself, that it sealed what had waited too long."""
    late = chain.late
    record(
        EventSeal.objects.get(position=chain.round),
        LATE,
        data={"events": late.events, "lines": late.lines, "from": min(late.times), "to": max(late.times)},
    )


def _seal_lines(chain: _Chain, lines: Lines) -> int:
    """Seal the new lines of one history table, batch by batch."""
    total = 0
    while count := _seal_batch(chain, lines):
        total += count
        if count < BATCH:
            break
    return total


def _seal_batch(chain: _Chain, lines: Lines) -> int:
    unsealed = f"""
        FROM {lines.table} AS line
        WHERE NOT EXISTS (
            SELECT FROM core_historyseal AS seal WHERE seal."table" = '{lines.name}' AND seal.line = line.pgh_id
        )
    """
    personal = lines.personal_digest(lines.columns)
    if lines.columns["personal"]:
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO core_personsalt ("table", row, salt) '
                f"SELECT '{lines.name}', line.{lines.key}::text, gen_random_uuid() {unsealed} "
                f"GROUP BY line.{lines.key} ON CONFLICT DO NOTHING"
            )
    # The personal digest is computed once, below the digest that takes it in.
    query = f"""
        WITH line AS (SELECT line.* {unsealed} ORDER BY line.pgh_id LIMIT {BATCH}),
        salted AS (
            SELECT line.*, {personal} AS essor_personal FROM line {lines.with_salt(lines.columns)}
        ),
        kept AS (
            INSERT INTO core_historyseal (position, "table", line, row, digest, personal_digest)
            SELECT {chain.position + 1}, '{lines.name}', line.pgh_id, line.{lines.key}::text,
                   {lines.digest(lines.columns, "line.essor_personal")}, line.essor_personal
            FROM salted AS line
            RETURNING line, row, digest
        )
        SELECT count(*) AS count, {batch_digest("kept")} AS hash, (SELECT min(pgh_created_at) FROM line) AS oldest,
               (SELECT count(*) FROM line WHERE pgh_created_at < %s) AS late,
               (SELECT max(pgh_created_at) FROM line WHERE pgh_created_at < %s) AS last_late
        FROM kept
    """  # noqa: S608
    (batch,) = fetch(query, [chain.limit, chain.limit])
    if batch["count"]:
        seal = EventSeal(
            table=lines.name, lines=batch["count"], batch_hash=batch["hash"], columns=lines.columns,
            oldest=batch["oldest"],
        )  # fmt: skip
        chain.add(seal).save(force_insert=True)
    if batch["late"]:
        chain.late.lines += batch["late"]
        chain.late.times += [batch["oldest"], batch["last_late"]]
    return batch["count"]
