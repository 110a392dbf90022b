"""The functions of the guards read the tables of Essor, whatever tables the session that calls them has made."""

import pytest
from django.db import connection

from core.engine.guard_functions import check_functions
from core.engine.locks import SAFE_PATH, fasten
from core.events import record
from core.models import RoleGroup
from core.models.user import User
from core.roles import Role
from tests.core.test_database_roles import refused
from tests.core.test_proof_of_the_proof import sql
from tests.database_roles import as_the_application
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]

# A table of roles and owners in which the session itself owns what an event is written in.
SHADOW_OF_OWNERS = """
    CREATE TEMPORARY TABLE pg_class AS SELECT oid, relname, relnamespace,
        (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = session_user) AS relowner
    FROM pg_catalog.pg_class WHERE relname = 'core_event'
"""


@pytest.mark.parametrize("path", ["pg_temp, pg_catalog, public", "public", "pg_temp, public, pg_catalog"])
def test_a_table_of_the_session_gives_nobody_the_switch_of_the_triggers(path):
    person = UserFactory(applicant=True)
    record(person, "look")
    with connection.cursor() as cursor:
        cursor.execute("SELECT '{' || string_agg(tgname, ',') || '}' FROM pg_trigger WHERE NOT tgisinternal")
        everything = cursor.fetchone()[0]
    with as_the_application() as role, connection.cursor() as cursor:
        cursor.execute("RESET SESSION AUTHORIZATION")
        cursor.execute(
            f"GRANT UPDATE, DELETE ON core_event, core_eventseal TO {role}"
        )  # more than the application gets
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {role}")
        cursor.execute(SHADOW_OF_OWNERS)
        cursor.execute(f"SET LOCAL search_path = {path}")
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [everything])
        assert "Cannot update or delete" in refused("UPDATE public.core_event SET comment = 'edited'")
        cursor.execute(
            "SELECT public._pgtrigger_should_ignore(tgname) FROM pg_catalog.pg_trigger WHERE NOT tgisinternal LIMIT 1"
        )
        assert cursor.fetchone() == (False,)


def test_a_table_of_the_session_hides_no_pair_of_roles():
    administrator = UserFactory(administrator=True)
    auditor = RoleGroup.objects.get(name=Role.AUDITOR)
    statement = f"INSERT INTO core_user_groups (user_id, group_id) VALUES ({administrator.pk}, {auditor.pk})"  # noqa: S608
    with as_the_application(), connection.cursor() as cursor:
        before = refused(statement)
        cursor.execute("CREATE TEMPORARY TABLE core_incompatibleroles (first text, second text, enforced boolean)")
        assert refused(statement) == before
    assert not User.objects.get(pk=administrator.pk).groups.filter(pk=auditor.pk).exists()


def test_every_function_has_the_safe_path_after_a_migration_and_says_so():
    sql("CREATE OR REPLACE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'")
    sql("ALTER FUNCTION essor_digest(text) SET search_path = public")
    assert {"another()", "essor_digest(text)"} <= {finding.id for finding in check_functions()}
    fasten()
    sql("DROP FUNCTION another()")
    assert [str(finding) for finding in check_functions()] == []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE proconfig = ARRAY[%s]) FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace",
            [f"search_path={SAFE_PATH}"],
        )
        every, safe = cursor.fetchone()
    assert every == safe > 300
