"""The tests themselves: what a factory lived before is as if lived now, and what a test commits is gone after it."""

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, transaction

from agreements.models import Agreement
from core.acting import acting_as
from core.history import history_rows
from core.models import Event, User
from core.transitions import perform
from tests.factories.agreements import approved, entry, house_of, sent
from tests.factories.core import UserFactory
from tests.factories.worlds import worlds
from tests.rows import Table, references, tables_with_rows

SENT = ("tests.factories.agreements", "sent")


def known() -> list[tuple]:
    return [key for key in worlds.known if key[:2] == SENT]


def lines(tables: list[Table]) -> dict[str, list[bytes]]:
    return {table.name: sorted(table.rows.splitlines()) for table in tables}


@pytest.mark.django_db
@pytest.mark.parametrize("time", ["first", "second"])
def test_a_world_that_is_put_back_is_whole(time):
    """The second time nothing is lived, and all is there: rows, history, events, papers, guards, and objects of its own."""
    if time == "first":
        worlds.known.clear()
    agreement, house = sent()
    assert agreement.title == Agreement.objects.get().title != "changed"
    assert history_rows(agreement).exists()
    assert Event.objects.of(agreement).filter(action="send", actor=house.instructor).exists()
    assert agreement.document_pdf.file.size > 1000
    with pytest.raises(DatabaseError), transaction.atomic():
        Event.objects.update(comment="x")
    perform(agreement, "enter_force", actor=house.head, data=entry())
    assert agreement.state == "in_force"
    agreement.title = "changed"
    assert len(known()) == 1


@pytest.mark.django_db
def test_only_a_test_that_has_done_nothing_yet_is_given_a_world(settings, monkeypatch):
    assert worlds.begins()
    with acting_as(label="tests"):
        assert not worlds.begins()
    with monkeypatch.context() as patch:
        patch.setattr(worlds, "day", worlds.day)
        worlds.patches, before = patch, worlds.patches
        assert not worlds.begins()
        worlds.patches = before
    settings.ESSOR_REGION = {"name": "Another Region"}
    assert not worlds.begins()
    del settings.ESSOR_REGION


@pytest.mark.django_db
def test_what_was_written_before_is_kept():
    person = UserFactory()
    assert not worlds.begins()
    case, house = approved(house=house_of())
    assert User.objects.filter(pk__in=[person.pk, house.instructor.pk]).count() == 2
    assert case.instructor == house.instructor


@pytest.mark.django_db(transaction=True)
def test_nothing_is_left_of_what_a_test_commits_and_what_it_changed_comes_back():
    before = lines(references.tables)
    assert before.keys() >= {"auth_group", "django_content_type"}
    UserFactory(instructor=True)
    Group.objects.filter(name="instructor").update(name="changed")
    references.come_back()
    with transaction.atomic():
        assert lines([Table.read(name) for name in tables_with_rows()]) == before
