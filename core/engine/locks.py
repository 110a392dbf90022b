"""What is fastened in the database after each migration, on whatever tables there are then.

Every history table gets the trigger that writes the transaction on each line. It is not declared model by model: the
history tables are made by a library, and none may be forgotten.
"""

from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

from core.history import history_model_of, tracked_models

STAMP = "essor_stamp_line"
STAMP_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {STAMP}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pgh_context_id := essor_transaction();
    RETURN NEW;
END
$$
"""


def fasten(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """post_migrate receiver: bring the database's own guards up to date; quick when there is nothing to do."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    if "core_event" not in present:  # migrated to before there was anything to guard
        return
    tables = [history_model_of(model)._meta.db_table for model in tracked_models()]
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s", [STAMP])
        stamped = {name for (name,) in cursor.fetchall()}
        if missing := [table for table in tables if table in present and table not in stamped]:
            cursor.execute(STAMP_FUNCTION)
        for table in missing:
            cursor.execute(
                f"CREATE TRIGGER {STAMP} BEFORE INSERT ON {connection.ops.quote_name(table)} "
                f"FOR EACH ROW EXECUTE FUNCTION {STAMP}()"
            )
