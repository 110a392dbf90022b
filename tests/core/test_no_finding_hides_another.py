"""A forged row may be the one from which words or other checks are read: every other finding is still told."""

from datetime import UTC, datetime

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import translation

from core.acting import acting_as
from core.engine import findings
from core.engine.findings import Finding
from core.engine.proof import Notes, run, steps
from core.engine.seals import seal_all
from core.events import record
from core.models.user import User
from tests.core.test_proof_of_the_proof import behind_the_triggers, broken, in_english, sql
from tests.factories.core import UserFactory

__all__ = ["in_english"]
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("problem", [KeyError("code"), AttributeError("x"), LookupError, RuntimeError])
def test_a_value_without_words_is_told_as_it_stands(monkeypatch, problem):
    def read_from_a_forged_row(*_of: object) -> str:
        raise problem

    monkeypatch.setattr(findings, "_values_say", [read_from_a_forged_row])
    told = str(Finding("core_user", 1, "first_name", "Anne", "Jeanne", None, "this row was changed"))
    assert all(text in told for text in ("Anne", "Jeanne", "this row was changed"))


def _changed(person: User, phone: str) -> int:
    """The seal of the line that a change wrote."""
    with acting_as(person, label="test"):
        User.objects.filter(pk=person.pk).update(phone=phone)
    seal_all()
    with connection.cursor() as cursor:
        cursor.execute("""SELECT max(position) FROM core_eventseal WHERE "table" = 'core_user'""")
        return cursor.fetchone()[0]


@pytest.mark.parametrize(
    "columns", ["{}", '{"public": []}', '{"public": [], "personal": []}', "[1]", '{"public": 1, "personal": 2}']
)
def test_a_seal_that_names_no_columns_is_named_and_hides_no_forged_line(columns):
    seal_all()
    person, other = UserFactory(), UserFactory()
    position = _changed(person, "0102030405")
    _changed(other, "0607080910")
    with behind_the_triggers():
        sql("UPDATE core_eventseal SET columns = %s WHERE position = %s", columns, position)
        sql("UPDATE core_user SET phone = '99' WHERE id = %s", other.pk)
        sql("UPDATE core_userevent SET phone = '99' WHERE pgh_id = (SELECT max(pgh_id) FROM core_userevent)")
    lines = broken()
    assert any(line.startswith(f"core_eventseal id={position}") for line in lines), lines
    assert any(line.startswith(f"core_user id={other.pk}") for line in lines), lines
    assert not any("could not be made" in line for line in lines), lines


def test_a_row_is_told_with_every_field_that_was_forged():
    with acting_as(label="tests"):
        person = UserFactory(first_name="Odile", phone="0102030405")
    seal_all()
    with behind_the_triggers():
        sql("UPDATE core_user SET phone = '99', first_name = 'Anna', is_staff = NOT is_staff WHERE id = %s", person.pk)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk} field=phone, is_staff, first_name: this row was edited")
    assert "before=phone = 0102030405 · is_staff = No · first_name = Odile" in line
    assert "after=phone = 99 · is_staff = Yes · first_name = Anna" in line


def test_a_change_outside_of_essor_is_told_with_every_field():
    with acting_as(label="tests"):
        person = UserFactory(first_name="Odile", phone="0102030405")
    seal_all()
    sql("UPDATE core_user SET phone = '99', first_name = 'Anna' WHERE id = %s", person.pk)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk} field=phone, first_name: edited outside Essor (update).")
    assert "before=phone = 0102030405 · first_name = Odile after=phone = 99 · first_name = Anna" in line


@pytest.mark.parametrize(
    ("table", "field", "before", "after", "told"),
    [
        ("core_storedfile", "size", 15_100, 15_101, "before=14.7 KB (15100) after=14.7 KB (15101)"),
        ("core_event", "created_at", datetime(2026, 1, 1, 9, 0, 1, tzinfo=UTC), datetime(2026, 1, 1, 9, 0, 2, tzinfo=UTC),
         "(10:00:01.000000) after=1 January 2026, 10:00 AM (10:00:02.000000)"),
    ],
)  # fmt: skip
def test_what_stood_and_what_stands_never_read_alike(table, field, before, after, told):
    assert told in str(Finding(table, 1, field, before, after, None, "x")).replace("\N{NO-BREAK SPACE}", " ")


