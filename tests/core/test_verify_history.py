"""``verify_history``: clean when it is clean, red when anything was edited, with the first broken link."""

import re
from collections import Counter
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import translation

from core.acting import acting_as
from core.engine.proof import Notes, run, steps
from core.engine.seals import seal_all
from core.events import hash_of, record
from core.history import tracked_models
from core.management.commands.verify_history import Command
from core.models.event import Event, EventSeal
from core.models.user import User
from core.roles import Role
from core.transitions import perform
from tests.core.sample.models import Case
from tests.factories.core import UserFactory

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.infrastructure]


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def person() -> User:
    with acting_as(label="tests"):
        return UserFactory(applicant=True, phone="01 02 03 04 05")


@pytest.fixture
def filed(person: User) -> Case:
    case = Case.objects.create(title="A kitchen garden", owner=person)
    perform(case, "submit", actor=person)
    record(case, "look", actor=person)
    seal_all()
    return case


def sql(statement: str, *parameters: object, behind_the_triggers: bool = False) -> None:
    with connection.cursor() as cursor:
        if behind_the_triggers:
            cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(statement, parameters)
        finally:
            cursor.execute("SET session_replication_role = origin")


def verify(*arguments: str) -> str:
    output = StringIO()
    call_command("verify_history", *arguments, stdout=output)
    return output.getvalue()


def broken() -> list[str]:
    with pytest.raises(CommandError) as caught:
        verify()
    assert caught.value.returncode == 1
    return str(caught.value).splitlines()


def test_clean(filed, person):
    with acting_as(label="tests"):
        other = UserFactory()  # nobody gives themselves a role
    with acting_as(other), transaction.atomic():
        person.phone = "06 07 08 09 10"
        person.save()
        person.set_roles([Role.APPLICANT, Role.AUDITOR])
        person.set_roles([])
        record(person, "account_changed")
    assert "not sealed yet: " in verify()
    assert EventSeal.objects.exclude(event_id=None).count() == 2, "proving seals nothing"
    seal_all()
    output = verify()
    assert "not sealed yet" not in output
    assert "Events: 3, all chained; sealed: 3." in output
    lines, sealed = re.search(r"\((\d+) lines, (\d+) sealed\)", output).groups()
    assert lines == sealed
    assert "Nothing was edited outside Essor." in output


def test_a_row_edited_by_sql_with_the_triggers_on(person):
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk} field=phone: edited outside Essor (update).")
    assert "before=01 02 03 04 05 after=99" in line


def test_a_row_edited_behind_the_triggers(person):
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk, behind_the_triggers=True)
    (line,) = broken()
    assert line.startswith(
        f"core_user id={person.pk} field=phone: this row differs from the newest line of its history, which is not sealed"
    )
    seal_all()
    (line,) = broken()
    assert "field=phone: this row was edited without leaving a trace; the newest line of its history is sealed." in line
    assert "before=01 02 03 04 05 after=99 when=" in line


def test_a_row_added_or_removed_behind_the_triggers(person):
    sql("DELETE FROM core_user_groups WHERE user_id = %s", person.pk, behind_the_triggers=True)
    sql(
        "INSERT INTO core_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = 'administrator'",
        person.pk,
        behind_the_triggers=True,
    )
    lines = broken()
    assert len(lines) == 2
    assert any("added without leaving a trace" in line for line in lines)
    assert any("removed without leaving a trace" in line for line in lines)


def test_a_role_given_by_sql(person):
    sql(
        "INSERT INTO core_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = 'administrator'",
        person.pk,
    )
    (line,) = broken()
    assert line.startswith("core_user_groups id=")
    assert "edited outside Essor (insert)" in line


def test_a_repair_that_says_who_did_it_is_accepted(person):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("""SELECT set_config('pghistory.context_metadata', '{"label": "repair"}', true)""")
        cursor.execute("UPDATE core_user SET phone = '99'")
        cursor.execute("COMMIT")
    verify()


