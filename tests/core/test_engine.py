"""Sequences, acting, history and commands."""

import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from celery import shared_task
from django.contrib.auth.models import AnonymousUser
from django.core.management.base import CommandError
from django.db import DatabaseError, OperationalError, connection, transaction
from django.http import HttpResponse

from core.acting import acting_as, current, current_actor, current_label, stamp_transaction
from core.history import history_rows
from core.job_runner import JobError
from core.management.base import EssorCommand, Problems
from core.middleware import ActingMiddleware
from core.models.event import Event
from core.models.sequence import Sequence
from core.models.user import User
from core.sequences import next_number
from core.transitions import TransitionRefused, perform
from tests.core.sample.models import Case
from tests.factories.core import UserFactory

# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_numbers_follow_each_other_by_prefix_and_year():
    assert next_number("PROG", 2026) == "PROG-2026-00001"
    assert next_number("PROG", 2026) == "PROG-2026-00002"
    assert next_number("PROG", 2027) == "PROG-2027-00001"
    assert next_number("CPO", 2026, width=3) == "CPO-2026-001"


@pytest.mark.django_db(transaction=True)
def test_a_number_is_given_once_also_to_many_at_once_and_comes_back_from_an_undone_transaction():
    def take(_turn: int) -> str:
        try:
            with transaction.atomic():
                return next_number("PROG", 2026)
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(take, range(40)))
    assert sorted(numbers) == [f"PROG-2026-{value:05d}" for value in range(1, 41)]
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        next_number("PROG", 2026)
        raise ZeroDivisionError
    assert Sequence.objects.get().last_value == 40
    with pytest.raises(RuntimeError, match="transaction"):
        next_number("PROG", 2026)


# --- who acts --------------------------------------------------------------------------------------------------------


def contexts(user: User) -> list[dict | None]:
    return [row.pgh_context for row in history_rows(user)]


@pytest.mark.django_db
def test_the_history_says_who_acted_also_after_a_nested_actor(instructor):
    user = UserFactory()
    with acting_as(instructor, label="POST /x"):
        User.objects.filter(pk=user.pk).update(phone="1")
        with acting_as(label="task tidy"):
            User.objects.filter(pk=user.pk).update(phone="2")
            assert current_actor() is None
        User.objects.filter(pk=user.pk).update(phone="3")
    mine = {"user": instructor.pk, "label": "POST /x"}
    assert contexts(user) == [None, mine, {"user": None, "label": "task tidy"}, mine]
    assert current() is None
    assert (current_actor(), current_label()) == (None, "")


@pytest.mark.django_db
def test_a_raw_copy_can_be_stamped(instructor):
    with acting_as(instructor, label="import"), transaction.atomic():
        stamp_transaction()
        with connection.cursor() as cursor, cursor.copy("COPY auth_group (name) FROM STDIN") as copy:
            copy.write_row(["copied"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('pghistory.context_metadata')")
            assert f'"user": {instructor.pk}' in cursor.fetchone()[0]
    stamp_transaction()


@pytest.mark.django_db
def test_a_request_acts_for_its_user(rf, instructor):
    seen = []

    def view(request):
        seen.append((current_actor(), current_label()))
        return HttpResponse()

    for user in (instructor, AnonymousUser()):
        request = rf.post("/somewhere/?secret=1")
        request.user = user
        ActingMiddleware(view)(request)
    assert seen == [(instructor, "POST /somewhere/"), (None, "POST /somewhere/")]
    assert current() is None


@shared_task
def say_who() -> str:
    return current_label()


def test_a_task_acts_in_its_own_name():
    assert say_who.apply().get() == "task tests.core.test_engine.say_who"
    assert current() is None


@pytest.mark.django_db
def test_the_history_is_append_only(instructor):
    before = list(history_rows(instructor))
    for statement in (
        "UPDATE core_userevent SET phone = '9'",
        "DELETE FROM core_userevent",
        "TRUNCATE core_userevent",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert list(history_rows(instructor)) == before


# --- many at once ----------------------------------------------------------------------------------------------------


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_of_many_clicks_at_once_one_wins():
    owner = UserFactory(applicant=True)
    case = Case.objects.create(title="A kitchen garden", owner=owner)
    start = threading.Barrier(10)

    def click(_turn: int) -> str:
        try:
            copy = Case.objects.get(pk=case.pk)
            start.wait()
            perform(copy, "submit", actor=owner)
            return "done"
        except TransitionRefused as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(click, range(10)))
    assert sorted(outcomes) == ["done"] + ["state"] * 9
    case.refresh_from_db()
    assert case.runs == 1
    assert Event.objects.of(case).count() == 1


# --- commands --------------------------------------------------------------------------------------------------------


class Sample(EssorCommand):
    requires_migrations_checks = False
    error: BaseException | None = None

    def handle(self, *args, **options) -> None:
        self.stdout.write(current_label())
        if self.error:
            raise self.error


@pytest.mark.parametrize(
    ("error", "lines"),
    [
        (Problems(["The first is wrong.", "The second too."]), ["The first is wrong.", "The second too."]),
        (CommandError("No such file."), ["No such file."]),
        (JobError("There is nothing to report."), ["There is nothing to report."]),
        (TransitionRefused("state", {"__all__": "Too late."}), ["Too late."]),
        (OperationalError("connection refused\nDetails"), ["La base de données répond : connection refused"]),
    ],
)
def test_a_command_tells_one_problem_a_line_and_fails(capsys, error, lines):
    command = Sample()
    command.error = error
    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", "sample", "--no-color", "--skip-checks"])
    assert caught.value.code == 1
    assert capsys.readouterr().err.splitlines() == lines
    called = Sample()
    called.error = error
    with pytest.raises(CommandError, match=lines[0][:10]):
        called.execute(force_color=False, no_color=True, skip_checks=True, traceback=False)


def test_a_bug_in_a_command_is_not_hidden(capsys):
    command = Sample()
    command.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        command.run_from_argv(["manage.py", "sample", "--skip-checks"])


def test_an_interrupted_command(capsys):
    command = Sample()
    command.error = KeyboardInterrupt()
    with pytest.raises(SystemExit) as caught:
        command.run_from_argv(["manage.py", "sample", "--skip-checks"])
    assert caught.value.code == 130


def test_a_command_acts_in_its_own_name():
    output = StringIO()
    Sample(stdout=output).execute(force_color=False, no_color=True, skip_checks=True, traceback=False)
    assert output.getvalue() == "command test_engine\n"
