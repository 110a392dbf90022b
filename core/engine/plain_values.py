"""Every day that a table keeps is one of the calendar, from the year 1 to 9999 and never "infinity"; every number is one.

PostgreSQL takes others. Python has no such day: a page or a check that meets one would stop. "NaN" is above every number,
so that it passes "at least nothing" and each floor. One CHECK a table and kind refuses them, made after each migration
for the columns that there are then, those of the histories and of the libraries too: it is not declared model by model,
so that no column is forgotten.
"""

from collections.abc import Iterator
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.own_words import gone_or_off, unlike

NAME = "days_are_days"
# The first and the last, as PostgreSQL says them. A moment may be a day off in the Region's time zone.
LIMITS = {
    "date": ("'0001-01-01'::date", "'9999-12-31'::date"),
    "timestamp with time zone": (
        "'0001-01-02 00:00:00+00'::timestamp with time zone",
        "'9999-12-30 00:00:00+00'::timestamp with time zone",
    ),
    "timestamp without time zone": (
        "'0001-01-02 00:00:00'::timestamp without time zone",
        "'9999-12-30 00:00:00'::timestamp without time zone",
    ),
}
NUMBERS = "numbers_are_numbers"
# Of each CHECK: what it says of a column, by its type.
RULES = {
    NAME: {kind: f"({{0}} >= {first}) AND ({{0}} <= {last})" for kind, (first, last) in LIMITS.items()},
    NUMBERS: {"numeric": "({0} <> 'NaN'::numeric)"},
}
# The columns of each table that a CHECK is about, in order, and what it says, where there is one.
TABLES = """
    SELECT class.relname, array_agg(quote_ident(attribute.attname) ORDER BY attribute.attnum),
           array_agg(format_type(attribute.atttypid, NULL) ORDER BY attribute.attnum),
           (SELECT pg_get_constraintdef(rule.oid) FROM pg_constraint AS rule
            WHERE rule.conrelid = class.oid AND rule.conname = %s)
    FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
      AND attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attgenerated = ''
      AND format_type(attribute.atttypid, NULL) = ANY (%s)
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
    GROUP BY class.oid, class.relname ORDER BY class.relname
"""
# A limit is a moment: its words follow the session.
SETTINGS = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'"


def _tables(cursor: Any) -> Iterator[tuple[str, str, str, str | None]]:
    """Each CHECK of each table: the table, its name, what it should say, what it says."""
    cursor.execute(SETTINGS)
    for name, rules in RULES.items():
        cursor.execute(TABLES, [name, list(rules)])
        for table, columns, types, found in cursor.fetchall():
            parts = [rules[kind].format(column) for column, kind in zip(columns, types, strict=True)]
            said = " AND ".join(parts)
            yield table, name, f"CHECK ({said})" if said.count(" AND ") == 0 else f"CHECK (({said}))", found


def refuse_odd_values(cursor: Any) -> None:
    """Make the CHECK of every table that has none, or one of other columns. Called after each migration.

    Where a table holds such a value already, it is refused from now on, and the guards say that the rest was not looked at.
    """
    for table, name, wanted, found in list(_tables(cursor)):
        if found in (wanted, f"{wanted} NOT VALID"):
            continue
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS {name}')
        try:
            with transaction.atomic(cursor.db.alias):
                cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {name} {wanted}')
        except DatabaseError:
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {name} {wanted} NOT VALID')


def check_values() -> Iterator[Finding]:
    """The CHECKs of every table that keeps days or numbers are there and in force."""
    with connection.cursor() as cursor:
        tables = list(_tables(cursor))
    for table, name, wanted, found in tables:
        if found is None:
            yield of_the_catalogue(table, name, gone_or_off())
        elif found == f"{wanted} NOT VALID":
            sentence = _(
                "a row of this table keeps a day or a number that is none: correct it, then validate the constraint."
            )
            yield of_the_catalogue(table, name, sentence)
        elif found != wanted:
            yield of_the_catalogue(table, name, unlike(), wanted, found)