def test_a_history_line_removed(person):
    with acting_as(person):
        User.objects.update(phone="06 07 08 09 10")
    sql("DELETE FROM core_userevent WHERE pgh_label = 'insert'", behind_the_triggers=True)
    assert any("has a gap" in line for line in broken())


def test_a_row_and_its_newest_history_line_edited_alike(person):
    seal_all()
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk, behind_the_triggers=True)
    sql("UPDATE core_userevent SET phone = '99' WHERE id = %s", person.pk, behind_the_triggers=True)
    (line,) = broken()
    assert line.startswith(f"core_user id={person.pk}: ") and "phone = 99" in line
    assert "was edited after it was sealed" in line


def test_a_value_that_is_not_personal_edited_alike(person):
    seal_all()
    sql("UPDATE core_user SET is_staff = true", behind_the_triggers=True)
    sql("UPDATE core_userevent SET is_staff = true", behind_the_triggers=True)
    assert any("was edited after it was sealed" in line for line in broken())


def test_who_and_when_of_a_history_line_edited(person):
    seal_all()
    sql("UPDATE core_userevent SET pgh_context = NULL", behind_the_triggers=True)
    assert any("was edited after it was sealed" in line for line in broken())


def test_a_row_removed_with_its_whole_history(person):
    seal_all()
    for table, column in (("core_user_groups", "user_id"), ("core_userroleevent", "user_id")):
        sql(f"DELETE FROM {table} WHERE {column} = %s", person.pk, behind_the_triggers=True)  # noqa: S608
    sql("DELETE FROM core_userevent WHERE id = %s", person.pk, behind_the_triggers=True)
    sql("DELETE FROM core_user WHERE id = %s", person.pk, behind_the_triggers=True)
    assert any(
        line.startswith(f"core_user id={person.pk}: the whole history of this row was removed") for line in broken()
    )


def test_an_update_that_claims_another_person(person):
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT set_config('pghistory.context_metadata', %s, true)",
            [f'{{"user": {person.pk}, "label": "POST /x"}}'],
        )
        cursor.execute("UPDATE core_user SET phone = '99'")
        cursor.execute("COMMIT")
    (line,) = broken()
    assert f"names {person.first_name} {person.last_name} (POST /x), who did nothing in its transaction" in line


def test_a_line_slipped_into_a_transaction_of_the_past(filed, person):
    with acting_as(person), transaction.atomic():
        User.objects.update(phone="06 07 08 09 10")
        record(person, "account_changed")
    seal_all()
    sql(
        "INSERT INTO core_userevent SELECT (jsonb_populate_record(line, "
        "jsonb_build_object('pgh_id', nextval('core_userevent_pgh_id_seq'), 'phone', '99'))).* "
        "FROM core_userevent AS line ORDER BY line.pgh_id DESC LIMIT 1",
        behind_the_triggers=True,
    )
    sql("UPDATE core_user SET phone = '99'", behind_the_triggers=True)
    seal_all()
    (line,) = broken()
    assert "was slipped into a transaction that was sealed before it" in line


def test_a_seal_of_a_line_made_to_fit(person):
    seal_all()
    sql("UPDATE core_user SET is_staff = true", behind_the_triggers=True)
    sql("UPDATE core_userevent SET is_staff = true", behind_the_triggers=True)
    sql("DELETE FROM core_historyseal", behind_the_triggers=True)
    assert any("the seals of a batch of history lines were edited" in line for line in broken())


def test_a_salt_that_went_without_an_erasure(person):
    seal_all()
    sql("DELETE FROM core_personsalt WHERE row = %s", str(person.pk), behind_the_triggers=True)
    assert any("the salt of this row is gone, and no erasure says so" in line for line in broken())


