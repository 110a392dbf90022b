"""Two roles: the application reads and writes rows, and can switch off none of the guards of the database."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from config.databases import works_as_owner
from core.acting import acting_as
from core.engine import roles
from core.events import record
from core.history import history_model_of, history_rows, tracked_models
from core.models import Document, StoredFile
from core.models.user import User
from tests.database_roles import ROLE, as_the_application
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


def instead_of_the_application(settings) -> str:
    """Another role is the application's, and the one that the settings name has no rights; gives its name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = %s", [settings.ESSOR_DATABASE_ROLE])
        if cursor.fetchone():
            for kind in ("TABLES", "SEQUENCES"):
                cursor.execute(f'REVOKE ALL ON ALL {kind} IN SCHEMA public FROM "{settings.ESSOR_DATABASE_ROLE}"')
                cursor.execute(
                    f'ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM "{settings.ESSOR_DATABASE_ROLE}"'
                )
    with as_the_application() as role:
        pass
    settings.ESSOR_DATABASE_ROLE = role
    return role


def refused(statement: str) -> str:
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    return str(caught.value)


def test_the_application_works_and_its_history_is_written():
    person = UserFactory(applicant=True)
    with as_the_application(), acting_as(person):
        User.objects.filter(pk=person.pk).update(phone="06 07 08 09 10")
        record(person, "edit_account", actor=person)
    line = history_rows(person).last()
    assert (line.phone, line.pgh_context["user"]) == ("06 07 08 09 10", person.pk)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_userevent SET phone = '9'",
        "DELETE FROM core_userevent",
        "INSERT INTO core_userevent SELECT * FROM core_userevent LIMIT 1",
        "TRUNCATE core_userevent",
        "UPDATE core_event SET comment = 'edited'",
        "DELETE FROM core_eventseal",
        "DELETE FROM core_historyseal",
        "UPDATE django_migrations SET applied = now()",
        "UPDATE auth_group SET name = 'administrator2' WHERE name = 'administrator'",
        "INSERT INTO auth_group (name) VALUES ('another')",
        "DELETE FROM auth_group_permissions",
        "UPDATE auth_permission SET codename = 'another'",
        "INSERT INTO core_user_user_permissions (user_id, permission_id) SELECT id, 1 FROM core_user",
        "UPDATE django_content_type SET model = 'another'",
        "UPDATE core_personsalt SET salt = gen_random_uuid()",
        "DELETE FROM core_personsalt",
        "INSERT INTO core_erasure (\"table\", row, event, erased_at) VALUES ('core_user', '1', 1, now())",
        "UPDATE core_eventseal SET sealed_at = now()",
        "ALTER TABLE core_user DISABLE TRIGGER ALL",
        "DROP TRIGGER essor_stamp_line ON core_userevent",
        "CREATE OR REPLACE FUNCTION essor_transaction() RETURNS uuid LANGUAGE sql AS 'SELECT gen_random_uuid()'",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_touches_no_guard_and_no_history(statement):
    UserFactory(applicant=True)
    with as_the_application():
        assert any(word in refused(statement) for word in ("permission denied", "must be owner"))


def test_the_application_removes_a_document_of_a_draft():
    """Django deletes the links of a row even where there are none: that needs the right to."""
    document = Document.objects.create(file=StoredFile.objects.create(sha256="0" * 64, size=1), name="draft.pdf")
    with as_the_application():
        document.delete()
    assert not Document.objects.exists()


def test_no_history_table_is_forgotten():
    with as_the_application(), connection.cursor() as cursor:
        for model in tracked_models():
            table = history_model_of(model)._meta.db_table
            cursor.execute(
                "SELECT has_table_privilege(%s, 'SELECT'), has_table_privilege(%s, 'INSERT, UPDATE, DELETE, TRUNCATE')",
                [table, table],
            )
            assert cursor.fetchone() == (True, False), table


def test_the_switch_of_the_trigger_library_obeys_the_owner_alone():
    record(UserFactory(applicant=True), "look")
    with connection.cursor() as cursor:
        cursor.execute("SELECT '{' || string_agg(tgname, ',') || '}' FROM pg_trigger WHERE tgname LIKE 'pgtrigger%%'")
        everything = cursor.fetchone()[0]
        cursor.execute(f"CREATE ROLE {ROLE}")
        cursor.execute(f"GRANT SELECT, UPDATE ON core_event TO {ROLE}")  # more than the application gets
        cursor.execute("SELECT set_config('pgtrigger.ignore', %s, true)", [everything])
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}")
        assert "Cannot update or delete" in refused("UPDATE core_event SET comment = 'edited'")
        cursor.execute("RESET SESSION AUTHORIZATION")
        cursor.execute("UPDATE core_event SET comment = 'edited'")
        assert cursor.rowcount == 1


def test_production_refuses_a_role_that_owns_the_tables_or_is_a_superuser(settings):
    settings.ESSOR_WORKS_AS_OWNER = False
    assert roles.roles_are_two(None) == []
    settings.ESSOR_TWO_DATABASE_ROLES = True
    (error,) = roles.roles_are_two(None)
    assert error.id == "essor.E001" and "DATABASE_OWNER_URL" in error.msg
    with as_the_application():
        assert roles.roles_are_two(None) == []
    settings.ESSOR_WORKS_AS_OWNER = True
    assert roles.roles_are_two(None) == []


@pytest.mark.django_db(transaction=True)
def test_a_connection_of_production_as_owner_is_refused(settings):
    settings.ESSOR_WORKS_AS_OWNER, settings.ESSOR_TWO_DATABASE_ROLES = False, True
    connection.close()
    with pytest.raises(ImproperlyConfigured, match="switch off its own guards"):
        connection.ensure_connection()
    settings.ESSOR_TWO_DATABASE_ROLES = False
    connection.ensure_connection()


@pytest.mark.parametrize(
    ("arguments", "module", "owner"),
    [
        (["manage.py", "migrate"], "config.settings.production", True),
        (["./manage.py", "demo", "--scale", "5000"], "config.settings.dev", True),
        (["manage.py", "verify_history"], "config.settings.production", False),
        (["manage.py"], "config.settings.dev", False),
        (["/usr/bin/gunicorn", "migrate"], "config.settings.production", False),
        (["-m", "pytest"], "config.settings.test", True),
        ([], "config.settings.dev", False),
    ],
)
def test_only_commands_that_define_tables_work_as_owner(arguments, module, owner):
    assert works_as_owner(arguments, module) is owner
