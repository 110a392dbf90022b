"""For migrations: the rows that a table held before its history began get their first line."""

from django.db.migrations import RunSQL

_BEGIN = """
DO $$
DECLARE
    columns text;
BEGIN
    SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO STRICT columns
    FROM pg_attribute
    WHERE attrelid = '{history}'::regclass AND attnum > 0 AND NOT attisdropped AND attname NOT LIKE 'pgh\\_%';
    EXECUTE format(
        'INSERT INTO {history} (%s, pgh_obj_id, pgh_label, pgh_created_at, pgh_context, pgh_context_id)'
        ' SELECT %s, id, ''insert'', now(), %L::jsonb, gen_random_uuid() FROM {table} ORDER BY id',
        columns, columns, '{{"user": null, "label": "command migrate: the history of this table begins"}}'
    );
END
$$
"""


def history_begins(table: str) -> RunSQL:
    """An operation to put after the creation of ``<table>event``. It renders no model, so that it costs nothing."""
    return RunSQL(_BEGIN.format(table=table, history=f"{table}event"), RunSQL.noop)
