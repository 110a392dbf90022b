"""What is fastened in the database after each migration, on whatever tables there are then.

* Every history table gets the trigger that writes the transaction on each line. It is not declared model by model: the
  history tables are made by a library, and none may be forgotten.
* The triggers that write the history work with the rights of the owner, so that the role of the application may read
  the history and no more.
* Every function reads the names in it under :data:`SAFE_PATH`, whatever the session that calls it says: a temporary
  table of the name of one of Essor's stands in for none.
* Every day that a table keeps is one of the calendar, and every number one (``core.engine.plain_values``).
* The switch of the trigger library (``pgtrigger.ignore``) obeys the owner of the tables alone.
* The role of the application gets what it needs: to read and write rows, never to define anything.
"""

from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

from core.engine.plain_values import refuse_odd_values
from core.history import history_model_of, tracked_models

# PostgreSQL's own names first, the schema of the tables next, temporary tables last: where a path does not name these,
# they come before all others, and any session may make some.
SAFE_PATH = "pg_catalog, public, pg_temp"
STAMP = "essor_stamp_line"
STAMP_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {STAMP}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pgh_context_id := essor_transaction();
    RETURN NEW;
END
$$
"""
# The library's own function answers whoever asks: each migration that adds a trigger puts it back, so it is replaced
# after each. It looks for the owner only when somebody asks for something: triggers are called for every row.
IGNORE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION public._pgtrigger_should_ignore(trigger_name NAME) RETURNS BOOLEAN LANGUAGE plpgsql
SET search_path = {SAFE_PATH} AS $$
DECLARE
    asked TEXT := current_setting('pgtrigger.ignore', true);
BEGIN
    IF asked IS NULL OR asked = '' THEN
        RETURN FALSE;
    END IF;
    IF NOT trigger_name = ANY (asked::text[]) THEN
        RETURN FALSE;
    END IF;
    RETURN pg_has_role(session_user, (SELECT relowner FROM pg_catalog.pg_class WHERE oid = 'public.core_event'::regclass), 'USAGE');
END
$$
"""  # noqa: S608
# Written by triggers or by the owner's commands; the application reads them. What decides what a role may do, and which
# table an event speaks of, is among them: it is made by migrations, not by people.
ONLY_READ = (
    "auth_group",
    "auth_group_permissions",
    "auth_permission",
    "core_erasure",
    "core_user_user_permissions",
    "django_content_type",
    "django_migrations",
)
# Added to by the application, never changed: it seals, and records.
ONLY_ADDED_TO = ("core_event", "core_eventseal", "core_historyseal", "core_personsalt")
# Added to and brought up to date by the application, never removed: what the looks at the figures found.
NEVER_REMOVED = ("core_figurecheck", "core_figurefinding")


