"""``manage.py report cofinancing|operations --out FILE``."""

import shutil
from argparse import RawDescriptionHelpFormatter
from pathlib import Path

from django.core.management.base import CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from core.documents import open_document
from core.jobs import run_now
from core.management.base import EssorCommand
from core.models.job import Job
from reporting.progress_bar import progress_bar
from reporting.tasks import COFINANCING, OPERATIONS

SUFFIXES = {"cofinancing": (".xlsx",), "operations": (".xlsx", ".csv")}
EPILOG = """\
Examples:
  manage.py report cofinancing --out cofinancing.xlsx
  manage.py report cofinancing --out fse.xlsx --fund ESF+ --cut-off 2026-06-30
  manage.py report operations --out operations.csv --programme po-auvergne

The totals per fund are printed at the end. A cut-off date that is over gives the same figures and the same SHA-256 of the
data whenever the report is made again. Exit code: 0 when the file was written, 1 with one line per problem otherwise.
"""


class Command(EssorCommand):
    help = (
        "Write a report of the European funds: the co-financing workbook (summary, financing by source, operations, "
        "expenditure items, payment applications) or the public list of operations of Article 49(3)."
    )

    def create_parser(self, prog_name, subcommand, **kwargs):
        return super().create_parser(
            prog_name, subcommand, epilog=EPILOG, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser):
        parser.add_argument("report", choices=sorted(SUFFIXES), help="which report")
        parser.add_argument(
            "--out", required=True, type=Path, metavar="FILE",
            help="file to write: .xlsx (both reports) or .csv (operations only)",
        )  # fmt: skip
        parser.add_argument("--programme", metavar="CODE", help="only this EU programme: its code, CCI or name")
        parser.add_argument("--fund", metavar="FUND", help="only this fund: ESF+, ERDF, ESF, YEI… or its French name")
        parser.add_argument(
            "--cut-off",
            metavar="DATE",
            help="state what was recorded by the end of this day (2026-12-31); today by default",
        )
        parser.add_argument(
            "--publish", action="store_true",
            help="operations: note that the list is published with this date (names of natural persons are removed "
            "from it two years later)",
        )  # fmt: skip
        parser.add_argument(
            "--format-version", type=int, metavar="N",
            help="the columns of an earlier version of the report's format (the cover of a report says which it has)",
        )  # fmt: skip
        parser.add_argument("--no-progress", action="store_true", help="no progress bar, even on a terminal")

    def handle(self, *, report, out, programme, fund, cut_off, publish, format_version, no_progress, **options):
        self._check_path(report, out)
        if publish and report != "operations":
            raise CommandError(_("Only the list of operations is published."))
        parameters = {
            "programme": programme, "fund": fund, "cut_off": cut_off or timezone.localdate().isoformat(),
            "format": out.suffix.lower().lstrip("."), "publish": publish,
            "format_version": format_version,
        }  # fmt: skip
        with progress_bar(self.stderr, shown=False if no_progress else None) as advance:
            job = run_now(
                {"cofinancing": COFINANCING, "operations": OPERATIONS}[report], parameters, on_progress=advance
            )
        if job.state != Job.State.DONE:
            raise CommandError(job.reason or job.message)
        with open_document(job.file) as content, out.open("wb") as target:
            shutil.copyfileobj(content, target)
        self._print(job, out)

    def _check_path(self, report: str, out: Path) -> None:
        if out.suffix.lower() not in SUFFIXES[report]:
            accepted = ", ".join(SUFFIXES[report])
            raise CommandError(
                _("The file name must end in %(accepted)s: %(path)s") % {"accepted": accepted, "path": out}
            )
        if not out.parent.is_dir():
            raise CommandError(_("There is no folder %(path)s.") % {"path": out.parent})

    def _print(self, job: Job, out: Path) -> None:
        totals = job.result["totals"]
        for fund in sorted(totals["funds"]):
            self.stdout.write(_("%(fund)s: %(totals)s") % {"fund": fund, "totals": totals[fund]})
        self.stdout.write(
            _("%(path)s: %(rows)d rows, SHA-256 of the data %(hash)s")
            % {"path": out, "rows": job.result["rows"], "hash": totals["data_sha256"] or _("not known any more")}
        )
        if totals["removed"]:
            self.stdout.write(
                _("%(count)d texts were removed since, as the law asks; SHA-256 of what is shown %(hash)s")
                % {"count": totals["removed"], "hash": totals["shown_sha256"]}
            )
