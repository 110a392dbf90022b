"""Official lists of operations for the tests: an independent reading of the real one, and small ones made up."""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from python_calamine import CalamineWorkbook

REAL_LIST = "data/20160711_listeoperations_FEDER_FSE_14-20.xls"
LISTED_ON = date(2016, 7, 11)
CENT = Decimal("0.01")
HEADERS = [
    "Programme",
    "Intitulé du projet  - operation name",
    "Nom du bénéficiaire - beneficiary name",
    "Code postal du bénéficiaire",
    "Date de début de l'opération - operation start date",
    "Date de fin de l'opération - operation end date",
    "Total dépenses éligibles",
    "Montant UE programmé - Union co-financing rate",
    "Pays - Country",
    "Date de programmation",
    "Catégorie d'intervention - category of intervention",
    "Fonds",
]
FIELDS = (
    "programme", "name", "beneficiary", "postcode", "start", "end", "eligible", "eu", "country", "programmed",
    "category", "fund",
)  # fmt: skip
LABELS = {"FEDER": "FEDER", "FSE": "FSE", "IEJ": "IEJ", "NR": "non précisé"}


@dataclass(frozen=True)
class RawRow:
    """One row of a list as its cells stand, with what this reading makes of it."""

    programme: str
    name: str
    beneficiary: str
    postcode: Any
    start: date
    end: date
    eligible: Decimal
    eu: Decimal
    country: str
    programmed: date
    category: str
    fund: str

    @property
    def is_refused(self) -> bool:
        return self.end < self.start or not self.beneficiary.strip()

    @property
    def is_repaired(self) -> bool:
        return not self.is_refused and isinstance(self.postcode, int) and self.postcode < 10_000

    @property
    def doubts(self) -> set[str]:
        found = set()
        if self.fund == "NR":
            found.add("fund_unknown")
        if self.eu > self.eligible:
            found.add("eu_above_eligible")
        elif not self.eligible:
            found.add("no_eligible_cost")
        elif not self.eu:
            found.add("no_eu_amount")
        if not date(2014, 1, 1) <= self.programmed <= LISTED_ON:
            found.add("programming_date")
        return found

    @property
    def outcome(self) -> str:
        return "refused" if self.is_refused else "flagged" if self.doubts else "imported"


def raw_cells(path: Path) -> list[list[Any]]:
    """The cells of the file's first sheet, header included."""
    return CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()


def real_rows(path: Path) -> list[RawRow]:
    """The rows of the real list: by their places, with amounts exact to the cent."""
    _header, *rows = raw_cells(path)
    made = []
    for cells in rows:
        values = dict(zip(FIELDS, cells, strict=True))
        for name in ("eligible", "eu"):
            values[name] = Decimal(repr(values[name])).quantize(CENT)
        made.append(RawRow(**values))
    return made


def totals(rows: list[RawRow], *keys: str) -> dict[tuple, tuple[int, Decimal, Decimal]]:
    """(rows, eligible, EU) by these attributes of a row."""
    found: dict[tuple, list] = defaultdict(lambda: [0, Decimal(0), Decimal(0)])
    for row in rows:
        sums = found[tuple(getattr(row, key) for key in keys)]
        sums[0] += 1
        sums[1] += row.eligible
        sums[2] += row.eu
    return {key: tuple(sums) for key, sums in found.items()}


def row(**changes: Any) -> list[Any]:
    """The cells of a right row."""
    values = {
        "programme": "P.O Auvergne",
        "name": "Ouvrier qualifié du textile",
        "beneficiary": "Conseil régional",
        "postcode": 63050,
        "start": date(2014, 1, 6),
        "end": date(2015, 1, 6),
        "eligible": 21529.95,
        "eu": 10764.97,
        "country": "FR",
        "programmed": date(2014, 12, 12),
        "category": "CI01_103 - Intégration durable",
        "fund": "FSE",
    }
    return [(values | changes)[name] for name in FIELDS]


def write_xlsx(path: Path, rows: list[list[Any]], headers: list[str] = HEADERS) -> Path:
    book = Workbook()
    book.active.append(headers)
    for cells in rows:
        book.active.append([None if cell == "" else cell for cell in cells])
    book.save(path)
    return path


def write_csv(path: Path, rows: list[list[Any]], headers: list[str] = HEADERS) -> Path:
    """A French CSV: semicolons, decimal commas, dates as people write them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(headers)
        writer.writerows([[_french(cell) for cell in cells] for cells in rows])
    return path


def _french(cell: Any) -> Any:
    if isinstance(cell, float):
        return f"{cell:.2f}".replace(".", ",")
    return f"{cell:%d/%m/%Y}" if isinstance(cell, date) else cell
