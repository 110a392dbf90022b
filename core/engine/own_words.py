"""What guards say in PostgreSQL's own words: those that stand, and those that are declared, made once on a copy of a table."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import fetch, quoted

logger = logging.getLogger("essor.proof")

COPY = "essor_copy_of_a_table"
# What PostgreSQL said, by the columns of the table and the statements: a few hundred tables are copied once a process.
_said: dict[tuple[str, ...], dict[str, str]] = {}
SAYS_OF_TRIGGERS = """
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal
"""
SAYS_OF_CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'
"""
SAYS_OF_DEFAULTS = """
    SELECT attname, pg_get_expr(adbin, adrelid) FROM pg_attrdef
    JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
    WHERE adrelid = %s::regclass AND attgenerated = ''
"""
# An index by its own words, whatever its table; after it, on a line of its own, what its constraint says (deferred or not).
SAYS_OF_INDEXES = """
    SELECT name.relname, concat_ws(E'\\n', regexp_replace(pg_get_indexdef(name.oid), ' ON \\S+ ', ' ON … '), (
        SELECT pg_get_constraintdef(rule.oid) FROM pg_constraint AS rule WHERE rule.conindid = name.oid AND rule.contype IN ('u', 'x')))
    FROM pg_index AS index JOIN pg_class AS name ON name.oid = index.indexrelid WHERE index.indrelid = %s::regclass
"""
# SQL: an index refuses what it should. ``indimmediate`` is false of a constraint that is declared deferrable, and of no
# other. (``indcheckxmin`` only says which transactions read by the index: it refuses all the same.)
HOLDS = """(index.indisvalid AND index.indisready AND index.indislive AND index.indimmediate = NOT EXISTS (
    SELECT FROM pg_constraint AS late WHERE late.conindid = index.indexrelid AND late.condeferrable
      AND late.contype IN ('p', 'u', 'x')))"""


def alone(
    table: str, name: str, check: Callable[[], Iterable[Finding]], *, savepoint: bool = True
) -> Iterator[Finding]:
    """What ``check`` finds. One that fails names what could not be read (``table``, ``name``) and hides no other.

    ``savepoint``: False where the check makes its own for what may fail.
    """
    found: list[Finding] = []
    try:
        with transaction.atomic() if savepoint else nullcontext():
            for finding in check():
                found.append(finding)
    except (OperationalError, InterfaceError):  # the session is lost: nothing goes on
        raise
    except Exception as problem:
        logger.exception("The guard %s of %s could not be read.", name, table)
        error = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
        sentence = _(
            "this guard could not be read (%(error)s): it does not stand as it was declared, or cannot be told."
        )
        found.append(Finding(table, name, "*", None, None, None, sentence, {"error": error}))
    yield from found


def words(function: str, numbers: list[int]) -> dict[int, str | None]:
    """What PostgreSQL says (``pg_get_triggerdef``, ``pg_get_constraintdef``) of each of these; None of what it cannot."""
    query = f"SELECT thing AS number, {function}(thing) AS says FROM unnest(%s::oid[]) AS thing"  # noqa: S608
    try:
        with transaction.atomic():
            return {row["number"]: row["says"] for row in fetch(query, [numbers])}
    except OperationalError:
        raise
    except DatabaseError:
        if len(numbers) == 1:
            return {numbers[0]: None}
    half = len(numbers) // 2
    return words(function, numbers[:half]) | words(function, numbers[half:])


def in_its_words(table: str, columns: str, statements: list[str], reading: str) -> dict[str, str]:
    """What PostgreSQL says of what these statements make on a copy of the table, by name.

    The words follow from the columns and the statements alone, so that they are asked once for these.
    """
    if not statements:
        return {}
    key = (reading, table, columns, *statements)
    if key not in _said:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"CREATE TEMPORARY TABLE {COPY} (LIKE {quoted(table)}) ON COMMIT DROP")
            for statement in statements:
                cursor.execute(statement)
            cursor.execute(reading, [f"pg_temp.{COPY}"])
            _said[key] = dict(cursor.fetchall())
            cursor.execute(f"DROP TABLE pg_temp.{COPY}")
    return _said[key]


def same(
    found: str, declared: str, again: Callable[[str], str], table: str, columns: str, reading: str, name: str
) -> bool:
    """Whether two guards say the same. A backup is restored from PostgreSQL's words, which it then says otherwise: words
    that differ are read once more, by the statement that ``again`` makes of them."""
    if found == declared:
        return True
    read = [in_its_words(table, columns, [literal(again(says))], reading).get(name) for says in (declared, found)]
    return read[0] == read[1]


def literal(statement: str) -> str:
    """A statement without parameters, also where something wraps the statements of the session."""
    return statement.replace("%", "%%") if connection.execute_wrappers else statement


def columns_of_tables() -> dict[str, str]:
    """The names and types of the columns of each table, as one text: what its triggers and checks are read against."""
    query = """
        SELECT class.relname AS "table", string_agg(
            concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod), attcollation), ', ' ORDER BY attnum
        ) AS columns
        FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
        WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
          AND attribute.attnum > 0 AND NOT attribute.attisdropped
        GROUP BY class.relname
    """
    return {row["table"]: row["columns"] for row in fetch(query)}


def without_table(says: str) -> str:
    """The words of a trigger, whatever its table is called."""
    return re.sub(r" ON \S+ ", " ON … ", " ".join(says.split()), count=1)


def gone_or_off() -> str:
    """The sentence of a guard that is not there."""
    return _("this guard is gone, or switched off.")


def in_other_sessions() -> str:
    """The sentence of a trigger that fires when it should not (ENABLE ALWAYS, ENABLE REPLICA)."""
    return _("this trigger is there, but not for the sessions for which it was declared.")


def enabled(mark: str) -> str:
    """What ``tgenabled`` says, as statements do."""
    return {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}.get(mark, mark)


def unlike() -> str:
    """The sentence of a guard that is another."""
    return _("this guard does not say what it should.")
