"""The demonstration is lived in the order of the clock, act by act, and leaves all of itself or nothing."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.utils import DatabaseError
from django.utils import timezone

from core.acting import acting_as, current_actor, current_label
from core.history import history_rows
from core.models import Event, User
from demo.agenda import Agenda
from demo.clock import Clock
from demo.people import ensure_staff
from demo.scenario import Scenario
from demo.whole import _put_aside, was_interrupted


def content() -> dict[str, tuple[int, str]]:
    """How many rows each table holds, and a fingerprint of them."""
    found = {}
    with connection.cursor() as cursor:
        for name in connection.introspection.table_names(cursor):
            table = connection.ops.quote_name(name)
            cursor.execute(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} AS t")  # noqa: S608
            found[name] = cursor.fetchone()
    return found


def lived_in_part(self: Scenario, progress) -> None:
    with acting_as(label="tests"):
        ensure_staff()
    raise RuntimeError("the light went out")


@pytest.mark.django_db(transaction=True)
def test_a_story_that_breaks_off_leaves_nothing_and_blocks_nothing(monkeypatch):
    call_command("load_programmes", verbosity=0)
    before = content()
    monkeypatch.setattr(Scenario, "play", lived_in_part)
    for _time in range(2):
        with pytest.raises(RuntimeError):
            call_command("demo", stdout=StringIO())
        assert content() == before
        assert not was_interrupted()
    # a process that was killed: whoever starts again finds what was put aside
    _put_aside()
    ensure_staff()
    assert was_interrupted() and User.objects.exists()
    out = StringIO()
    with pytest.raises(RuntimeError):
        call_command("demo", stdout=out)
    assert "interrompue" in out.getvalue() and content() == before
    with acting_as(label="tests"):
        ensure_staff()
    for statement in ("UPDATE core_event SET comment = 'x'", "DELETE FROM core_event", "TRUNCATE core_event CASCADE"):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    staff = User.objects.order_by("pk").first()
    assert history_rows(staff).exists() and Event.objects.of(staff).exists()


@pytest.mark.django_db
def test_acts_are_lived_in_the_order_of_the_clock_by_their_persons():
    clock, lived = Clock(), []
    agenda, person = Agenda(clock), User(pk=1, email="claire@region.example")

    def act(name: str) -> None:
        lived.append((name, (timezone.localdate() - clock.today).days, current_actor() or current_label()))

    def first() -> None:
        act("first")
        agenda.at(-400, lambda: person, act, "planned by the first")

    agenda.at(-10, None, act, "last")
    agenda.at(-400, None, first)
    agenda.at(-200, lambda: person, act, "between", hour=22)
    agenda.live()
    assert lived == [
        ("first", -400, "command demo"),
        ("planned by the first", -400, person),
        ("between", -200, person),
        ("last", -10, "command demo"),
    ]
