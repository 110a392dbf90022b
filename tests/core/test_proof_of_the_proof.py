"""What an auditor with SQL tried: seals made anew, roles renamed, guards switched off, repairs without a name of Essor's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import translation

from core.acting import acting_as
from core.engine.seal_checks import Unsealed, check_times_of_seals, told_late
from core.engine.seals import seal_all, seal_hash
from core.events import record
from core.history import history_rows
from core.models import (
    Event,
    EventSeal,
)  # fmt: skip
from core.models.user import User
from tests.database_roles import as_the_application
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.infrastructure]
HOURS = 60


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def person() -> User:
    with acting_as(label="tests"):
        person = UserFactory(applicant=True, first_name="Odile", phone="01 02 03 04 05")
    with acting_as(person), transaction.atomic():
        person.first_name = "Odette"
        person.save()
        record(person, "edit_account", actor=person)
    return person


@contextmanager
def behind_the_triggers() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        try:
            yield
        finally:
            cursor.execute("SET LOCAL session_replication_role = origin")


def sql(statement: str, *parameters: object) -> None:
    """As somebody who does not say who acts (a name that was said lasts until the transaction ends)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('pghistory.context_metadata', '', true)")
        cursor.execute(statement, parameters)


def verify(*arguments: str) -> str:
    output = StringIO()
    call_command("verify_history", "--no-files", *arguments, stdout=output)
    return output.getvalue()


def broken(*arguments: str) -> list[str]:
    with pytest.raises(CommandError) as caught:
        verify(*arguments)
    return str(caught.value).splitlines()


# --- seals ---------------------------------------------------------------------------------------------------------


def written_days_ago() -> None:
    """All that is there was written two days ago, by the clock of the database."""
    with behind_the_triggers():
        sql("UPDATE core_userevent SET pgh_created_at = pgh_created_at - interval '2 days'")
        sql("UPDATE core_event SET recorded_at = recorded_at - interval '2 days'")


def test_seals_that_were_removed_are_not_made_anew_by_looking(person, settings):
    seal_all()
    verify()
    with behind_the_triggers():
        sql("DELETE FROM core_historyseal")
        sql("DELETE FROM core_eventseal")
        sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk)
        sql("UPDATE core_userevent SET phone = '99' WHERE id = %s", person.pk)
    settings.ESSOR_SEALED_WITHIN = HOURS
    written_days_ago()
    (line,) = broken()
    assert "1 events and" in line and "have no seal. Start the worker" in line
    assert not EventSeal.objects.exists()


def test_a_round_that_seals_late_says_so_for_ever(person, settings):
    settings.ESSOR_SEALED_WITHIN = HOURS
    written_days_ago()
    unsealed = Unsealed()
    assert len(list(unsealed.check())) == 1
    sealed = seal_all()
    (late,) = told_late()
    assert (late["events"], sealed.events) == (1, 2), "the event itself is sealed in the same round"
    assert "Sealed late, as event" in verify()
    with behind_the_triggers():
        sql("DELETE FROM core_event WHERE id = %s", late["event"])
    assert any("were sealed long after, and no event says so: their seals were made anew" in line for line in broken())


def test_a_round_in_time_says_nothing(person, settings):
    settings.ESSOR_SEALED_WITHIN = HOURS
    sql("SELECT 1")
    assert seal_all().events == 1
    assert told_late() == []
    assert list(check_times_of_seals()) == []


@pytest.mark.parametrize("by", ["+ interval '1 year'", "- interval '1 year'"])
def test_the_time_of_a_seal_is_sealed(person, by):
    seal_all()
    with behind_the_triggers():
        sql(f"UPDATE core_eventseal SET sealed_at = sealed_at {by}")  # noqa: S608
    assert any("this seal was edited" in line for line in broken())
    with behind_the_triggers():
        sql("UPDATE core_eventseal SET formula = 1")
        previous = ""
        for seal in EventSeal.objects.order_by("position"):  # a chain made anew, by the older formula
            previous = seal_hash(previous, seal)
            sql("UPDATE core_eventseal SET hash = %s WHERE position = %s", previous, seal.position)
    assert any("this seal cannot have been made when it says" in line for line in broken())


@pytest.mark.parametrize(
    ("position", "hashed", "at"),
    [("7", "(SELECT hash FROM core_event LIMIT 1)", "now()"), ("1", "repeat('0', 64)", "now()"),
     ("1", "(SELECT hash FROM core_event LIMIT 1)", "now() - interval '3 days'")],
)  # fmt: skip
def test_nobody_adds_a_seal_that_does_not_follow(person, position, hashed, at):
    with pytest.raises(DatabaseError), transaction.atomic():
        sql(
            "INSERT INTO core_eventseal (position, event_id, event_hash, transaction, hash, sealed_at) "  # noqa: S608
            f"SELECT {position}, id, {hashed}, transaction, repeat('1', 64), {at} FROM core_event LIMIT 1"
        )


