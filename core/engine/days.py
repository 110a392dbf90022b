"""Every day and moment that a table keeps is one of the calendar: from the year 1 to 9999, never "infinity".

PostgreSQL takes others, and Python has none of them: a page or a check that meets one would stop. One CHECK a table
refuses them, made after each migration for the columns that there are then, those of the histories and of the
libraries too: it is not declared model by model, so that no column is forgotten.
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
# The tables that keep days: their columns in order, and what their CHECK says, where there is one that is in force.
TABLES = f"""
    SELECT class.relname, array_agg(quote_ident(attribute.attname) ORDER BY attribute.attnum),
           array_agg(format_type(attribute.atttypid, NULL) ORDER BY attribute.attnum),
           (SELECT pg_get_constraintdef(rule.oid) FROM pg_constraint AS rule
            WHERE rule.conrelid = class.oid AND rule.conname = '{NAME}')
    FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
      AND attribute.attnum > 0 AND NOT attribute.attisdropped
      AND format_type(attribute.atttypid, NULL) IN ('date', 'timestamp with time zone', 'timestamp without time zone')
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
    GROUP BY class.oid, class.relname ORDER BY class.relname
"""  # noqa: S608
# A limit is a moment: its words follow the session.
SETTINGS = "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'"


def _tables(cursor: Any) -> Iterator[tuple[str, str, str | None]]:
    """Each table that keeps days: its name, what its CHECK should say, what it says."""
    cursor.execute(SETTINGS)
    cursor.execute(TABLES)
    for table, columns, types, found in cursor.fetchall():
        pairs = [
            f"({column} >= {LIMITS[kind][0]}) AND ({column} <= {LIMITS[kind][1]})"
            for column, kind in zip(columns, types, strict=True)
        ]
        yield table, f"CHECK (({' AND '.join(pairs)}))", found


def refuse_odd_days(cursor: Any) -> None:
    """Make the CHECK of every table that has none, or one of other columns. Called after each migration.

    Where a table holds such a day already, it is refused from now on, and the guards say that the rest was not looked at.
    """
    for table, wanted, found in _tables(cursor):
        if found in (wanted, f"{wanted} NOT VALID"):
            continue
        cursor.execute(f'ALTER TABLE "{table}" DROP CONSTRAINT IF EXISTS {NAME}')
        try:
            with transaction.atomic(cursor.db.alias):
                cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {NAME} {wanted}')
        except DatabaseError:
            cursor.execute(f'ALTER TABLE "{table}" ADD CONSTRAINT {NAME} {wanted} NOT VALID')


def check_days() -> Iterator[Finding]:
    """The CHECK of every table that keeps days is there and in force."""
    with connection.cursor() as cursor:
        tables = list(_tables(cursor))
    for table, wanted, found in tables:
        if found is None:
            yield of_the_catalogue(table, NAME, gone_or_off())
        elif found == f"{wanted} NOT VALID":
            sentence = _("a row of this table keeps a day that is none: correct it, then validate the constraint.")
            yield of_the_catalogue(table, NAME, sentence)
        elif found != wanted:
            yield of_the_catalogue(table, NAME, unlike(), wanted, found)
