"""The rows of whole tables, read and put back as COPY writes them: quickly, and to the last digit."""

import hashlib
from dataclasses import dataclass
from functools import cache

import pgtrigger
from django.db import connection, transaction
from django.db.models import QuerySet
from psycopg import sql

COLUMNS = """
    SELECT column_name FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = %s AND is_generated = 'NEVER' ORDER BY ordinal_position
"""


def tables_with_rows() -> list[str]:
    """The names of the tables that are not empty."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        parts = (f"(SELECT '{name}' WHERE EXISTS (SELECT FROM \"{name}\"))" for name in names)  # noqa: S608
        cursor.execute(" UNION ALL ".join(parts))
        return sorted(name for (name,) in cursor.fetchall())


@cache
def _columns(table: str) -> sql.Composable:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [table])
        return sql.SQL(", ").join(sql.Identifier(name) for (name,) in cursor.fetchall())


@dataclass(frozen=True)
class Table:
    """All rows of a table as they were at a moment."""

    name: str
    rows: bytes

    @classmethod
    def read(cls, name: str) -> "Table":
        statement = sql.SQL("COPY (SELECT {} FROM {}) TO STDOUT").format(_columns(name), sql.Identifier(name))
        with connection.connection.cursor() as cursor, cursor.copy(statement) as reading:
            return cls(name, b"".join(map(bytes, reading)))

    def put_back(self) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(self.name), _columns(self.name))
        with connection.connection.cursor() as cursor, cursor.copy(statement) as writing:
            writing.write(self.rows)


def replace(emptied: list[str], tables: list[Table]) -> None:
    """Empty some tables and put rows in others, as they stand: no trigger adds to them or refuses them."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for name in emptied:
            cursor.execute(f"DELETE FROM {connection.ops.quote_name(name)}")  # noqa: S608
        for table in tables:
            table.put_back()
        cursor.execute("SET LOCAL session_replication_role = origin")


def sequences() -> list[tuple[str, int]]:
    """The numbers that were given last."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL"
        )
        return cursor.fetchall()


def go_on_after(numbers: list[tuple[str, int]]) -> None:
    """No number up to these is given again."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT setval(quote_ident(name)::regclass, greatest(given, last_value)) "
            "FROM unnest(%s::text[], %s::bigint[]) AS known (name, given) "
            "JOIN pg_sequences ON sequencename = name AND schemaname = 'public'",
            list(map(list, zip(*numbers, strict=True))),
        )


class References:
    """What a migrated database holds before any test: roles, reference data, and their history."""

    def __init__(self) -> None:
        self.tables: list[Table] = []

    def read(self) -> None:
        with transaction.atomic():  # COPY asks for a connection that is there
            self.tables = [Table.read(name) for name in tables_with_rows()]

    def name(self) -> str:
        """A short name of what the database holds: rows of one database fit in another of the same name."""
        return hashlib.sha256(repr(self.tables).encode()).hexdigest()[:16]

    def come_back(self) -> None:
        """Nothing is left of what was committed since; what was changed or removed is there again."""
        replace(tables_with_rows(), self.tables)


references = References()


def never_written(rows: QuerySet) -> None:
    """Rows that the database never removes, as if nobody had written them yet."""
    with pgtrigger.ignore(f"{rows.model._meta.label}:never_deleted"):
        rows.delete()
