"""What the server holds beside the tables: what it was made with is as it was made, and nothing nobody declared acts in it.

PostgreSQL notes what it gave when it was made (``pg_init_privs``), numbers its own objects below
:data:`FIRST_NORMAL` and reads the schema ``pg_catalog`` before every other: what is added, given or changed there
stands in for what the guards call. Compared as a whole, not case by case.
"""

from collections.abc import Iterator

from django.utils.translation import gettext as _

from core.engine.findings import Finding, of_the_catalogue
from core.engine.lines import fetch
from core.engine.rights import OWNER

# PostgreSQL's FirstNormalObjectId: what is made after the server has a number from here on.
FIRST_NORMAL = 16384
# Rooms of the server: nobody adds to them.
ROOMS = "('pg_catalog'::regnamespace, 'information_schema'::regnamespace)"
# The language of the triggers; and statistics of statements, which only read.
EXTENSIONS = ("plpgsql", "pg_stat_statements")
# The last transaction of those that made the server's own rows; ``information_schema`` and plpgsql came a little later. Its
# oldest type, not the newest row of those before it, says when: one that somebody touched would move it.
MADE = """(SELECT min(xmin::text::bigint) - 1 FROM pg_type WHERE typnamespace = 'information_schema'::regnamespace)"""
# Catalogs of the server that say what statements do, and whose rows have no number of their own: the object each is about.
WITHOUT_NUMBER = {
    "pg_aggregate": ("pg_proc", "thing.aggfnoid::oid"),
    "pg_range": ("pg_type", "thing.rngtypid"),
    "pg_ts_config_map": ("pg_ts_config", "thing.mapcfg"),
    "pg_attribute": ("pg_class", "thing.attrelid"),
    "pg_index": ("pg_class", "thing.indexrelid"),
}
OF_THE_SERVER = "(SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace)"
TEXT_SEARCH = ("pg_ts_config", "pg_ts_dict", "pg_ts_parser", "pg_ts_template")


def named(kind: str, oid: str = "thing.oid") -> str:
    """SQL: an object by the name that PostgreSQL gives it, with its schema and arguments."""
    if kind == "pg_cast":
        return "format('%%s → %%s', castsource::regtype, casttarget::regtype)"
    return f"(SELECT identity FROM pg_identify_object('{kind}'::regclass, {oid}, 0))"  # noqa: S608


def by_hand(kind: str) -> str:
    """SQL: the object ``thing`` was made after the server, by no extension."""
    return (
        f"thing.oid >= {FIRST_NORMAL} AND NOT EXISTS (SELECT FROM pg_depend"
        f" WHERE classid = '{kind}'::regclass AND objid = thing.oid AND deptype = 'e')"
    )


def check_intruders() -> Iterator[Finding]:
    """Nothing stands in the schemas of the server but what it was made with: they are read before that of Essor."""
    rooms = {"pg_class": "relnamespace", "pg_proc": "pronamespace", "pg_type": "typnamespace"}
    more = {
        "pg_class": "AND relkind NOT IN ('i', 'I')",
        # Without the row type of a table, which is told with it, and the arrays.
        "pg_type": "AND typrelid = 0 AND NOT EXISTS (SELECT FROM pg_type AS one WHERE one.typarray = thing.oid)",
        # Made anew with the language of the triggers.
        "pg_proc": "AND thing.probin IS DISTINCT FROM '$libdir/plpgsql'",
    }
    parts = [
        f"SELECT '{kind}' AS \"table\", {named(kind)} AS name FROM {kind} AS thing"  # noqa: S608
        f" WHERE thing.oid >= {FIRST_NORMAL} AND {room} IN {ROOMS} {more[kind]}"
        for kind, room in rooms.items()
    ]
    for row in fetch(" UNION ALL ".join(parts) + " ORDER BY 1, 2"):
        sentence = _(
            "nobody declared this, and it stands where the server looks first: it may stand in for a table or a function "
            "of Essor, and what the guards read is then not what it says."
        )
        yield of_the_catalogue(row["table"], row["name"], sentence)


