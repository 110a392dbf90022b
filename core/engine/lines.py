"""The lines of the row history as the seals hash them: their text, written by PostgreSQL itself, set by set."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from core.history import history_model_of, personal_fields

# The text of dates, floats and bytes must not depend on who asks; nor which tables are read, and which of their rows: one
# of the same name in another schema is left alone, and rows that a policy hides are an error, never rows that are gone.
TEXT_SETTINGS = (
    "SET LOCAL row_security = off; "
    "SET LOCAL TimeZone = 'UTC'; SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'"
)
# PostgreSQL reads its own schema before all others, unless a path names it. Where somebody put something there (which is
# a finding, ``core.engine.server``), the tables of Essor come first, so that their honest rows and guards are what is read.
OWN_PATH = """
    SELECT pg_catalog.set_config('search_path', CASE
        WHEN EXISTS (SELECT FROM pg_catalog.pg_class WHERE relnamespace = 'pg_catalog'::pg_catalog.regnamespace AND oid >= 16384)
          OR EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'pg_catalog'::pg_catalog.regnamespace AND oid >= 16384)
        THEN 'public, pg_catalog, pg_temp' ELSE 'public, pg_temp' END, true)
"""
Columns = dict[str, list[str]]


def quoted(name: str) -> str:
    """The name of a table or column, for a statement."""
    return connection.ops.quote_name(name)


def fix_path() -> None:
    """Read the tables of Essor, whatever stands elsewhere under their names, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(OWN_PATH)


def fix_text_settings() -> None:
    """Make the text of every value the same in every session, until the transaction ends."""
    fix_path()
    with connection.cursor() as cursor:
        cursor.execute(TEXT_SETTINGS)


@dataclass(frozen=True)
class Lines:
    """The history table of a tracked model, and the statements that the seals need of it."""

    model: type[models.Model]
    name: str
    table: str
    key: str
    columns: Columns

    @classmethod
    def of(cls, model: type[models.Model]) -> "Lines":
        history = history_model_of(model)
        fields = list(history._meta.concrete_fields)
        names = set(personal_fields(model))
        if unknown := names - {field.name for field in fields}:
            raise LookupError(f"{model._meta.label} declares personal fields that its history lacks: {unknown}.")
        has_key = any(field.name == "pgh_obj" for field in fields)
        return cls(
            model=model,
            name=model._meta.db_table,
            table=quoted(history._meta.db_table),
            key=quoted("pgh_obj_id" if has_key else model._meta.pk.column),
            columns={
                "public": [field.column for field in fields if field.name not in names],
                "personal": [field.column for field in fields if field.name in names],
            },
        )

    def personal_digest(self, columns: Columns, line: str = "line", salt: str = "salt") -> str:
        """SQL: the hash of the personal values with the salt of the row; empty where nothing is personal."""
        if not columns["personal"]:
            return "''"
        text = f"({salt}.salt)::text || '|' || {_row(line, columns['personal'])}"
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"

    def digest(self, columns: Columns, personal: str, line: str = "line") -> str:
        """SQL: the hash of a line; ``personal`` is the SQL of its personal digest."""
        text = f"{_row(line, columns['public'])} || '|' || {personal}"
        return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"

    def formats(self) -> list[Columns]:
        """The sets of columns under which lines were sealed: one, until a migration adds a column.

        A seal that names no set of columns is one that was edited, and named as such: it hides no line of another seal.
        """
        found = fetch('SELECT DISTINCT columns FROM core_eventseal WHERE "table" = %s', [self.name])
        values = [
            value if isinstance(value, dict) else json.loads(value) for value in (row["columns"] for row in found)
        ]
        return [value for value in values if _names_columns(value)]

    def with_salt(self, columns: Columns) -> str:
        """SQL: the join that brings the salt of each line's row, where one is needed."""
        if not columns["personal"]:
            return ""
        return (
            f"LEFT JOIN core_personsalt AS salt ON salt.\"table\" = '{self.name}' AND salt.row = line.{self.key}::text"
        )


def batch_digest(source: str) -> str:
    """SQL: the hash over the line hashes of a batch, from ``source`` with line, row and digest."""
    text = f"string_agg({source}.line || ':' || {source}.row || ':' || {source}.digest, ';' ORDER BY {source}.line)"
    return f"encode(sha256(convert_to({text}, 'UTF8')), 'hex')"


def _names_columns(value: Any) -> bool:
    """Whether what a seal holds is a set of columns as it was written: the public ones, and the personal ones."""
    return (
        isinstance(value, dict)
        and value.keys() == {"public", "personal"}
        and all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in value.values())
        and bool(value["public"] or value["personal"])
    )


def _row(alias: str, columns: list[str]) -> str:
    """SQL: the text of a row, in which an empty text is not a missing value."""
    return f"ROW({', '.join(f'{alias}.{quoted(column)}' for column in columns)})::text"


def fetch(query: str, parameters: Any = ()) -> list[dict[str, Any]]:
    """The rows of a statement, each by column."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        names = [column.name for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
