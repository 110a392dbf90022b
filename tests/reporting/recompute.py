"""Recompute a co-financing workbook with other means than those that wrote it.

    python tests/reporting/recompute.py FILE.xlsx

Reads the file with openpyxl, knows none of the product's code, and proves from the lines of operations, sources and
expenditure that every formula has the value that stands beside it, that every summary and total adds up, and that the
sheets agree with each other to the cent. Prints what it counted; ends with 1 and one line per difference otherwise.
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

CENT, ZERO = Decimal("0.01"), Decimal(0)
MONEY_FORMAT = "#,##0.00"
# Sheets and columns by their headers, French and English.
SHEETS = {
    "summary": ("Synthèse", "Summary"),
    "funds": ("Par fonds", "By fund"),
    "sources": ("Par source", "By source"),
    "operations": ("Opérations", "Operations"),
    "financing": ("Plan de financement", "Financing plan"),
    "items": ("Dépenses", "Expenditure"),
    "applications": ("Demandes de paiement", "Payment applications"),
}
COLUMNS = {
    "operation": ("Opération", "Operation"),
    "programme": ("Programme européen", "EU programme"),
    "priority": ("Priorité", "Priority"),
    "fund": ("Fonds", "Fund"),
    "category": ("Catégorie de région", "Category of region"),
    "count": ("Opérations", "Operations"),
    "source": ("Source",),
    "planned": ("Prévu", "Planned"),
    "certified": ("Certifié", "Certified"),
    "eligible": ("Coût éligible", "Eligible cost"),
    "eu": ("Montant UE", "EU amount"),
    "declared": ("Dépenses déclarées", "Declared expenditure"),
    "retained": ("Dépenses retenues", "Retained expenditure"),
    "rejected": ("Rejeté", "Rejected"),
    "parked": ("Mis en attente", "Parked"),
    "certified_eu": ("Part UE certifiée", "Certified EU share"),
    "applied": ("Dans des demandes de paiement closes", "In closed payment applications"),
    "applied_eu": ("Part UE des demandes de paiement", "EU share in payment applications"),
    "item_declared": ("Déclaré au fonds", "Declared to the fund"),
    "item_retained": ("Retenu", "Retained"),
    "application": ("Demande de paiement", "Payment application"),
    "application_eligible": ("Dépenses éligibles", "Eligible expenditure"),
    "application_union": ("Contribution de l’Union", "Union contribution"),
}
EU_SOURCE = ("Union européenne", "European Union")
GROUP = ("programme", "priority", "fund", "category")

Row = dict[str, Any]


@dataclass
class Findings:
    """What does not agree, and how much was looked at."""

    differences: list[str] = field(default_factory=list)
    formulas: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, Decimal] = field(default_factory=dict)
    by_fund: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def compare(self, what: str, found: Any, expected: Any) -> None:
        if found != expected:
            self.differences.append(f"{what}: {found} in the workbook, {expected} recomputed")


def number(value: Any) -> Decimal:
    """A cell as an exact number. The file holds decimal digits, which openpyxl gives as a float."""
    return (
        ZERO if value is None or value == "" else Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    )


def cents(value: Any) -> Decimal:
    return number(value).quantize(CENT)


# --- formulas ----------------------------------------------------------------------------------------------------------

_CELL = re.compile(r"\$?([A-Z]{1,3})\$?(\d+)")
_RANGE = r"(?:'(?:[^']|'')+'!)?\$?[A-Z]{1,3}\$?\d+:\$?[A-Z]{1,3}\$?\d+"
_SUM = re.compile(rf"SUM\(({_RANGE}(?:,{_RANGE})*)\)")
_SUMIFS = re.compile(rf"SUMIFS\(({_RANGE})((?:,{_RANGE},[A-Z]{{1,3}}\d+)+)\)")
_RATIO = re.compile(r"IF\(([A-Z]+\d+)=0,0,ROUND\(([A-Z]+\d+)/([A-Z]+\d+),6\)\)")
_TERMS = re.compile(r"[A-Z]+\d+(?:[+-][A-Z]+\d+)*")


class Evaluator:
    """Evaluates the formulas of a workbook from its typed cells; a formula that names another is evaluated first."""

    def __init__(self, formulas):
        self.sheets = {sheet.title: sheet for sheet in formulas}
        self.known: dict[tuple[str, str], Any] = {}
        self.columns: dict[tuple[str, str], list[Any]] = {}

    def value(self, sheet: str, cell: str) -> Any:
        cell = cell.replace("$", "")
        key = (sheet, cell)
        if key not in self.known:
            raw = self.sheets[sheet][cell].value
            self.known[key] = self.formula(sheet, raw[1:]) if isinstance(raw, str) and raw.startswith("=") else raw
        return self.known[key]

    def cells(self, sheet: str, text: str) -> list[Any]:
        """The values of a range of one column; each is read once."""
        key = (sheet, text)
        if key not in self.columns:
            self.columns[key] = self._read(sheet, text)
        return self.columns[key]

    def _read(self, sheet: str, text: str) -> list[Any]:
        name, _mark, area = text.rpartition("!")
        title = name.strip("'").replace("''", "'") or sheet
        left, top, right, bottom = range_boundaries(area.replace("$", ""))
        letters = re.match(r"\$?([A-Z]+)", area)[1]
        if left != right:
            raise ValueError(f"a range of several columns: {text}")
        return [self.value(title, f"{letters}{row}") for row in range(top, bottom + 1)]

    def formula(self, sheet: str, text: str) -> Decimal:
        if found := _SUM.fullmatch(text):
            return sum((number(cell) for area in found[1].split(",") for cell in self.cells(sheet, area)), ZERO)
        if found := _RATIO.fullmatch(text):
            below, above, again = (number(self.value(sheet, name)) for name in found.groups())
            if below != again:
                raise ValueError(f"a ratio of two denominators: {text}")
            return ZERO if not below else (above / below).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)
        if _TERMS.fullmatch(text):
            signs = [1, *(1 if sign == "+" else -1 for sign in re.findall("[+-]", text))]
            names = re.split("[+-]", text)
            return sum((sign * number(self.value(sheet, n)) for sign, n in zip(signs, names, strict=True)), ZERO)
        return sum((self._sum_ifs(sheet, part) for part in re.split(r"\+(?=SUMIFS)", text)), ZERO)

    def _sum_ifs(self, sheet: str, text: str) -> Decimal:
        found = _SUMIFS.fullmatch(text)
        if not found:
            raise ValueError(f"a formula that this script does not know: {text}")
        summed = self.cells(sheet, found[1])
        pairs = re.findall(rf"({_RANGE}),([A-Z]{{1,3}}\d+)", found[2])
        conditions = [(self.cells(sheet, area), self.value(sheet, own)) for area, own in pairs]
        return sum(
            (
                number(cell)
                for place, cell in enumerate(summed)
                if all(str(column[place]) == str(wanted) for column, wanted in conditions)
            ),
            ZERO,
        )


def check_formulas(formulas, values, findings: Findings) -> None:
    """Evaluate every formula and compare it with the value that stands in the same cell."""
    evaluator = Evaluator(formulas)
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if not (isinstance(cell.value, str) and cell.value.startswith("=") and cell.data_type == "f"):
                    continue
                findings.formulas += 1
                computed = evaluator.value(sheet.title, cell.coordinate)
                kept = number(values[sheet.title][cell.coordinate].value)
                if cell.number_format == MONEY_FORMAT:
                    computed = computed.quantize(CENT, ROUND_HALF_UP)
                elif abs(computed - kept) == Decimal("0.000001"):  # a half at the seventh digit, rounded either way
                    continue
                findings.compare(f"{sheet.title}!{cell.coordinate}", kept, computed)


# --- lines -------------------------------------------------------------------------------------------------------------


def sheet_of(workbook, name: str):
    return next(workbook[title] for title in SHEETS[name] if title in workbook.sheetnames)


def read_sheet(workbook, name: str, wanted: Iterable[str]) -> list[Row]:
    """The lines of a sheet, without its totals, as {column: value}."""
    rows = sheet_of(workbook, name).iter_rows(values_only=True)
    header = list(next(rows))
    places = {key: next(header.index(label) for label in COLUMNS[key] if label in header) for key in wanted}
    lines = []
    for cells in rows:
        if cells[0] == "Total":
            break
        lines.append({key: cells[place] for key, place in places.items()})
    return lines


def added(lines: Iterable[Row], keys: tuple[str, ...], amounts: Iterable[str]) -> dict[tuple, dict[str, Decimal]]:
    """The sums of some columns by the values of others."""
    sums: dict[tuple, dict[str, Decimal]] = defaultdict(lambda: defaultdict(lambda: ZERO))
    for line in lines:
        group = sums[tuple(line[key] for key in keys)]
        group["count"] += 1
        for name in amounts:
            group[name] += cents(line[name])
    return sums


def check_lines(values, findings: Findings) -> None:
    """Add the lines up and compare: summaries with operations, operations with items, applications with certificates."""
    summed = ("eligible", "eu", "declared", "retained", "certified_eu", "applied", "applied_eu")
    operations = read_sheet(values, "operations", ("operation", *GROUP, *summed, "rejected", "parked"))
    summary = read_sheet(values, "summary", (*GROUP, "count", *summed))
    financing = read_sheet(values, "financing", ("operation", "programme", "fund", "source", "planned", "certified"))
    sources = read_sheet(values, "sources", ("programme", "fund", "source", "planned", "certified"))
    items = read_sheet(values, "items", ("operation", "item_declared", "item_retained", "rejected", "parked",
                                         "application"))  # fmt: skip
    applications = read_sheet(values, "applications", ("application", "application_eligible", "application_union"))
    lines = {"operations": operations, "summary": summary, "financing": financing, "items": items}
    findings.rows = {name: len(rows) for name, rows in lines.items()} | {"applications": len(applications)}
    of_fund = read_sheet(values, "funds", ("fund", "count", *summed))
    _compare_sums(findings, "By fund", added(operations, ("fund",), summed), of_fund, ("fund",), (*summed, "count"))
    _compare_sums(findings, "Summary", added(operations, GROUP, summed), summary, GROUP, (*summed, "count"))
    by_source = ("programme", "fund", "source")
    plans = added(financing, by_source, ("planned", "certified"))
    _compare_sums(findings, "By source", plans, sources, by_source, ("planned", "certified"))
    _check_operations(findings, operations, financing, items)
    _check_applications(findings, items, applications, operations)
    findings.totals = {name: sum((cents(line[name]) for line in operations), ZERO) for name in summed}
    for (fund,), sums in sorted(added(operations, ("fund",), summed).items()):
        findings.by_fund[fund] = dict(sums)


def _compare_sums(findings: Findings, title: str, expected: dict, found: list[Row], keys, amounts) -> None:
    groups = [tuple(line[key] for key in keys) for line in found]
    findings.compare(f"{title}: the groups", sorted(groups), sorted(expected))
    for line, group in zip(found, groups, strict=True):
        for name in amounts:
            findings.compare(f"{title} {group} {name}", cents(line[name]), cents(expected.get(group, {}).get(name, 0)))


def _check_operations(findings: Findings, operations: list[Row], financing: list[Row], items: list[Row]) -> None:
    plans = added(financing, ("operation",), ("planned", "certified"))
    of_eu = added([line for line in financing if line["source"] in EU_SOURCE], ("operation",), ("planned", "certified"))
    names = {"declared": "item_declared", "retained": "item_retained", "rejected": "rejected", "parked": "parked"}
    spent = added(items, ("operation",), names.values())
    for line in operations:
        code = (line["operation"],)
        where = f"Operation {code[0]}"
        findings.compare(f"{where}: eligible and plan", cents(line["eligible"]), cents(plans[code]["planned"]))
        findings.compare(f"{where}: EU and plan", cents(line["eu"]), cents(of_eu[code]["planned"]))
        findings.compare(f"{where}: retained by sources", cents(line["retained"]), cents(plans[code]["certified"]))
        findings.compare(f"{where}: certified EU", cents(line["certified_eu"]), cents(of_eu[code]["certified"]))
        for of_operation, of_item in names.items():
            findings.compare(f"{where}: {of_operation}", cents(line[of_operation]), cents(spent[code][of_item]))
        if cents(line["certified_eu"]) > cents(line["eu"]):
            findings.differences.append(f"{where}: the EU bears more than it grants")


def _check_applications(findings: Findings, items: list[Row], applications: list[Row], operations: list[Row]) -> None:
    """A payment application asks for what was retained of its items, and for what its operations say."""
    asked = added(applications, ("application",), ("application_eligible", "application_union"))
    retained = added([i for i in items if i["application"]], ("application",), ("item_retained",))
    findings.compare("Payment applications: which ones", sorted(retained), sorted(asked))
    for name, sums in asked.items():
        found = retained.get(name, {}).get("item_retained", ZERO)
        findings.compare(f"Payment application {name[0]}", cents(sums["application_eligible"]), cents(found))
    for of_line, of_operation in (("application_eligible", "applied"), ("application_union", "applied_eu")):
        total = sum((cents(line[of_line]) for line in applications), ZERO)
        expected = sum((cents(line[of_operation]) for line in operations), ZERO)
        findings.compare(f"Payment applications: {of_line}", total, cents(expected))


def recompute(path: str | Path) -> Findings:
    """Look at everything; the findings say what does not agree."""
    findings = Findings()
    formulas, values = load_workbook(path), load_workbook(path, data_only=True)
    check_formulas(formulas, values, findings)
    check_lines(values, findings)
    return findings


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not Path(arguments[0]).is_file():
        print("Usage: python tests/reporting/recompute.py FILE.xlsx", file=sys.stderr)
        return 2
    findings = recompute(arguments[0])
    for difference in findings.differences:
        print(difference, file=sys.stderr)
    print(f"{findings.formulas} formulas, rows: {findings.rows}")
    for fund, sums in findings.by_fund.items():
        print(f"{fund}: " + ", ".join(f"{name} {amount}" for name, amount in sums.items()))
    print("The workbook is wrong." if findings.differences else "Everything agrees to the cent.")
    return 1 if findings.differences else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