def check_own_objects() -> Iterator[Finding]:
    """What the server was made with was not changed since: its functions, types, operators, casts and views."""
    kinds = {
        # One that was given to somebody is told with the rights.
        "pg_proc": "pronamespace = 'pg_catalog'::regnamespace AND probin IS DISTINCT FROM '$libdir/plpgsql'"
        f" AND NOT EXISTS ({_given('pg_proc')})",
        "pg_type": "typnamespace = 'pg_catalog'::regnamespace",
        "pg_rewrite": "ev_class IN (SELECT oid FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace)",
        "pg_language": "lanname <> 'plpgsql'",
        # One with rights of its own is told with the rights.
        "pg_attribute": f"attrelid IN {OF_THE_SERVER} AND attacl IS NULL",
        "pg_index": f"indrelid IN {OF_THE_SERVER}",
        "pg_constraint": "connamespace = 'pg_catalog'::regnamespace",
        **dict.fromkeys(
            ("pg_operator", "pg_cast", "pg_opclass", "pg_opfamily", "pg_amop", "pg_amproc", "pg_am", "pg_conversion",
             "pg_aggregate", "pg_range", "pg_collation", "pg_ts_config_map", *TEXT_SEARCH),
            "true",
        ),
    }  # fmt: skip
    parts = []
    for kind, where in kinds.items():
        about, number = WITHOUT_NUMBER.get(kind, (kind, "thing.oid"))
        name = named(about, number)
        parts.append(
            f"SELECT '{kind}' AS \"table\", {name} AS name FROM {kind} AS thing"  # noqa: S608
            f" WHERE {number} < {FIRST_NORMAL} AND thing.xmin::text::bigint > {MADE} AND {where}"
        )
    parts.append(f"""
        SELECT 'pg_init_privs', (SELECT identity FROM pg_identify_object(thing.classoid, thing.objoid, 0)) FROM pg_init_privs AS thing
        WHERE thing.privtype = 'i' AND thing.xmin::text::bigint > {MADE}
    """)  # noqa: S608
    for row in fetch(" UNION ".join(parts) + " ORDER BY 1, 2"):
        sentence = _("the server was made with this, and somebody changed it since: it may do something else.")
        yield of_the_catalogue(row["table"], row["name"], sentence)


def _given(kind: str) -> str:
    """SQL: the rights on ``thing`` that the server did not give when it was made, and that are not its owner's."""
    letter, acl, owner = {
        "pg_proc": ("f", "proacl", "proowner"),
        "pg_class": ("r", "relacl", "relowner"),
        "pg_language": ("l", "lanacl", "lanowner"),
        "pg_type": ("T", "typacl", "typowner"),
    }[kind]
    default = f"acldefault('{letter}', thing.{owner})"
    first = (
        f"(SELECT initprivs FROM pg_init_privs WHERE classoid = '{kind}'::regclass AND objoid = thing.oid"  # noqa: S608
        " AND objsubid = 0 AND privtype = 'i')"
    )
    return (
        f"SELECT grantee, privilege_type, is_grantable FROM aclexplode(coalesce(thing.{acl}, {default}))"  # noqa: S608
        f" WHERE thing.{acl} IS DISTINCT FROM {first} AND grantee <> thing.{owner}"
        f" EXCEPT SELECT grantee, privilege_type, is_grantable FROM aclexplode(coalesce({first}, {default}))"
    )


def check_given() -> Iterator[Finding]:
    """Nobody has more of the server's functions, catalogues and languages than everybody had when it was made."""
    where = {
        "pg_proc": f"pronamespace IN {ROOMS}",
        "pg_class": f"relnamespace IN {ROOMS}",
        "pg_type": f"typnamespace IN {ROOMS} AND thing.oid < {FIRST_NORMAL}",
        "pg_language": "true",
    }
    parts = [
        f"SELECT '{kind}' AS \"table\", {named(kind)} AS name, held.grantee, held.privilege_type AS given"  # noqa: S608
        f" FROM {kind} AS thing CROSS JOIN LATERAL ({_given(kind)}) AS held WHERE {room}"
        # Its views show everybody their own: that was given a little after the rest.
        f" AND NOT ('{kind}' = 'pg_class' AND held.privilege_type = 'SELECT' AND {named(kind)} LIKE 'information_schema.%%')"
        for kind, room in where.items()
    ]
    parts.append(f"""
        SELECT 'pg_class', {named("pg_class", "thing.attrelid")}, held.grantee,
               held.privilege_type || ' (' || thing.attname || ')'
        FROM pg_attribute AS thing JOIN pg_class AS class ON class.oid = thing.attrelid
        CROSS JOIN LATERAL (
            SELECT grantee, privilege_type FROM aclexplode(thing.attacl) WHERE grantee <> class.relowner
            EXCEPT SELECT grantee, privilege_type FROM pg_init_privs AS first CROSS JOIN LATERAL aclexplode(first.initprivs)
            WHERE first.classoid = 'pg_class'::regclass AND first.objoid = thing.attrelid AND first.objsubid = thing.attnum
        ) AS held WHERE class.relnamespace IN {ROOMS} AND thing.attacl IS NOT NULL
    """)  # noqa: S608
    query = f"""
        SELECT "table", name, string_agg(given || ': ' || CASE grantee WHEN 0 THEN 'public' ELSE pg_get_userbyid(grantee) END,
                                         ', ' ORDER BY grantee, given) AS found
        FROM ({" UNION ALL ".join(parts)}) AS every GROUP BY 1, 2 ORDER BY 1, 2
    """  # noqa: S608
    for row in fetch(query):
        sentence = _(
            "the server kept this to itself when it was made, and somebody gave it away: it may read or write past the "
            "rights on tables, in the files of the server too."
        )
        yield of_the_catalogue(row["table"], row["name"], sentence, after=row["found"])


