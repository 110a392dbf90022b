"""Running a long job: claim, heartbeat, progress, result. :mod:`core.jobs` is the door for everyone else.

The row decides everything. A worker owns a job while its ``claim`` is in the row; it must renew the lease, and whoever
finds that its claim is gone (cancelled, or taken up by another worker) stops and writes nothing more.
"""

import logging
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from core.acting import acting_as
from core.documents import PIECE_TYPES, DocumentNotReady, store
from core.events import record
from core.file_types import ZIP
from core.json_safe import json_safe
from core.models.job import Job

logger = logging.getLogger("essor.jobs")

MAX_ATTEMPTS = 3
FILE_TYPES = (*PIECE_TYPES, ZIP)
MAX_FILE_BYTES = 2 * 1024**3
PROGRESS_INTERVAL = 0.5  # seconds between two writes of the progress


class JobError(Exception):
    """A job that cannot be done, in a sentence that a person can act on."""


class JobCancelled(Exception):
    """Somebody cancelled the job, or another worker has it now: stop."""


@dataclass(frozen=True)
class JobResult:
    """What a job made: a file still on local disk (``path``), the name under which it is kept, counts and totals."""

    path: Path | None = None
    filename: str = ""
    rows: int = 0
    totals: Mapping[str, Any] = field(default_factory=dict)
    message: str | Promise = ""


@dataclass(frozen=True)
class JobKind:
    name: str
    label: str | Promise
    queue: str
    run: "Callable[[JobContext], JobResult]"


_kinds: dict[str, JobKind] = {}


def job_kind(name: str, *, label: str | Promise, queue: str = "default"):
    """Declare what runs a kind of job: ``def run(context: JobContext) -> JobResult``."""

    def decorate(run: Callable) -> Callable:
        if name in _kinds and _kinds[name].run.__module__ != run.__module__:
            raise ValueError(f"Two modules declare the job kind {name!r}.")
        _kinds[name] = JobKind(name=name, label=label, queue=queue, run=run)
        return run

    return decorate


def kind_of(name: str) -> JobKind:
    """The declaration of a kind of job; LookupError for an unknown one."""
    if name not in _kinds:
        raise LookupError(f"No job of the kind {name!r} is declared.")
    return _kinds[name]


def kinds() -> list[JobKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.name)


def lease() -> timedelta:
    """How long a worker may stay silent before its job is taken up by another."""
    return timedelta(seconds=settings.ESSOR_JOB_LEASE_SECONDS)


class JobContext:
    """What the function of a job works with: its parameters, a folder of its own, and the progress."""

    def __init__(self, job: Job, claim: uuid.UUID, folder: Path, on_progress: Callable[[int, int, str], None] | None):
        self.job = job
        self.parameters: dict[str, Any] = job.parameters
        self.user = job.requested_by
        self.folder = folder
        self.lost = threading.Event()
        self._claim = claim
        self._on_progress = on_progress
        self._saved_at = 0.0

    def progress(self, done: int, total: int = 0, message: str | Promise = "") -> None:
        """Say how far the job is (at most two writes a second). Raises JobCancelled when it must stop."""
        if self._on_progress:
            self._on_progress(done, total, str(message))
        now = time.monotonic()
        if self.lost.is_set():
            raise JobCancelled
        if now - self._saved_at < PROGRESS_INTERVAL and (not total or done < total):
            return
        self._saved_at = now
        self.renew(progress=done, total=total, message=str(message)[:300])
        if self.lost.is_set():
            raise JobCancelled

    def renew(self, **values: Any) -> None:
        """Keep the lease. Sets ``lost`` when the job is no longer this worker's."""
        kept = Job.objects.filter(pk=self.job.pk, claim=self._claim, state=Job.State.RUNNING).update(
            lease_until=timezone.now() + lease(), **values
        )
        if not kept:
            self.lost.set()


class _Heartbeat:
    """Renews the lease from a thread of its own while the job computes without saying anything."""

    def __init__(self, context: JobContext):
        self._context = context
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="job-heartbeat", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._stop.wait(lease().total_seconds() / 4):
                self._context.renew()
        except Exception:
            logger.exception("The heartbeat of the job %s stopped.", self._context.job.pk)
        finally:
            connection.close()


def claim(job_id: int) -> tuple[Job, uuid.UUID] | None:
    """Take a job that waits; None when there is nothing to take (done, cancelled, or in other hands)."""
    token = uuid.uuid4()
    now = timezone.now()
    with transaction.atomic():
        taken = Job.objects.filter(pk=job_id, state=Job.State.QUEUED).update(
            state=Job.State.RUNNING,
            claim=token,
            lease_until=now + lease(),
            attempts=F("attempts") + 1,
            started_at=now,
            progress=0,
            message="",
        )
        if not taken:
            return None
        job = Job.objects.select_related("requested_by").get(pk=job_id)
        record(
            job,
            "start",
            actor=job.requested_by,
            data={"attempt": job.attempts},
            from_state="queued",
            to_state="running",
        )
    return job, token


