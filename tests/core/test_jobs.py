"""Long jobs: never lost, never done twice."""

import os
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import job_runner
from core.documents import open_document
from core.events import history
from core.job_runner import JobCancelled, claim, execute, recover
from core.jobs import JobError, cancel, job_kind, kind_of, run_now, submit
from core.models.document import Document
from core.models.job import Job
from core.models.user import User
from core.permissions import may_cancel_job, may_see_job
from core.tasks import recover_stale_jobs, run_job
from tests.factories.core import UserFactory

WAIT = 60


@pytest.fixture
def person(db) -> User:
    return UserFactory(finance_officer=True)


def actions(job: Job) -> list[str]:
    return [event.action for event in history(job)]


def wait_for(condition, worker=None) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert worker is None or worker.poll() is None, "the worker ended"
        assert time.monotonic() < deadline, "nothing happened in a minute"
        time.sleep(0.1)


# --- to its end ------------------------------------------------------------------------------------------------------


def test_a_job_runs_and_keeps_its_file(person):
    seen = []
    job = run_now("sample.report", {"rows": 3}, user=person, on_progress=lambda *step: seen.append(step))
    assert job.state == Job.State.DONE
    assert seen[-1] == (3, 3, "row 3")
    assert (job.progress, job.total, job.percent, job.message) == (3, 3, 100, "done")
    assert job.result["rows"] == 3
    assert job.result["totals"] == {"ESF+": "12.50"}
    assert job.result["sha256"] == job.file.sha256
    with open_document(job.file) as file:
        assert file.read() == b"row\n0\n1\n2\n"
    assert job.file.uploaded_by == person
    assert job.claim is None
    assert actions(job) == ["ask", "start", "done"]
    assert job.finished_at >= job.started_at


def test_the_progress_is_written_at_most_twice_a_second(person, monkeypatch):
    writes = []
    monkeypatch.setattr(job_runner.JobContext, "renew", lambda self, **values: writes.append(values))
    run_now("sample.report", {"rows": 1000}, user=person)
    assert 2 <= len(writes) <= 10
    assert writes[-1]["progress"] == 1000


def test_a_job_that_cannot_be_done_says_why(person):
    job = run_now("sample.refused", {}, user=person)
    assert (job.state, job.reason) == (Job.State.FAILED, "There is no operation under this fund: choose another one.")
    assert job.finished_at


def test_a_bug_fails_the_job_with_something_to_tell_the_support(person, caplog):
    caplog.set_level("CRITICAL", logger="essor.jobs")
    job = run_now("sample.broken", {}, user=person)
    assert job.state == Job.State.FAILED
    assert str(job.pk) in job.reason


def test_an_unknown_kind_is_refused_when_it_is_asked(person):
    with pytest.raises(LookupError):
        submit("sample.unknown", parameters={}, user=person)


def test_two_declarations_of_a_kind_are_refused():
    with pytest.raises((ValueError, ImproperlyConfigured)):
        job_kind("sample.report", label="Another")(lambda context: None)
    assert kind_of("sample.report").label == "A report"


# --- once ------------------------------------------------------------------------------------------------------------


def test_asking_twice_makes_one_job(person):
    first = submit("sample.report", parameters={"rows": 1}, user=person)
    assert submit("sample.report", parameters={"rows": 1}, user=person) == first
    assert submit("sample.report", parameters={"rows": 2}, user=person) != first
    with pytest.raises(JobError, match=str(first.pk)):
        run_now("sample.report", {"rows": 1}, user=person)
    execute(first.pk)
    assert submit("sample.report", parameters={"rows": 1}, user=person) != first


def test_the_database_allows_one_active_job_per_key(person):
    submit("sample.report", parameters={}, user=person, key="one")
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="sample.report", key="one")


