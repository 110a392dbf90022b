"""What the proof says of repairs, of tables that had no history, and of the guards of the database."""

import pytest
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from core.acting import acting_as
from core.engine.files import note
from core.engine.guards import check_guards
from core.engine.labels import is_own, may_write
from core.engine.verification import check_rows
from core.events import record
from core.history import history_rows
from core.models import (
    FileCheck,
    MessageAttachment,
    OutboxMessage,
    RoleGroup,
    Sequence,
    StoredFile,
)  # fmt: skip
from core.models.user import User
from core.outbox import enqueue_mail
from core.sequences import next_number
from grants.models import CommitteeSession, Programme, SessionProgramme
from tests.core.test_database_roles import instead_of_the_application
from tests.core.test_proof_of_the_proof import behind_the_triggers, broken, in_english, person, sql, verify
from tests.factories.core import UserFactory

__all__ = ["in_english", "person"]
pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]


# --- repairs -------------------------------------------------------------------------------------------------------


def test_a_repair_by_sql_is_listed_with_its_name(person):
    with acting_as(label="repair 12, J. Martin"):  # what set_config() does in SQL
        User.objects.filter(pk=person.pk).update(phone="99")
    output = verify()
    assert "Repair outside Essor by “repair 12, J. Martin”" in output and "1 changes in core_user" in output
    assert "Nothing was edited outside Essor without saying who did it" in output


@pytest.mark.parametrize(
    ("label", "own"),
    [("command migrate", True), ("command migrate: the history of this table begins", True), ("command frobnicate", False),
     ("task core.tasks.seal_events", True), ("task core.tasks.other", False), ("job sample.report #12", True),
     ("job other #1", False), ("POST /no-such-page/", False), ("scanner", True), ("", False), ("repair", False)],
)  # fmt: skip
def test_only_what_essor_writes_goes_without_saying(label, own):
    assert is_own(label) is own
    assert is_own(f"POST {reverse('core:login')}")


def of_another_table(name: str) -> type[User] | type[Programme]:
    """A table that the name does not write: a person, or what is granted by."""
    return User if not may_write(name, "core_user") else Programme


TAKEN = [
    "command load_programmes", "command migrate", "command report", "command verify_history", "command erase_person",
    "command changepassword", "command createsuperuser", "command demo", "task core.tasks.seal_events",
    "job sample.report #12", "POST /connexion/", "scanner", "sign-up",
]  # fmt: skip


@pytest.mark.django_db(transaction=True)  # an event of another transaction says nothing of these changes
def test_a_name_of_ours_writes_its_own_tables_and_no_other_without_an_event(person):
    """SQL says whose name it likes: under one that Essor uses, a change of what this one never writes is found."""
    with acting_as(label="tests"):
        programme = Programme.objects.create(code="P", name="P", number_prefix="P")
    assert "Nothing was edited outside Essor." in verify()
    expected = set()
    for number, name in enumerate(TAKEN):
        assert is_own(name)
        table = of_another_table(name)
        with acting_as(label=name):
            if table is User:
                User.objects.filter(pk=person.pk).update(phone=f"{number}")
            else:
                Programme.objects.filter(pk=programme.pk).update(name=f"{number}")
        expected.add(
            f"{table._meta.db_table}: rows changed in the name of “{name}”, which writes nothing here without an event "
            "(1 changes): they were made outside Essor."
        )
    lines = broken()
    assert len(lines) == len(TAKEN)
    assert {said for said in expected if not any(line.startswith(said) for line in lines)} == set(), lines


@pytest.mark.django_db(transaction=True)
def test_what_a_name_of_ours_writes_goes_without_saying(person):
    """Its own tables, and any other with an event in the transaction."""
    with acting_as(label="command load_programmes"):
        Programme.objects.create(code="P", name="P", number_prefix="P")
    with acting_as(label="command erase_person"), transaction.atomic():
        User.objects.filter(pk=person.pk).update(phone="99")
        record(person, "look", actor=person)
    assert "Nothing was edited outside Essor." in verify()


@pytest.mark.django_db(transaction=True)
def test_a_demonstration_is_one_from_its_first_account():
    with acting_as(label="command demo"):
        UserFactory()
        Programme.objects.create(code="P", name="P", number_prefix="P")
    assert "Nothing was edited outside Essor." in verify()


