"""Guards that stand and guard nothing: given away, gone around, or told to be others after a backup was restored."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.utils import translation

from core.engine.guards import check_guards
from tests.core.test_database_roles import instead_of_the_application
from tests.core.test_proof_of_the_proof import sql

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def role(settings) -> str:
    return instead_of_the_application(settings)


@pytest.mark.parametrize(
    ("statements", "named"),
    [
        (["ALTER ROLE {role} IN DATABASE {database} SET session_replication_role = replica"], "session_replication_role=replica"),
        (["ALTER ROLE {role} SET search_path = aside, public"], "search_path=aside"),
        (["GRANT {owner} TO {role}"], "may act as the owner"),
        (["GRANT {owner} TO {role}", "GRANT UPDATE ON auth_group TO {role}"], "auth_group id={role}"),
        (["GRANT CREATE ON SCHEMA public TO {role}", "ALTER TABLE grants_message OWNER TO {role}"], "grants_message id={role}"),
        (["GRANT UPDATE (comment) ON core_event TO {role}"], "UPDATE (comment)"),
        (["GRANT TRIGGER ON grants_note TO {role}"], "grants_note id={role}"),
        (["GRANT UPDATE ON grants_note TO PUBLIC"], "grants_note id=public"),
        (["CREATE ROLE essor_stranger LOGIN", "GRANT ALL ON grants_note TO essor_stranger"], "grants_note id=essor_stranger"),
        (["CREATE FUNCTION lend() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'"], "id=lend()"),
        (["UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'core_event_subject_sequence_unique'::regclass"],
         "core_event_subject_sequence_unique"),
        (["UPDATE pg_index SET indisready = false WHERE indexrelid = 'de_minimis_once_a_case'::regclass"],
         "de_minimis_once_a_case"),
        (["CREATE TABLE heir () INHERITS (grants_score)"], "grants_score id=heir"),
        (["CREATE SCHEMA aside", "CREATE TABLE aside.grants_score (id int)"], "grants_score id=aside.grants_score"),
        (["ALTER TABLE grants_score ENABLE ROW LEVEL SECURITY"], "row security"),
        (["GRANT SET ON PARAMETER session_replication_role TO {role}"], "pg_parameter_acl id=session_replication_role"),
        (["GRANT ALTER SYSTEM ON PARAMETER session_replication_role TO PUBLIC"], "ALTER SYSTEM: public"),
        (["GRANT pg_write_all_data TO {role}"], "pg_write_all_data"),
        (["CREATE ROLE essor_between", "GRANT pg_write_all_data TO essor_between", "GRANT essor_between TO {role}"],
         "pg_roles id={role}: the role of the application has a power"),
        (["CREATE VIEW events AS SELECT * FROM core_event", "GRANT UPDATE ON events TO {role}"], "pg_class id=public.events"),
        (["CREATE VIEW events AS SELECT * FROM core_event", "GRANT UPDATE (comment) ON events TO PUBLIC"], "pg_class id=public.events"),
        (["GRANT UPDATE ON SEQUENCE core_event_id_seq TO {role}"], "pg_class id=public.core_event_id_seq"),
        (["UPDATE pg_class SET relhastriggers = false WHERE relname = 'grants_score'"], "relhastriggers"),
        (["UPDATE pg_class SET relchecks = 0 WHERE relname = 'grants_envelope'"], "relchecks"),
        (["UPDATE pg_class SET relhasindex = false WHERE relname = 'grants_envelope'"], "relhasindex"),
        (["ALTER TABLE grants_note SET UNLOGGED"], "UNLOGGED"),
        (["DO $$ DECLARE name text; BEGIN SELECT function.oid::regprocedure INTO name FROM pg_trigger"
          " JOIN pg_proc AS function ON function.oid = tgfoid WHERE tgrelid = 'grants_note'::regclass AND prosecdef LIMIT 1;"
          " EXECUTE 'ALTER FUNCTION ' || name || ' SECURITY INVOKER'; END $$"], "SECURITY INVOKER"),
        (["DO $$ DECLARE name text; BEGIN SELECT function.oid::regprocedure INTO name FROM pg_trigger"
          " JOIN pg_proc AS function ON function.oid = tgfoid WHERE tgrelid = 'grants_note'::regclass AND prosecdef LIMIT 1;"
          " EXECUTE 'ALTER FUNCTION ' || name || ' RESET ALL'; END $$"], "search_path=pg_catalog, public, pg_temp"),
        (["ALTER ROLE {role} BYPASSRLS CREATEROLE REPLICATION"], "CREATEROLE"),
        (["CREATE ROLE essor_stranger SUPERUSER LOGIN"], "pg_roles id=essor_stranger"),
        (["GRANT CREATE ON SCHEMA public TO {role}"], "pg_namespace id=public"),
        (["GRANT CREATE ON DATABASE {database} TO PUBLIC"], "CREATE: public"),
        (["CREATE FUNCTION seen() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'",
          "CREATE EVENT TRIGGER seen ON ddl_command_end EXECUTE FUNCTION seen()"], "pg_event_trigger id=seen"),
        (["ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT TRUNCATE ON TABLES TO {role}"], "TRUNCATE: {role}"),
        (["ALTER TABLE core_event ALTER recorded_at SET DEFAULT '2020-01-01'"], "core_event id=recorded_at DEFAULT"),
        (["ALTER TABLE core_event ALTER formula SET DEFAULT 7"], "core_event id=formula DEFAULT"),
        (["CREATE FUNCTION now() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.now()'"], "pg_proc id=public.now()"),
        (["CREATE FUNCTION one(text) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT 0.0'",
          "CREATE CAST (text AS numeric) WITH FUNCTION one(text) AS ASSIGNMENT"], "pg_cast id=text → numeric"),
        (["CREATE OR REPLACE FUNCTION grants_aid_basis(case_id bigint) RETURNS text LANGUAGE sql AS 'SELECT 1::text'"],
         "pg_proc id=grants_aid_basis"),
        (["DO $$ DECLARE name text; BEGIN SELECT conname INTO name FROM pg_constraint WHERE conrelid = 'grants_note'::regclass"
          " AND contype = 'f' LIMIT 1; UPDATE pg_constraint SET confdeltype = 'c' WHERE conname = name; END $$"],
         "removes or changes rows by this key"),
        (["ALTER TABLE grants_score ALTER COLUMN score TYPE numeric(14, 4)"], "grants_score id=score"),
    ],
)  # fmt: skip
def test_a_guard_that_is_given_away_or_gone_around_is_found(role, statements, named):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, current_database()")
        owner, database = cursor.fetchone()
    for statement in statements:
        sql(statement.format(role=role, owner=f'"{owner}"', database=f'"{database}"'))
    assert any(named.format(role=role) in str(finding) for finding in check_guards())


def test_a_guard_that_cannot_be_read_is_named_and_hides_no_other(role):
    """A trigger that nothing fires: PostgreSQL's words of it cannot be read back."""
    sql(
        "UPDATE pg_trigger SET tgtype = tgtype & ~16 WHERE tgrelid = 'reporting_expenditureitem'::regclass AND NOT tgisinternal"
    )
    sql("ALTER TABLE grants_score DISABLE TRIGGER USER")
    sql("ALTER TABLE reporting_certificate ALTER COLUMN total DROP NOT NULL")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 28 = 0 AND tgrelid = 'reporting_expenditureitem'::regclass"
        )
        altered = {name for (name,) in cursor.fetchall()}
    said = [(finding.table, finding.id, str(finding)) for finding in check_guards()]
    assert altered and altered <= {name for table, name, _text in said if table == "reporting_expenditureitem"}
    assert any(table == "grants_score" and "gone, or switched off" in text for table, _name, text in said)
    assert ("reporting_certificate", "total NOT NULL") in {(table, name) for table, name, _text in said}


def test_a_restored_backup_is_no_sabotage(role):
    """A dump says each check and trigger in PostgreSQL's words; made from these, it says them otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'public'::regnamespace AND pg_get_constraintdef(oid) LIKE '%[])%'"
        )
        rules = cursor.fetchall()
        for table, name, says in rules[:30]:
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}", ADD CONSTRAINT "{name}" {says}')
        cursor.execute(
            "SELECT count(*) FROM pg_constraint AS rule JOIN unnest(%s::text[], %s::text[]) AS was (name, says) "
            "ON was.name = rule.conname AND was.says <> pg_get_constraintdef(rule.oid)",
            [[name for _table, name, _says in rules], [says for _table, _name, says in rules]],
        )
        assert cursor.fetchone()[0] > 0, "the words did change"
    assert [str(finding) for finding in check_guards()] == []
