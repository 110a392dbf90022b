"""What was given away, added to the server or changed in it beside the tables is named, whatever it is."""

from collections.abc import Iterator

import pgtrigger
import pytest
from django.db import connection
from django.utils import translation

from core.engine import privileges, rights, server
from core.engine.guard_columns import check_columns
from core.engine.guard_functions import check_functions
from core.engine.guards import check_guards
from core.engine.locks import grant, history_tables, too_open
from tests.core.test_database_roles import instead_of_the_application
from tests.core.test_proof_of_the_proof import sql

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


def _names(*statements: str) -> dict[tuple[str, str], str]:
    """What the checks of the server, of rights and of columns say after these, as an edit by a superuser, by place."""
    sql("SET LOCAL allow_system_table_mods = on")
    for statement in statements:
        sql(statement)
    checks = (*server.CHECKS, *rights.CHECKS, *privileges.CHECKS, check_columns, check_functions)
    return {(finding.table, str(finding.id)): str(finding) for check in checks for finding in check()}


def test_nothing_is_given_away_and_nothing_is_named(settings):
    """Neither to the owner, nor to the application, which looks with its own rights."""
    assert _names() == {}
    role = instead_of_the_application(settings)
    sql(f"SET LOCAL SESSION AUTHORIZATION {role}")
    checks = (*server.CHECKS, *rights.CHECKS, *privileges.CHECKS, check_columns, check_functions)
    assert [str(finding) for check in checks for finding in check()] == []


def test_each_thing_given_away_is_named(settings):
    """Rights on what the server keeps to itself, the roles that lend the application's, and ways to other servers."""
    role = instead_of_the_application(settings)
    found = _names(
        f"CREATE ROLE essor_stranger LOGIN IN ROLE {role}",
        "CREATE ROLE essor_between",
        f"GRANT {role} TO essor_between",
        f"CREATE ROLE essor_office; GRANT essor_office TO {role}",
        "CREATE ROLE essor_reader LOGIN; GRANT pg_read_server_files TO essor_reader",
        f"GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid, text), pg_catalog.pg_read_file(text) TO {role}",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_read_binary_file(text) TO essor_reader",
        "UPDATE pg_proc SET proacl = NULL WHERE oid = 'lo_import(text)'::regprocedure",
        f"GRANT SELECT ON pg_catalog.pg_authid TO {role}",
        "GRANT SELECT (rolpassword) ON pg_catalog.pg_authid TO PUBLIC",
        "GRANT UPDATE ON pg_catalog.pg_trigger TO essor_reader",
        "GRANT SELECT ON pg_catalog.pg_shadow TO essor_reader",
        f"GRANT UPDATE ON information_schema.sql_sizing TO {role}",
        "CREATE SUBSCRIPTION writes_here CONNECTION 'dbname=nowhere' PUBLICATION there WITH (connect = false)",
        "CREATE PUBLICATION everything FOR ALL TABLES",
        "CREATE PUBLICATION events FOR TABLE core_event",
        "CREATE FOREIGN DATA WRAPPER elsewhere",
        "CREATE SERVER another FOREIGN DATA WRAPPER elsewhere",
        f"CREATE USER MAPPING FOR {role} SERVER another",
        "ALTER SCHEMA public OWNER TO essor_reader",
    )
    everybody = {
        ("pg_roles", "essor_stranger"), ("pg_roles", "essor_between"), ("pg_roles", role), ("pg_roles", "essor_reader"),
        ("pg_proc", "pg_catalog.lo_export(pg_catalog.oid,pg_catalog.text)"),
        ("pg_proc", "pg_catalog.pg_read_file(pg_catalog.text)"),
        ("pg_proc", "pg_catalog.pg_read_binary_file(pg_catalog.text)"),
        ("pg_proc", "pg_catalog.lo_import(pg_catalog.text)"),
        ("pg_class", "pg_catalog.pg_authid"), ("pg_class", "pg_catalog.pg_trigger"), ("pg_class", "pg_catalog.pg_shadow"),
        ("pg_class", "information_schema.sql_sizing"), ("pg_subscription", "writes_here"),
        ("pg_publication", "everything (FOR ALL TABLES)"), ("pg_publication", "events"),
        ("pg_foreign_data_wrapper", "elsewhere"), ("pg_foreign_server", "another"), ("pg_user_mappings", f"another: {role}"),
        ("pg_namespace", "public"),
    }  # fmt: skip
    assert found.keys() == everybody
    assert "EXECUTE: public" in found["pg_proc", "pg_catalog.lo_import(pg_catalog.text)"]
    assert "SELECT (rolpassword): public" in found["pg_class", "pg_catalog.pg_authid"]
    assert f"SELECT: {role}" in found["pg_class", "pg_catalog.pg_authid"]
    assert "essor_office" in found["pg_roles", role]