def test_every_command_of_ours_is_known_by_what_it_writes():
    """Django's other commands never say that they act: their names are no names of ours."""
    assert is_own("command report") and not is_own("command shell") and not is_own("command loaddata")
    assert may_write("command migrate", "auth_group") and not may_write("command migrate", "grants_score")
    assert may_write("task core.tasks.deliver_outbox", "core_outboxmessage")
    assert may_write("job import.operations #3", "reporting_operation")
    assert not may_write("job report.cofinancing #3", "reporting_operation")


# --- tables that had no history ------------------------------------------------------------------------------------


def test_a_password_that_changed_by_sql_is_found(person):
    other = UserFactory()
    sql("UPDATE core_user SET password = %s WHERE id = %s", other.password, person.pk)
    assert any(f"core_user id={person.pk} field=password_mark: edited outside Essor" in line for line in broken())
    with behind_the_triggers(), pytest.raises(DatabaseError, match="password_is_marked"), transaction.atomic():
        sql("UPDATE core_user SET password = 'another' WHERE id = %s", person.pk)


def test_a_password_that_its_owner_changes_leaves_an_event(client, person):
    client.force_login(person)
    person.set_password("une phrase assez longue")
    person.save()
    client.force_login(person)
    new = "une autre phrase assez longue"
    client.post(
        reverse("core:profile"),
        {"change-password": "1", "old_password": "une phrase assez longue", "new_password1": new, "new_password2": new},
    )
    person.refresh_from_db()
    assert person.check_password(new)
    line = history_rows(person).last()
    assert line.pgh_context["user"] == person.pk
    assert line.pgh_context_id is not None


@pytest.fixture
def mail(person) -> OutboxMessage:
    with acting_as(label="tests"):
        return enqueue_mail(
            to=[person.email], template="essor/mail/known_address", context={"user": person, "url": "x"}, key="one"
        )


@pytest.mark.parametrize(
    "statement",
    ["UPDATE core_outboxmessage SET body = 'another'", "UPDATE core_outboxmessage SET \"to\" = '{a@b.example}'",
     "DELETE FROM core_outboxmessage", "UPDATE core_outboxmessage SET created_at = now() - interval '1 day'"],
)  # fmt: skip
def test_a_mail_says_what_it_said(mail, statement):
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(statement)


def test_a_sent_mail_is_sent(mail):
    OutboxMessage.objects.update(state="sent", sent_at=mail.created_at)
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("UPDATE core_outboxmessage SET state = 'pending', sent_at = NULL")


def test_mails_changed_or_removed_behind_the_triggers_are_found(mail):
    assert list(check_rows(OutboxMessage)) == []
    with behind_the_triggers():
        sql(
            "UPDATE core_outboxmessage SET content_mark = essor_digest(\"to\"::text || '|' || subject_line || '|x'), body = 'x'"
        )
    assert [finding.field for finding in check_rows(OutboxMessage)] == ["content_mark"]
    with behind_the_triggers():
        sql("DELETE FROM core_outboxmessage")
    assert [finding.field for finding in check_rows(OutboxMessage)] == ["*"]


def test_a_role_that_changes_its_name_is_found():
    sql("UPDATE auth_group SET name = 'x' WHERE name = 'auditor'")
    assert any("auth_group" in line and "field=name" in line for line in broken())


def test_links_of_tables_have_their_history(mail):
    with acting_as(label="tests"):
        session = CommitteeSession.objects.create(held_at=timezone.now())
        session.programmes.add(Programme.objects.create(code="LINKS", name="Links"))
    assert SessionProgramme.objects.exists()
    for model in (SessionProgramme, MessageAttachment, RoleGroup):
        assert list(check_rows(model)) == []
    with behind_the_triggers():
        sql("DELETE FROM grants_committeesession_programmes")
    assert [finding.field for finding in check_rows(SessionProgramme)] == ["*"]