# --- what is found where -------------------------------------------------------------------------------------------


def test_many_findings_of_one_kind_hide_none_of_another(person):
    seal_all()
    for number in range(5):
        sql("UPDATE core_user SET phone = %s", str(number))  # outside Essor, five times
    with behind_the_triggers():
        sql("UPDATE core_event SET comment = 'never said'")
    output = StringIO()
    with pytest.raises(CommandError) as caught:
        call_command("verify_history", "--no-files", "--limit", "2", stdout=output)
    lines = str(caught.value).splitlines()
    assert sum("edited outside Essor" in line for line in lines) == 2
    assert any("was edited after it was written" in line for line in lines)
    assert "give --all" in lines[-1]
    assert "  5  edited outside Essor (…)." in output.getvalue()
    assert sum("edited outside Essor" in line for line in broken("--all")) >= 5


def test_the_field_that_was_edited_with_its_history_is_named_with_what_it_said(person):
    seal_all()
    newest = history_rows(person).last().pgh_id
    with behind_the_triggers():
        sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk)
        sql("UPDATE core_userevent SET phone = '99' WHERE pgh_id = %s", newest)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk} field=phone: line {newest} of the history of this row was edited")
    assert "before=01 02 03 04 05 after=99" in line


def test_a_field_that_no_neighbour_proves_is_said_not_to_be_known(person):
    seal_all()
    newest = history_rows(person).last().pgh_id
    with behind_the_triggers():
        sql("UPDATE core_user SET first_name = 'Anna' WHERE id = %s", person.pk)
        sql("UPDATE core_userevent SET first_name = 'Anna' WHERE pgh_id = %s", newest)
    (line,) = broken()
    assert "(personal values); which field, and what it said, cannot be known" in line


def test_personal_values_forged_in_every_line_are_named_and_not_as_a_changed_salt_alone(person):
    """Nothing tells one from the other: what stands there now is said in both."""
    seal_all()
    with behind_the_triggers():
        sql("UPDATE core_user SET email = 'thief@example.org' WHERE id = %s", person.pk)
        sql("UPDATE core_userevent SET email = 'thief@example.org' WHERE id = %s", person.pk)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk}: ") and "thief@example.org" in line
    assert "were edited, or its salt was changed" in line


def test_a_salt_that_changed_is_said_as_what_it_may_be(person):
    seal_all()
    with pytest.raises(DatabaseError), transaction.atomic():
        sql("UPDATE core_personsalt SET salt = gen_random_uuid()")
    with behind_the_triggers():
        sql(
            "UPDATE core_personsalt SET salt = gen_random_uuid() WHERE \"table\" = 'core_user' AND row = %s",
            str(person.pk),
        )
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk}: ") and "or its salt was changed" in line


def test_a_line_that_was_forged_is_not_told_as_the_row(person):
    """The row says what was sealed: it proves what the line said."""
    seal_all()
    newest = history_rows(person).last().pgh_id
    with behind_the_triggers():
        sql("UPDATE core_userevent SET first_name = 'Anna', phone = '99' WHERE pgh_id = %s", newest)
    (line,) = broken()
    assert f"line {newest} of the history of this row was edited after it was sealed" in line
    assert "before=phone = 01 02 03 04 05 · first_name = Odette after=" in line
    with behind_the_triggers():
        sql("UPDATE core_user SET first_name = 'Anne' WHERE id = %s", person.pk)
    lines = broken()
    assert any("is not the one that was sealed: what the row said is not known. before=–" in line for line in lines)


def test_a_forged_line_that_names_nobody_is_not_a_change_outside_of_essor(person):
    seal_all()
    with behind_the_triggers():
        sql("UPDATE core_userevent SET pgh_context = NULL, pgh_label = 'delete'")
    lines = broken("--all")
    assert all("edited after" in line or "came back" in line for line in lines), lines


@pytest.mark.parametrize("edited", [False, True])
def test_a_line_moved_to_another_row_is_named_and_accuses_neither_row(person, edited):
    with acting_as(label="tests"):
        other = UserFactory(applicant=True)
        User.objects.filter(pk=person.pk).update(is_staff=True)
        User.objects.filter(pk=person.pk).update(phone="06 07 08 09 10")
    seal_all()
    line = history_rows(person).last().pgh_id
    also = ", phone = '99'" if edited else ""
    with behind_the_triggers():
        sql(f"UPDATE core_userevent SET pgh_obj_id = %s, id = id{also} WHERE pgh_id = %s", other.pk, line)  # noqa: S608
    (found,) = broken()
    assert found.startswith(f"core_user id={person.pk} field={'phone' if edited else 'pgh_obj_id'}: line {line} of the")
    assert f"was moved from this row to row {other.pk}{', and edited,' if edited else ''} after it was sealed." in found