def test_each_right_to_read_to_hand_on_or_to_lock_that_was_given_away_is_named(settings):
    """To everybody or to a login: tables, single columns, salts, tables to come, places; and the roles that lend them."""
    role = instead_of_the_application(settings)
    has_maintain = connection.pg_version >= 170000
    found = _names(
        "CREATE ROLE essor_reader LOGIN",
        "CREATE ROLE essor_sees_all LOGIN IN ROLE pg_read_all_data",
        "GRANT SELECT ON core_personsalt TO PUBLIC",
        "GRANT SELECT (iban) ON applicants_bankaccount TO PUBLIC",
        "GRANT SELECT ON grants_note, core_event TO essor_reader",
        "GRANT SELECT (phone), UPDATE (phone) ON core_user TO essor_reader",
        f"GRANT SELECT, INSERT ON grants_score TO {role} WITH GRANT OPTION",
        f"GRANT USAGE ON SCHEMA public TO {role} WITH GRANT OPTION",
        f"GRANT CREATE ON TABLESPACE pg_default TO {role}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO essor_reader",
        *(
            [f"GRANT MAINTAIN ON core_event TO {role}", "GRANT MAINTAIN ON grants_opinion TO essor_reader"]
            * has_maintain
        ),
    )
    table = "a role that is neither the owner's nor the application's may"
    expected = {
        ("pg_roles", "essor_sees_all"): "after=pg_read_all_data",
        ("core_personsalt", "public"): f"{table} read what stands here. before=– after=SELECT",
        ("applicants_bankaccount", "public"): "after=SELECT (iban)",
        ("grants_note", "essor_reader"): f"{table} read",
        ("core_event", "essor_reader"): f"{table} read",
        ("core_user", "essor_reader"): "may write in this table. before=– after=SELECT (phone), UPDATE (phone)",
        ("grants_score", role): "may hand its rights on to others",
        ("pg_namespace", "public"): f"may let others enter here. before=– after=USAGE WITH GRANT OPTION: {role}",
        ("pg_tablespace", "pg_default"): f"after=CREATE: {role}",
        ("pg_default_acl", "TABLES"): "after=SELECT: essor_reader",
    }
    if has_maintain:
        expected |= {
            ("core_event", role): "after=MAINTAIN",
            ("grants_opinion", "essor_reader"): f"{table} lock or rebuild",
        }
    assert found.keys() == expected.keys()
    assert [place for place, said in expected.items() if said not in found[place]] == []
    with connection.cursor() as cursor:  # what the next migration puts right of the application's own
        grant(cursor, role, history_tables())
        assert too_open(cursor, role, history_tables()) == []


def test_each_power_of_a_role_and_each_counter_that_was_given_away_is_named(settings):
    """What goes around rights, whoever has it: attributes of roles, the server's own roles, counters, its language."""
    role = instead_of_the_application(settings)
    powers = ("REPLICATION", "BYPASSRLS", "CREATEROLE", "CREATEDB")
    found = _names(
        *(f"CREATE ROLE essor_{power.lower()} LOGIN {power}" for power in powers),
        "CREATE ROLE essor_lends NOLOGIN BYPASSRLS",
        "CREATE ROLE essor_ends LOGIN IN ROLE pg_signal_backend",
        "CREATE ROLE essor_counts LOGIN",
        "GRANT USAGE ON SEQUENCE core_event_id_seq TO essor_counts",
        f"GRANT USAGE ON SEQUENCE grants_note_id_seq TO {role} WITH GRANT OPTION",
        "ALTER LANGUAGE plpgsql OWNER TO essor_counts",
        "ALTER TABLESPACE pg_default OWNER TO essor_counts",
        "CREATE SCHEMA essor_beside; CREATE TABLE essor_beside.core_event (id int)",
        "CREATE SCHEMA essor_ends; CREATE TABLE essor_ends.core_event (id int)",
    )
    expected = {
        **{("pg_roles", f"essor_{power.lower()}"): f"goes around the rights and the guards. before=– after={power}" for power in powers},
        ("pg_roles", "essor_lends"): "after=BYPASSRLS",
        ("pg_roles", "essor_ends"): "after=pg_signal_backend",
        ("pg_class", "public.core_event_id_seq"): "after=USAGE: essor_counts",
        ("pg_class", "public.grants_note_id_seq"): f"after=USAGE WITH GRANT OPTION: {role}",
        ("pg_language", "plpgsql"): "belongs to a role that is not the owner's",
        ("pg_tablespace", "pg_default"): "belongs to a role that is not the owner's",
        ("core_event", "essor_beside.core_event"): "no session reads its schema before that of Essor",
        ("core_event", "essor_ends.core_event"): "what is read may be its rows",
    }  # fmt: skip
    assert found.keys() == expected.keys()
    assert [place for place, said in expected.items() if said not in found[place]] == []


