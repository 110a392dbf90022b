"""The long jobs of reporting: two reports and the import. Thin: parameters in, progress and a file out."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.documents import open_document
from core.jobs import JobContext, JobError, JobResult, job_kind
from core.models.document import Document
from core.money import format_euros
from core.workbooks import Cover, RowProblem, write_rejected
from reporting.imports import FileRefused, ImportPlan, apply_import, plan_import
from reporting.permissions import may_publish_list
from reporting.rules.listing import COLUMNS
from reporting.selections import selection_of
from reporting.stated import COFINANCING, OPERATIONS
from reporting.workbooks.cofinancing import CofinancingWorkbook
from reporting.workbooks.operations_list import OperationsList, publish

IMPORT = "import.operations"
IMPORT_KEY = IMPORT  # one import at a time: two would find the same rows new


def _maker(context: JobContext) -> str:
    return str(context.user) if context.user else _("command")


def _report(context: JobContext, make: Callable, stem: str, suffix: str) -> JobResult:
    """Write a report that scopes itself to what its asker may see, and say its totals."""
    with translation.override(settings.LANGUAGE_CODE):  # whoever asks: the same words, hence the same hash
        return _write_report(context, make, stem, suffix)


def _write_report(context: JobContext, make: Callable, stem: str, suffix: str) -> JobResult:
    publishes = context.parameters.get("publish")
    if publishes and context.user and (refusal := may_publish_list(context.user)):
        raise JobError(refusal)
    selection = selection_of(context.parameters, context.user)
    report = make(selection, lambda done, total: context.progress(done, total, _("Lines written")))
    name = f"{stem}-{selection.cut_off.isoformat()}{suffix}"
    written = report.write(context.folder / name, by=_maker(context))
    if publishes:
        publish(selection, selection.cut_off)
    return JobResult(
        path=written.path,
        filename=name,
        rows=written.row_count,
        totals={
            **fund_lines(report.totals_by_fund()),
            _("SHA-256 of the data"): written.data_sha256 or _("not known any more"),
            **({_("SHA-256 of what is shown"): written.shown_sha256} if written.removed else {}),
            _("Version of the format"): report.format_version,
            "format_version": report.format_version,
            "shown_sha256": written.shown_sha256,
            "removed": written.removed,
            "funds": report.totals_by_fund(),
            "data_sha256": written.data_sha256,
            "lasting": {"sha256": written.lasting_sha256},
        },
        message=ngettext("%(rows)d row", "%(rows)d rows", written.row_count) % {"rows": written.row_count},
    )


def fund_lines(funds: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return the totals of each fund in words: what the job's page shows and what the command prints."""
    labels = {
        "total_cost": _("total cost"), "eligible": _("eligible"), "eu": _("EU"), "declared": _("declared"),
        "retained": _("retained"), "applied": _("applied for"),
    }  # fmt: skip
    return {
        fund: " · ".join(
            [
                ngettext("%(count)d operation", "%(count)d operations", sums["operations"])
                % {"count": sums["operations"]},
                *(f"{label} {format_euros(sums[key])}" for key, label in labels.items() if key in sums),
            ]
        )
        for fund, sums in funds.items()
    }


@job_kind(COFINANCING, label=gettext_lazy("Co-financing workbook"), queue="reports")
def cofinancing(context: JobContext) -> JobResult:
    """Write the co-financing workbook."""
    return _report(context, CofinancingWorkbook, "cofinancement", ".xlsx")


@job_kind(OPERATIONS, label=gettext_lazy("List of operations (Article 49)"), queue="reports")
def operations(context: JobContext) -> JobResult:
    """Write the public list of operations, as .xlsx or .csv."""
    suffix = ".csv" if context.parameters.get("format") == "csv" else ".xlsx"
    return _report(context, OperationsList, "operations", suffix)


@job_kind(IMPORT, label=gettext_lazy("Import of a list of operations"), queue="reports")
def import_operations(context: JobContext) -> JobResult:
    """Take a list of operations in; the refused rows come back as a workbook."""
    given = context.parameters
    try:
        plan = plan_import(*_file(given), period=given.get("period") or "2014-2020")
    except FileRefused as refused:
        raise JobError(" ".join(problem.message for problem in refused.problems[:5])) from refused
    if plan.ignored and not given.get("dry_run"):
        raise JobError(plan.ignored)
    refuses_all = given.get("all_or_nothing") and plan.refused
    if not given.get("dry_run") and not refuses_all:
        apply_import(plan, actor=context.user, progress=context.progress)
    path = write_refused(plan, context.folder) if plan.refused else None
    return JobResult(
        path=path,
        filename=path.name if path else "",
        rows=plan.reconciliation.total_in_file().rows,
        totals=account_of(plan) | {"written": not given.get("dry_run") and not refuses_all},
        message=_message(plan, given, refuses_all),
    )


def _file(given: dict[str, Any]) -> tuple[Any, str]:
    """Return the file to read and its name: an uploaded document, or a path that a command gave."""
    if "document" in given:
        document = Document.objects.get(pk=given["document"])
        with open_document(document) as content:
            return content.read(), document.name
    path = Path(given["path"])
    if not path.is_file():
        raise JobError(_("There is no file %(path)s.") % {"path": path})
    return path, path.name


def write_refused(plan: ImportPlan, folder: Path) -> Path:
    """Write the refused rows with their reasons into ``folder`` and return the workbook's path."""
    path = folder / f"{Path(plan.file_name).stem}-{_('refused')}.xlsx"
    cover = Cover(
        title=_("Rows refused by the import"),
        facts=[
            (_("File"), plan.file_name),
            (_("SHA-256 of the file"), plan.sha256),
            (_("Refused rows"), len(plan.refused)),
        ],
        notes=[_("Correct the rows and import this workbook: the rows that are already in change nothing.")],
    )
    write_rejected(path, COLUMNS, plan.refused, cover=cover)
    return path


def account_of(plan: ImportPlan) -> dict[str, Any]:
    """Return the account of an import, JSON-safe; the row notes are capped."""
    return {
        "created": len(plan.new),
        "changed": len(plan.changed),
        "unchanged": len(plan.unchanged),
        "repaired": len(plan.repaired),
        "flagged": len(plan.flagged),
        "refused": len(plan.refused),
        "balances": plan.reconciliation.balances,
        "reconciliation": plan.reconciliation.as_list(),
        "repairs": [[listed.row, text] for listed in plan.repaired for text in listed.repairs][:1000],
        "doubts": [[listed.row, sorted(listed.doubts)] for listed in plan.flagged][:1000],
        "problems": [_sentence(problem) for problem in plan.problems[:1000]],
    }


def _sentence(problem: RowProblem) -> str:
    """Return what is wrong with a row on one line: where, what, and what to do."""
    return _("Row %(row)s, column “%(column)s”: %(text)s") % {
        "row": problem.row, "column": problem.column, "text": problem.message,
    }  # fmt: skip


def _message(plan: ImportPlan, given: dict[str, Any], refuses_all: bool) -> str:
    if refuses_all:
        return ngettext(
            "Nothing was imported: %(count)d row is refused.",
            "Nothing was imported: %(count)d rows are refused.",
            len(plan.refused),
        ) % {"count": len(plan.refused)}
    if given.get("dry_run"):
        return " ".join(filter(None, [_("Dry run: nothing was written."), plan.ignored]))
    return _("%(created)d new, %(changed)d changed, %(unchanged)d unchanged, %(refused)d refused") % {
        "created": len(plan.new),
        "changed": len(plan.changed),
        "unchanged": len(plan.unchanged),
        "refused": len(plan.refused),
    }
