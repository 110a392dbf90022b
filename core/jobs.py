"""Long jobs: declare a kind, ask for one, run one here and now.

@job_kind("report.cofinancing", label=_("Co-financing workbook"), queue="reports")
def run(context: JobContext) -> JobResult: ...

job = submit("report.cofinancing", parameters={"fund": "ESF+"}, user=request.user)
"""

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from core.constraints import constraint_name
from core.events import canonical, record
from core.job_runner import (
    JobCancelled,
    JobContext,
    JobError,
    JobKind,
    JobResult,
    cancel,
    execute,
    job_kind,
    kind_of,
    kinds,
)
from core.json_safe import json_safe
from core.models.job import Job
from core.tasks import run_job

__all__ = [
    "JobCancelled",
    "JobContext",
    "JobError",
    "JobKind",
    "JobResult",
    "cancel",
    "dispatch",
    "job_kind",
    "kind_of",
    "kinds",
    "run_now",
    "submit",
]

logger = logging.getLogger("essor.jobs")


def default_key(kind: str, parameters: Mapping[str, Any]) -> str:
    """The same request has the same key: asking twice while it runs makes one job."""
    return f"{kind}:{hashlib.sha256(canonical(json_safe(parameters)).encode()).hexdigest()[:32]}"


def _create(kind: str, parameters: Mapping[str, Any], user, key: str | None) -> tuple[Job, bool]:
    """The job, and whether it is new: one that waits or runs under the key is given instead."""
    kind_of(kind)
    kept = json_safe(parameters)
    key = key or default_key(kind, kept)
    while True:
        try:
            with transaction.atomic():
                job = Job.objects.create(kind=kind, key=key, parameters=kept, requested_by=user)
                record(job, "ask", actor=user, data=kept, to_state=Job.State.QUEUED)
                return job, True
        except IntegrityError as error:
            if constraint_name(error) != "core_job_one_active_per_key":
                raise
        if job := Job.objects.active().filter(key=key).first():
            return job, False


def submit(kind: str, *, parameters: Mapping[str, Any], user, key: str | None = None) -> Job:
    """Ask for a job; a worker takes it after the transaction. The one that already waits or runs is returned."""
    job, is_new = _create(kind, parameters, user, key)
    if is_new:
        dispatch(job)
    return job


def dispatch(job: Job) -> None:
    """Tell a worker, after the transaction, that a job waits. A lost message is made good by the sweeper."""
    queue = kind_of(job.kind).queue
    # A function, no partial: Django names it in the journal when it fails, and a partial has no name.
    transaction.on_commit(lambda: _send(job.pk, queue), robust=True)


def _send(job_id: int, queue: str) -> None:
    try:
        run_job.apply_async(args=[job_id], queue=queue, retry=False)
    except run_job.OperationalError:
        logger.exception("The broker does not answer: the job %s waits for the sweeper.", job_id)


def run_now(
    kind: str,
    parameters: Mapping[str, Any],
    user=None,
    on_progress: Callable[[int, int, str], None] | None = None,
    key: str | None = None,
) -> Job:
    """Run a job in this process (commands) and return it, ended. JobError when the same one is under way."""
    job, is_new = _create(kind, parameters, user, key)
    ended = execute(job.pk, on_progress) if is_new else None
    if ended is None:
        raise JobError(_("This job is already under way (number %d): wait for its end, or cancel it.") % job.pk)
    return ended