def test_a_role_that_is_declared_to_copy_the_server_may_do_that_alone(settings):
    settings.ESSOR_DATABASE_COPIED_BY = ["essor_standby", "essor_backup"]
    found = _names(
        "CREATE ROLE essor_standby LOGIN REPLICATION",
        "CREATE ROLE essor_backup LOGIN IN ROLE pg_read_all_data",
        "CREATE ROLE essor_other LOGIN REPLICATION",
        "ALTER ROLE essor_backup CREATEROLE",
    )
    assert found.keys() == {("pg_roles", "essor_other"), ("pg_roles", "essor_backup")}
    assert "after=CREATEROLE" in found["pg_roles", "essor_backup"]


def test_each_attribute_of_a_function_is_compared_with_its_declaration():
    """The text is the same, and the guard does not guard: whatever column of ``pg_proc`` says so."""
    compiled = [trigger.compile(model).sql.pgid for model, trigger in pgtrigger.registered()]
    last = next(name for name in compiled if "last_administrator_stays" in name)
    other, third, fourth = [name for name in sorted(compiled) if "append_only" in name][:3]
    found = _names(
        f"ALTER FUNCTION {last}() STABLE",
        f"ALTER FUNCTION {other}() STRICT LEAKPROOF",
        f"UPDATE pg_proc SET provolatile = 'i', proparallel = 's' WHERE proname = '{third}'",  # noqa: S608
        f"UPDATE pg_proc SET prolang = (SELECT oid FROM pg_language WHERE lanname = 'sql'), procost = 7 WHERE proname = '{fourth}'",  # noqa: S608
        "ALTER FUNCTION essor_digest(text) STABLE",
        "ALTER FUNCTION essor_transaction() IMMUTABLE",
        "ALTER FUNCTION _pgtrigger_should_ignore(name) IMMUTABLE STRICT",
        "ALTER FUNCTION grants_aid_basis(bigint) COST 1",
        "ALTER FUNCTION essor_stamp_line() IMMUTABLE",
        "CREATE FUNCTION essor_digest(said varchar) RETURNS varchar LANGUAGE sql IMMUTABLE PARALLEL SAFE "
        "SET search_path = pg_catalog, public, pg_temp AS $$ SELECT encode(sha256(convert_to(said, 'UTF8')), 'hex') $$",
    )
    expected = {
        f"{last}()": "before=VOLATILE after=STABLE",
        f"{other}()": "before=CALLED ON NULL INPUT, NOT LEAKPROOF after=STRICT, LEAKPROOF",
        f"{third}()": "before=PARALLEL UNSAFE, VOLATILE after=PARALLEL SAFE, IMMUTABLE",
        f"{fourth}()": "before=COST 100, LANGUAGE plpgsql after=COST 7, LANGUAGE sql",
        "essor_digest(text)": "before=IMMUTABLE after=STABLE",
        "essor_transaction()": "before=STABLE after=IMMUTABLE",
        "_pgtrigger_should_ignore(name)": "before=CALLED ON NULL INPUT, VOLATILE after=STRICT, IMMUTABLE",
        "grants_aid_basis(bigint)": "before=COST 100 after=COST 1",
        "essor_stamp_line()": "before=VOLATILE after=IMMUTABLE",
        "essor_digest(character varying)": "before=proargtypes = text after=proargtypes = character varying",
    }
    said = {name: text for (table, name), text in found.items() if table == "pg_proc"}
    differing = {
        name: said.get(name) for name, text in expected.items() if text.casefold() not in said.get(name, "").casefold()
    }
    assert differing == {} and said.keys() == expected.keys()


