"""The chain of all events.

Each subject's events are chained, but the last events of a chain, or a whole chain, could be removed and leave what
remains correct. So every event also gets a seal: a gapless position and a hash over the seal before it and the event's
hash. Whatever is committed and has no seal gets one: what an open transaction still holds back comes in the next round,
wherever its number falls.
"""

import hashlib

from django.db import connection, transaction

from core.models.event import EventSeal

# A key of our own for pg_advisory_xact_lock: one sealer at a time.
SEALING = 0x6573736F72
BATCH = 5_000

UNSEALED_SQL = """
    SELECT event.id, event.hash FROM core_event AS event
    WHERE NOT EXISTS (SELECT FROM core_eventseal AS seal WHERE seal.event_id = event.id)
    ORDER BY event.id
    LIMIT %s
"""


def seal_hash(previous: str, position: int, event_id: int, event_hash: str) -> str:
    """The SHA-256 (hexadecimal) of one seal."""
    return hashlib.sha256(f"{previous}|{position}|{event_id}|{event_hash}".encode()).hexdigest()


def seal_new_events() -> int:
    """Seal every event that has no seal; the number of new seals."""
    total = 0
    while True:
        sealed = _seal_batch()
        total += sealed
        if sealed < BATCH:
            return total


def _seal_batch() -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEALING])
        cursor.execute(UNSEALED_SQL, [BATCH])
        events = cursor.fetchall()
        last = EventSeal.objects.order_by("position").last()
        position, previous = (last.position, last.hash) if last else (0, "")
        seals = []
        for event_id, event_hash in events:
            position += 1
            previous = seal_hash(previous, position, event_id, event_hash)
            seals.append(EventSeal(position=position, event_id=event_id, event_hash=event_hash, hash=previous))
        EventSeal.objects.bulk_create(seals)
    return len(seals)