def execute(job_id: int, on_progress: Callable[[int, int, str], None] | None = None) -> Job | None:
    """Run a waiting job to its end, in this process. Returns it, or None when it was not there to be taken."""
    if not (claimed := claim(job_id)):
        return None
    job, token = claimed
    user = job.requested_by or get_user_model()(language=settings.LANGUAGE_CODE)
    with (
        acting_as(job.requested_by, label=f"job {job.kind} #{job.pk}"),
        translation.override(user.language),
        tempfile.TemporaryDirectory(prefix="essor-job-") as folder,
    ):
        context = JobContext(job, token, Path(folder), on_progress)
        try:
            with _Heartbeat(context):
                result = kind_of(job.kind).run(context)
            _finish(job, token, result)
        except JobCancelled:
            logger.info("The job %s was stopped.", job.pk)
        except (JobError, DocumentNotReady) as error:
            _fail(job, token, str(error))
        except Exception:
            logger.exception("The job %s (%s) failed.", job.pk, job.kind)
            _fail(
                job,
                token,
                _("An unexpected error stopped this job. Try again; if it fails again, tell the support the number %d.")
                % job.pk,
            )
    job.refresh_from_db()
    return job


def _held(job: Job, token: uuid.UUID) -> Job | None:
    """The job's row, locked, if it is still this worker's; in the caller's transaction."""
    held = Job.objects.select_for_update(of=("self",), no_key=True)
    return held.filter(pk=job.pk, claim=token, state=Job.State.RUNNING).first()


def _finish(job: Job, token: uuid.UUID, result: JobResult | None) -> None:
    """Keep the file and end the job in one transaction: never a result without its file, nor twice."""
    result = result or JobResult()
    with transaction.atomic():
        held = _held(job, token)
        if held is None:
            raise JobCancelled
        outcome: dict[str, Any] = {"rows": result.rows, "totals": json_safe(result.totals)}
        if result.path is not None:
            with Path(result.path).open("rb") as content:
                held.file = store(
                    content,
                    name=result.filename or Path(result.path).name,
                    subject=held,
                    user=held.requested_by,
                    kind="job",
                    allowed=FILE_TYPES,
                    max_bytes=MAX_FILE_BYTES,
                )
            outcome |= {"sha256": held.file.sha256, "size": held.file.size, "filename": held.file.name}
        held.result = outcome
        held.message = str(result.message)[:300]
        held.total = held.total or held.progress
        held.progress = held.total
        _end(held, Job.State.DONE, data=outcome)


def _fail(job: Job, token: uuid.UUID, reason: str) -> None:
    with transaction.atomic():
        if (held := _held(job, token)) is None:
            return
        held.reason = reason
        _end(held, Job.State.FAILED, comment=reason)


def _end(held: Job, state: str, *, data: Mapping[str, Any] | None = None, comment: str = "", actor=None) -> None:
    """Write the last state of a locked job, and its event."""
    before = held.state
    held.state = state
    held.claim = held.lease_until = None
    held.finished_at = timezone.now()
    held.save()
    record(held, state, actor=actor or held.requested_by, data=data, comment=comment, from_state=before, to_state=state)


def cancel(job: Job, user) -> bool:
    """Stop a job that waits or runs; the worker notices at its next progress. False when it had already ended."""
    with transaction.atomic():
        held = Job.objects.select_for_update(of=("self",), no_key=True).filter(pk=job.pk).active().first()
        if held is None:
            return False
        _end(held, Job.State.CANCELLED, actor=user)
    job.refresh_from_db()
    return True


def recover() -> list[Job]:
    """Give the jobs of dead workers back to the queue, or fail those that were tried too often.

    Returns the jobs to hand to a worker: those given back, and those that wait although their message must have been
    lost (older than a lease).
    """
    now = timezone.now()
    waiting = []
    expired = Q(state=Job.State.RUNNING, lease_until__lt=now)
    lost = Q(state=Job.State.QUEUED, created_at__lt=now - lease())
    for job_id in Job.objects.filter(expired | lost).order_by("id").values_list("id", flat=True):
        with transaction.atomic():
            held = (
                Job.objects.select_for_update(skip_locked=True, of=("self",), no_key=True)
                .filter(expired | lost, pk=job_id)
                .first()
            )
            if held is None:
                continue
            if held.state == Job.State.RUNNING and held.attempts >= MAX_ATTEMPTS:
                held.reason = _("The work stopped %d times before its end. Tell the support.") % held.attempts
                _end(held, Job.State.FAILED, comment=held.reason)
                continue
            if held.state == Job.State.RUNNING:
                held.state = Job.State.QUEUED
                held.claim = held.lease_until = None
                held.save()
                record(held, "recover", from_state="running", to_state="queued", data={"attempts": held.attempts})
            waiting.append(held)
    return waiting
