"""The refused rows of a file, given back as a workbook: the same columns as they were typed, and why."""

import os
from collections.abc import Iterable, Sequence
from itertools import groupby

from django.utils.translation import gettext_lazy as _

from core.text import colon
from core.workbooks.columns import Column, Cover, Sheet
from core.workbooks.headers import BESIDE_REFUSED_ROWS
from core.workbooks.problems import RowProblem, TableRow, as_typed
from core.workbooks.writer import Written, write_workbook


def write_rejected(
    path: str | os.PathLike,
    columns: Sequence[Column],
    problems: Iterable[RowProblem | TableRow],
    *,
    cover: Cover | None = None,
) -> Written:
    """Write one line a refused row: its number, why it was refused, and its cells as they were.

    ``problems``: rows (``reading.rejected``) or problems (``reading.problems``). Corrected, the workbook can be sent
    again: the reader knows the extra columns, and leaves them out.
    """
    shown = [
        *BESIDE_REFUSED_ROWS,
        *(Column(column.key, column.label, width=column.shown_width) for column in columns),
    ]
    return write_workbook(path, [Sheet(_("Refused rows"), shown, _lines(columns, problems), key="rejected")], cover)


def _lines(columns: Sequence[Column], problems: Iterable[RowProblem | TableRow]) -> Iterable[tuple]:
    flat: list[RowProblem] = []
    for item in problems:
        flat += [problem for problem in item.problems if problem.blocking] if isinstance(item, TableRow) else [item]
    for number, of_row in groupby(flat, key=lambda problem: problem.row):
        listed = list(of_row)
        record = next((problem.record for problem in listed if problem.record), {})
        reasons = "\n".join(
            f"{problem.column}{colon()} {problem.message}" if problem.column else problem.message for problem in listed
        )
        yield (number, reasons, *(as_typed(record.get(column.key)) for column in columns))
