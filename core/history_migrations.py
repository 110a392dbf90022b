"""For migrations: the lines of rows that were there before their history, or a column of it, began."""

from django.db.migrations import RunSQL

# Without a per cent sign: a command that acts under a label gives the statement parameters, and psycopg would read one.
_BEGIN = """
DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO STRICT columns
    FROM pg_attribute
    WHERE attrelid = '{history}'::regclass AND attnum > 0 AND NOT attisdropped
        AND NOT starts_with(attname::text, 'pgh_');
    EXECUTE 'INSERT INTO {history} (' || columns
        || ', {refer}pgh_label, pgh_created_at, pgh_context, pgh_context_id) SELECT ' || columns
        || ', {key}''{kind}'', now(), '
        || quote_literal('{{"user": null, "label": "command migrate: the history of this {what} begins"}}')
        || '::jsonb, gen_random_uuid() FROM {table} ORDER BY {pk}';
END
$$
"""


def history_begins(table: str, history: str = "", *, pk: str = "id") -> RunSQL:
    """An operation to put after the creation of the history. It renders no model, so that it costs nothing.

    ``history`` is that of a proxy (a many-to-many table), whose lines do not refer to the row; else ``<table>event``.
    """
    refer = {"refer": "", "key": ""} if history else {"refer": "pgh_obj_id, ", "key": f"{pk}, "}
    refer |= {"kind": "insert", "what": "table"}
    return RunSQL(_BEGIN.format(table=table, history=history or f"{table}event", pk=pk, **refer), RunSQL.noop)


def history_knows_more(table: str, *, pk: str = "id") -> RunSQL:
    """An operation to put after a column came to the history: a line of each row says, and seals, what it holds now."""
    refer = {"refer": "pgh_obj_id, ", "key": f"{pk}, ", "kind": "update", "what": "column"}
    return RunSQL(_BEGIN.format(table=table, history=f"{table}event", pk=pk, **refer), RunSQL.noop)
