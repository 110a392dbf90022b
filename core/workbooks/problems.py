"""What a reading of a file gives: rows that are good, rows that are not, and what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.personal_numbers import without_national_numbers
from core.text import listed
from core.workbooks.values import to_text

LISTED_PROBLEMS = 1_000
LISTED_HEADERS = 12
LONGEST_HEADER = 60


def as_typed(value: Any) -> str:
    """A cell as a person would type it: 31/12/2026 for a date; an empty text for nothing; never a NIR."""
    if value is None:
        return ""
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.strftime("%d/%m/%Y")
    return without_national_numbers(to_text(value))


@dataclass(frozen=True)
class RowProblem:
    """One thing wrong (or doubtful, when not ``blocking``): where, what was found, and what to do about it.

    ``row`` is the number that the spreadsheet shows, None for the file as a whole; ``column`` the header's text;
    ``record`` the row's cells as they were read, by column key.
    """

    row: int | None
    column: str
    value: Any
    message: str
    blocking: bool = True
    record: dict[str, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def found(self) -> str:
        """What was found in the cell, as people read it."""
        return as_typed(self.value)

    def __str__(self) -> str:
        where = [f"{self.row}"] if self.row else []
        where += [self.column] if self.column else []
        return f"{' · '.join(where)}{': ' if where else ''}{self.message}"


@dataclass
class TableRow:
    """One row: its number in the file, typed values by column key, the cells as read, and its own problems."""

    number: int
    values: dict[str, Any]
    raw: dict[str, Any]
    problems: list[RowProblem] = field(default_factory=list)

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self.values.get(key, default)

    @property
    def is_good(self) -> bool:
        return not any(problem.blocking for problem in self.problems)


class ProblemList:
    """Counts every problem and keeps the first thousand: a file with a shifted column has one a cell."""

    def __init__(self, listed: int = LISTED_PROBLEMS):
        self._listed = listed
        self._problems: list[RowProblem] = []
        self.count = self.blocking_count = 0

    def add(self, problem: RowProblem) -> None:
        self.count += 1
        self.blocking_count += problem.blocking
        if len(self._problems) < self._listed:
            self._problems.append(problem)

    def add_first(self, problem: RowProblem) -> None:
        """Put what explains the others (a shifted column) before them: it is listed however many they are."""
        self._problems.insert(0, problem)
        del self._problems[self._listed :]
        self.count += 1
        self.blocking_count += problem.blocking

    def __iter__(self) -> Iterator[RowProblem]:
        return iter(self._problems)

    def __len__(self) -> int:
        return len(self._problems)

    def __getitem__(self, place):
        return self._problems[place]


@dataclass
class TableReading:
    """A file that was read. ``rows`` are the good ones, ``rejected`` those with a blocking problem, in file order.

    ``problems`` lists the first thousand problems; ``problems.count`` counts them all. When the file as a whole
    cannot be used (``is_refused``), there are no rows and ``problems`` says why.
    """

    rows: list[TableRow] = field(default_factory=list)
    rejected: list[TableRow] = field(default_factory=list)
    problems: ProblemList = field(default_factory=ProblemList)
    headers: dict[str, str] = field(default_factory=dict)
    sheet: str = ""
    header_row: int = 0
    sha256: str = ""
    is_refused: bool = False
    ignored: list[str] = field(default_factory=list)
    """The headers of the columns that no column of the table is read from: named before anything is taken in."""

    @property
    def ignored_sentence(self) -> str:
        """Which columns are not read, and what to do; empty where all are."""
        if not self.ignored:
            return ""
        names = listed([_("“%(name)s”") % {"name": name[:LONGEST_HEADER]} for name in self.ignored[:LISTED_HEADERS]])
        if (more := len(self.ignored) - LISTED_HEADERS) > 0:
            names += f" (+ {more})"
        return ngettext(
            "The column %(names)s is not read: nothing of it is taken in. Remove it, or give it the header of what it holds.",
            "The columns %(names)s are not read: nothing of them is taken in. Remove them, or give them the headers of "
            "what they hold.",
            len(self.ignored),
        ) % {"names": names}

    @property
    def ok(self) -> bool:
        """Whether nothing blocking was found, in any row or in the file."""
        return not self.is_refused and self.problems.blocking_count == 0

    @property
    def all_rows(self) -> list[TableRow]:
        """Good and rejected rows together, in the order of the file."""
        return sorted([*self.rows, *self.rejected], key=lambda row: row.number)