@pytest.mark.parametrize(
    "values",
    [
        {"state": "running"},
        {"state": "done"},
        {"state": "failed", "finished_at": timezone.now()},
        {"state": "elsewhere"},
        {"finished_at": timezone.now()},
    ],
)
def test_the_database_refuses_half_a_state(person, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        Job.objects.create(kind="sample.report", key="k", **values)


def test_a_job_is_taken_once(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    assert claim(job.pk)
    assert claim(job.pk) is None
    assert execute(job.pk) is None


def test_a_task_that_comes_twice_does_nothing_the_second_time(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    run_job(job.pk)
    run_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 1)
    assert Document.objects.about(job).count() == 1


# --- cancelled -------------------------------------------------------------------------------------------------------


def test_a_waiting_job_is_cancelled(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    assert cancel(job, person)
    assert job.state == Job.State.CANCELLED
    assert execute(job.pk) is None
    assert not cancel(job, person)


def test_a_running_job_stops_at_its_next_progress(person):
    def stop(done, total, message):
        if done == 1:
            assert cancel(Job.objects.get(), person)

    job = run_now("sample.report", {"rows": 5}, user=person, on_progress=stop)
    assert job.state == Job.State.CANCELLED
    assert job.file is None


# --- taken up again --------------------------------------------------------------------------------------------------


def test_the_job_of_a_dead_worker_goes_back_to_the_queue_and_the_dead_one_writes_nothing(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    dead, token = claim(job.pk)
    Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert recover() == [job]
    assert recover() == []
    context = job_runner.JobContext(dead, token, Path("unused"), None)
    with pytest.raises(JobCancelled):
        context.progress(1, 1)
    with pytest.raises(JobCancelled):
        job_runner._finish(dead, token, None)
    ended = execute(job.pk)
    assert (ended.state, ended.attempts) == (Job.State.DONE, 2)
    assert actions(job) == ["ask", "start", "recover", "start", "done"]


def test_a_job_that_kills_its_workers_ends_with_a_reason(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    for _attempt in range(job_runner.MAX_ATTEMPTS):
        assert claim(job.pk)
        Job.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        recover()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert job.reason


def test_a_job_whose_message_was_lost_is_sent_again(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    assert recover() == []
    Job.objects.update(created_at=timezone.now() - timedelta(hours=1))
    assert recover() == [job]


@pytest.mark.infrastructure
def test_a_worker_killed_in_the_middle(worker, settings, tmp_path):
    """kill -9 of the process that runs the job: it is taken up again and ends right, once."""
    settings.ESSOR_JOB_LEASE_SECONDS = 2
    job = submit("sample.slow", parameters={"folder": str(tmp_path)}, user=UserFactory(finance_officer=True))
    runs = tmp_path / "runs"
    wait_for(lambda: runs.exists() and runs.read_text().strip(), worker)
    os.kill(int(runs.read_text()), signal.SIGKILL)
    (tmp_path / "go").touch()
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    recover_stale_jobs()
    wait_for(lambda: Job.objects.get(pk=job.pk).state not in Job.ACTIVE, worker)
    job.refresh_from_db()
    assert job.state == Job.State.DONE, job.reason
    assert job.attempts == 2
    assert len(runs.read_text().split()) == 2
    assert Document.objects.about(job).count() == 1


# --- who sees --------------------------------------------------------------------------------------------------------


def test_who_sees_and_cancels_a_job(person):
    job = submit("sample.report", parameters={"rows": 1}, user=person)
    auditor, other = UserFactory(auditor=True), UserFactory(instructor=True)
    administrator = UserFactory(administrator=True)
    assert may_see_job(person, job) is None
    assert may_cancel_job(person, job) is None
    assert may_see_job(auditor, job) is None
    assert may_cancel_job(auditor, job)
    assert may_see_job(other, job)
    assert may_cancel_job(other, job)
    assert may_cancel_job(administrator, job) is None
    assert list(Job.objects.for_user(person)) == list(Job.objects.for_user(auditor)) == [job]
    assert not Job.objects.for_user(other).exists()


# --- fixed -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        {"result": {"rows": 9}},
        {"parameters": {"rows": 9}},
        {"file": None},
        {"state": "failed", "reason": "x"},
        {"finished_at": None, "state": "queued"},
    ],
)
def test_a_report_that_was_made_does_not_change_even_in_sql(person, change):
    job = run_now("sample.report", {"rows": 1}, user=person)
    with pytest.raises(IntegrityError, match="has ended"), transaction.atomic():
        Job.objects.filter(pk=job.pk).update(**change)
    with pytest.raises(IntegrityError, match="is kept"), transaction.atomic():
        job.delete()
    before = job.result
    job.refresh_from_db()
    assert (job.state, job.result) == (Job.State.DONE, before)