def test_the_stamp_of_lines_says_what_it_should_and_the_keys_ask_when_they_should():
    sql("SET LOCAL allow_system_table_mods = on")
    stamp = "CREATE OR REPLACE TRIGGER essor_stamp_line BEFORE INSERT ON {} FOR EACH ROW {} EXECUTE FUNCTION essor_stamp_line()"
    sql(stamp.format("core_userevent", "WHEN (false)"))
    sql(stamp.format("core_event", ""))
    sql(
        "UPDATE pg_trigger SET tgtype = 9 WHERE tgrelid = 'grants_score'::regclass AND tgisinternal AND tgtype = 5 "
        "AND tgconstraint = (SELECT oid FROM pg_constraint WHERE conrelid = 'grants_score'::regclass AND contype = 'f' "
        "AND conname ~ 'application')"
    )
    said = {(finding.table, finding.id): str(finding) for finding in check_guards()}
    assert said.keys() == {
        ("core_userevent", "essor_stamp_line"), ("core_event", "essor_stamp_line"), ("grants_score", "application_id FOREIGN KEY"),
    }  # fmt: skip
    assert "WHEN (false)" in said["core_userevent", "essor_stamp_line"]
    assert "nobody declared" in said["core_event", "essor_stamp_line"]


def test_each_object_that_nobody_declared_is_named():
    """Columns and tables that no history keeps, what acts on values, and what the server was made with and is no more."""
    found = _names(
        "CREATE ROLE essor_writer",
        "ALTER TABLE core_event ADD hidden text",
        "ALTER TABLE grants_score ADD hidden text",
        "CREATE TABLE beside (id int)",
        "CREATE VIEW shown AS SELECT 1 AS one",
        "GRANT INSERT ON shown TO essor_writer",
        'ALTER TABLE grants_note ALTER body TYPE text COLLATE "C"',
        "CREATE FUNCTION one(jsonb, text) RETURNS boolean LANGUAGE sql AS 'SELECT true'",
        "CREATE OPERATOR pg_catalog.= (LEFTARG = jsonb, RIGHTARG = text, FUNCTION = one)",
        "CREATE OPERATOR CLASS likes_all FOR TYPE int4 USING hash AS OPERATOR 1 =",
        "CREATE CAST (text AS numeric) WITH INOUT AS ASSIGNMENT",
        "CREATE TABLE pg_catalog.core_incompatibleroles (LIKE public.core_incompatibleroles)",
        "CREATE TYPE pg_catalog.mine AS ENUM ('one')",
        "UPDATE pg_proc SET prosrc = 'timeofday' WHERE oid = 'pg_catalog.clock_timestamp()'::regprocedure",
        "UPDATE pg_operator SET oprcode = 'pg_catalog.numeric_ne' WHERE oid = '=(numeric,numeric)'::regoperator",
        "UPDATE pg_cast SET castcontext = 'i' WHERE castsource = 'numeric'::regtype AND casttarget = 'int4'::regtype",
        "UPDATE pg_rewrite SET ev_enabled = 'O' WHERE ev_class = 'pg_roles'::regclass",
        "ALTER EXTENSION plpgsql ADD FUNCTION one(jsonb, text)",
        "UPDATE pg_aggregate SET aggfinalfn = 'numeric_avg' WHERE aggfnoid = 'sum(numeric)'::regprocedure",
        "UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'C'",
        "UPDATE pg_range SET rngcanonical = 0 WHERE rngtypid = 'daterange'::regtype",
        "ALTER TEXT SEARCH CONFIGURATION pg_catalog.french OWNER TO essor_writer",
        "UPDATE pg_ts_config_map SET mapdict = 'simple'::regdictionary WHERE mapcfg = 'english'::regconfig",
        "UPDATE pg_attribute SET attcollation = 0 WHERE attrelid = 'pg_roles'::regclass AND attname = 'rolname'",
        "UPDATE pg_init_privs SET privtype = 'i' WHERE objoid = 'pg_authid'::regclass",
        "CREATE RULE quiet AS ON INSERT TO pg_catalog.pg_settings DO INSTEAD NOTHING",
        "CREATE COLLATION loose (provider = libc, locale = 'C')",
        "CREATE TEXT SEARCH CONFIGURATION words (COPY = simple)",
    )
    assert found.keys() == {
        ("core_event", "hidden"), ("grants_score", "hidden"), ("pg_class", "beside"), ("pg_class", "shown"), ("pg_class", "public.shown"),
        ("grants_note", "body"),
        ("pg_operator", "pg_catalog.=(pg_catalog.jsonb,pg_catalog.text)"),
        ("pg_opclass", "public.likes_all USING hash"), ("pg_opfamily", "public.likes_all USING hash"),
        ("pg_cast", "text → numeric"),
        ("pg_class", "pg_catalog.core_incompatibleroles"), ("pg_type", "pg_catalog.mine"),
        ("pg_proc", "pg_catalog.clock_timestamp()"),
        ("pg_operator", "pg_catalog.=(numeric,numeric)"),
        ("pg_cast", "numeric → integer"),
        ("pg_rewrite", "\"_RETURN\" on pg_catalog.pg_roles"),
        ("pg_extension", "plpgsql: public.one(pg_catalog.jsonb,pg_catalog.text)"),
        ("pg_aggregate", "pg_catalog.sum(numeric)"), ("pg_collation", 'pg_catalog."C"'), ("pg_range", "pg_catalog.daterange"),
        ("pg_ts_config", "pg_catalog.french"), ("pg_ts_config_map", "pg_catalog.english"),
        ("pg_attribute", "pg_catalog.pg_roles"), ("pg_init_privs", "pg_catalog.pg_authid"),
        ("pg_rewrite", "quiet on pg_catalog.pg_settings"), ("pg_collation", "public.loose"), ("pg_ts_config", "public.words"),
    }  # fmt: skip