def test_nobody_chooses_the_transaction_of_an_event_or_of_a_line(filed, person):
    first = Event.objects.filter(action="submit").get()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("SELECT set_config('pghistory.context_id', %s, true)", [str(first.transaction)])
        cursor.execute("""SELECT set_config('pghistory.context_metadata', '{"label": "repair"}', true)""")
        cursor.execute("UPDATE core_user SET phone = '98'")
        cursor.execute("COMMIT")
        cursor.execute("SELECT pgh_context_id FROM core_userevent ORDER BY pgh_id DESC LIMIT 1")
        assert cursor.fetchone()[0] not in (None, first.transaction)
    verify()


def test_several_sessions_find_what_one_finds(filed, person):
    seal_all()
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk, behind_the_triggers=True)
    sql("UPDATE core_event SET comment = 'never said' WHERE sequence = 1", behind_the_triggers=True)
    found = []
    for sessions in ("1", "4"):
        with pytest.raises(CommandError) as caught:
            verify("--sessions", sessions)
        found.append(str(caught.value).splitlines())
    assert found[0] == found[1]
    assert [line.partition(" ")[0] for line in found[0]] == ["core_event", "core_user"]


def rows_read() -> int:
    """How many rows this session has read since its transaction began, by whatever plan."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")
        return int(cursor.fetchone()[0])


def work_of_a_proof() -> tuple[int, int]:
    """How many statements a proof of everything takes, and how many rows these read."""
    seal_all()
    sql("ANALYZE")  # as the server does by itself where rows come day by day
    statements = Counter[str]()

    def counted(execute, statement, *further):
        statements["all"] += 1
        return execute(statement, *further)

    with transaction.atomic():
        before = rows_read()
        with connection.execute_wrapper(counted):
            run(steps(Notes(), files=False), limit=None, sessions=1, told=lambda *_step: None)
        read = rows_read() - before
    return statements.total(), read


def live_on(case: Case, person: User, many: int) -> None:
    """Many rows with their lines, many events of one chain."""
    with acting_as(label="tests"):
        UserFactory.create_batch(many, applicant=True)
    for number in range(many):
        record(case, f"look {number}", actor=person)


@pytest.mark.long
def test_twice_as_much_takes_twice_the_work(filed, person):
    """By what is counted, not by a clock: each as many more rows and events take as many more statements and rows read."""
    work_of_a_proof()  # the first one reads the guards of the database, which are many and stay the same
    work = [work_of_a_proof()]
    for _step in range(2):
        live_on(filed, person, 150)
        work.append(work_of_a_proof())
    (none, none_read), (once, once_read), (twice, twice_read) = work
    assert once - none < 15, "the statements are of the tables, not of the rows"
    assert twice - once <= max(once - none, 2)
    assert once_read - none_read > 150
    assert twice_read - once_read < 1.6 * (once_read - none_read)  # quadratic: three times


class Terminal(StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_how_far_it_is(filed, person):
    """Each step by its number, of how many, and its table, on one line that is empty at the end."""
    terminal, quiet = Terminal(), StringIO()
    call_command("verify_history", stdout=StringIO(), stderr=terminal)
    *shown, cleared = terminal.getvalue().removeprefix("\r\033[K").split("\r\033[K")
    total = len(shown) + 1
    assert cleared == "" and total > len(tracked_models())
    assert [line.split(" ")[0] for line in shown] == [f"{number}/{total}" for number in range(1, total)]
    assert {"core_event", "core_user"} <= {line.partition(" ")[2] for line in shown}
    call_command("verify_history", stdout=StringIO(), stderr=quiet)
    assert quiet.getvalue() == ""


def test_an_event_edited(filed):
    sql("UPDATE core_event SET comment = 'never said' WHERE sequence = 1", behind_the_triggers=True)
    (line,) = broken()
    assert line.startswith("core_event id=")
    assert "field=comment: the event “Submit” of case" in line and "before=– after=never said" in line


def test_an_event_moved_to_another_transaction(filed):
    sql("UPDATE core_event SET transaction = gen_random_uuid() WHERE sequence = 1", behind_the_triggers=True)
    assert any("was written in another transaction than the one that was sealed" in line for line in broken())


def test_the_hash_of_an_event_edited(filed):
    sql("UPDATE core_event SET hash = repeat('0', 64) WHERE sequence = 1", behind_the_triggers=True)
    (line,) = broken()
    assert "field=hash: the hash of the event “Submit” of case" in line and "it says what was sealed" in line


def test_an_event_edited_together_with_its_hash(filed):
    """Its seal proves what it said; the event after it follows that."""
    event = Event.objects.get(sequence=1)
    event.action = "accept"
    made = hash_of(event, "sample.case")
    sql("UPDATE core_event SET action = 'accept', hash = %s WHERE sequence = 1", made, behind_the_triggers=True)
    (line,) = broken()
    assert "the event “Submit” of case" in line or "an event of case" in line, line


def test_the_tail_of_a_chain_removed(filed):
    sql("DELETE FROM core_event WHERE sequence = 2", behind_the_triggers=True)
    (line,) = broken()
    assert "this sealed event was removed" in line


def test_a_whole_chain_removed(filed):
    sql("DELETE FROM core_event", behind_the_triggers=True)
    assert all("this sealed event was removed" in line for line in broken())


def test_an_event_in_the_middle_removed(filed):
    sql("DELETE FROM core_event WHERE sequence = 1", behind_the_triggers=True)
    (line,) = broken()
    assert "this sealed event was removed" in line


def test_a_seal_edited_or_removed(filed):
    sql("DELETE FROM core_eventseal WHERE position = 1", behind_the_triggers=True)
    assert any(line.startswith("core_eventseal id=2 field=position") for line in broken())


def test_seals_cut_short_are_found_by_the_anchor(filed):
    last = EventSeal.objects.last()
    anchor = f"{last.position}:{last.hash}"
    assert anchor in verify()
    verify("--anchor", anchor)
    sql("DELETE FROM core_eventseal WHERE position >= 2", behind_the_triggers=True)
    sql("DELETE FROM core_historyseal", behind_the_triggers=True)
    sql("DELETE FROM core_event WHERE sequence = 2", behind_the_triggers=True)
    verify()
    with pytest.raises(CommandError, match="not the one that was noted"):
        verify("--anchor", anchor)
    with pytest.raises(CommandError, match="POSITION:HASH"):
        verify("--anchor", "nonsense")


def test_a_state_given_without_a_transition(filed):
    sql("UPDATE sample_case SET state = 'accepted'")
    (line,) = broken()
    assert line.startswith(f"sample_case id={filed.pk} field=state: this state was given without a transition.")
    assert "before=Submitted after=Accepted" in line


@pytest.mark.parametrize(
    "edit",
    ["object_id = object_id + 1000", "sequence = 50, previous_hash = repeat('a', 64)", "to_state = 'accepted'", "action = 'look', to_state = ''",
     "content_type_id = content_type_id + 1"],
)  # fmt: skip
def test_an_event_that_gave_a_state_and_was_moved_or_edited_accuses_no_row(filed, edit):
    sql(f"UPDATE core_event SET {edit} WHERE sequence = 1", behind_the_triggers=True)  # noqa: S608
    lines = broken()
    assert lines and all(line.startswith("core_event id=") for line in lines)
    assert any(f"case {filed.pk}" in line for line in lines), "it is told with the case of which it was written"


def test_a_check_that_fails_is_a_finding_and_silences_no_other(person, filed):
    record(person, "erase", actor=person, data={"places": [1]})  # of which nothing can be made
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk)
    lines = broken()
    assert any(line.startswith("core_erasure: this could not be checked (TypeError") for line in lines)
    assert any("core_user" in line and "edited outside Essor" in line for line in lines)


def test_the_command_line_ends_with_one_line_per_problem(person, capsys):
    sql("UPDATE core_user SET phone = '99' WHERE id = %s", person.pk)
    with pytest.raises(SystemExit) as caught:
        Command().run_from_argv(["manage.py", "verify_history", "--skip-checks"])
    assert caught.value.code == 1
    assert capsys.readouterr().err.count("\n") == 1
