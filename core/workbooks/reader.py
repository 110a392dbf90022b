"""``read_table``: a file that a person filled, into typed rows and sentences about what is wrong.

Nothing is trusted: the type is told by the bytes, size and extent are measured before parsing, columns are found by
their headers (what stands under another one is named, ``reading.ignored``), formulas count by the value they last had, and
amounts come out as Decimal.
"""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from core.text import fold
from core.workbooks.columns import Column
from core.workbooks.headers import LOOKED_AT, HeaderMatch, find_header, missing_columns
from core.workbooks.problems import RowProblem, TableReading, TableRow
from core.workbooks.sources import FileRefused, RawSheet, open_sheets, sha256_of, take_bytes, too_many_rows
from core.workbooks.values import CellRefused, is_empty, is_readable, read_value

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 20_000
_SHIFT_SAMPLE = 200


def read_table(
    file: str | Path | bytes | IO[bytes],
    columns: Sequence[Column],
    *,
    max_rows: int = MAX_ROWS,
    max_bytes: int = MAX_BYTES,
    max_inflated: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> TableReading:
    """Read the sheet of an .xlsx, .xls or .csv file whose header carries the columns.

    Never raises for what a person may have done wrong: a file that cannot be used gives a reading with
    ``is_refused`` and the sentence among its problems. Empty rows are skipped. ``progress`` is told the rows read.
    """
    reading = TableReading()
    try:
        content = take_bytes(file, max_bytes)
        reading.sha256 = sha256_of(content)
        sheets = open_sheets(content, max_rows=max_rows, max_inflated=max_inflated)
        chosen = _choose(sheets, columns)
        if chosen is None:
            return _refuse(reading, _no_header(sheets, columns))
        sheet, match, rows = chosen
        reading.sheet, reading.header_row, reading.headers = sheet.name, match.row, match.texts
        missing = missing_columns(columns, match)
        if missing:
            for column, sentence in missing:
                reading.problems.add(RowProblem(match.row, str(column.label), None, sentence))
            reading.is_refused = True
            return reading
        if doubled := match.doubled():
            same = _("Two columns have this header: rename or remove one, so that none is left out in silence.")
            other = _("The column “%(other)s” means the same: remove one, so that none is left out in silence.")
            for header, read in doubled.items():
                sentence = same if fold(header) == fold(read) else other % {"other": read}
                reading.problems.add(RowProblem(match.row, header, None, sentence))
            reading.is_refused = True
            return reading
        reading.ignored = match.ignored()
        _read_rows(reading, columns, match, rows, max_rows, progress)
    except FileRefused as refused:
        return _refuse(reading, str(refused))
    return reading


def _refuse(reading: TableReading, sentence: str) -> TableReading:
    reading.rows, reading.rejected, reading.is_refused = [], [], True
    reading.problems.add(RowProblem(None, "", None, sentence))
    return reading


def _choose(sheets: list[RawSheet], columns: Sequence[Column]):
    """Return the sheet with the best header, its header and all its rows; None when none has one."""
    best = None
    for sheet in sheets:
        head = list(islice(sheet.rows, LOOKED_AT))
        match = find_header(columns, head)
        if match and (best is None or len(match.places) > len(best[1].places)):
            after = [(number, cells) for number, cells in head if number > match.row]
            best = (sheet, match, chain(after, sheet.rows))
    return best


def _no_header(sheets: list[RawSheet], columns: Sequence[Column]) -> str:
    if not sheets:
        return _("The file holds no data. Fill the form and save it before sending it.")
    wanted = [column for column in columns if column.required] or list(columns)
    labels = ", ".join(f"“{column.label}”" for column in wanted)
    sentence = _(
        "No row with the expected headers was found. "
        "The table must begin with a row that names the columns: %(labels)s."
    )
    return sentence % {"labels": labels}


def _read_rows(
    reading: TableReading,
    columns: Sequence[Column],
    match: HeaderMatch,
    rows: Iterable[tuple[int, list[Any]]],
    max_rows: int,
    progress: Callable[[int], None] | None,
) -> None:
    placed = [(column, match.places[column.key]) for column in columns if column.key in match.places]
    count, sample = 0, []
    for number, cells in rows:
        if all(is_empty(cell) for cell in cells) or _is_totals_row(cells):
            continue
        count += 1
        if count > max_rows:
            raise too_many_rows(max_rows)
        row = _read_row(number, cells, placed, match)
        for problem in row.problems:
            reading.problems.add(problem)
        (reading.rows if row.is_good else reading.rejected).append(row)
        if len(sample) < _SHIFT_SAMPLE:
            sample.append(cells)
        if progress and count % 500 == 0:
            progress(count)
    if progress:
        progress(count)
    for problem in reversed(list(_shifted(placed, match, sample))):
        reading.problems.add_first(problem)
    if not count:
        _refuse(reading, _("The table has headers but no row below them. Fill it and send it again."))


def _read_row(number: int, cells: list[Any], placed: list[tuple[Column, int]], match: HeaderMatch) -> TableRow:
    raw = {column.key: cells[place] if place < len(cells) else None for column, place in placed}
    row = TableRow(number, {}, raw)
    for column, _place in placed:
        value = raw[column.key]
        if is_empty(value):
            row.values[column.key] = None
            if column.required:
                sentence = _("The cell is empty. Fill it in (if it holds a formula, paste its value).")
                row.problems.append(RowProblem(number, match.texts[column.key], value, sentence, record=raw))
            continue
        try:
            row.values[column.key] = read_value(column, value)
        except CellRefused as refused:
            row.values[column.key] = None
            sentence = _("“%(value)s”: %(reason)s.") % {"value": _shown(value), "reason": refused}
            row.problems.append(RowProblem(number, match.texts[column.key], value, sentence, record=raw))
    return row


def _is_totals_row(cells: list[Any]) -> bool:
    """Whether this is the row of totals of a workbook that this product wrote: "Total", then nothing but sums."""
    filled = [cell for cell in cells if not is_empty(cell)]
    return str(filled[0]).strip().casefold() == "total" and all(isinstance(c, int | float) for c in filled[1:])


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _shifted(placed: list[tuple[Column, int]], match: HeaderMatch, sample: list[list[Any]]) -> Iterable[RowProblem]:
    """Say when a column's cells read badly here and well one place to the left or right: the table has slipped."""
    for column, place in placed:
        if column.kind not in ("money", "date", "datetime", "integer", "percent"):
            continue
        if _readable_share(column, place, sample) > 0.5 or len(sample) < 3:
            continue
        if not (column.required or _filled(place, sample)):  # it may stay empty, and does
            continue
        for step in (1, -1):
            other = place + step
            if 0 <= other and _readable_share(column, other, sample) > 0.8:
                name = match.all_texts[other] if other < len(match.all_texts) else ""
                yield RowProblem(
                    match.row,
                    match.texts[column.key],
                    None,
                    _("Most cells below “%(label)s” are not what this column asks for, "
                      "but those below “%(other)s” are: the cells seem shifted by one column. "
                      "Put the headers back above their cells.")
                    % {"label": match.texts[column.key], "other": name or _("the next column, which has no header")},
                )  # fmt: skip
                break


def _filled(place: int, sample: list[list[Any]]) -> list[Any]:
    return [cells[place] for cells in sample if place < len(cells) and not is_empty(cells[place])]


def _readable_share(column: Column, place: int, sample: list[list[Any]]) -> float:
    filled = _filled(place, sample)
    if not filled:
        return 1.0 if len(sample) == 0 else 0.0
    return sum(is_readable(column, cell) for cell in filled) / len(filled)
