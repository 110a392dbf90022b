"""Whether the guards of the database stand: every declared trigger and constraint is there, enabled, as it is declared.

What a trigger or a CHECK says is compared in PostgreSQL's own words: it is declared once more, on a temporary copy of
its table that goes with the transaction, and both are read back. Each guard is looked at by itself: one that cannot be
read is named, and hides no other.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import connection, models
from django.utils.translation import gettext as _

from core.engine import privileges, rights, server
from core.engine.findings import Finding, of_the_catalogue
from core.engine.guard_columns import check_columns, check_defaults
from core.engine.guard_functions import check_functions, plain
from core.engine.lines import fetch, fix_path, quoted
from core.engine.locks import STAMP, history_tables, stamp_of
from core.engine.own_words import (
    COPY,
    HOLDS,
    SAYS_OF_CHECKS,
    SAYS_OF_INDEXES,
    SAYS_OF_TRIGGERS,
    alone,
    columns_of_tables,
    enabled,
    gone_or_off,
    in_its_words,
    in_other_sessions,
    literal,
    same,
    unlike,
    without_table,
    words,
)
from core.engine.plain_values import check_values


def check_guards() -> Iterator[Finding]:
    """What guards the tables is what the models declare. Writes nothing: the copies are undone."""
    fix_path()
    columns, compiled = columns_of_tables(), [trigger.compile(model) for model, trigger in pgtrigger.registered()]
    checks: list[tuple[str, Callable[[], Iterator[Finding]]]] = [
        *(
            (f"{check.__module__.rpartition('.')[2]}.{check.__name__.strip('_')}", check)
            for check in (*server.CHECKS, *rights.CHECKS, *privileges.CHECKS)
        ),
        ("functions", check_functions),
        ("stamps", _stamps),
        ("days", check_values),
        ("triggers", lambda: _triggers(compiled, columns)),
        ("strangers", lambda: _strangers([item.sql.pgid for item in compiled])),
        ("constraints", lambda: _constraints(columns)),
        ("columns", check_columns),
        ("defaults", lambda: check_defaults(columns)),
    ]
    for name, check in checks:
        yield from alone("guards", name, check)


def _stamps() -> Iterator[Finding]:
    """Every history table has the trigger that writes the transaction on each line, no other table has one of its name, and
    each says what it should."""
    query = """
        SELECT coalesce(history.name, class.relname) AS name, history.name IS NOT NULL AS is_history,
               trigger.tgenabled::text AS enabled, pg_get_triggerdef(trigger.oid) AS says
        FROM unnest(%s::text[]) AS history (name)
        FULL JOIN (pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid AND trigger.tgname = %s
            AND class.relnamespace = 'public'::regnamespace) ON class.relname = history.name
        WHERE history.name IS NOT NULL OR trigger.oid IS NOT NULL ORDER BY 1
    """
    for row in fetch(query, [history_tables(), STAMP]):
        if not row["is_history"]:
            yield of_the_catalogue(row["name"], STAMP, _undeclared())
        elif row["enabled"] != "O":
            yield _not_enabled(row["name"], STAMP, row["enabled"] or "D")
        elif (found := without_table(row["says"])) != without_table(stamp_of(row["name"])):
            yield of_the_catalogue(row["name"], STAMP, unlike(), without_table(stamp_of(row["name"])), found)


def _not_enabled(table: str, name: str, enabled_: str) -> Finding:
    """A trigger that is off, or that fires in other sessions than those of everybody."""
    if enabled_ == "A":
        return of_the_catalogue(table, name, in_other_sessions(), enabled("O"), enabled("A"))
    return of_the_catalogue(table, name, gone_or_off())


# --- triggers ------------------------------------------------------------------------------------------------------


def _triggers(every: list[Any], columns: dict[str, str]) -> Iterator[Finding]:
    """The triggers of the models: there, enabled, calling what they should when they should."""
    query = """
        SELECT class.relname AS "table", trigger.tgname AS name, trigger.tgenabled AS enabled, trigger.oid AS number,
               function.prosrc AS source
        FROM pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid
        JOIN pg_proc AS function ON function.oid = trigger.tgfoid
        WHERE NOT trigger.tgisinternal AND class.relnamespace = 'public'::regnamespace
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    says = words("pg_get_triggerdef", [row["number"] for row in there.values()])
    for row in there.values():
        row["says"] = says[row["number"]]
    by_table: dict[str, list[Any]] = {}
    for compiled in every:
        by_table.setdefault(compiled.sql.table, []).append(compiled)
    for table, declared in sorted(by_table.items()):
        yield from alone(
            table, "TRIGGER", lambda table=table, declared=declared: _triggers_of(table, declared, there, columns),
            savepoint=False,
        )  # fmt: skip


