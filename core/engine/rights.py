"""Whose hands the guards are in: owners, members, rights and settings of roles, functions that lend rights, and heirs.

A guard that stands says nothing when its table belongs to somebody else, or when a session begins with it switched off.
"""

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import Permission
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch
from core.engine.locks import NEVER_REMOVED, ONLY_ADDED_TO, ONLY_READ, history_tables
from core.roles import Role

OWNER = "(SELECT relowner FROM pg_class WHERE oid = 'public.core_event'::regclass)"
# What a setting of a role or of the database may not say: triggers off, histories under a name, tables of another schema,
# a library of code for each session, a catalogue that statements may edit.
SWITCHES = (
    r"^(session_replication_role=(replica|local)|pgtrigger\.|pghistory\.|search_path=(?!(\"\$user\", ?)?public$)|role="
    r"|(session|local)_preload_libraries=|allow_system_table_mods=(on|true|1))"
)


def _owners() -> Iterator[Finding]:
    query = f"""
        SELECT class.relname AS name, pg_get_userbyid(class.relowner) AS owner FROM pg_class AS class
        WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p', 'v', 'm', 'S')
          AND class.relowner <> {OWNER}
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
        UNION ALL
        SELECT function.proname, pg_get_userbyid(function.proowner) FROM pg_proc AS function
        WHERE function.pronamespace = 'public'::regnamespace AND function.proowner <> {OWNER}
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid AND deptype = 'e')
        ORDER BY 1
    """  # noqa: S608
    for row in fetch(query):
        sentence = _("this belongs to another role than the other tables: that role can switch its guards off.")
        yield of_the_catalogue(row["name"], row["owner"], sentence)


def _members() -> Iterator[Finding]:
    """No role that is not the owner may act as the owner; nor is the application's role a superuser."""
    query = f"""
        SELECT role.rolname AS name FROM pg_roles AS role
        WHERE role.oid <> {OWNER} AND role.rolname !~ '^pg_'
          AND (NOT role.rolsuper AND pg_has_role(role.oid, {OWNER}, 'USAGE') OR role.rolsuper AND role.rolname = %s
               OR EXISTS (SELECT FROM pg_auth_members AS member WHERE member.member = role.oid AND NOT role.rolsuper
                          AND member.roleid = {OWNER} AND coalesce((to_jsonb(member) ->> 'set_option')::boolean, true)))
        ORDER BY 1
    """  # noqa: S608
    for row in fetch(query, [settings.ESSOR_DATABASE_ROLE]):
        sentence = _("this role may act as the owner of the tables: it can switch every guard off.")
        yield of_the_catalogue("pg_roles", row["name"], sentence)