def test_a_counter_only_grows():
    with acting_as(label="tests"), transaction.atomic():
        next_number("PROOF", 2026)
        assert next_number("PROOF", 2026) == "PROOF-2026-00002"
    for statement in (
        "UPDATE core_sequence SET last_value = 1 WHERE prefix = 'PROOF'",
        "UPDATE core_sequence SET last_value = 9 WHERE prefix = 'PROOF'",
        "DELETE FROM core_sequence WHERE prefix = 'PROOF'",
        "INSERT INTO core_sequence (prefix, year, last_value) VALUES ('OTHER', 2026, 5)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(statement)
    with behind_the_triggers():
        sql("UPDATE core_sequence SET last_value = 1 WHERE prefix = 'PROOF'")
    assert [finding.field for finding in check_rows(Sequence)] == ["last_value"]


def test_a_fault_of_a_file_that_sql_takes_back_is_found():
    with acting_as(label="tests"):
        stored = StoredFile.objects.create(sha256="0" * 64, size=1, media_type="application/pdf")
    note(stored, "changed")
    assert [line.pgh_context["label"] for line in FileCheck.pgh_event_models["insert"].objects.all()] == [
        "reading of a file"
    ]
    sql("UPDATE core_filecheck SET fault = '', checked_at = now()")
    assert any("core_filecheck" in line and "field=fault" in line for line in broken())
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("UPDATE core_filecheck SET checked_at = now() + interval '1 day'")


# --- guards --------------------------------------------------------------------------------------------------------


def test_the_guards_stand():
    assert [str(finding) for finding in check_guards()] == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("ALTER TABLE core_event DISABLE TRIGGER USER", "core_event"),
        ("ALTER TABLE core_eventseal DISABLE TRIGGER ALL", "core_eventseal"),
        ("ALTER TABLE agreements_paymentclaim DISABLE TRIGGER USER", "agreements_paymentclaim"),
        ("ALTER TABLE grants_proposal DROP CONSTRAINT proposal_consulted_the_register", "proposal_consulted_the_register"),
        ("ALTER TABLE core_user DROP CONSTRAINT core_user_email_lower, ADD CONSTRAINT core_user_email_lower CHECK (true)",
         "core_user_email_lower"),
        ("CREATE OR REPLACE FUNCTION essor_digest(said text) RETURNS varchar LANGUAGE sql IMMUTABLE AS $$ SELECT 'x' $$",
         "essor_digest"),
        ("DROP TRIGGER essor_stamp_line ON core_userevent", "core_userevent id=essor_stamp_line"),
        ("DROP INDEX de_minimis_once_a_case", "de_minimis_once_a_case"),
        ("ALTER TABLE core_event ALTER COLUMN hash DROP NOT NULL", "core_event id=hash NOT NULL"),
        ("ALTER TABLE grants_proposal DISABLE TRIGGER ALL", "grants_proposal id=grants_proposal_"),
        ("CREATE RULE quiet AS ON DELETE TO grants_note DO INSTEAD NOTHING", "grants_note id=quiet"),
        (
            "CREATE TRIGGER aside BEFORE UPDATE ON core_user FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "core_user id=aside",
        ),
        ("ALTER TABLE core_user DROP CONSTRAINT core_user_email_key CASCADE", "core_user id=email UNIQUE"),
    ],
)  # fmt: skip
def test_a_guard_that_is_gone_off_or_another_is_found(statement, named):
    sql(statement)
    assert any(named in str(finding) for finding in check_guards())


def test_a_trigger_that_does_nothing_or_never_is_found():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, pg_get_triggerdef(trigger.oid), pg_get_functiondef(tgfoid) FROM pg_trigger AS trigger "
            "WHERE tgrelid = 'core_event'::regclass AND tgname LIKE 'pgtrigger_append_only%'"
        )
        name, trigger, function = cursor.fetchone()
        cursor.execute(function.replace("RAISE EXCEPTION", "RAISE NOTICE"))
        (finding,) = check_guards()
        assert finding.id == name and "does not say what it should" in finding.sentence
        cursor.execute(function)
        cursor.execute(f"DROP TRIGGER {name} ON core_event")
        cursor.execute(trigger.replace("EXECUTE FUNCTION", "WHEN (false) EXECUTE FUNCTION"))
        (finding,) = check_guards()
        assert finding.id == name


def test_a_right_too_many_of_the_application_is_found(settings):
    role = instead_of_the_application(settings)
    assert list(check_guards()) == []
    sql(f"GRANT UPDATE ON auth_group TO {role}")
    (finding,) = check_guards()
    assert (finding.table, finding.id) == ("auth_group", role)
