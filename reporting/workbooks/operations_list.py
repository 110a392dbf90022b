"""The public list of operations: Article 49(3) of Regulation (EU) 2021/1060, 18 columns, as workbook and as CSV."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.dates import add_years
from core.engine.past import Past, Present
from core.money import ZERO
from core.workbooks import Column, Erased, Removed, Sheet, Written, in_format, write_csv, write_workbook
from core.workbooks.columns import RATIO_DIGITS
from reporting.facts import Selection, in_chunks
from reporting.models import BeneficiaryKind, Operation
from reporting.stated import stated_before
from reporting.workbooks.cofinancing import cover_of, format_of, shown, text_of

FORMAT = 2
"""The version of the list's format, see ``reporting.workbooks.cofinancing.FORMAT``. Since 2, an operation whose agreement
has ended says when it was completed, and no longer when it was expected to be."""
NAMES_KEPT_YEARS = 2  # Article 49(3), last subparagraph

COLUMNS = [
    Column("operation_code", gettext_lazy("Unique code of the operation"), width=20),
    Column("beneficiary_name", gettext_lazy("Name of the beneficiary (legal entity)"), width=36, personal=True),
    Column("contractor_name", gettext_lazy("Name of the contractor (public procurement)"), width=24),
    Column(
        "beneficiary_first_name",
        gettext_lazy("First name of the beneficiary (natural person)"),
        width=20,
        personal=True,
    ),
    Column("beneficiary_surname", gettext_lazy("Surname of the beneficiary (natural person)"), width=20, personal=True),
    Column("vessel_cfr_number", gettext_lazy("Union fishing fleet register number"), width=16),
    Column("operation_name", gettext_lazy("Name of the operation"), width=50),
    Column("purpose_and_achievements", gettext_lazy("Purpose and expected or actual achievements"), width=50),
    Column("start_date", gettext_lazy("Start date"), "date"),
    Column("completion_date", gettext_lazy("Expected or actual completion date"), "date"),
    Column("total_cost", gettext_lazy("Total cost of the operation"), "money", total=True),
    Column("fund", gettext_lazy("Fund concerned"), width=10),
    Column("specific_objective", gettext_lazy("Specific objective concerned"), width=18),
    Column("eu_cofinancing_rate", gettext_lazy("Union co-financing rate"), "percent"),
    Column("location_indicator", gettext_lazy("Location indicator"), width=22),
    Column("country", gettext_lazy("Country"), width=8),
    Column("beneficiary_location", gettext_lazy("Location of the beneficiary or NUTS 2 region"), width=22),
    Column("type_of_intervention", gettext_lazy("Type of intervention"), width=36),
]


class OperationsList:
    """Writes the list of a selection, one line an operation, sorted by code."""

    def __init__(self, selection: Selection, progress: Callable[[int, int], None] = lambda done, total: None):
        self.selection = selection
        self.format_version = format_of(selection, FORMAT)
        self.progress = progress
        self.total = selection.versions.count()
        self.by_fund: dict[str, dict[str, Decimal | int]] = {}

    def write(self, path: Path, *, by: str) -> Written:
        """Write .xlsx or .csv, as the path ends. A CSV has the published names as headers and rates in percent."""
        declared = in_format(COLUMNS, self.format_version)
        if path.suffix.lower() == ".csv":
            columns = [
                replace(column, kind="text", source=_rate_in_percent) if column.kind == "percent" else column
                for column in declared
            ]
            return write_csv(
                path,
                columns,
                self.rows(),
                key="operations",
                headers=[column.key for column in columns],
                stated=partial(stated_before, cut_off=self.selection.cut_off),
            )
        sheet = Sheet(_("Operations"), declared, self.rows(), key="operations")
        cover = cover_of(self.selection, _("List of operations (Article 49(3))"), by, self.format_version)
        return write_workbook(path, [sheet], cover)

    def totals_by_fund(self) -> dict[str, dict[str, Decimal | int]]:
        """Return count and total cost per fund, after the list was written."""
        return dict(sorted(self.by_fund.items()))

    def rows(self) -> Iterator[dict]:
        versions = self.selection.versions.select_related(
            "operation__agreement", "beneficiary", "fund", "specific_objective", "intervention_field"
        ).order_by("operation__code")
        for number, version in enumerate(in_chunks(versions), 1):
            row = self.row(version)
            sums = self.by_fund.setdefault(
                row["fund"], {"operations": 0, "total_cost": ZERO, "eligible": ZERO, "eu": ZERO}
            )
            sums["operations"] += 1
            sums["total_cost"] += row["total_cost"]
            sums["eligible"] += version.eligible_cost
            sums["eu"] += version.eu_amount
            if number % 200 == 0 or number == self.total:
                self.progress(number, self.total)
            yield row

    def row(self, version) -> dict:
        """Return the 18 values of an operation."""
        return listed(version, self.selection.past, self.selection.cut_off, self.format_version)


def listed(version, past: Past | Present, day: date, format_version: int = FORMAT) -> dict:
    """Return the 18 values of an operation's version as of ``day``, with the words of ``past``.

    A person's name that was in the list of that day and had to leave since is a ``Removed`` text.
    """
    beneficiary = past.of(version.beneficiary)
    fund, objective = past.of(version.fund), past.of(version.specific_objective)
    natural = beneficiary.kind == BeneficiaryKind.NATURAL
    first_name, surname = "", ""
    if natural and not _names_removed(version.operation, day):
        first_name, surname = (
            shown(past, beneficiary, text) for text in (beneficiary.first_name, beneficiary.surname or beneficiary.name)
        )
        if _names_removed(version.operation, timezone.localdate()):
            first_name, surname = (
                text if isinstance(text, Erased) else Removed(text) for text in (first_name, surname)
            )
    return {
        "operation_code": version.operation.code,
        "beneficiary_name": "" if natural else version.beneficiary_name or shown(past, beneficiary, beneficiary.name),
        "contractor_name": "",
        "beneficiary_first_name": first_name,
        "beneficiary_surname": surname,
        "vessel_cfr_number": "",
        "operation_name": version.name,
        "purpose_and_achievements": version.purpose or version.name,
        "start_date": version.start_date,
        "completion_date": version.completed_on(day) if format_version > 1 else version.end_date,
        # The lists of 2014-2020 state the total eligible expenditure, that of 2021-2027 the total cost.
        "total_cost": version.eligible_cost if version.total_cost is None else version.total_cost,
        "fund": fund.label if fund else _("not stated"),
        "specific_objective": objective.code if objective else "",
        "eu_cofinancing_rate": rate_of(version.eu_amount, version.eligible_cost),
        "location_indicator": version.nuts or version.location,
        "country": version.country,
        "beneficiary_location": beneficiary.nuts2 if natural else "",
        "type_of_intervention": text_of(past.of(version.intervention_field)),
    }


def _names_removed(operation: Operation, day: date) -> bool:
    first = operation.first_published_on
    return first is not None and add_years(first, NAMES_KEPT_YEARS) <= day


def rate_of(eu_amount: Decimal, eligible: Decimal) -> Decimal | None:
    """Return the Union's share as a fraction, six digits; None without eligible cost."""
    return (eu_amount / eligible).quantize(RATIO_DIGITS) if eligible else None


def _rate_in_percent(row: dict) -> str:
    rate = row["eu_cofinancing_rate"]
    return "" if rate is None else f"{rate * 100:.2f}"


def publish(selection: Selection, day) -> int:
    """Note that the operations of the list were published for the first time on ``day``; return how many."""
    return Operation.objects.filter(pk__in=selection.operation_ids, first_published_on=None).update(
        first_published_on=day
    )
