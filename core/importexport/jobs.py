"""A table too long for a page: checked, then imported whole or not at all, by a worker."""

from typing import Any

from django.core.files.base import File
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.documents import WORKBOOK_TYPES, open_document, store
from core.importexport.resources import EssorResource, EssorResult
from core.importexport.shown import newest_line
from core.jobs import JobContext, JobError, JobResult, job_kind, submit
from core.models import Document, Job
from core.workbooks import TableReading, read_table, write_rejected

KIND = "core.import_table"
MAX_ROWS = 200_000
MAX_BYTES = 50 * 1024 * 1024  # as for the list of operations
CHUNK = 500


def submit_import(resource: type[EssorResource], upload: File, user: Any, *, reason: str) -> Job:
    """Have a worker import an uploaded table, for a reason that each changed row keeps. Raises DocumentRefused."""
    document = store(
        upload, name=upload.name, subject=None, user=user, kind="import", allowed=WORKBOOK_TYPES, max_bytes=MAX_BYTES
    )
    path = f"{resource.__module__}.{resource.__qualname__}"
    parameters = {"resource": path, "document": document.pk, "file": document.name, "reason": reason}
    parameters["since"] = newest_line(resource._meta.model)
    return submit(KIND, parameters=parameters, user=user)


@job_kind(KIND, label=gettext_lazy("Import of a table"))
def run(context: JobContext) -> JobResult:
    """Check every row with progress; when none is wrong, import them in one transaction.

    The workbook of the refused rows is the job's file when some are wrong; nothing is then imported.
    """
    resource_class: type[EssorResource] = import_string(context.parameters["resource"])
    columns = resource_class.imported_columns()
    reading = _read(context, columns)
    wrong = _check(context, resource_class, reading)
    if wrong:
        return _refused(context, columns, wrong, reading)
    context.progress(len(reading.all_rows), len(reading.all_rows), _("Writing…"))
    result = resource_class().import_data(
        EssorResource.dataset(reading, columns),
        use_transactions=True,
        rollback_on_validation_errors=True,
        user=context.user,
        reason=context.parameters.get("reason", ""),
        since=context.parameters.get("since"),
    )
    if result.has_errors() or result.has_validation_errors():
        return _refused(context, columns, [result], reading)
    totals = {name: count for name, count in result.totals.items() if count}
    return JobResult(rows=len(reading.all_rows), totals=totals, message=_summary(result))


def _read(context: JobContext, columns: list) -> TableReading:
    document = Document.objects.select_related("file").get(pk=context.parameters["document"])
    with open_document(document) as file:
        reading = read_table(file, columns, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
    if reading.is_refused:
        raise JobError(" ".join(str(problem) for problem in reading.problems))
    return reading


def _check(context: JobContext, resource_class: type[EssorResource], reading: TableReading) -> list[EssorResult]:
    columns = resource_class.imported_columns()
    dataset = EssorResource.dataset(reading, columns)
    wrong = []
    for start in range(0, len(dataset), CHUNK):
        context.progress(start, len(dataset), _("Checking the rows…"))
        part = dataset.subset(range(start, min(start + CHUNK, len(dataset))))
        result = resource_class().import_data(
            part, dry_run=True, use_transactions=True, user=context.user, since=context.parameters.get("since")
        )
        if result.has_errors() or result.has_validation_errors():
            wrong.append(result)
    return wrong


def _refused(context: JobContext, columns: list, results: list[EssorResult], reading: TableReading) -> JobResult:
    problems = [problem for result in results for problem in result.problems()]
    path = context.folder / "refused.xlsx"
    write_rejected(path, columns, problems)
    refused = len({problem.row for problem in problems})
    return JobResult(
        path=path,
        filename=_("refused-rows.xlsx"),
        rows=len(reading.all_rows),
        totals={"invalid": refused},
        message=ngettext(
            "Nothing was imported: %(refused)d row out of %(rows)d is wrong. The file says why; correct it and"
            " send it again.",
            "Nothing was imported: %(refused)d rows out of %(rows)d are wrong. The file says why; correct it and"
            " send it again.",
            refused,
        )
        % {"refused": refused, "rows": len(reading.all_rows)},
    )


def _summary(result: EssorResult) -> str:
    return _("%(new)d rows added, %(update)d changed, %(skip)d already as in the file.") % {
        "new": result.totals["new"],
        "update": result.totals["update"],
        "skip": result.totals["skip"],
    }