# --- lines of the history: the one that was touched is named, alone ---------------------------------------------------

LAST = "(SELECT max(pgh_id) FROM core_userevent)"
DELETE_SAID = "UPDATE core_userevent SET pgh_label = 'delete' WHERE pgh_id = "
GONE = "DELETE FROM core_userevent WHERE pgh_id = "
ADDED = (
    "INSERT INTO core_userevent SELECT (jsonb_populate_record(line, jsonb_build_object('pgh_id', {number}))).* "
    "FROM core_userevent AS line WHERE pgh_label = '{label}' ORDER BY line.pgh_id DESC LIMIT 1"
)


def _only_finding() -> tuple[Finding, Notes]:
    notes = Notes()
    found = run(steps(notes, files=False), limit=None, sessions=1, told=lambda *_of: None).shown
    assert len(found) == 1, [str(finding) for finding in found]
    return found[0], notes


@pytest.mark.parametrize(
    ("forgery", "said"),
    [
        (f"{DELETE_SAID}{LAST}", "was edited after it was sealed"),
        (f"{DELETE_SAID}{LAST} - 1", "was edited after it was sealed"),
        (ADDED.format(number="90001000", label="insert"), "was added by SQL: no change of the row wrote it"),
        (ADDED.format(number="90001000", label="update"), "was added by SQL: no change of the row wrote it"),
        (ADDED.format(number="nextval('core_userevent_pgh_id_seq')", label="insert"), "was added by SQL: no change of the row"),
        (f"{GONE}{LAST}", "sealed line of the history of this row was removed"),
        (f"{GONE}{LAST} - 1", "sealed line of the history of this row was removed"),
    ],
)  # fmt: skip
def test_a_line_that_says_delete_is_added_or_removed_is_named_alone(forgery, said):
    with acting_as(label="tests"):
        person = UserFactory(phone="1")
    with acting_as(label="tests"):
        User.objects.filter(pk=person.pk).update(phone="2")
    seal_all()
    with behind_the_triggers():
        sql(forgery)
    found, notes = _only_finding()
    assert str(found).startswith(f"core_user id={person.pk}") and said in str(found), str(found)
    assert notes.unsealed.young == 0, "nothing waits for a seal"
    if "label" in forgery and "edited" in said:
        assert "delete" in str(found).partition("after=")[2]


# --- events: the one that was touched is named, by what it said ------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("sequence = 99", "moved to another rank there after it was written. before=2 after=99"),
        ("action = 'edit_account'", "the event “Look” of"),
        ("created_at = created_at - interval '90 days'", "field=created_at: the event “Look” of"),
        ("actor_id = NULL", "field=actor_id: the event “Look” of"),
        ("previous_hash = repeat('0', 64)", "field=previous_hash: the event “Look” of"),
        ("data = '{\"amount\": \"99.00\", \"kept\": \"12.00\"}'", "before=Amount = 12.00 after=Amount = 99.00"),
        ("data = '{\"amount\": \"1\", \"kept\": \"2\"}'", "What they said cannot be known."),
        ("created_at = '2001-01-01 12:34:56'", "may be the forged ones"),
        ("hash = repeat('0', 64)", "the hash of the event “Look” of"),
        ("content_type_id = (SELECT max(id) FROM django_content_type)", "was moved from there to"),
    ],
)  # fmt: skip
def test_an_edited_event_is_told_alone_by_what_it_said(edit, said):
    with acting_as(label="tests"):
        person = UserFactory()
    record(person, "look", actor=person)
    edited = record(person, "look", actor=person, data={"amount": "12.00", "kept": "12.00"})
    record(person, "edit_account", actor=person)
    seal_all()
    with behind_the_triggers():
        sql(f"UPDATE core_event SET {edit} WHERE id = %s", edited.pk)  # noqa: S608
    found, _notes = _only_finding()
    assert str(found).startswith(f"core_event id={edited.pk}") and said in str(found), str(found)


def test_an_event_that_names_another_person_accuses_no_line_of_its_transaction():
    with acting_as(label="tests"):
        person, other = UserFactory(), UserFactory()
    with acting_as(person), transaction.atomic():
        person.first_name = "Odette"
        person.save()
        edited = record(person, "edit_account", actor=person)
    seal_all()
    with behind_the_triggers():
        sql("UPDATE core_event SET actor_id = %s WHERE id = %s", other.pk, edited.pk)
    found, _notes = _only_finding()
    assert str(found).startswith(f"core_event id={edited.pk}"), str(found)