def _given_away() -> Iterator[Finding]:
    """Rights to read and to write, on tables and on single columns, of whoever is not the owner.

    A superuser needs no right to read. MAINTAIN (PostgreSQL 17 and later: to lock, to rebuild) is the application's on what
    it may write in alone.
    """
    query = """
        SELECT class.relname AS "table", held.grantee = 0 AS is_everybody, pg_get_userbyid(held.grantee) AS role,
               string_agg(DISTINCT held.name || CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END, ', ') AS rights,
               bool_or(held.privilege_type NOT IN ('SELECT', 'MAINTAIN')) AS writes,
               bool_or(held.privilege_type = 'SELECT') AS reads, bool_or(held.is_grantable) AS hands_on
        FROM pg_class AS class CROSS JOIN LATERAL (
            SELECT grantee, privilege_type, is_grantable, privilege_type AS name FROM aclexplode(class.relacl)
            UNION ALL
            SELECT acl.grantee, acl.privilege_type, acl.is_grantable, acl.privilege_type || ' (' || attribute.attname || ')'
            FROM pg_attribute AS attribute CROSS JOIN LATERAL aclexplode(attribute.attacl) AS acl
            WHERE attribute.attrelid = class.oid
        ) AS held
        WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p', 'v', 'm', 'f')
          AND held.grantee <> class.relowner
          AND (class.relkind IN ('r', 'p') OR held.privilege_type IN ('SELECT', 'MAINTAIN'))
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
          AND NOT (held.privilege_type = 'SELECT' AND EXISTS (SELECT FROM pg_roles WHERE oid = held.grantee AND rolsuper))
          AND (held.grantee = 0 OR pg_get_userbyid(held.grantee) <> %(role)s OR held.is_grantable
               OR held.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MAINTAIN')
               OR class.relname = ANY (%(only_read)s) AND held.privilege_type <> 'SELECT'
               OR class.relname = ANY (%(only_added_to)s) AND held.privilege_type NOT IN ('SELECT', 'INSERT')
               OR class.relname = ANY (%(never_removed)s) AND held.privilege_type = 'DELETE')
        GROUP BY 1, 2, 3 ORDER BY 1, 3
    """
    role = settings.ESSOR_DATABASE_ROLE
    closed = {
        "only_read": [*history_tables(), *ONLY_READ],
        "only_added_to": list(ONLY_ADDED_TO),
        "never_removed": list(NEVER_REMOVED),
    }
    for row in fetch(query, {"role": role, **closed}):
        if row["role"] == role and not row["is_everybody"]:
            if row["hands_on"]:
                sentence = _("the role of the application may hand its rights on to others: run manage.py migrate.")
            else:
                sentence = _(
                    "the role of the application may write where it should only read or add: run manage.py migrate."
                )
        elif not row["writes"] and row["reads"]:
            sentence = _("a role that is neither the owner's nor the application's may read what stands here.")
        elif not row["writes"]:
            sentence = _("a role that is neither the owner's nor the application's may lock or rebuild this table.")
        else:
            sentence = _("a role that is neither the owner's nor the application's may write in this table.")
        yield of_the_catalogue(
            row["table"], "public" if row["is_everybody"] else row["role"], sentence, after=row["rights"]
        )


def _settings() -> Iterator[Finding]:
    """No session begins with the triggers off, under a name, or with other tables before those of Essor."""
    query = """
        SELECT 'pg_db_role_setting' AS "table", coalesce(role.rolname, database.datname, '*') AS name, said
        FROM pg_db_role_setting AS setting
        LEFT JOIN pg_roles AS role ON role.oid = setting.setrole
        LEFT JOIN pg_database AS database ON database.oid = setting.setdatabase
        CROSS JOIN unnest(setting.setconfig) AS said
        WHERE setting.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) AND said ~ %s
        UNION ALL
        SELECT 'pg_settings', name, name || '=' || reset_val FROM pg_settings
        WHERE name IN ('session_replication_role', 'session_preload_libraries', 'local_preload_libraries',
                       'allow_system_table_mods')
          AND reset_val <> boot_val AND source NOT IN ('database', 'user', 'database user')
        ORDER BY 1, 2, 3
    """
    for row in fetch(query, [SWITCHES]):
        if row["table"] == "pg_settings":
            sentence = _("every session of the server begins with this setting, which goes around the guards.")
        else:
            sentence = _("sessions of this role or database begin with a setting that goes around the guards.")
        yield of_the_catalogue(row["table"], row["name"], sentence, after=row["said"])


def _lenders() -> Iterator[Finding]:
    """No function lends the rights of its owner, but those that triggers call."""
    query = """
        SELECT function.oid::regprocedure::text AS name FROM pg_proc AS function
        JOIN pg_namespace AS room ON room.oid = function.pronamespace
        WHERE function.prosecdef AND function.prorettype <> 'trigger'::regtype
          AND room.nspname !~ '^pg_' AND room.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = function.oid AND deptype = 'e')
        ORDER BY 1
    """
    for row in fetch(query):
        sentence = _("nobody declared this function, which writes with the rights of its owner.")
        yield of_the_catalogue("pg_proc", row["name"], sentence)


