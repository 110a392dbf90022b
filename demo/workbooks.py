"""The workbooks of the demonstration, made as long jobs by a real worker, and copied where a person finds them."""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core import jobs
from core.documents import open_document
from core.jobs import JobError
from core.models import Job, OutboxMessage, User
from demo.processes import start, stop, worker
from demo.progress import Progress
from reporting.tasks import COFINANCING, OPERATIONS

TIMEOUT = 600  # a slow machine is not a fault; a worker that ended is told at once
TIMEOUT_MAILS = 60
POLL = 0.3
# Kind of report, format, and the name under which it is copied.
REPORTS = [
    (COFINANCING, "xlsx", "cofinancement.xlsx"),
    (OPERATIONS, "xlsx", "liste-des-operations.xlsx"),
    (OPERATIONS, "csv", "liste-des-operations.csv"),
]


@dataclass(frozen=True)
class Written:
    """A workbook with the totals of each fund in words."""

    path: Path
    rows: int
    totals: dict[str, str]


def write_all(user: User, progress: Progress) -> list[Written]:
    """Run a worker until every report is written; the mails have a minute more to leave.

    Raises:
        JobError: a report failed, or the worker did not answer in time.
    """
    child = start(worker())
    try:
        today = timezone.localdate().isoformat()
        submitted = [
            (jobs.submit(kind, parameters={"cut_off": today, "format": suffix}, user=user), name)
            for kind, suffix, name in REPORTS
        ]
        written = [_copy(_wait(job, child, progress), name) for job, name in submitted]
        _wait_for_mails(child, progress)
        return written
    finally:
        stop([child])


def _wait(job: Job, child: Popen, progress: Progress) -> Job:
    for _turn in _until(TIMEOUT, child):
        job.refresh_from_db()
        progress.say(f"{job.kind}: {job.get_state_display()} {job.percent or 0} %")
        if job.state == Job.State.DONE:
            progress.step(job.kind)
            return job
        if job.state in (Job.State.FAILED, Job.State.CANCELLED):
            raise JobError(f"{job.kind}: {job.reason}")
    raise JobError(
        _("%(kind)s: the worker did not finish within %(seconds)d seconds.") % {"kind": job.kind, "seconds": TIMEOUT}
    )


def _wait_for_mails(child: Popen, progress: Progress) -> None:
    """What has not left in time leaves at the next ``make run``: the outbox keeps it."""
    for _turn in _until(TIMEOUT_MAILS, child):
        left = OutboxMessage.objects.filter(state="pending").count()
        progress.say(_("mails to send: %(count)d") % {"count": left})
        if not left:
            return


def _until(seconds: float, child: Popen):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if child.poll() is not None:
            raise JobError(_("The worker ended by itself: run it with “make run” and read what it says."))
        yield
        time.sleep(POLL)


def _copy(job: Job, name: str) -> Written:
    folder = Path(settings.VAR_DIR) / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with open_document(job.file) as content, (folder / name).open("wb") as target:
        shutil.copyfileobj(content, target)
    totals = job.result["totals"]
    return Written(folder / name, job.result["rows"], {fund: totals[fund] for fund in totals.get("funds", {})})
