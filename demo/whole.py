"""All or nothing for a story that is lived in many transactions: what was there before is put aside, and comes back.

Each act of the demonstration is committed for good, as in life. A story that breaks off, or whose process is killed,
must not leave half a Region: the tables as they were wait in a schema beside, until the end is reached; whoever starts
the demonstration again finds them there and puts them back first.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

ASIDE = "essor_before_demo"
# What the story never writes, and a later version of Essor may have moved on.
LEFT_ALONE = {"django_migrations"}


@contextmanager
def whole_or_nothing() -> Iterator[None]:
    """What happens inside stays when it is finished; else every table is as it was before.

    Needs the owner of the tables: giving them back is no business of the application.
    """
    _put_aside()
    try:
        yield
    except BaseException:
        give_back()
        raise
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA {ASIDE} CASCADE")


def was_interrupted() -> bool:
    """Whether a story began and neither reached its end nor was undone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regnamespace(%s) IS NOT NULL", [ASIDE])
        return cursor.fetchone()[0]


@transaction.atomic
def give_back() -> None:
    """Make every table what it was when the story began."""
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        tables, kept = _tables(cursor, "public"), set(_tables(cursor, ASIDE))
        # What happened cannot be removed from Essor; this did not happen.
        for table in tables:
            cursor.execute(f"ALTER TABLE {quoted(table)} DISABLE TRIGGER USER")
        cursor.execute(f"TRUNCATE {', '.join(quoted(table) for table in tables)}")
        for table in tables:
            if table in kept:
                columns = ", ".join(quoted(name) for name in _columns(cursor, table))
                cursor.execute(
                    f"INSERT INTO {quoted(table)} ({columns}) SELECT {columns} FROM {ASIDE}.{quoted(table)}"  # noqa: S608
                )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what waits for the end would hold the triggers
        for table in tables:
            cursor.execute(f"ALTER TABLE {quoted(table)} ENABLE TRIGGER USER")
        cursor.execute(f"DROP SCHEMA {ASIDE} CASCADE")


@transaction.atomic
def _put_aside() -> None:
    quoted = connection.ops.quote_name
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {ASIDE}")
        for table in _tables(cursor, "public"):
            cursor.execute(f"SELECT EXISTS (SELECT FROM {quoted(table)})")  # noqa: S608
            if cursor.fetchone()[0]:
                cursor.execute(f"CREATE TABLE {ASIDE}.{quoted(table)} AS TABLE {quoted(table)}")


def _tables(cursor: CursorWrapper, schema: str) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])
    return [name for (name,) in cursor.fetchall() if name not in LEFT_ALONE]


def _columns(cursor: CursorWrapper, table: str) -> list[str]:
    """The columns that both hold and that are written, not generated."""
    cursor.execute(
        "SELECT here.column_name FROM information_schema.columns AS here "
        "JOIN information_schema.columns AS there USING (table_name, column_name) "
        "WHERE here.table_schema = 'public' AND there.table_schema = %s AND here.table_name = %s "
        "AND here.is_generated = 'NEVER' ORDER BY here.ordinal_position",
        [ASIDE, table],
    )
    return [name for (name,) in cursor.fetchall()]
