"""Events: append-only, chained, sealed."""

import datetime
import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, connection, transaction
from django.utils.translation import gettext_lazy

from core.acting import acting_as, unstamped
from core.engine.locks import label_migrations, unlabel_migrations
from core.engine.seal_checks import check_seals
from core.engine.seals import seal_all
from core.events import canonical, hash_of, history, record
from core.history import history_model_of
from core.json_safe import json_safe
from core.models.event import Event, EventSeal
from core.models.user import User
from tests.core.sample.models import Case
from tests.factories.core import UserFactory


def test_events_of_a_subject_are_chained(case, applicant):
    first = record(case, "look", actor=applicant)
    second = record(case, "look again", data={"amount": Decimal("1.10")}, comment="é")
    assert (first.sequence, first.previous_hash) == (1, "")
    assert (second.sequence, second.previous_hash) == (2, first.hash)
    for event in history(case):
        assert event.hash == hash_of(event, "sample.case")


def test_a_value_that_stayed_what_it_was_is_not_told_as_changed(case):
    """“Computed aid: 12,000.00 € → 12,000.00 €, 1 field changed”: nothing had."""
    same, other = [Decimal("12000.00")] * 2, [Decimal("12000.00"), Decimal("10000.00")]
    event = record(case, "compute", changes={"computed": same, "asked": [None, None], "granted": other})
    event.refresh_from_db()
    assert event.changes == {"granted": ["12000.00", "10000.00"]}


def test_each_subject_has_its_own_chain(case, applicant):
    other = Case.objects.create(title="Other", owner=applicant)
    record(case, "look")
    assert record(other, "look").sequence == 1


def test_the_actor_is_the_one_who_acts(case, applicant, instructor):
    with acting_as(instructor, label="POST /x"):
        event = record(case, "look")
        with acting_as(applicant):
            assert record(case, "look").actor == applicant
        assert record(case, "look").actor == instructor
    assert (event.actor, event.actor_label) == (instructor, "POST /x")
    with acting_as(label="command tidy"):
        event = record(case, "look")
    assert (event.actor, event.actor_label) == (None, "command tidy")


@pytest.mark.parametrize(
    "statement",
    ["UPDATE core_event SET comment = 'edited'", "DELETE FROM core_event", "TRUNCATE core_event CASCADE"],
)
def test_events_are_append_only(case, statement):
    record(case, "look")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert Event.objects.count() == 1


def test_a_subject_cannot_have_two_events_of_one_number(case):
    event = record(case, "look")
    event.pk = None
    with pytest.raises(DatabaseError), transaction.atomic():
        event.save(force_insert=True)


def test_an_event_needs_a_saved_subject():
    with pytest.raises(ValueError, match="saved"):
        record(Case(), "look")


def test_what_is_kept_is_plain_json(case):
    kept = json_safe(
        {
            "amount": Decimal("10.50"),
            "day": datetime.date(2026, 11, 24),
            "moment": datetime.datetime(2026, 11, 24, 8, tzinfo=datetime.UTC),
            "case": case,
            "cases": Case.objects.all(),
            "label": gettext_lazy("Applicant"),
            "set": {"b", "a"},
            "file": ContentFile(b"abc", name="a.txt"),
            "nothing": None,
            "yes": True,
            "bytes": b"abc",
            "nul": "a\x00b",
            1: 2,
        }
    )
    assert kept["amount"] == "10.50"
    assert kept["day"] == "2026-11-24"
    assert kept["case"] == {"model": "sample.case", "id": case.pk, "label": "A kitchen garden"}
    assert kept["cases"] == [kept["case"]]
    assert kept["set"] == ["a", "b"]
    assert kept["file"]["sha256"] == kept["bytes"]["sha256"]
    assert kept["nul"] == "ab"
    assert kept["1"] == 2
    assert canonical(kept)


def test_new_events_are_sealed_once_and_in_order(case):
    events = [record(case, f"step {number}") for number in range(3)]
    assert seal_all().events == 3
    assert seal_all().events == 0
    record(case, "later")
    assert seal_all().events == 1
    seals = list(EventSeal.objects.all())
    assert [seal.position for seal in seals] == list(range(1, len(seals) + 1))
    assert [seal.event_id for seal in seals][:3] == [event.pk for event in events]
    assert [seal.round for seal in seals][:3] == [1, 1, 1]
    assert len({seal.hash for seal in seals}) == len(seals) > 4  # with the history lines of the people


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_an_event_that_is_committed_late_is_sealed_late(case, applicant):
    other = Case.objects.create(title="Other", owner=applicant)
    written, go_on = threading.Event(), threading.Event()

    def write_slowly() -> int:
        try:
            with transaction.atomic():
                event = record(other, "slow")
                written.set()
                go_on.wait(30)
            return event.pk
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(write_slowly)
        written.wait(30)
        record(case, "quick")
        assert seal_all().events == 1
        go_on.set()
        late = slow.result()
    assert seal_all().events == 1
    last = EventSeal.objects.exclude(event_id=None).last()
    assert (last.event_id, last.position) == (late, EventSeal.objects.count())


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain(case):
    for number in range(50):
        record(case, f"step {number}")

    def seal(_turn: int) -> int:
        try:
            return seal_all().events
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(seal, range(4))) == 50
    assert list(EventSeal.objects.values_list("position", flat=True)) == list(range(1, EventSeal.objects.count() + 1))
    assert EventSeal.objects.exclude(event_id=None).count() == 50
    assert list(check_seals()) == []


def test_a_migration_of_a_command_may_hold_a_percent_sign(db):
    with acting_as(label="command demo"), unstamped(), connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN RAISE NOTICE 'added up to %', 1; END $$", None)
        cursor.execute("SELECT current_setting('pghistory.context_metadata', true)")
        assert not cursor.fetchone()[0]
    with acting_as(label="command demo"), connection.cursor() as cursor:
        cursor.execute("DO $$ BEGIN NULL; END $$")
        cursor.execute("SELECT current_setting('pghistory.context_metadata', true)")
        assert "command demo" in cursor.fetchone()[0]


@pytest.mark.django_db
def test_what_a_migration_writes_by_itself_is_stamped_within_an_unstamped_part():
    with acting_as(label="command demo"):
        with unstamped(), acting_as(label="command migrate"):
            person = UserFactory(applicant=True)
        after = UserFactory(applicant=True)
    lines = {row.pk: history_model_of(User).objects.filter(id=row.pk).first() for row in (person, after)}
    assert lines[person.pk].pgh_context["label"] == "command migrate"
    assert lines[after.pk].pgh_context["label"] == "command demo"


@pytest.mark.django_db
def test_rows_that_a_migration_rewrites_say_so():
    person = UserFactory(applicant=True)
    label_migrations()
    User.objects.update(phone="1")
    unlabel_migrations()
    User.objects.update(phone="2")
    lines = history_model_of(User).objects.filter(id=person.pk).order_by("pgh_id")
    assert [line.pgh_context for line in lines][-2:] == [{"user": None, "label": "command migrate"}, None]