def test_two_events_that_were_exchanged_are_one_finding():
    with acting_as(label="tests"):
        person = UserFactory()
    _start, first, second = [record(person, action, actor=person) for action in ("look", "look", "edit_account")]
    seal_all()
    with behind_the_triggers():
        for pk, rank in ((first.pk, 99), (second.pk, 2), (first.pk, 3)):
            sql("UPDATE core_event SET sequence = %s WHERE id = %s", rank, pk)
    found, _notes = _only_finding()
    assert f"the order of two events of {person._meta.verbose_name} {person.pk} was exchanged" in str(found)
    assert "before=2 after=3" in str(found)


def test_two_events_of_which_author_and_time_were_exchanged_are_told_by_what_each_said():
    """What each of them said stands in the other."""
    with acting_as(label="tests"):
        people = [UserFactory(), UserFactory()]
    events = [record(person, "look", actor=person) for person in people]
    seal_all()
    with behind_the_triggers():
        for event, other in (events, reversed(events)):
            said = (other.actor_id, other.created_at, event.pk)
            sql("UPDATE core_event SET actor_id = %s, created_at = %s WHERE id = %s", *said)
    found = run(steps(Notes(), files=False), limit=None, sessions=1, told=lambda *_of: None).shown
    lines = [str(finding) for finding in found]
    assert len(lines) == 2 and not any("cannot be known" in line for line in lines), lines
    assert all("actor_id" in line and "created_at" in line for line in lines), lines


def test_an_event_added_by_sql_is_told_as_added_and_waits_for_no_seal():
    with acting_as(label="tests"):
        person = UserFactory()
    record(person, "look", actor=person)
    seal_all()
    with behind_the_triggers():
        sql(
            "INSERT INTO core_event SELECT (jsonb_populate_record(event, jsonb_build_object('id', event.id + 1, 'sequence', 2,"
            " 'hash', repeat('d', 64), 'previous_hash', event.hash))).* FROM core_event AS event"
        )
    found, notes = _only_finding()
    assert "was never sealed, and its hash is not the one of what it says: it was added or edited" in str(found)
    assert notes.unsealed.young == 0


# --- seals: the one that was touched is named, once, and proves nothing of others -------------------------------------

OF_A_LINE = "UPDATE core_historyseal SET {edit} WHERE \"table\" = 'core_user' AND line = (SELECT max(pgh_id) FROM core_userevent)"
OF_A_BATCH = "UPDATE core_eventseal SET {edit} WHERE position = (SELECT max(position) FROM core_eventseal WHERE \"table\" = 'core_user')"


@pytest.mark.parametrize(
    ("forgery", "said"),
    [
        (OF_A_LINE.format(edit="\"table\" = 'core_job'"), "field=table: the seal of line"),
        (OF_A_LINE.format(edit="line = 90001000"), "field=line: the seal of line"),
        (OF_A_LINE.format(edit="row = '90001000'"), "field=row: the seal of line"),
        (OF_A_LINE.format(edit="digest = repeat('0', 64)"), "field=digest: the seal of line"),
        (OF_A_BATCH.format(edit="\"table\" = 'core_job'"), "this seal was edited"),
        (OF_A_BATCH.format(edit="sealed_at = sealed_at - interval '1 day'"), "this seal was edited"),
        (OF_A_BATCH.format(edit="formula = 1"), "this seal was edited"),
        (OF_A_BATCH.format(edit="columns = columns #- '{public,0}'"), "this seal was edited"),
        (OF_A_BATCH.format(edit="lines = 7"), "this seal was edited"),
    ],
)
def test_a_seal_that_was_edited_is_named_once_and_accuses_nobody(forgery, said):
    seal_all()
    with acting_as(label="tests"):
        UserFactory()
    seal_all()
    with behind_the_triggers():
        sql(forgery)
    found, notes = _only_finding()
    assert str(found).startswith(("core_historyseal id=", "core_eventseal id=")) and said in str(found), str(found)
    assert notes.unsealed.young == 0


