"""What roles may do beside the rows of tables: parameters, roles lent, what they may create, and what stands in the way.

A table is as closed as the widest door to it: a view of the owner's that another role may write in, a role that writes
everywhere, a parameter that switches triggers off.
"""

from collections.abc import Iterator

from django.conf import settings
from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch
from core.engine.rights import OWNER

# The roles of PostgreSQL's own that write in every table, or under it: in the files of the server, as the server; that
# read every table or these files (keys and passwords are among them), lock and rebuild every table, end the sessions of
# others, or let another server write here with the triggers off.
GOES_AROUND = (
    "pg_write_all_data",
    "pg_read_all_data",
    "pg_maintain",
    "pg_write_server_files",
    "pg_execute_server_program",
    "pg_read_server_files",
    "pg_create_subscription",
    "pg_signal_backend",
)
# What a standby or a backup needs.
COPIES = ("REPLICATION", "pg_read_all_data")


def check_parameters() -> Iterator[Finding]:
    """No role sets a parameter that is the superuser's: one of them switches the triggers of a session off."""
    query = f"""
        SELECT parameter.parname AS name, held.privilege_type AS privilege,
               CASE held.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(held.grantee) END AS role
        FROM pg_parameter_acl AS parameter CROSS JOIN LATERAL aclexplode(parameter.paracl) AS held
        WHERE held.grantee <> {OWNER} AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = held.grantee AND rolsuper)
        ORDER BY 1, 3, 2
    """  # noqa: S608
    for row in fetch(query):
        sentence = _("a role may set this parameter of the server: it may switch guards off.")
        yield of_the_catalogue("pg_parameter_acl", row["name"], sentence, after=f"{row['privilege']}: {row['role']}")


def check_roles() -> Iterator[Finding]:
    """Nobody reads or writes everywhere, or copies the files of the server (REPLICATION), sees past row security or makes
    roles and databases; the application's role has no power beside its rights; superusers are those of the server.

    What a role may do it lends to its members: those that do not log in are looked at too. Those that keep the standby
    or the backups are declared (``ESSOR_DATABASE_COPIED_BY``): they copy, and have no other power.
    """
    query = f"""
        SELECT role.rolname AS name, power.name AS found, role.rolname = %(role)s AS is_application
        FROM pg_roles AS role CROSS JOIN LATERAL (
            SELECT lent.rolname FROM pg_roles AS lent WHERE lent.rolname = ANY (%(lent)s) AND NOT role.rolsuper
               AND pg_has_role(role.oid, lent.oid, 'MEMBER')
            UNION ALL
            SELECT lent.rolname FROM pg_auth_members AS member JOIN pg_roles AS lent ON lent.oid = member.roleid
            WHERE member.member = role.oid AND role.rolname = %(role)s AND lent.rolname <> ALL (%(lent)s)
            UNION ALL
            SELECT 'SUPERUSER' WHERE role.rolsuper AND role.rolcanlogin AND role.oid <> 10
            UNION ALL
            SELECT attribute FROM (VALUES ('BYPASSRLS', role.rolbypassrls), ('CREATEROLE', role.rolcreaterole),
                ('CREATEDB', role.rolcreatedb), ('REPLICATION', role.rolreplication)) AS held (attribute, has)
            WHERE held.has AND NOT role.rolsuper
            UNION ALL
            SELECT 'OWNER OF THE DATABASE' FROM pg_database WHERE datname = current_database() AND role.rolname = %(role)s
               AND pg_has_role(role.oid, datdba, 'MEMBER')
        ) AS power (name)
        WHERE role.oid <> {OWNER} AND role.rolname !~ '^pg_'
        ORDER BY 1, 2
    """  # noqa: S608
    for row in fetch(query, {"role": settings.ESSOR_DATABASE_ROLE, "lent": list(GOES_AROUND)}):
        if row["found"] in COPIES and row["name"] in settings.ESSOR_DATABASE_COPIED_BY and not row["is_application"]:
            continue
        if row["is_application"]:
            sentence = _("the role of the application has a power that goes around its rights.")
        else:
            sentence = _("this role has a power that goes around the rights and the guards.")
        yield of_the_catalogue("pg_roles", row["name"], sentence, after=row["found"])


def check_members_of_the_application() -> Iterator[Finding]:
    """Only the application writes as the application: no other role is a member of its role, directly or through another.

    The owner may be (whoever makes a role is); it needs no such way.
    """
    query = f"""
        SELECT role.rolname AS name, role.rolcanlogin AS enters FROM pg_roles AS role
        JOIN pg_roles AS application ON application.rolname = %s AND application.oid <> role.oid
        WHERE role.oid <> {OWNER} AND NOT role.rolsuper AND pg_has_role(role.oid, application.oid, 'MEMBER')
        ORDER BY 1
    """  # noqa: S608
    for row in fetch(query, [settings.ESSOR_DATABASE_ROLE]):
        sentence = _(
            "this role may write as the application does, in anybody's name: its membership was given by hand."
        )
        yield of_the_catalogue("pg_roles", row["name"], sentence, after="LOGIN" if row["enters"] else "NOLOGIN")


