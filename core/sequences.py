"""Public case numbers: without gaps and without doubles, also when many people ask at once."""

from django.db import connection, transaction

from core.models.sequence import Sequence


def next_number(prefix: str, year: int, width: int = 5) -> str:
    """The next number of a prefix and a year, e.g. ``PROG-2026-00042``.

    The counter's row stays locked until the caller's transaction ends: a rollback gives the number back.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("next_number() must be called inside the transaction that uses the number.")
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {Sequence._meta.db_table} AS counter (prefix, year, last_value) VALUES (%s, %s, 1) "  # noqa: S608
            "ON CONFLICT (prefix, year) DO UPDATE SET last_value = counter.last_value + 1 RETURNING last_value",
            [prefix, year],
        )
        (value,) = cursor.fetchone()
    return f"{prefix}-{year}-{value:0{width}d}"
