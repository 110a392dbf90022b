"""For migrations: the rows that a table held before its history began get their first line."""

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
        || ', pgh_obj_id, pgh_label, pgh_created_at, pgh_context, pgh_context_id) SELECT ' || columns
        || ', id, ''insert'', now(), '
        || quote_literal('{{"user": null, "label": "command migrate: the history of this table begins"}}')
        || '::jsonb, gen_random_uuid() FROM {table} ORDER BY id';
END
$$
"""


def history_begins(table: str) -> RunSQL:
    """An operation to put after the creation of ``<table>event``. It renders no model, so that it costs nothing."""
    return RunSQL(_BEGIN.format(table=table, history=f"{table}event"), RunSQL.noop)
