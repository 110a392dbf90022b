"""Whether the guards of the database stand: every declared trigger and constraint is there, enabled, as it is declared.

What a trigger or a CHECK says is compared in PostgreSQL's own words: it is declared once more, on a temporary copy of
its table that goes with the transaction, and both are read back.
"""

import re
from collections.abc import Iterator
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import connection, models, transaction
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.lines import fetch, quoted
from core.engine.locks import IGNORE_FUNCTION, STAMP, STAMP_FUNCTION, history_tables
from core.engine.rights import check_rights
from core.triggers import DIGEST_FUNCTION, TRANSACTION_FUNCTION

FUNCTIONS = {
    "_pgtrigger_should_ignore": IGNORE_FUNCTION,
    "essor_digest": DIGEST_FUNCTION,
    "essor_transaction": TRANSACTION_FUNCTION,
    STAMP: STAMP_FUNCTION,
}
COPY = "essor_copy_of_a_table"
# What PostgreSQL said, by the columns of the table and the statements: a few hundred tables are copied once a process.
_said: dict[tuple[str, ...], dict[str, str]] = {}
SAYS_OF_TRIGGERS = """
    SELECT tgname, pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal
"""
SAYS_OF_CHECKS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'
"""


def check_guards() -> Iterator[Finding]:
    """What guards the tables is what the models declare. Writes nothing: the copies are undone."""
    yield from check_rights()
    yield from _functions()
    yield from _stamps()
    columns, compiled = _columns_of_tables(), [trigger.compile(model) for model, trigger in pgtrigger.registered()]
    yield from _triggers(compiled, columns)
    yield from _strangers([item.sql.pgid for item in compiled])
    yield from _constraints(columns)
    yield from _columns()


def _finding(table: str, name: str, sentence: str, before: Any = None, after: Any = None) -> Finding:
    return Finding(table, name, "*", before, after, None, sentence)


def _functions() -> Iterator[Finding]:
    query = """
        SELECT function.proname AS name, function.prosrc AS source FROM pg_proc AS function
        WHERE function.pronamespace = 'public'::regnamespace AND function.proname = ANY (%s)
    """
    found = {row["name"]: row["source"] for row in fetch(query, [list(FUNCTIONS)])}
    for name, declared in FUNCTIONS.items():
        body = declared.split("$$")[1]
        if name not in found:
            yield _finding("pg_proc", name, _("this function of the guards is gone: run manage.py migrate."))
        elif _plain(found[name]) != _plain(body):
            sentence = _("this function of the guards does not say what it should.")
            yield _finding("pg_proc", name, sentence, _plain(body), _plain(found[name]))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _stamps() -> Iterator[Finding]:
    """Every history table has the trigger that writes the transaction on each line."""
    query = """
        SELECT history.name FROM unnest(%s::text[]) AS history (name) WHERE NOT EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = to_regclass(history.name) AND tgname = %s AND tgenabled = 'O'
        )
    """
    for row in fetch(query, [history_tables(), STAMP]):
        yield _finding(row["name"], STAMP, _gone_or_off())


def _gone_or_off() -> str:
    return _("this guard is gone, or switched off.")


# --- triggers ------------------------------------------------------------------------------------------------------


def _columns_of_tables() -> dict[str, str]:
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


def _in_its_words(table: str, columns: str, statements: list[str], reading: str) -> dict[str, str]:
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


def _triggers(every: list[Any], columns: dict[str, str]) -> Iterator[Finding]:
    """The triggers of the models: there, enabled, calling what they should when they should."""
    query = """
        SELECT class.relname AS "table", trigger.tgname AS name, trigger.tgenabled AS enabled,
               pg_get_triggerdef(trigger.oid) AS says, function.prosrc AS source
        FROM pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid
        JOIN pg_proc AS function ON function.oid = trigger.tgfoid
        WHERE NOT trigger.tgisinternal AND class.relnamespace = 'public'::regnamespace
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    by_table: dict[str, list[Any]] = {}
    for compiled in every:
        by_table.setdefault(compiled.sql.table, []).append(compiled)
    for table, declared in sorted(by_table.items()):
        standing = []
        for compiled in declared:
            row = there.get((table, compiled.sql.pgid))
            if row is None or row["enabled"] != "O":
                yield _finding(table, compiled.sql.pgid, _gone_or_off())
            else:
                standing.append((compiled, row))
        made = [_made(table, compiled) for compiled, _row in standing]
        says = _in_its_words(table, columns.get(table, ""), made, SAYS_OF_TRIGGERS)
        for compiled, row in standing:
            name = compiled.sql.pgid
            body, trigger = _body_of(compiled), _without_table(says[name])
            if _plain(row["source"]) != body:
                yield _finding(table, name, _unlike(), body, _plain(row["source"]))
            elif not _same_trigger(table, columns.get(table, ""), name, row["says"], says[name]):
                yield _finding(table, name, _unlike(), trigger, _without_table(row["says"]))