def label_migrations(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """pre_migrate receiver: rows that a migration rewrites say so in their history, in every way of running it.

    The session says it, not each statement: a statement of a migration goes as it is written (``core.acting.unstamped``).
    """
    _say_who(using, '{"user": null, "label": "command migrate"}')


def unlabel_migrations(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """post_migrate receiver: what follows says itself who acts."""
    _say_who(using, "")


def _say_who(using: str, metadata: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT set_config('pghistory.context_metadata', %s, false)", [metadata])


def fasten(using: str = DEFAULT_DB_ALIAS, **kwargs: Any) -> None:
    """post_migrate receiver: bring the database's own guards up to date; quick when there is nothing to do."""
    connection = connections[using]
    present = set(connection.introspection.table_names())
    if "core_event" not in present:  # migrated to before there was anything to guard
        return
    tables = [table for table in history_tables() if table in present]
    with transaction.atomic(using), connection.cursor() as cursor:
        _stamp_lines(cursor, tables)
        cursor.execute(IGNORE_FUNCTION)
        _write_as_owner(cursor, tables)
        _fix_paths(cursor)
        refuse_odd_values(cursor)
        role = settings.ESSOR_DATABASE_ROLE
        cursor.execute("SELECT current_user, EXISTS (SELECT FROM pg_roles WHERE rolname = %s)", [role])
        owner, exists = cursor.fetchone()
        if exists and role != owner:
            grant(cursor, role, tables)


def history_tables() -> list[str]:
    """The tables of the row history."""
    return [history_model_of(model)._meta.db_table for model in tracked_models()]


def _stamp_lines(cursor: Any, tables: list[str]) -> None:
    cursor.execute("SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = %s", [STAMP])
    stamped = {name for (name,) in cursor.fetchall()}
    if missing := [table for table in tables if table not in stamped]:
        cursor.execute(STAMP_FUNCTION)
    for table in missing:
        cursor.execute(stamp_of(table))


def stamp_of(table: str) -> str:
    """The statement that makes the trigger which writes the transaction on each line, in PostgreSQL's own words."""
    return f'CREATE TRIGGER {STAMP} BEFORE INSERT ON "{table}" FOR EACH ROW EXECUTE FUNCTION {STAMP}()'


def _write_as_owner(cursor: Any, tables: list[str]) -> None:
    """The functions of the triggers that insert into a history table get the rights of the tables' owner."""
    cursor.execute(
        """
        SELECT DISTINCT function.oid::regprocedure::text
        FROM pg_trigger AS trigger JOIN pg_proc AS function ON function.oid = trigger.tgfoid
        CROSS JOIN unnest(%s::text[]) AS history
        WHERE NOT function.prosecdef AND position('INSERT INTO "' || history || '"' IN function.prosrc) > 0
        """,
        [tables],
    )
    for (function,) in cursor.fetchall():
        cursor.execute(f"ALTER FUNCTION {function} SECURITY DEFINER")


def _fix_paths(cursor: Any) -> None:
    """Every function of the schema gets the safe path; those of an extension are its own."""
    cursor.execute(
        """
        SELECT function.oid::regprocedure::text FROM pg_proc AS function
        WHERE function.pronamespace = 'public'::regnamespace AND function.prokind = 'f'
          AND function.proconfig IS DISTINCT FROM ARRAY[%s]
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid AND deptype = 'e')
        """,
        [f"search_path={SAFE_PATH}"],
    )
    for (function,) in cursor.fetchall():
        cursor.execute(f"ALTER FUNCTION {function} RESET ALL")
        cursor.execute(f"ALTER FUNCTION {function} SET search_path = {SAFE_PATH}")


def too_open(cursor: Any, role: str, tables: list[str]) -> list[str]:
    """The tables on which ``role`` may do more than the application's role, or hand it on; ``tables`` are the histories."""
    cursor.execute(
        """
        SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        AND (relname = ANY (%(read)s) AND has_table_privilege(%(role)s, oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
             OR relname = ANY (%(added)s) AND has_table_privilege(%(role)s, oid, 'UPDATE, DELETE, TRUNCATE')
             OR relname = ANY (%(stay)s) AND has_table_privilege(%(role)s, oid, 'DELETE, TRUNCATE')
             OR EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = (SELECT oid FROM pg_roles WHERE rolname = %(role)s)
                        AND (is_grantable OR privilege_type = 'MAINTAIN' AND relname = ANY (%(read)s::text[] || %(added)s::text[]))))
        ORDER BY relname
        """,
        {"read": [*tables, *ONLY_READ], "added": list(ONLY_ADDED_TO), "stay": list(NEVER_REMOVED), "role": role},
    )
    return [name for (name,) in cursor.fetchall()]


def grant(cursor: Any, role: str, tables: list[str]) -> None:
    """Give ``role`` the rights of the application; ``tables`` are the history tables, which it only reads."""
    present = set(connection.introspection.table_names(cursor))
    only_read = [table for table in (*tables, *ONLY_READ) if table in present]
    cursor.execute(
        """
        SELECT EXISTS (
            SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
            AND (NOT has_table_privilege(%s, oid, 'SELECT')
                 OR relname <> ALL (%s) AND NOT has_table_privilege(%s, oid, 'DELETE'))
        )
        """,
        [role, [*only_read, *ONLY_ADDED_TO, *NEVER_REMOVED], role],
    )
    if not cursor.fetchone()[0] and not too_open(cursor, role, tables):
        return
    name = f'"{role}"'
    cursor.execute("SELECT current_setting('server_version_num')::int")
    keep = ", MAINTAIN" if cursor.fetchone()[0] >= 170000 else ""  # ANALYZE after a large import
    statements = [
        f"GRANT USAGE ON SCHEMA public TO {name}",
        f"REVOKE GRANT OPTION FOR ALL ON ALL TABLES IN SCHEMA public FROM {name}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE{keep} ON ALL TABLES IN SCHEMA public TO {name}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {name}",
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {name}",
    ]
    read = ", ".join(f'"{table}"' for table in only_read)
    statements.append(f"REVOKE INSERT, UPDATE, DELETE{keep} ON {read} FROM {name}")
    added = ", ".join(f'"{table}"' for table in ONLY_ADDED_TO if table in present)
    statements.append(f"REVOKE UPDATE, DELETE{keep} ON {added} FROM {name}")
    if stay := ", ".join(f'"{table}"' for table in NEVER_REMOVED if table in present):
        statements.append(f"REVOKE DELETE ON {stay} FROM {name}")
    for statement in statements:
        cursor.execute(statement)