def check_owners_of_places() -> Iterator[Finding]:
    """The objects of the server, the language of the triggers and the places of files belong to it, the database and its
    schema to the owner of the tables."""
    query = f"""
        SELECT 'pg_proc' AS "table", {named("pg_proc")} AS name, proowner AS owner FROM pg_proc AS thing
        WHERE pronamespace IN {ROOMS} AND proowner <> 10
        UNION ALL
        SELECT 'pg_class', {named("pg_class")}, relowner FROM pg_class AS thing
        WHERE relnamespace IN {ROOMS} AND relowner <> 10
        UNION ALL
        SELECT 'pg_namespace', nspname, nspowner FROM pg_namespace
        WHERE nspname = 'public' AND nspowner NOT IN ({OWNER}, (SELECT oid FROM pg_roles WHERE rolname = 'pg_database_owner'))
           OR nspname IN ('pg_catalog', 'information_schema') AND nspowner <> 10
        UNION ALL
        SELECT 'pg_database', datname, datdba FROM pg_database WHERE datname = current_database() AND datdba <> {OWNER}
        UNION ALL
        SELECT 'pg_language', lanname, lanowner FROM pg_language WHERE lanowner <> 10
        UNION ALL
        SELECT 'pg_tablespace', spcname, spcowner FROM pg_tablespace WHERE spcowner <> 10
        ORDER BY 1, 2
    """  # noqa: S608
    powers = f"SELECT rolname FROM pg_roles WHERE oid = 10 OR rolsuper OR oid = {OWNER}"  # noqa: S608
    strong = {row["rolname"] for row in fetch(powers)}
    names = {row["oid"]: row["rolname"] for row in fetch("SELECT oid, rolname FROM pg_roles")}
    for row in fetch(query):
        owner = names.get(row["owner"], str(row["owner"]))
        if owner not in strong:
            sentence = _("this belongs to a role that is not the owner's: it can change or remove what stands in it.")
            yield of_the_catalogue(row["table"], row["name"], sentence, after=owner)


def check_strange_objects() -> Iterator[Finding]:
    """Nothing that nobody declared acts on statements, on the meaning of values, or from another server."""
    every = (
        "pg_event_trigger", "pg_operator", "pg_opclass", "pg_opfamily", "pg_conversion", "pg_cast", "pg_transform",
        "pg_am", "pg_language", "pg_foreign_data_wrapper", "pg_collation", *TEXT_SEARCH,
    )  # fmt: skip
    parts = [
        f"SELECT '{kind}' AS \"table\", {named(kind)} AS name FROM {kind} AS thing WHERE {by_hand(kind)}"  # noqa: S608
        for kind in every
    ]
    # Rules and triggers on the server's own tables and views, which none has but those that it was made with.
    for kind, relation in {"pg_rewrite": "ev_class", "pg_trigger": "tgrelid", "pg_policy": "polrelid"}.items():
        parts.append(
            f"SELECT '{kind}', {named(kind)} FROM {kind} AS thing"  # noqa: S608
            f" WHERE thing.oid >= {FIRST_NORMAL} AND thing.{relation} < {FIRST_NORMAL}"
        )
    parts.append(
        f"SELECT 'pg_extension', extname::text FROM pg_extension WHERE extname NOT IN {EXTENSIONS!r}"  # noqa: S608
    )
    parts.append(f"""
        SELECT 'pg_extension', 'plpgsql: ' || (SELECT identity FROM pg_identify_object(part.classid, part.objid, 0))
        FROM pg_depend AS part JOIN pg_extension AS extension ON extension.oid = part.refobjid
        WHERE part.refclassid = 'pg_extension'::regclass AND part.deptype = 'e' AND extension.extname = 'plpgsql'
          AND extension.oid < {FIRST_NORMAL} AND part.objid >= {FIRST_NORMAL}
    """)  # noqa: S608
    for row in fetch(" UNION ALL ".join(parts) + " ORDER BY 1, 2"):
        sentence = _("nobody declared this: it may change what statements do.")
        yield of_the_catalogue(row["table"], row["name"], sentence)


def check_other_servers() -> Iterator[Finding]:
    """No other server writes here with the triggers off, is written to from here, or is sent what is written here."""
    query = """
        SELECT 'pg_subscription' AS "table", subname::text AS name, 'writes' AS does FROM pg_subscription
        WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        UNION ALL
        SELECT 'pg_publication', pubname::text || CASE WHEN puballtables THEN ' (FOR ALL TABLES)' ELSE '' END, 'reads'
        FROM pg_publication
        UNION ALL
        SELECT 'pg_replication_slots', slot_name::text, 'reads' FROM pg_replication_slots
        WHERE slot_type = 'logical' AND database = current_database() AND NOT temporary
        UNION ALL
        SELECT 'pg_foreign_server', srvname::text, 'other' FROM pg_foreign_server
        UNION ALL
        SELECT 'pg_user_mappings', srvname || ': ' || usename, 'other' FROM pg_user_mappings
        ORDER BY 1, 2
    """
    for row in fetch(query):
        match row["does"]:
            case "writes":
                sentence = _("another server writes in these tables through this, and no trigger hears of it.")
            case "reads":
                sentence = _("what is written in these tables is sent to another server through this.")
            case _:
                sentence = _("statements reach another server through this, or this one again under another role.")
        yield of_the_catalogue(row["table"], row["name"], sentence)


CHECKS = (
    check_intruders,
    check_own_objects,
    check_given,
    check_owners_of_places,
    check_strange_objects,
    check_other_servers,
)