def _same_trigger(table: str, columns: str, name: str, found: str, declared: str) -> bool:
    """Whether two triggers say the same; words that differ are read once more, as a restored backup reads them."""
    if _without_table(found) == _without_table(declared):
        return True
    again = [
        _in_its_words(
            table, columns, [_literal(_plain(re.sub(r" ON \S+ ", f" ON {COPY} ", says, count=1)))], SAYS_OF_TRIGGERS
        )
        for says in (found, declared)
    ]
    return again[0][name] == again[1][name]


def _literal(statement: str) -> str:
    return statement.replace("%", "%%") if connection.execute_wrappers else statement


def _unlike() -> str:
    return _("this guard does not say what it should.")


def _body_of(compiled: Any) -> str:
    """The text of a trigger's function, from the statements that make it."""
    _before, made = compiled.install_sql.split(f"FUNCTION {compiled.sql.pgid}()", 1)
    return _plain(made.split("$$")[1])


def _without_table(says: str) -> str:
    return re.sub(r" ON \S+ ", " ON … ", _plain(says), count=1)


def _made(table: str, compiled: Any) -> str:
    """The statement that makes a trigger, on the copy of its table."""
    (made,) = re.findall(r"CREATE\s+(?:CONSTRAINT\s+)?TRIGGER .*?;", compiled.install_sql, re.DOTALL)
    made = made.replace(f"ON {quoted(table)}", f"ON {COPY}", 1)
    return made.replace("%", "%%") if connection.execute_wrappers else made


def _strangers(declared: list[str]) -> Iterator[Finding]:
    """No trigger is switched off, those of foreign keys included, and none stands there that nobody declared."""
    query = """
        SELECT class.relname AS "table", coalesce(rule.conname, trigger.tgname) AS name, trigger.tgisinternal AS internal
        FROM pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid
        LEFT JOIN pg_constraint AS rule ON rule.oid = trigger.tgconstraint
        WHERE class.relnamespace = 'public'::regnamespace
          AND (trigger.tgisinternal AND trigger.tgenabled <> 'O'
               OR NOT trigger.tgisinternal AND trigger.tgname <> %s AND trigger.tgname <> ALL (%s))
        UNION
        SELECT tablename, rulename, false FROM pg_rules WHERE schemaname = 'public'
        ORDER BY 1, 2
    """
    for row in fetch(query, [STAMP, declared]):
        sentence = (
            _gone_or_off()
            if row["internal"]
            else _("nobody declared this trigger or rule: it may change what is written.")
        )
        yield _finding(row["table"], row["name"], sentence)


# --- constraints ---------------------------------------------------------------------------------------------------


