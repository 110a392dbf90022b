"""What fields say of their columns: of which type, not empty, unique, a key of another table, filled with what."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db import connection, models
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch, quoted
from core.engine.own_words import COPY, HOLDS, SAYS_OF_DEFAULTS, alone, gone_or_off, in_its_words, same
from core.history import retired_columns

# Django's own, of which no model of an app speaks.
MIGRATIONS = "django_migrations"


def _models() -> Iterator[type[models.Model]]:
    for model in apps.get_models(include_auto_created=True):
        if not model._meta.proxy and model._meta.managed:
            yield model


def check_columns() -> Iterator[Finding]:
    """Each column is of its type, and has the rules of its field; no column or table stands there that nobody declared."""
    query = """
        SELECT class.relname AS "table", attribute.attname AS name, attribute.attnotnull AS filled,
               format_type(attribute.atttypid, attribute.atttypmod) AS type, attribute.attgenerated <> '' AS computed,
               (SELECT collname FROM pg_collation WHERE oid = attribute.attcollation
                AND oid <> (SELECT typcollation FROM pg_type WHERE oid = attribute.atttypid)) AS collation,
               (SELECT array_agg(target.relname::text) FROM pg_constraint AS rule JOIN pg_class AS target ON target.oid = rule.confrelid
                WHERE rule.conrelid = class.oid AND rule.contype = 'f' AND rule.convalidated
                  AND coalesce((to_jsonb(rule) ->> 'conenforced')::boolean, true) AND rule.conkey = ARRAY[attribute.attnum]
                  AND 4 = (SELECT count(*) FROM pg_trigger AS own JOIN pg_proc AS called ON called.oid = own.tgfoid
                           WHERE own.tgconstraint = rule.oid AND called.proname LIKE 'RI\\_FKey\\_%%'
                             AND own.tgqual IS NULL AND own.tgattr::text = '' AND own.tgnargs = 0 AND own.tgtype = CASE
                                 WHEN called.proname LIKE '%%\\_check\\_ins' THEN 5 WHEN called.proname LIKE '%%\\_del' THEN 9 ELSE 17 END
                             AND called.pronamespace = 'pg_catalog'::regnamespace)) AS refers,
               (SELECT string_agg(pg_get_constraintdef(rule.oid), '; ') FROM pg_constraint AS rule
                WHERE rule.conrelid = class.oid AND rule.contype = 'f' AND rule.conkey = ARRAY[attribute.attnum]
                  AND (rule.confdeltype <> 'a' OR rule.confupdtype <> 'a')) AS follows
        FROM pg_class AS class JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid
        WHERE class.relnamespace = 'public'::regnamespace AND attribute.attnum > 0 AND NOT attribute.attisdropped
          AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
        ORDER BY 1, attribute.attnum
    """
    there = {(row["table"], row["name"]): row for row in fetch(query)}
    known: dict[str, set[str]] = {}
    unique = _unique()
    for model in _models():
        table, alone_ = model._meta.db_table, unique.get(model._meta.db_table, set())
        columns = known.setdefault(table, set())
        for field in model._meta.local_concrete_fields:
            columns.add(field.column)
            row = there.get((table, field.column))
            yield from _column(table, field, row, is_unique=frozenset({field.column}) in alone_)
        for names in model._meta.unique_together:
            together = [model._meta.get_field(name).column for name in names]
            if frozenset(together) not in alone_:
                yield of_the_catalogue(table, f"{', '.join(together)} UNIQUE", gone_or_off())
    for table, retired in retired_columns().items():
        known[table] |= retired
    yield from _undeclared(known, there)


def _unique() -> dict[str, set[frozenset[str]]]:
    """The columns of which each table refuses the same values twice, at once and in every row."""
    query = f"""
        SELECT class.relname AS "table", (SELECT array_agg(attname::text) FROM pg_attribute
                   WHERE attrelid = class.oid AND attnum = ANY (index.indkey[:index.indnkeyatts - 1])) AS columns
        FROM pg_index AS index JOIN pg_class AS class ON class.oid = index.indrelid
        WHERE class.relnamespace = 'public'::regnamespace AND index.indisunique AND {HOLDS} AND index.indimmediate
          AND index.indpred IS NULL AND index.indexprs IS NULL
    """  # noqa: S608
    found: dict[str, set[frozenset[str]]] = {}
    for row in fetch(query):
        found.setdefault(row["table"], set()).add(frozenset(row["columns"] or ()))
    return found


def _undeclared(known: dict[str, set[str]], there: Mapping[tuple[str, str], Any]) -> Iterator[Finding]:
    """The columns and tables of which no model speaks: what stands in them is in no history and in no seal."""
    told = set()
    for table, column in there:
        if table not in known and table not in told and table != MIGRATIONS:
            told.add(table)
            sentence = _("nobody declared this table or view: what stands in it is in no history.")
            yield of_the_catalogue("pg_class", table, sentence)
        elif table in known and column not in known[table]:
            sentence = _("nobody declared this column: what stands in it is in no history and in no seal.")
            yield of_the_catalogue(table, column, sentence, after=there[table, column]["type"])


def _column(table: str, field: models.Field, row: dict[str, Any] | None, *, is_unique: bool) -> Iterator[Finding]:
    wanted = {"NOT NULL": not field.null and not field.generated, "UNIQUE": field.unique}
    held = {"NOT NULL": row and row["filled"], "UNIQUE": is_unique}
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
    if row and (declared := getattr(field, "db_collation", None)) != row["collation"]:
        sentence = _("this column compares texts by other rules than those that are declared.")
        yield of_the_catalogue(table, field.column, sentence, declared, row["collation"])
    if row and row["computed"] and not field.generated:
        yield of_the_catalogue(table, field.column, _("the server computes this column: nobody declared that."))


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
