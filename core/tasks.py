"""Thin Celery entries of the engine."""

from celery import shared_task

from core.delivery import deliver, due
from core.documents import scan_waiting
from core.engine.files import check_some
from core.engine.seals import seal_all
from core.job_runner import execute, kind_of, recover
from core.retention import nightly


@shared_task
def deliver_message(message_id: int) -> None:
    """Send one mail of the outbox."""
    deliver(message_id)


@shared_task
def deliver_outbox() -> None:
    """Send what waits: retries, and messages whose task was lost."""
    for message_id in due():
        deliver(message_id)


@shared_task
def run_job(job_id: int) -> None:
    """Run one long job, if it still waits."""
    execute(job_id)


@shared_task
def recover_stale_jobs() -> None:
    """Take up the jobs of workers that died."""
    for job in recover():
        run_job.apply_async(args=[job.pk], queue=kind_of(job.kind).queue)


@shared_task
def scan_waiting_files() -> None:
    """Scan the files that came while the scanner was away."""
    scan_waiting()


@shared_task
def keep_what_must_be_kept() -> None:
    """The retention of cases and of the documents that joined them since."""
    nightly()


@shared_task
def seal_events() -> None:
    """Put the new events and the new lines of the row history into the chain over all that happened."""
    seal_all()


@shared_task
def check_stored_files() -> None:
    """Read a slice of the stored files again and compare them with their hash."""
    check_some()
