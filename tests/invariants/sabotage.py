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


def breaks_of(code: str) -> list[tuple[str, ...]]:
    """Every way in which an invariant is broken."""
    return [_breaks[code], *(statements for known, statements in _further if known == code)]


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


def role_given(at: str, by: str, to: str, of: str) -> str:
    """SQL: the roles of these persons were given by that one, at that moment, on the first row ``of`` a step."""
    return f"""
        INSERT INTO core_userroleevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, id, user_id, group_id)
        SELECT step.at, 'insert', jsonb_build_object('user', step.giver, 'label', ''), gen_random_uuid(), held.id,
               held.user_id, held.group_id
        FROM (SELECT {at} AS at, {by} AS giver, ARRAY[{to}] AS given FROM {of} LIMIT 1) AS step
        JOIN core_user_groups held ON held.user_id = ANY(step.given) ORDER BY held.id
    """  # noqa: S608 - fragments of these tests


def given(role: str, at: str, by: str, to: str, of: str) -> str:
    """SQL: this role was given to that person, who may hold it or not, on the first row ``of`` a step."""
    return f"""
        INSERT INTO core_userroleevent (pgh_created_at, pgh_label, pgh_context, pgh_context_id, id, user_id, group_id)
        SELECT {at}, 'insert', jsonb_build_object('user', {by}, 'label', ''), gen_random_uuid(), 0, {to},
               (SELECT id FROM auth_group WHERE name = '{role}') FROM {of} LIMIT 1
    """  # noqa: S608 - fragments of these tests


def in_one_hand(code: str, first: str, second: str, at: str, of: str) -> None:
    """Break the figure of persons of whom one gave the other their role."""
    breaks(code, role_given(at, first, second, of))


def of_one_maker(code: str, first: str, second: str, at: str, of: str) -> None:
    """Break the figure of persons whose roles were given by a third, who is the newest of all."""
    breaks(code, role_given(at, "(SELECT max(id) FROM core_user)", f"{first}, {second}", of))