def test_a_seal_of_a_line_that_was_edited_is_named_as_the_seal(person):
    seal_all()
    newest = history_rows(person).last().pgh_id
    place = f"\"table\" = 'core_user' AND line = {newest}"
    with behind_the_triggers():
        sql(f"UPDATE core_historyseal SET digest = '' WHERE {place}")  # noqa: S608
    lines = broken()
    assert any(
        f"the seal of line {newest} of the history of core_user {person.pk} was edited" in line for line in lines
    )
    assert not any("was edited after it was sealed" in line for line in lines)
    with behind_the_triggers():
        sql("UPDATE core_userevent SET phone = '99' WHERE pgh_id = %s", newest)
    assert any("which of the two was edited cannot be known" in line for line in broken())


@pytest.mark.parametrize(
    ("edit", "said"),
    [("round = 1", "this seal was edited: its content"), ("hash = repeat('0', 64)", "the hash of this seal was edited"),
     ("sealed_at = sealed_at + interval '1 year'", "this seal was edited: its content"),
     ("batch_hash = repeat('0', 64)", "this seal was edited: its content")],
)  # fmt: skip
def test_a_seal_that_was_edited_is_named_and_no_other(person, edit, said):
    seal_all()
    with acting_as(label="tests"):
        User.objects.filter(pk=person.pk).update(phone="07")
    seal_all()
    position = EventSeal.objects.filter(table="core_user").order_by("position").last().position
    with acting_as(label="tests"):
        UserFactory()
    seal_all()
    with behind_the_triggers():
        sql(f"UPDATE core_eventseal SET {edit} WHERE position = %s", position)  # noqa: S608
    lines = broken()
    assert {re.split(":| field=", line)[0] for line in lines} == {f"core_eventseal id={position}"}, lines
    assert any(said in line for line in lines)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("event_hash = overlay(event_hash placing 'Z' from 1)", "this seal was edited: its content is not"),
        ("transaction = gen_random_uuid()", "this seal was edited: its content is not"),
        ("formula = 3", "field=formula: this seal was edited: what it says here"),
        ("columns = '{\"zz\": 1}'", "field=columns: this seal was edited: what it says here"),
        ("batch_hash = '~'", "field=batch_hash: this seal was edited: what it says here"),
    ],
)
def test_a_seal_of_an_event_that_was_edited_accuses_no_event(person, edit, said):
    seal_all()
    event = record(person, "look", actor=person)
    seal_all()
    record(person, "look", actor=person)
    seal_all()
    position = EventSeal.objects.get(event_id=event.pk).position
    statement = f"UPDATE core_eventseal SET {edit} WHERE position = %s"  # noqa: S608
    if edit.startswith(("columns", "batch_hash")):  # what no hash takes in is refused to everybody
        with behind_the_triggers(), pytest.raises(IntegrityError, match="says_no_more"), transaction.atomic():
            sql(statement, position)
        sql("ALTER TABLE core_eventseal DROP CONSTRAINT core_eventseal_says_no_more")
    with behind_the_triggers():
        sql(statement, position)
    (line,) = [line for line in broken() if "core_eventseal_says_no_more" not in line]  # the guard, and its row
    assert line.startswith(f"core_eventseal id={position}") and said in line


def test_what_was_written_with_a_removed_event_is_not_to_blame(person):
    seal_all()
    removed = Event.objects.get(action="edit_account")
    with behind_the_triggers():
        sql("DELETE FROM core_event WHERE id = %s", removed.pk)
    (line,) = broken()
    assert line.startswith(f"core_event id={removed.pk}") and "this sealed event was removed" in line


@pytest.mark.parametrize("other", ["document", "incompatibleroles"])
def test_a_kind_of_rows_that_was_renamed_is_named_and_no_event(person, other):
    seal_all()
    with behind_the_triggers():
        for model, name in (("user", "x"), (other, "user"), ("x", other)):
            sql("UPDATE django_content_type SET model = %s WHERE app_label = 'core' AND model = %s", name, model)
    ContentType.objects.clear_cache()
    lines = broken()
    ContentType.objects.clear_cache()
    assert {line.split(" id=")[0] for line in lines} == {"django_content_type"}, lines
    assert any("the kind of rows “core.user” was renamed" in line for line in lines)


