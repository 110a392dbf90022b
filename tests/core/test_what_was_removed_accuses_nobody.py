"""Seals and events that were removed while the rest stands: what is gone is named, with its table; what stands is honest."""

import pytest
from django.db import connection, transaction

from core.acting import acting_as
from core.engine.proof import Notes, run, steps
from core.engine.seals import seal_all
from core.events import record
from core.models.user import User
from tests.core.test_proof_of_the_proof import behind_the_triggers, in_english, sql
from tests.factories.core import UserFactory

__all__ = ["in_english"]
pytestmark = pytest.mark.django_db

OF_THE_PERSON = "\"table\" = 'core_user' AND row = '{pk}'"
ONE_SEAL = "DELETE FROM core_historyseal WHERE id = (SELECT {which}(id) FROM core_historyseal WHERE {row})"


def _told() -> tuple[list[str], Notes]:
    notes = Notes()
    found = run(steps(notes, files=False), limit=None, sessions=1, told=lambda *_of: None).shown
    return [str(finding) for finding in found], notes


def _edited_by_themselves() -> User:
    """A person who changed a value, with the event of it; and others."""
    seal_all()
    with acting_as(label="tests"):
        person, _other = UserFactory(phone="1"), UserFactory()
    seal_all()
    with acting_as(person), transaction.atomic():
        person.phone = "2"
        person.save()
        record(person, "edit_account", actor=person)
    seal_all()
    return person


@pytest.mark.parametrize(
    ("forgery", "said"),
    [
        (ONE_SEAL.replace("{which}", "max"), "the seal of line"),
        (ONE_SEAL.replace("{which}", "min"), "the seal of line"),
        ("DELETE FROM core_historyseal WHERE position = (SELECT max(position) FROM core_historyseal WHERE \"table\" = 'core_user')",
         "the seal of line"),
        ("DELETE FROM core_historyseal WHERE position = (SELECT min(position) FROM core_historyseal WHERE {row})", "the seals of lines"),
    ],
)  # fmt: skip
def test_the_seal_alone_removed_is_named_and_its_line_is_honest(forgery, said):
    person = _edited_by_themselves()
    with behind_the_triggers():
        sql(forgery.format(pk=person.pk, row=OF_THE_PERSON.format(pk=person.pk)))
    (found,), notes = _told()
    assert found.startswith("core_eventseal id=") and said in found and "of the history of core_user w" in found, found
    assert "sealed" in found and notes.unsealed.young == 0


def test_a_line_that_was_edited_and_lost_its_seal_is_not_said_to_be_added_for_certain():
    person = _edited_by_themselves()
    with behind_the_triggers():
        sql(ONE_SEAL.format(which="max", row=OF_THE_PERSON.format(pk=person.pk)))
        sql(
            "UPDATE core_userevent SET phone = '9', pgh_label = 'insert' WHERE pgh_id = (SELECT max(pgh_id) FROM core_userevent)"
        )
    found, _notes = _told()
    assert not any("no change of the row wrote it" in line for line in found), found
    assert any("it was added by SQL, or edited and its seal removed" in line for line in found), found


def test_each_seal_cut_from_the_end_is_one_finding_with_its_table_and_accuses_no_line():
    person = _edited_by_themselves()
    with acting_as(label="tests"):
        User.objects.update(phone="3")
    seal_all()
    with behind_the_triggers():
        sql("DELETE FROM core_eventseal WHERE position = (SELECT max(position) FROM core_eventseal)")
    (found,), _notes = _told()
    lines = User.objects.count()
    assert f"this seal is missing: it sealed {lines} lines of the history of core_user." in found, found
    assert person.pk


@pytest.mark.django_db(transaction=True)
def test_the_end_cut_off_in_the_midst_of_a_round_is_one_finding_and_accuses_no_line():
    """The events of a round are sealed first: cut after them, their lines are there without a seal, and none was added."""
    _edited_by_themselves()
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(position) FROM core_eventseal WHERE event_id IS NOT NULL")
        (last,) = cursor.fetchone()
    with transaction.atomic(), behind_the_triggers():
        sql("DELETE FROM core_eventseal WHERE position > %s", last)
        sql("DELETE FROM core_historyseal WHERE position > %s", last)
    found, _notes = _told()
    assert [line for line in found if "added by SQL" in line or line.startswith("core_user ")] == []
    (end,) = [line for line in found if line.startswith(f"core_eventseal id={last}")]
    assert "the seals after this one were removed: the round that it is of had sealed 1 more line" in end, found


def test_the_seal_of_a_batch_in_the_middle_is_one_finding():
    _edited_by_themselves()
    with acting_as(label="tests"):
        User.objects.update(phone="3")
    seal_all()
    with behind_the_triggers():
        sql(
            "DELETE FROM core_eventseal WHERE position = (SELECT position FROM core_eventseal WHERE event_id IS NULL "
            "AND \"table\" = 'core_user' ORDER BY position DESC OFFSET 1 LIMIT 1)"
        )
    found, _notes = _told()
    (found,) = found
    assert "this seal is missing: it sealed 1 line of the history of core_user." in found, found


def test_an_event_removed_with_its_seal_accuses_no_line_of_its_transaction():
    person = _edited_by_themselves()
    record(person, "look", actor=person)
    seal_all()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM core_event WHERE action = 'edit_account' ORDER BY id DESC LIMIT 1")
        (gone,) = cursor.fetchone()
    with behind_the_triggers():
        sql("DELETE FROM core_eventseal WHERE event_id = %s", gone)
        sql("DELETE FROM core_event WHERE id = %s", gone)
    found, _notes = _told()
    assert not any(line.startswith("core_user ") for line in found), found
    assert any("a seal before this one is missing" in line for line in found)
    assert any(
        f"an event of {person._meta.verbose_name} {person.pk} before this one is missing" in line for line in found
    )


def test_a_row_edited_in_all_its_lines_is_one_finding():
    person = _edited_by_themselves()
    with behind_the_triggers():
        sql("UPDATE core_user SET is_staff = NOT is_staff WHERE id = %s", person.pk)
        sql("UPDATE core_userevent SET is_staff = NOT is_staff WHERE id = %s", person.pk)
    (found,), _notes = _told()
    assert (
        found.startswith(f"core_user id={person.pk}")
        and "were edited after they were sealed (what is not personal)" in found
    )