def check_creation() -> Iterator[Finding]:
    """Nobody but the owners creates tables or functions, where those of Essor stand or beside them, or files of tables in
    another place of the server; and nobody hands on the right to enter."""
    query = f"""
        SELECT place.kind AS "table", place.name, CASE held.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(held.grantee) END AS role,
               held.privilege_type || CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END AS given,
               held.privilege_type = 'CREATE' AS creates
        FROM (SELECT 'pg_namespace' AS kind, nspname::text AS name, nspowner AS owner, nspacl AS acl FROM pg_namespace
              WHERE nspname !~ '^pg_(toast|temp)'
              UNION ALL
              SELECT 'pg_database', datname::text, datdba, datacl FROM pg_database WHERE datname = current_database()
              UNION ALL
              SELECT 'pg_tablespace', spcname::text, spcowner, spcacl FROM pg_tablespace
        ) AS place CROSS JOIN LATERAL aclexplode(place.acl) AS held
        WHERE (held.privilege_type = 'CREATE' OR held.is_grantable) AND held.grantee NOT IN (place.owner, {OWNER})
          AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = held.grantee AND (rolsuper OR rolname = 'pg_database_owner'))
        ORDER BY 1, 2, 3
    """  # noqa: S608
    for row in fetch(query):
        if row["creates"]:
            sentence = _("a role that is not the owner's may create tables or functions here.")
        else:
            sentence = _("a role that is not the owner's may let others enter here.")
        yield of_the_catalogue(row["table"], row["name"], sentence, after=f"{row['given']}: {row['role']}")


def check_views_and_counters() -> Iterator[Finding]:
    """No view writes for somebody else, nobody but the owner turns a counter back, or the application takes a number."""
    query = """
        SELECT room.nspname || '.' || class.relname AS name, class.relkind = 'S' AS is_counter,
               string_agg(DISTINCT held.privilege_type || CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END || ': '
                   || CASE held.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(held.grantee) END, ', ') AS rights
        FROM pg_class AS class JOIN pg_namespace AS room ON room.oid = class.relnamespace
        CROSS JOIN LATERAL (
            SELECT grantee, privilege_type, is_grantable FROM aclexplode(class.relacl)
            UNION ALL
            SELECT acl.grantee, acl.privilege_type, acl.is_grantable FROM pg_attribute AS attribute
            CROSS JOIN LATERAL aclexplode(attribute.attacl) AS acl WHERE attribute.attrelid = class.oid
        ) AS held
        WHERE room.nspname !~ '^pg_' AND room.nspname <> 'information_schema' AND held.grantee <> class.relowner
          AND (class.relkind IN ('v', 'm', 'f') AND held.privilege_type NOT IN ('SELECT', 'MAINTAIN')
               OR class.relkind = 'S' AND (held.privilege_type = 'UPDATE' OR held.is_grantable OR held.grantee = 0
                    OR room.nspname = 'public' AND pg_get_userbyid(held.grantee) <> %s
                       AND NOT EXISTS (SELECT FROM pg_roles WHERE oid = held.grantee AND rolsuper)))
          AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
        GROUP BY 1, 2 ORDER BY 1
    """
    for row in fetch(query, [settings.ESSOR_DATABASE_ROLE]):
        if row["is_counter"]:
            sentence = _("a role that is not the owner's may read, use up or set this counter of numbers.")
        else:
            sentence = _("a role writes through this view with the rights of another one.")
        yield of_the_catalogue("pg_class", row["name"], sentence, after=row["rights"])


def check_rights_to_come() -> Iterator[Finding]:
    """What is made later is as closed as what is there: the rights that new tables get are those of the application."""
    query = """
        SELECT CASE given.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' ELSE given.defaclobjtype::text END AS name,
               held.privilege_type || CASE WHEN held.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END || ': '
                   || CASE held.grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(held.grantee) END AS found
        FROM pg_default_acl AS given CROSS JOIN LATERAL aclexplode(given.defaclacl) AS held
        WHERE given.defaclobjtype IN ('r', 'S') AND held.grantee <> given.defaclrole
          AND NOT (held.privilege_type = 'SELECT' AND EXISTS (SELECT FROM pg_roles WHERE oid = held.grantee AND rolsuper))
          AND (held.grantee = 0 OR pg_get_userbyid(held.grantee) <> %s OR held.is_grantable
               OR NOT (held.privilege_type = 'SELECT'
                       OR given.defaclobjtype = 'r' AND held.privilege_type IN ('INSERT', 'UPDATE', 'DELETE')
                       OR given.defaclobjtype = 'S' AND held.privilege_type = 'USAGE'))
        ORDER BY 1, 2
    """
    for row in fetch(query, [settings.ESSOR_DATABASE_ROLE]):
        sentence = _("tables to come would be open to a role that should not read or write in them.")
        yield of_the_catalogue("pg_default_acl", row["name"], sentence, after=row["found"])


def check_marks() -> Iterator[Finding]:
    """What PostgreSQL notes of a table is so: it looks for triggers, checks and indexes only where it noted some."""
    query = """
        SELECT class.relname AS "table", mark.name AS found FROM pg_class AS class CROSS JOIN LATERAL (VALUES
            ('relhastriggers', NOT class.relhastriggers AND EXISTS (SELECT FROM pg_trigger WHERE tgrelid = class.oid)),
            ('relchecks', class.relchecks <> (SELECT count(*) FROM pg_constraint WHERE conrelid = class.oid AND contype = 'c')),
            ('relhasindex', NOT class.relhasindex AND EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid))
        ) AS mark (name, is_false)
        WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p') AND mark.is_false
        ORDER BY 1, 2
    """
    for row in fetch(query):
        sentence = _("the server passes over guards of this table, which it notes as having none.")
        yield of_the_catalogue(row["table"], "*", sentence, after=row["found"])
    query = """
        SELECT relname AS name FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'S') AND relpersistence <> 'p' ORDER BY 1
    """
    for row in fetch(query):
        yield of_the_catalogue(
            row["name"], "*", _("this table is emptied when the server stops without warning (UNLOGGED).")
        )


CHECKS = (
    check_parameters,
    check_roles,
    check_members_of_the_application,
    check_creation,
    check_views_and_counters,
    check_rights_to_come,
    check_marks,
)