def _triggers_of(
    table: str, declared: list[Any], there: dict[tuple[str, str], dict[str, Any]], columns: dict[str, str]
) -> Iterator[Finding]:
    standing = []
    for compiled in declared:
        row = there.get((table, compiled.sql.pgid))
        if row is None or row["enabled"] != "O":
            yield _not_enabled(table, compiled.sql.pgid, row["enabled"] if row else "D")
        else:
            standing.append((compiled, row))
    made = [_made(table, compiled) for compiled, _row in standing]
    says = in_its_words(table, columns.get(table, ""), made, SAYS_OF_TRIGGERS)
    for compiled, row in standing:
        name = compiled.sql.pgid
        yield from alone(
            table, name,
            lambda compiled=compiled, row=row, name=name: _trigger(
                table, columns.get(table, ""), compiled, row, says[name]
            ),
            savepoint=False,
        )  # fmt: skip


def _trigger(table: str, columns: str, compiled: Any, row: dict[str, Any], declared: str) -> Iterator[Finding]:
    name, body, found = compiled.sql.pgid, _body_of(compiled), row["says"]
    if plain(row["source"]) != body:
        yield of_the_catalogue(table, name, unlike(), body, plain(row["source"]))
    elif found is None or not same(
        without_table(found), without_table(declared), _trigger_again, table, columns, SAYS_OF_TRIGGERS, name
    ):
        yield of_the_catalogue(table, name, unlike(), without_table(declared), without_table(found or "?"))


def _trigger_again(says: str) -> str:
    """The statement that makes a trigger from PostgreSQL's words (without its table), on the copy."""
    return says.replace(" ON … ", f" ON {COPY} ", 1)


def _body_of(compiled: Any) -> str:
    """The text of a trigger's function, from the statements that make it."""
    _before, made = compiled.install_sql.split(f"FUNCTION {compiled.sql.pgid}()", 1)
    return plain(made.split("$$")[1])


def _made(table: str, compiled: Any) -> str:
    """The statement that makes a trigger, on the copy of its table."""
    (made,) = re.findall(r"CREATE\s+(?:CONSTRAINT\s+)?TRIGGER .*?;", compiled.install_sql, re.DOTALL)
    return literal(made.replace(f"ON {quoted(table)}", f"ON {COPY}", 1))


def _strangers(declared: list[str]) -> Iterator[Finding]:
    """No trigger is switched off, those of foreign keys included, and none stands there that nobody declared."""
    query = """
        SELECT class.relname AS "table", coalesce(rule.conname, trigger.tgname) AS name, trigger.tgisinternal AS internal,
               trigger.tgenabled::text AS enabled
        FROM pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid
        LEFT JOIN pg_constraint AS rule ON rule.oid = trigger.tgconstraint
        WHERE class.relnamespace = 'public'::regnamespace
          AND (trigger.tgisinternal AND trigger.tgenabled <> 'O'
               OR NOT trigger.tgisinternal AND trigger.tgname <> %s AND trigger.tgname <> ALL (%s))
        UNION
        SELECT tablename, rulename, false, 'O' FROM pg_rules WHERE schemaname = 'public'
        ORDER BY 1, 2
    """
    for row in fetch(query, [STAMP, declared]):
        if row["internal"]:
            yield _not_enabled(row["table"], row["name"], row["enabled"])
        else:
            yield of_the_catalogue(row["table"], row["name"], _undeclared())


