"""Database triggers that several models share."""

import pgtrigger


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
TRANSACTION_FUNCTION = """
CREATE OR REPLACE FUNCTION essor_transaction() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT left(encode(sha256(convert_to(
        pg_current_xact_id()::text || '@' || extract(epoch FROM transaction_timestamp())::text, 'UTF8'
    )), 'hex'), 32)::uuid
$$
"""


def transaction_trigger(column: str) -> pgtrigger.Trigger:
    """The database itself writes down in which transaction a row was added."""
    return pgtrigger.Trigger(
        name="stamp_transaction",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        func=f"NEW.{column} := essor_transaction(); RETURN NEW;",
    )
