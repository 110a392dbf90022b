"""kill -9 of workers in the middle of a real report: it is taken up again and ends right, once, or says why not.

The report is held in its middle by a lock on a table that it reads late, so that the worker surely dies there.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone

from core.documents import open_document
from core.events import history
from core.job_runner import MAX_ATTEMPTS
from core.jobs import run_now, submit
from core.models import Document, Job, StoredFile, User
from core.tasks import recover_stale_jobs
from reporting.tasks import COFINANCING
from tests.factories import reporting
from tests.factories.core import UserFactory
from tests.workers import kill, running_worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.infrastructure]

OPERATIONS = 405  # the progress is told every 200 operations
LEASE = {"ESSOR_JOB_LEASE_SECONDS": "2"}
WAIT = 90


@pytest.fixture
def auditor() -> User:
    return UserFactory(auditor=True)


@pytest.fixture
def cut_off(auditor: User) -> str:
    """Facts enough for a report, and its cut-off date."""
    programme = reporting.EUProgrammeFactory(listed=True)
    holder = reporting.EUBeneficiaryFactory()
    with transaction.atomic():  # the financing of each is added up at the end
        for _turn in range(OPERATIONS):
            reporting.OperationFactory(programme=programme, version__beneficiary=holder)
        reporting.controlled(reporting.cofinanced("ESF+"), "1000.00")
    return timezone.localdate().isoformat()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {WAIT} s"
        time.sleep(0.1)


@contextmanager
def report_held_in_its_middle() -> Iterator[None]:
    """Nobody reads the invoices meanwhile: the operations and their plans are written, the rest of the book is not."""
    other = connections.create_connection("default")
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("LOCK TABLE agreements_expenditureline IN ACCESS EXCLUSIVE MODE")
        yield
    finally:
        other.rollback()
        other.close()


def is_in_the_middle(job: Job) -> bool:
    """It told of its progress, and waits for the invoices."""
    job.refresh_from_db()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE relation = 'agreements_expenditureline'::regclass AND NOT granted"
        )
        return job.state == Job.State.RUNNING and 0 < job.progress < job.total and cursor.fetchone()[0] > 0


def expire_the_lease(job: Job) -> None:
    """What a minute of silence does."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def actions(job: Job) -> list[str]:
    return [event.action for event in history(job)]


def test_another_worker_ends_the_report_of_a_dead_one(auditor, cut_off, tmp_path: Path):
    files = StoredFile.objects.count()
    job = submit(COFINANCING, parameters={"cut_off": cut_off}, user=auditor)
    with running_worker(tmp_path / "first.log", **LEASE) as first:
        with report_held_in_its_middle():
            wait_for(lambda: is_in_the_middle(job), "the report is under way")
            kill(first)
        assert Document.objects.about(job).count() == StoredFile.objects.count() - files == 0
        with running_worker(tmp_path / "second.log", **LEASE) as second:
            time.sleep(3)  # the lease ends by itself: the dead worker renews nothing
            recover_stale_jobs()
            wait_for(lambda: not Job.objects.get(pk=job.pk).is_active, "the report is at its end")
            assert second.poll() is None
    job.refresh_from_db()
    assert (job.state, job.attempts) == (Job.State.DONE, 2), job.reason
    assert actions(job) == ["ask", "start", "recover", "start", "done"]
    assert Document.objects.about(job).count() == StoredFile.objects.count() - files == 1
    expected = run_now(COFINANCING, {"cut_off": cut_off}, user=auditor)
    assert job.result["totals"] == expected.result["totals"]
    assert {fund: sums["operations"] for fund, sums in job.result["totals"]["funds"].items()} == {
        "FEDER": OPERATIONS,
        "FSE+": 1,
    }
    assert job.result["totals"]["funds"]["FSE+"]["declared"] == "1000.00"
    assert job.file.sha256 == job.result["sha256"]
    with open_document(job.file) as file:
        assert file.read(2) == b"PK"


def test_a_report_that_outlives_no_worker_fails_with_a_reason(auditor, cut_off, tmp_path: Path):
    job = submit(COFINANCING, parameters={"cut_off": cut_off}, user=auditor)
    with report_held_in_its_middle():
        for attempt in range(1, MAX_ATTEMPTS + 1):
            with running_worker(tmp_path / f"worker{attempt}.log", **LEASE) as worker:
                wait_for(lambda: is_in_the_middle(job), f"attempt {attempt} is under way")
                assert job.attempts == attempt
                kill(worker)
            expire_the_lease(job)
            recover_stale_jobs()
    job.refresh_from_db()
    assert job.state == Job.State.FAILED
    assert str(MAX_ATTEMPTS) in job.reason
    assert job.file is None
    assert not Document.objects.about(job).exists()
    assert actions(job)[-1] == "failed"
