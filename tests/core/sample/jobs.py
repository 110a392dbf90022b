"""Kinds of jobs for the tests. One leaves a line in a file each time it runs, so that runs can be counted."""

import os
import time
from pathlib import Path

from core.documents import open_document
from core.engine.labels import ANYTHING, own_label, own_tables
from core.jobs import JobContext, JobError, JobResult, job_kind
from core.models import Document


@job_kind("sample.report", label="A report", queue="reports")
def report(context: JobContext) -> JobResult:
    rows = context.parameters["rows"]
    path = context.folder / "report.csv"
    with path.open("w") as output:
        output.write("row\n")
        for row in range(rows):
            output.write(f"{row}\n")
            context.progress(row + 1, rows, f"row {row + 1}")
    return JobResult(path=path, filename="report.csv", rows=rows, totals={"ESF+": "12.50"}, message="done")


@job_kind("sample.slow", label="A slow report", queue="reports")
def slow(context: JobContext) -> JobResult:
    """Waits for a file called "go" before its end."""
    folder = Path(context.parameters["folder"])
    with (folder / "runs").open("a") as runs:
        runs.write(f"{os.getpid()}\n")
    while not (folder / "go").exists():
        context.progress(1, 2, "waiting")
        time.sleep(0.05)
    path = context.folder / "slow.csv"
    path.write_text("row\n1\n")
    return JobResult(path=path, filename="slow.csv", rows=1)


@job_kind("sample.refused", label="A job that cannot be done")
def refused(context: JobContext) -> JobResult:
    raise JobError("There is no operation under this fund: choose another one.")


@job_kind("sample.broken", label="A job with a bug")
def broken(context: JobContext) -> JobResult:
    raise ZeroDivisionError


@job_kind("sample.read", label="A job that reads a file")
def read(context: JobContext) -> JobResult:
    with open_document(Document.objects.get(pk=context.parameters["document"])) as file:
        return JobResult(rows=len(file.read()))


own_label("tests", tables=[ANYTHING])
own_tables("command demo", "applicants_membership")  # that nobody of the service gives: tests/factories/applicants.py