def test_a_finding_names_fields_and_subjects_as_the_screens_do():
    kind = ContentType.objects.get_for_model(User)
    with translation.override("fr"):
        role = str(Finding("core_user_groups", 1, "*", {"user_id": 999999, "group_id": 999999}, None, None, "x"))
        document = str(Finding("core_document", 1, "*", None, {"content_type_id": kind.pk, "object_id": 7}, None, "x"))
        one, several = (
            str(Finding("core_user", 1, field, "1", "2", None, "x")) for field in ("phone", "phone, is_staff")
        )
        assert f"{User._meta.verbose_name} = n°" in role and "rôle = n°" in role
        assert f"objet = {User._meta.verbose_name} 7" in document
        assert "champ phone (téléphone)" in one and "champ phone, is_staff" in several


# --- lines and seals that went together, lines that took each other's place -------------------------------------------

LEAF = "DELETE FROM core_historyseal WHERE \"table\" = 'core_user' AND line = "
FIRST = "(SELECT min(pgh_id) FROM core_userevent WHERE id = {pk})"
NEWEST = "(SELECT max(pgh_id) FROM core_userevent WHERE id = {pk})"


@pytest.mark.parametrize(
    ("forgery", "count"),
    [
        ((LEAF + NEWEST, GONE + NEWEST), 1),
        ((LEAF + FIRST, GONE + FIRST), 1),
        (("DELETE FROM core_historyseal WHERE \"table\" = 'core_user' AND row = '{pk}'",
          "DELETE FROM core_userevent WHERE id = {pk}"), 2),
        (("DELETE FROM core_historyseal WHERE \"table\" = 'core_user' AND row = '{pk}'",
          "DELETE FROM core_userevent WHERE id = {pk}", "DELETE FROM core_user WHERE id = {pk}"), 2),
    ],
)  # fmt: skip
def test_a_line_removed_with_its_seal_is_told_with_its_table_and_accuses_no_row(forgery, count):
    with acting_as(label="tests"):
        person, _other = UserFactory(phone="1"), UserFactory()
    with acting_as(label="tests"):
        User.objects.filter(pk=person.pk).update(phone="2")
    seal_all()
    with behind_the_triggers():
        for statement in forgery:
            sql(statement.format(pk=person.pk))
    found, _notes = _only_finding()
    assert str(found).startswith("core_eventseal id="), str(found)
    assert f"{count} sealed line" in str(found) and "of the history of core_user w" in str(found), str(found)
    assert f"Rows that their history explains no more: {person.pk}." in str(found), str(found)


def test_a_row_removed_with_all_that_spoke_of_it_is_told_with_its_table():
    with acting_as(label="tests"):
        person, _other = UserFactory(), UserFactory()
    seal_all()
    with behind_the_triggers():
        for table, key in (
            ("core_user", "id"),
            ("core_userevent", "id"),
            ("core_historyseal", "\"table\" || ' ' || row"),
            ("core_personsalt", "\"table\" || ' ' || row"),
        ):
            # A row of another table may have the same number: its seals and its salt stay.
            of_person = f"core_user {person.pk}" if "row" in key else str(person.pk)
            sql(f"DELETE FROM {table} WHERE ({key})::text = %s", of_person)  # noqa: S608
    found, _notes = _only_finding()
    assert "1 sealed line of the history of core_user was removed with its seal" in str(found), str(found)


@pytest.mark.parametrize("of_two_rows", [False, True])
def test_two_lines_that_were_exchanged_are_one_finding_and_the_row_is_honest(of_two_rows):
    with acting_as(label="tests"):
        person, other = UserFactory(phone="1"), UserFactory(phone="9")
    for phone in ("2", "3"):
        with acting_as(label="tests"):
            User.objects.filter(pk=other.pk if of_two_rows and phone == "2" else person.pk).update(phone=phone)
    seal_all()
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(pgh_id ORDER BY pgh_id DESC) FROM core_userevent")
        last, before = cursor.fetchone()[0][:2]
    with behind_the_triggers():
        for was, now in ((last, 90001000), (before, last), (90001000, before)):
            sql("UPDATE core_userevent SET pgh_id = %s WHERE pgh_id = %s", now, was)
    found, _notes = _only_finding()
    assert f"lines {before}, {last} of the history of this row took each other's place" in str(found), str(found)
    assert "before=" not in str(found), "each says what it said"
