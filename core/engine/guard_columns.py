"""What fields say of their columns: of which type, not empty, unique, a key of another table, filled with what."""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch, quoted
from core.engine.own_words import COPY, SAYS_OF_DEFAULTS, alone, gone_or_off, in_its_words, same


def _models() -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and model._meta.managed:
            yield model


def check_columns() -> Iterator[Finding]:
    """Each column is of its type, and has the rules of its field."""
    query = """
        SELECT class.relname AS "table", attribute.attname AS name, attribute.attnotnull AS filled,
               format_type(attribute.atttypid, attribute.atttypmod) AS type,
               EXISTS (SELECT FROM pg_index AS index WHERE index.indrelid = class.oid AND index.indisunique
                       AND index.indisvalid AND index.indisready AND index.indislive AND index.indpred IS NULL AND index.indnkeyatts = 1
                       AND index.indkey[0] = attribute.attnum) AS single,
               (SELECT array_agg(target.relname::text) FROM pg_constraint AS rule JOIN pg_class AS target ON target.oid = rule.confrelid
                WHERE rule.conrelid = class.oid AND rule.contype = 'f' AND rule.convalidated
                  AND rule.conkey = ARRAY[attribute.attnum]) AS refers,
               (SELECT string_agg(pg_get_constraintdef(rule.oid), '; ') FROM pg_constraint AS rule
                WHERE rule.conrelid = class.oid AND rule.contype = 'f' AND rule.conkey = ARRAY[attribute.attnum]
                  AND (rule.confdeltype <> 'a' OR rule.confupdtype <> 'a')) AS follows
        FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
        WHERE class.relnamespace = 'public'::regnamespace AND attribute.attnum > 0 AND NOT attribute.attisdropped
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    for model in _models():
        for field in model._meta.local_concrete_fields:
            yield from _column(model._meta.db_table, field, there.get((model._meta.db_table, field.column)))


def _column(table: str, field: models.Field, row: dict[str, Any] | None) -> Iterator[Finding]:
    wanted = {"NOT NULL": not field.null and not field.generated, "UNIQUE": field.unique}
    held = {"NOT NULL": row and row["filled"], "UNIQUE": row and row["single"]}
    if getattr(field, "db_constraint", False) and field.remote_field is not None:
        wanted["FOREIGN KEY"] = True
        held["FOREIGN KEY"] = row and field.related_model._meta.db_table in (row["refers"] or ())
        if row and row["follows"]:
            sentence = _("the database itself removes or changes rows by this key: nobody declared that.")
            yield of_the_catalogue(table, f"{field.column} FOREIGN KEY", sentence, None, row["follows"])
    for rule, says in wanted.items():
        if says and not held[rule]:
            yield of_the_catalogue(table, f"{field.column} {rule}", gone_or_off())
    # The keys of Django's own link tables are as wide as the settings said when they were made.
    if row and not isinstance(field, models.AutoField) and row["type"] != (type_ := _type_of(field)):
        yield of_the_catalogue(
            table, field.column, _("this column is not of the type that is declared."), type_, row["type"]
        )


def _type_of(field: models.Field) -> str:
    """The type of a field's column, in PostgreSQL's own words."""
    said = field.db_type(connection) or ""
    return said.replace(", ", ",").replace("varchar", "character varying")


def check_defaults(columns: dict[str, str]) -> Iterator[Finding]:
    """What the database fills in where a row says nothing is what the field declares, and nothing where it declares none."""
    query = """
        SELECT class.relname AS "table", attribute.attname AS name, pg_get_expr(filled.adbin, filled.adrelid) AS says
        FROM pg_attrdef AS filled JOIN pg_class AS class ON class.oid = filled.adrelid
        JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = filled.adnum
        WHERE class.relnamespace = 'public'::regnamespace AND attribute.attgenerated = ''
    """
    there: dict[str, dict[str, str]] = {}
    for row in fetch(query):
        there.setdefault(row["table"], {})[row["name"]] = row["says"]
    for model in _models():
        table = model._meta.db_table
        made = {field.column: _made(field) for field in model._meta.local_concrete_fields if field.has_db_default()}
        if made or table in there:
            found = there.get(table, {})
            yield from alone(
                table, "DEFAULT", lambda made=made, found=found, table=table: _defaults(table, columns, made, found)
            )


def _defaults(table: str, columns: dict[str, str], made: dict[str, str], found: dict[str, str]) -> Iterator[Finding]:
    statements = [
        f"ALTER TABLE pg_temp.{COPY} ALTER COLUMN {quoted(name)} SET DEFAULT {says}" for name, says in made.items()
    ]
    said = in_its_words(table, columns.get(table, ""), statements, SAYS_OF_DEFAULTS)
    for name in sorted(made.keys() | found.keys()):
        declared, there = said.get(name), found.get(name)
        if declared == there:
            continue
        if declared and there and same(
            there, declared, lambda says, name=name: f"ALTER TABLE pg_temp.{COPY} ALTER COLUMN {quoted(name)} SET DEFAULT {says}",
            table, columns.get(table, ""), SAYS_OF_DEFAULTS, name,
        ):  # fmt: skip
            continue
        sentence = _("the database fills this column with something else than what is declared.")
        yield of_the_catalogue(table, f"{name} DEFAULT", sentence, declared, there)


def _made(field: models.Field) -> str:
    """What stands after DEFAULT in the statement that makes this column."""
    with connection.schema_editor(collect_sql=True, atomic=False) as editor:
        says, parameters = editor.db_default_sql(field)
        return says % tuple(editor.quote_value(value) for value in parameters)
