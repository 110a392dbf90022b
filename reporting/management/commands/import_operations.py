"""``manage.py import_operations FILE``."""

import shutil
from argparse import RawDescriptionHelpFormatter
from decimal import Decimal
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from core.documents import open_document
from core.jobs import run_now
from core.management.base import EssorCommand, Problems
from core.models.job import Job
from core.money import format_euros
from reporting.models import FlagKind
from reporting.progress_bar import progress_bar
from reporting.reconciliation import OUTCOMES, with_total
from reporting.rules.listing import PERIOD_STARTS
from reporting.tasks import IMPORT, IMPORT_KEY

LISTED = 20
EPILOG = """\
Each row is read apart. Repaired rows (a postcode that lost its first zero) and rows with a doubt (EU amount above the
eligible cost, implausible date, fund not stated) go in; the doubt waits for somebody's answer in the staff site. Rows
that cannot be true (end before start, no beneficiary) are refused and come back in a workbook with the reason.
The reconciliation per fund is printed: what went in, with a doubt or without, and what was refused add up to the
file's totals to the cent. The same file again changes nothing.

Exit code: 0 when every row is in, or when --good-rows-only accepts the refused ones; 1 with one line per refused row.
"""


class Command(EssorCommand):
    help = "Take an official list of operations (.xlsx, .xls or .csv) into EU programmes, beneficiaries and operations."

    def create_parser(self, prog_name, subcommand, **kwargs):
        return super().create_parser(
            prog_name, subcommand, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser):
        parser.add_argument("file", type=Path, metavar="FILE", help="the list: .xlsx, .xls or .csv")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done, write nothing")
        parser.add_argument(
            "--rejected", type=Path, metavar="FILE",
            help="where to write the workbook of refused rows (by default in the folder of reports below var/)",
        )  # fmt: skip
        parser.add_argument(
            "--period", choices=sorted(PERIOD_STARTS), default="2014-2020", help="programming period of the list"
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument(
            "--good-rows-only", action="store_true", help="accept that refused rows stay out: exit code 0 all the same"
        )
        mode.add_argument("--all-or-nothing", action="store_true", help="write nothing when one row is refused")

    def handle(self, *, file, dry_run, rejected, period, good_rows_only, all_or_nothing, **options):
        if rejected and (rejected.suffix.lower() != ".xlsx" or not rejected.parent.is_dir()):
            raise CommandError(
                _(
                    "The workbook of refused rows cannot be written to %(path)s: name an .xlsx file in a folder that exists."
                )
                % {"path": rejected}
            )
        parameters = {
            "path": str(file.resolve()), "dry_run": dry_run, "period": period, "all_or_nothing": all_or_nothing,
        }  # fmt: skip
        with progress_bar(self.stderr) as advance:
            job = run_now(IMPORT, parameters, on_progress=advance, key=IMPORT_KEY)
        if job.state != Job.State.DONE:
            raise Problems([job.reason or job.message])
        account = job.result["totals"]
        self._print_notes(account)
        self._print_reconciliation(account)
        if job.file:
            self.stdout.write(_("Refused rows: %(path)s") % {"path": self._save_rejected(job, file, rejected)})
        self.stdout.write(job.message)
        if account["refused"] and not good_rows_only:
            raise Problems(account["problems"])
        for problem in account["problems"]:
            self.stderr.write(problem)

    def _save_rejected(self, job: Job, file: Path, path: Path | None) -> Path:
        if path is None:
            folder = settings.VAR_DIR / "reports"
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / job.file.name
        with open_document(job.file) as content, path.open("wb") as target:
            shutil.copyfileobj(content, target)
        return path

    def _print_notes(self, account: dict) -> None:
        for row, text in account["repairs"][:LISTED]:
            self.stdout.write(_("Row %(row)d repaired: %(text)s") % {"row": row, "text": text})
        self._print_more(len(account["repairs"]))
        for row, kinds in account["doubts"][:LISTED]:
            text = ", ".join(str(FlagKind(kind).label) for kind in kinds)
            self.stdout.write(_("Row %(row)d with a doubt: %(text)s") % {"row": row, "text": text})
        self._print_more(len(account["doubts"]))

    def _print_more(self, count: int) -> None:
        if count > LISTED:
            self.stdout.write(_("… and %(count)d more") % {"count": count - LISTED})

    def _print_reconciliation(self, account: dict) -> None:
        """Print, per fund and in all: the file, what went in, what went in with a doubt, what was refused."""
        titles = {
            "file": _("in the file"), "imported": _("imported"), "flagged": _("imported with a doubt"),
            "refused": _("refused"), "gap": _("gap"),
        }  # fmt: skip
        lines = account["reconciliation"]
        for line in with_total(lines):
            self.stdout.write(f"{line['fund']}")
            gap = _gap(line)
            for name, title in titles.items():
                cell = gap if name == "gap" else line[name]
                self.stdout.write(
                    f"  {title:<24} {cell['rows']:>6} · {_('eligible')} {format_euros(Decimal(cell['eligible'])):>20}"
                    f" · {_('EU')} {format_euros(Decimal(cell['eu_amount'])):>20}"
                )


def _gap(line: dict) -> dict:
    """What the outcomes leave unexplained of the file: zero, or the import was not made."""
    return {
        key: Decimal(line["file"][key]) - sum(Decimal(line[outcome][key]) for outcome in OUTCOMES)
        for key in ("rows", "eligible", "eu_amount")
    }