def _undeclared() -> str:
    return _("nobody declared this trigger or rule: it may change what is written.")


# --- constraints ---------------------------------------------------------------------------------------------------


def _constraints(columns: dict[str, str]) -> Iterator[Finding]:
    """The constraints of the models: there, validated, enforced, saying what they should; so the indexes behind them."""
    query = f"""
        SELECT class.relname AS "table", rule.conname AS name, rule.convalidated
                   AND coalesce((to_jsonb(rule) ->> 'conenforced')::boolean, true)
                   AND NOT EXISTS (SELECT FROM pg_index AS index WHERE indexrelid = rule.conindid AND NOT {HOLDS}) AS valid,
               rule.oid AS number, CASE WHEN rule.contype IN ('u', 'x') THEN rule.conindid END AS index
        FROM pg_constraint AS rule JOIN pg_class AS class ON class.oid = rule.conrelid
        WHERE rule.connamespace = 'public'::regnamespace
        UNION ALL
        SELECT class.relname, name.relname, index.indisunique AND {HOLDS}, NULL, name.oid
        FROM pg_index AS index JOIN pg_class AS name ON name.oid = index.indexrelid
        JOIN pg_class AS class ON class.oid = index.indrelid
        WHERE name.relnamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = index.indexrelid AND contype IN ('p', 'u', 'x'))
    """  # noqa: S608
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    says = words("pg_get_constraintdef", [row["number"] for row in there.values() if row["number"]])
    indexes = words("pg_get_indexdef", [row["index"] for row in there.values() if row["index"]])
    for row in there.values():
        row["says"] = says[row["number"]] if row["number"] else None
        if row["index"] and indexes[row["index"]]:
            index = without_table(indexes[row["index"]])
            row["says"] = f"{index}\n{row['says']}" if row["says"] else index
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or not model._meta.managed or not model._meta.constraints:
            continue
        yield from alone(
            model._meta.db_table, "CONSTRAINT", lambda model=model: _constraints_of(model, there, columns),
            savepoint=False,
        )  # fmt: skip


def _constraints_of(
    model: type[models.Model], there: dict[tuple[str, str], dict[str, Any]], columns: dict[str, str]
) -> Iterator[Finding]:
    table, standing = model._meta.db_table, {SAYS_OF_CHECKS: [], SAYS_OF_INDEXES: []}
    for rule in model._meta.constraints:
        row = there.get((table, rule.name))
        if row is None or not row["valid"]:
            yield of_the_catalogue(table, rule.name, gone_or_off())
        else:
            reading = SAYS_OF_CHECKS if isinstance(rule, models.CheckConstraint) else SAYS_OF_INDEXES
            standing[reading].append((rule, row["says"]))
    for reading, rules in standing.items():
        made = [_rule_made(model, rule) for rule, _found in rules]
        declared = in_its_words(table, columns.get(table, ""), made, reading)
        for rule, found in rules:
            name = rule.name
            yield from alone(
                table, name,
                lambda name=name, found=found, reading=reading, declared=declared: _rule(
                    table, columns.get(table, ""), name, found, declared[name], reading
                ),
                savepoint=False,
            )  # fmt: skip


def _rule(table: str, columns: str, name: str, found: str | None, declared: str, reading: str) -> Iterator[Finding]:
    def again(says: str) -> str:
        index, _line, rule = says.partition("\n") if reading == SAYS_OF_INDEXES else ("", "", says)
        if rule:
            return f"ALTER TABLE pg_temp.{COPY} ADD CONSTRAINT {quoted(name)} {rule}"
        return index.replace(" ON … ", f" ON pg_temp.{COPY} ", 1)

    if found is None or not same(found, declared, again, table, columns, reading, name):
        yield of_the_catalogue(table, name, unlike(), declared, found)


def _rule_made(model: type[models.Model], rule: models.BaseConstraint) -> str:
    """The statement that makes this constraint, on the copy of its table."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        made = str(rule.create_sql(model, editor))
    return made.replace(f" {quoted(model._meta.db_table)} ", f" pg_temp.{COPY} ", 1)
