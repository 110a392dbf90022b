"""False states that the product never lets anybody make: by SQL, triggers and constraints off, undone by the test."""

import re
from collections.abc import Iterable

from django.db import connection

# By invariant: the statements that break it in one row of the demonstration. Each app's are in a module of its own.
_breaks: dict[str, tuple[str, ...]] = {}
# Further ways to break one that looks at several things: each of them is named, and no other.
_further: list[tuple[str, tuple[str, ...]]] = []
# The settings under which it can be broken at all.
_settings: dict[str, dict[str, object]] = {}
_WRITTEN = re.compile(r"\b(?:UPDATE|INSERT INTO|DELETE FROM)\s+(\w+)", re.IGNORECASE)
_CONSTRAINTS = """
    SELECT format('ALTER TABLE %%I DROP CONSTRAINT %%I', c.conrelid::regclass::text, c.conname)
    FROM pg_constraint c WHERE c.conrelid = ANY(%s::regclass[]) AND c.contype IN ('c', 'u')
    UNION ALL
    SELECT format('DROP INDEX %%I', i.indexrelid::regclass::text)
    FROM pg_index i WHERE i.indrelid = ANY(%s::regclass[]) AND i.indisunique AND NOT i.indisprimary
      AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)
"""


def breaks(code: str, *statements: str, **settings: object) -> None:
    """Declare how an invariant is broken, and under which settings where these matter."""
    if code in _breaks:
        raise ValueError(f"Two ways to break {code}.")
    _breaks[code], _settings[code] = statements, settings


def breaks_too(code: str, *statements: str) -> None:
    """Declare another way to break an invariant that looks at several things."""
    _further.append((code, statements))


def further() -> list[tuple[str, tuple[str, ...]]]:
    return list(_further)


def broken_codes() -> list[str]:
    return list(_breaks)


def statements_of(code: str) -> tuple[str, ...]:
    return _breaks[code]


def settings_of(code: str) -> dict[str, object]:
    return _settings[code]


def sabotage(statements: Iterable[str]) -> None:
    """As the owner of the database who switches everything off."""
    statements = list(statements)
    tables = sorted({table for statement in statements for table in _WRITTEN.findall(statement)})
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(_CONSTRAINTS, [tables, tables])
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        for statement in statements:
            cursor.execute(statement)
            if statement.lstrip()[:6].upper() in {"UPDATE", "DELETE", "INSERT"}:
                assert cursor.rowcount, f"nothing was changed: {statement}"
        cursor.execute("SET LOCAL session_replication_role = origin")