def _constraints(columns: dict[str, str]) -> Iterator[Finding]:
    """The constraints of the models: there, validated, saying what they should."""
    query = """
        SELECT class.relname AS "table", rule.conname AS name, rule.convalidated AND NOT EXISTS (
                   SELECT FROM pg_index WHERE indexrelid = rule.conindid AND NOT (indisvalid AND indisready AND indislive)
               ) AS valid,
               pg_get_constraintdef(rule.oid) AS says
        FROM pg_constraint AS rule JOIN pg_class AS class ON class.oid = rule.conrelid
        WHERE rule.connamespace = 'public'::regnamespace
        UNION ALL
        SELECT class.relname, name.relname, index.indisvalid AND index.indisready AND index.indislive, ''
        FROM pg_index AS index JOIN pg_class AS name ON name.oid = index.indexrelid
        JOIN pg_class AS class ON class.oid = index.indrelid
        WHERE index.indisunique AND name.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid)
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        table, standing = model._meta.db_table, []
        for rule in model._meta.constraints:
            row = there.get((table, rule.name))
            if row is None or not row["valid"]:
                yield _finding(table, rule.name, _gone_or_off())
            elif isinstance(rule, models.CheckConstraint):
                standing.append((rule, row["says"]))
        made = _checks_made(model, [rule for rule, _says in standing])
        says = _in_its_words(table, columns.get(table, ""), made, SAYS_OF_CHECKS)
        for rule, found in standing:
            if not _same_check(table, columns.get(table, ""), rule.name, found, says[rule.name]):
                yield _finding(table, rule.name, _unlike(), says[rule.name], found)


def _same_check(table: str, columns: str, name: str, found: str, declared: str) -> bool:
    """Whether two checks say the same. A backup is restored from PostgreSQL's words, which it then says otherwise: words
    that differ are read once more."""
    if found == declared:
        return True
    again = [
        _in_its_words(
            table,
            columns,
            [_literal(f"ALTER TABLE pg_temp.{COPY} ADD CONSTRAINT {quoted(name)} {says}")],
            SAYS_OF_CHECKS,
        )
        for says in (found, declared)
    ]
    return again[0][name] == again[1][name]


def _checks_made(model: type[models.Model], rules: list[models.CheckConstraint]) -> list[str]:
    """The statements that make these checks, on the copy of their table."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        return [f"ALTER TABLE pg_temp.{COPY} ADD {rule.constraint_sql(model, editor)}" for rule in rules]


def _columns() -> Iterator[Finding]:
    """What fields say of themselves: of which type, not empty, unique, a key of another table."""
    query = """
        SELECT class.relname AS "table", attribute.attname AS name, attribute.attnotnull AS filled,
               format_type(attribute.atttypid, attribute.atttypmod) AS type,
               EXISTS (SELECT FROM pg_index AS index WHERE index.indrelid = class.oid AND index.indisunique
                       AND index.indisvalid AND index.indisready AND index.indislive AND index.indpred IS NULL AND index.indnkeyatts = 1
                       AND index.indkey[0] = attribute.attnum) AS single,
               EXISTS (SELECT FROM pg_constraint AS rule WHERE rule.conrelid = class.oid AND rule.contype = 'f'
                       AND rule.convalidated AND rule.conkey = ARRAY[attribute.attnum]) AS refers
        FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
        WHERE class.relnamespace = 'public'::regnamespace AND attribute.attnum > 0 AND NOT attribute.attisdropped
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed:
            continue
        for field in model._meta.local_concrete_fields:
            row = there.get((model._meta.db_table, field.column))
            refers = getattr(field, "db_constraint", False) and field.remote_field is not None
            wanted = {"filled": not field.null and not field.generated, "single": field.unique, "refers": refers}
            for rule, says in wanted.items():
                if says and not (row and row[rule]):
                    name = {"filled": "NOT NULL", "single": "UNIQUE", "refers": "FOREIGN KEY"}[rule]
                    yield _finding(model._meta.db_table, f"{field.column} {name}", _gone_or_off())
            # The keys of Django's own link tables are as wide as the settings said when they were made.
            if row and not isinstance(field, models.AutoField) and row["type"] != (type_ := _type_of(field)):
                sentence = _("this column is not of the type that is declared.")
                yield _finding(model._meta.db_table, field.column, sentence, type_, row["type"])


def _type_of(field: models.Field) -> str:
    """The type of a field's column, in PostgreSQL's own words."""
    said = field.db_type(connection) or ""
    return said.replace(", ", ",").replace("varchar", "character varying")