def _beside_the_roles() -> Iterator[Finding]:
    """Rights come from the roles alone: the tables of the library that give others, to a group or a person, stay empty."""
    query = """
        SELECT 'auth_group_permissions' AS "table", held.id, role.name AS who, permission.id AS given
        FROM auth_group_permissions AS held JOIN auth_group AS role ON role.id = held.group_id
        JOIN auth_permission AS permission ON permission.id = held.permission_id
        UNION ALL
        SELECT 'core_user_user_permissions', held.id, person.email, permission.id
        FROM core_user_user_permissions AS held JOIN auth_permission AS permission ON permission.id = held.permission_id
        JOIN core_user AS person ON person.id = held.user_id
        ORDER BY 1, 2
    """
    for row in fetch(query):
        sentence = _("a right was given to “%(who)s” beside the roles, and nothing recorded it: remove this row.")
        given, who = _right_in_words(row["given"]), _role_in_words(row["who"])
        yield Finding(row["table"], row["id"], "*", None, given, None, sentence, {"who": who})


def _right_in_words(pk: int) -> str:
    """A right of the library as people read it: what it lets do, with the rows of which table."""
    right = Permission.objects.select_related("content_type").get(pk=pk)
    model = right.content_type.model_class()
    kind = str(model._meta.verbose_name_plural) if model else right.content_type.model
    match right.codename.partition("_")[0]:
        case "add":
            return _("to add: %(rows)s") % {"rows": kind}
        case "change":
            return _("to change: %(rows)s") % {"rows": kind}
        case "delete":
            return _("to delete: %(rows)s") % {"rows": kind}
        case "view":
            return _("to read: %(rows)s") % {"rows": kind}
    return right.name


def _role_in_words(name: str) -> str:
    """A role by its label; a person by their address."""
    return str(Role(name).label) if name in Role.values else name


def _heirs() -> Iterator[Finding]:
    """No table stands in for another: by inheritance, or by the same name in a schema that is read before.

    A session reads the schema of its role's name and those of its path; a table in any other one is named for what it is.
    """
    query = """
        SELECT parent.relname AS "table", heir.inhrelid::regclass::text AS name, true AS is_read FROM pg_inherits AS heir
        JOIN pg_class AS parent ON parent.oid = heir.inhparent
        WHERE parent.relnamespace = 'public'::regnamespace AND parent.relkind = 'r'
        UNION ALL
        SELECT class.relname, room.nspname || '.' || class.relname,
               EXISTS (SELECT FROM pg_roles WHERE rolname = room.nspname) OR EXISTS (
                   SELECT FROM (
                       SELECT unnest(setconfig) AS said FROM pg_db_role_setting
                       UNION ALL SELECT 'search_path=' || reset_val FROM pg_settings WHERE name = 'search_path'
                   ) AS path WHERE said LIKE 'search_path=%%' AND position(room.nspname IN said) > 0)
        FROM pg_class AS class
        JOIN pg_namespace AS room ON room.oid = class.relnamespace
        JOIN pg_class AS own ON own.relname = class.relname AND own.relnamespace = 'public'::regnamespace
        WHERE class.relkind IN ('r', 'p', 'v', 'm', 'f') AND own.relkind IN ('r', 'p')
          AND room.nspname NOT IN ('public', 'information_schema') AND room.nspname !~ '^pg_'
        ORDER BY 1, 2
    """
    for row in fetch(query):
        if row["is_read"]:
            sentence = _("another table stands in for this one: what is read may be its rows.")
        else:
            sentence = _(
                "nobody declared this other table of the same name; no session reads its schema before that of Essor, unless "
                "it asks for it."
            )
        yield of_the_catalogue(row["table"], row["name"], sentence)
    for row in fetch(
        "SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relrowsecurity"
    ):
        yield of_the_catalogue(
            row["name"], "*", _("this table hides rows from whoever does not own it (row security).")
        )


# Nobody but the owner can take a guard away, and the application writes where it should alone.
CHECKS = (_owners, _members, _given_away, _settings, _lenders, _heirs, _beside_the_roles)
