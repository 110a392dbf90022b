"""Database triggers that several models share, and the functions that triggers call."""

import re

import pgtrigger
from django.db import models

from core.engine import trigger_names

trigger_names.keep()  # before the first model that has triggers

# SQL: the number of the person who acts, as ``core.acting`` stamped the statement; NULL for machinery and by hand.
ACTOR = "(nullif(current_setting('pghistory.context_metadata', true), '')::jsonb ->> 'user')::bigint"

# The functions of the database that are no trigger's own, by name: what they say is looked at with the guards.
FUNCTIONS: dict[str, str] = {}


def declare_function(statement: str) -> str:
    """A function that triggers, checks or figures call: ``CREATE OR REPLACE FUNCTION name(…)``; gives the statement.

    Raises:
        ValueError: another function has its name, or the statement is none.
    """
    found = re.search(r"CREATE OR REPLACE FUNCTION (?:public\.)?(\w+)\(", statement)
    if found is None or FUNCTIONS.setdefault(found[1], statement) != statement:
        raise ValueError(f"This is no function, or one of a name that another one has: {statement[:80]}")
    return statement


def no_truncate() -> pgtrigger.Trigger:
    """The table cannot be emptied at once."""
    return pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'the rows of % cannot be removed', TG_TABLE_NAME;",
    )


def append_only_triggers() -> list[pgtrigger.Trigger]:
    """Rows can be added, never changed, removed or truncated."""
    return [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete), no_truncate()]


# The identity of a transaction: nobody chooses it, and it stays unique in a restored database (whose numbers start
# again) because the instant at which the transaction began belongs to it.
TRANSACTION_FUNCTION = declare_function("""
CREATE OR REPLACE FUNCTION essor_transaction() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT left(encode(sha256(convert_to(
        pg_current_xact_id()::text || '@' || extract(epoch FROM transaction_timestamp())::text, 'UTF8'
    )), 'hex'), 32)::uuid
$$
""")


def transaction_trigger(column: str, also: str = "") -> pgtrigger.Trigger:
    """The database itself writes down in which transaction a row was added, and what ``also`` (SQL on NEW) says."""
    return pgtrigger.Trigger(
        name="stamp_transaction",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        func=f"NEW.{column} := essor_transaction(); {also}RETURN NEW;",
    )


# What stands for a text that is kept nowhere else: the mark of a password, of the words of a mail. Immutable, so that a
# CHECK may call it, which nobody switches off with the triggers.
DIGEST_FUNCTION = declare_function("""
CREATE OR REPLACE FUNCTION essor_digest(said text) RETURNS varchar LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT encode(sha256(convert_to(said, 'UTF8')), 'hex')
$$
""")


class Digest(models.Func):
    """SQL: the SHA-256 (hexadecimal) of a text, by :data:`DIGEST_FUNCTION`."""

    function = "essor_digest"
    arity = 1
    output_field = models.CharField()


def mark_trigger(column: str, text: str) -> pgtrigger.Trigger:
    """The database itself keeps the mark of ``text`` (SQL on NEW) in ``column``; a CHECK holds it to that."""
    return pgtrigger.Trigger(
        name=f"keeps_{column}",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"NEW.{column} := essor_digest({text}); RETURN NEW;",
    )


def never_deleted() -> pgtrigger.Trigger:
    """Rows stay."""
    return pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete)