@pytest.mark.parametrize(
    "edit",
    ["UPDATE auth_permission SET codename = 'zz' WHERE codename = 'change_user'",
     "DELETE FROM auth_permission WHERE codename = 'change_user'"],
)  # fmt: skip
def test_the_rights_of_a_kind_of_rows_are_those_that_it_declares(person, edit):
    with behind_the_triggers():
        sql(edit)
    (line,) = broken()
    assert line.startswith("auth_permission") and "“core.user” are not those that it declares" in line
    assert "before=change_user" in line


def test_a_salt_of_a_row_that_never_was_is_found(person):
    seal_all()
    with behind_the_triggers():
        sql("INSERT INTO core_personsalt (\"table\", row, salt) VALUES ('core_user', '999999999', gen_random_uuid())")
    (line,) = broken()
    assert line.startswith("core_user id=999999999 field=salt: there is a salt for this row, which has no history")


def test_an_event_moved_to_another_subject_is_named_alone(person):
    with acting_as(label="tests"):
        other = UserFactory(applicant=True)
    moved = record(person, "look", actor=person)
    record(person, "look", actor=person)
    record(other, "look", actor=other)
    seal_all()
    with behind_the_triggers():
        sql("UPDATE core_event SET object_id = %s WHERE id = %s", other.pk, moved.pk)
    (line,) = broken()
    assert line.startswith(f"core_event id={moved.pk} field=object_id: ") and re.search(
        rf"before=\w+ {person.pk} after=\w+ {other.pk} ", line
    )


def test_a_transaction_of_an_event_that_was_edited_is_told_with_both(person):
    seal_all()
    event = Event.objects.get(action="edit_account")
    with behind_the_triggers():
        sql("UPDATE core_event SET transaction = '00000000-0000-0000-0000-000000000001' WHERE id = %s", event.pk)
    (line,) = [line for line in broken() if line.startswith("core_event ")]
    assert "field=transaction: this event says that it was written in another transaction" in line
    assert str(event.transaction) in line and "000000000001" in line


# --- when, and beside the roles ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sealed", [True, False])
def test_when_an_event_was_recorded_is_what_was_sealed(person, sealed):
    if sealed:
        seal_all()
    by = "- interval '300 days'" if sealed else "+ interval '300 days'"
    with behind_the_triggers():
        sql(f"UPDATE core_event SET recorded_at = recorded_at {by}")  # noqa: S608
    assert any("field=recorded_at: this event says that it was recorded at an" in line for line in broken())


def test_the_migration_that_asks_for_events_is_not_put_off(person):
    seal_all()
    sql("UPDATE django_migrations SET applied = now() + interval '1 hour' WHERE name = '0006_proof_of_the_row_history'")
    assert any("core.0006_proof_of_the_row_history is said to have come after what it" in line for line in broken())


@pytest.mark.parametrize(
    ("table", "columns", "who"),
    [("auth_group_permissions", "group_id", "SELECT id FROM auth_group WHERE name = 'applicant'"),
     ("core_user_user_permissions", "user_id", "SELECT max(id) FROM core_user")],
)  # fmt: skip
def test_a_right_beside_the_roles_is_found(person, table, columns, who):
    sql(f"INSERT INTO {table} ({columns}, permission_id) SELECT ({who}), min(id) FROM auth_permission")  # noqa: S608
    assert any(line.startswith(f"{table} id=") and "beside the roles" in line for line in broken())


def test_a_table_of_the_same_name_or_hidden_rows_do_not_make_rows_removed(person):
    sql("CREATE SCHEMA IF NOT EXISTS elsewhere")
    sql("CREATE TABLE elsewhere.core_user (LIKE public.core_user)")
    sql("SET LOCAL search_path = elsewhere, public")
    lines = broken()
    assert len(lines) == 1 and "nobody declared this other table of the same name" in lines[0], lines


def test_rows_that_the_server_hides_are_one_line_for_each_table_and_no_trace_of_a_program(person, capsys, caplog):
    """Whoever switches row security on makes the checks of a table fail: that is said once, and all else is checked."""
    with behind_the_triggers():
        sql("UPDATE core_event SET comment = 'Forged' WHERE action = 'edit_account'")
    sql(
        "SET CONSTRAINTS ALL IMMEDIATE"
    )  # a table of which something waits for the end of the transaction is not altered
    sql("ALTER TABLE core_user ENABLE ROW LEVEL SECURITY")
    with as_the_application():
        lines = broken()
    hidden = [line for line in lines if "does not show all rows of this table" in line]
    assert len(hidden) == 1 and hidden[0].startswith("core_user: "), lines
    assert not [line for line in lines if "could not be checked" in line], lines
    assert any(line.startswith("core_event ") for line in lines), "the rest is proven"
    assert "Traceback" not in capsys.readouterr().err + caplog.text
