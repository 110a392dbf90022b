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