def test_what_stands_before_the_tables_is_named_first_and_no_honest_guard_with_it():
    """The server looks in its own schema before all others: a double of a function or a table of Essor stands there."""
    sql("SET LOCAL allow_system_table_mods = on")
    sql("CREATE FUNCTION pg_catalog.essor_digest(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1'")
    sql("CREATE TABLE pg_catalog.core_incompatibleroles (LIKE public.core_incompatibleroles)")
    found = list(check_guards())
    assert [(finding.table, finding.id) for finding in found] == [
        ("pg_class", "pg_catalog.core_incompatibleroles"),
        ("pg_proc", "pg_catalog.essor_digest(pg_catalog.text)"),
    ]


def test_an_index_that_refuses_no_more_what_it_should_is_named():
    """Whatever makes it so: a flag of the server, a condition, other columns; also the server's own triggers of keys."""
    # A constraint may be there and not enforced since PostgreSQL 18; before, it may be there and not looked at.
    asleep = "conenforced" if connection.pg_version >= 180000 else "convalidated"
    sql("SET LOCAL allow_system_table_mods = on")
    for statement in (
        "UPDATE pg_index SET indimmediate = false WHERE indexrelid = 'core_event_subject_sequence_unique'::regclass",
        "UPDATE pg_index SET indisunique = false WHERE indexrelid = 'de_minimis_once_a_case'::regclass",
        "UPDATE pg_index SET indislive = false WHERE indexrelid = 'accounting_years_do_not_overlap'::regclass",
        "UPDATE pg_constraint SET condeferrable = true WHERE conname = 'grants_programmeversion_pkey'",
        "UPDATE pg_index SET indimmediate = false WHERE indexrelid = 'grants_programmeversion_pkey'::regclass",
        "DROP INDEX figure_finding_open_once",
        "CREATE UNIQUE INDEX figure_finding_open_once ON core_figurefinding (code, model, object_id, label) WHERE false",
        "ALTER TABLE core_user_groups ADD CONSTRAINT later UNIQUE (user_id, group_id) DEFERRABLE",
        "DELETE FROM pg_trigger WHERE tgisinternal AND tgrelid = 'grants_score'::regclass AND tgconstraint = "
        "(SELECT oid FROM pg_constraint WHERE conrelid = 'grants_score'::regclass AND contype = 'f' AND conname ~ 'application')",
        f"UPDATE pg_constraint SET {asleep} = false WHERE conname = 'figure_finding_dates_in_order'",  # noqa: S608
    ):
        sql(statement)
    assert {(finding.table, finding.id) for finding in check_guards()} == {
        ("core_event", "core_event_subject_sequence_unique"),
        ("applicants_deminimisaid", "de_minimis_once_a_case"),
        ("reporting_accountingyear", "accounting_years_do_not_overlap"),
        ("grants_programmeversion", "id UNIQUE"),
        ("core_figurefinding", "figure_finding_open_once"),
        ("grants_score", "application_id FOREIGN KEY"),
        ("core_figurefinding", "figure_finding_dates_in_order"),
    }


def test_a_guard_is_told_as_what_it_is():
    sql("ALTER FUNCTION _pgtrigger_should_ignore(name) SET work_mem = '64MB'")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'grants_note'::regclass AND NOT tgisinternal ORDER BY 1 LIMIT 1"
        )
        (name,) = cursor.fetchone()
    sql(f"ALTER TABLE grants_note ENABLE ALWAYS TRIGGER {name}")
    said = {finding.id: str(finding) for finding in check_guards()}
    assert said.keys() == {"_pgtrigger_should_ignore(name)", name}
    assert "a setting that nobody declared" in said["_pgtrigger_should_ignore(name)"]
    assert "before=ENABLE after=ENABLE ALWAYS" in said[name] and "gone" not in said[name]
