"""Writing and reading a large sheet, beside openpyxl on the same rows in the same run.

A sheet of expenditure: twelve columns of text, three of amounts, three of dates, two of whole numbers. The write is
timed from rows in memory to a closed file; the read from the file to typed rows. No database is touched.
"""

import random
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from openpyxl import Workbook, load_workbook
from openpyxl.cell import WriteOnlyCell

from core.workbooks import Column, Sheet, read_table, write_csv, write_workbook

ROWS = 20_000
ROUNDS = 3
TEXTS, AMOUNTS, DATES, WHOLES = 12, 3, 3, 2
WORDS = ["Formation", "Achats", "Atelier", "Déplacements", "Étude", "Loyer", "Honoraires", "Communication"]


def columns() -> list[Column]:
    """The columns of the sheet, amounts with their total."""
    return [
        *(Column(f"text{n}", f"Texte {n}") for n in range(TEXTS)),
        *(Column(f"amount{n}", f"Montant {n}", "money", total=True) for n in range(AMOUNTS)),
        *(Column(f"day{n}", f"Date {n}", "date") for n in range(DATES)),
        *(Column(f"whole{n}", f"Nombre {n}", "integer") for n in range(WHOLES)),
    ]


def rows() -> list[tuple]:
    """The same rows at every run."""
    pick = random.Random(2026)
    first = date(2024, 1, 1)
    return [
        (
            *(f"{pick.choice(WORDS)} {pick.randrange(10_000)}" for _n in range(TEXTS)),
            *(Decimal(pick.randrange(10_000_000)).scaleb(-2) for _n in range(AMOUNTS)),
            *(first + timedelta(days=pick.randrange(900)) for _n in range(DATES)),
            *(pick.randrange(500) for _n in range(WHOLES)),
        )
        for _row in range(ROWS)
    ]


def write_with_openpyxl(path: Path, data: list[tuple]) -> None:
    """The baseline: openpyxl's write-only mode, with the number formats that an amount and a date need."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Dépenses")
    sheet.append([str(column.label) for column in columns()])
    for row in data:
        cells = []
        for value in row:
            cell = WriteOnlyCell(sheet, value=value)
            if isinstance(value, Decimal):
                cell.number_format = "#,##0.00"
            elif isinstance(value, date):
                cell.number_format = "dd/mm/yyyy"
            cells.append(cell)
        sheet.append(cells)
    book.save(path)


def read_with_openpyxl(path: Path) -> int:
    """The baseline of reading: every cell of the sheet, not converted."""
    book = load_workbook(path, read_only=True)
    count = sum(1 for _row in book["Dépenses"].iter_rows(values_only=True))
    book.close()
    return count


def read_rows(path: Path) -> int:
    """Essor's reading: typed, judged rows."""
    reading = read_table(path, columns(), max_rows=ROWS + 10)
    if reading.is_refused or any(not row.is_good for row in reading.all_rows):
        raise SystemExit(f"The sheet was not read back as written: {reading.problems[:3]}")
    return len(reading.all_rows)


def timed(work: Callable[[], object]) -> float:
    """Median seconds of some rounds."""
    times = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    """Print seconds, and how many times quicker than the baseline."""
    data = rows()
    with TemporaryDirectory() as folder:
        ours, theirs, text = Path(folder) / "essor.xlsx", Path(folder) / "openpyxl.xlsx", Path(folder) / "essor.csv"
        baseline = timed(lambda: write_with_openpyxl(theirs, data))
        written = timed(lambda: write_workbook(ours, [Sheet("Dépenses", columns(), data, key="items")]))
        csv = timed(lambda: write_csv(text, columns(), data))
        read_baseline = timed(lambda: read_with_openpyxl(theirs))
        read = timed(lambda: read_rows(theirs))
    print(f"{ROWS} rows of {len(columns())} columns; medians of {ROUNDS}")
    print(f"{'':34}{'s':>8}{'× quicker':>12}")
    for name, seconds, against in (
        ("write .xlsx, openpyxl write-only", baseline, baseline),
        ("write .xlsx, Essor", written, baseline),
        ("write .csv, Essor", csv, baseline),
        ("read .xlsx, openpyxl read-only", read_baseline, read_baseline),
        ("read .xlsx typed, Essor", read, read_baseline),
    ):
        print(f"{name:34}{seconds:8.2f}{against / seconds:12.1f}")


if __name__ == "__main__":
    main()
