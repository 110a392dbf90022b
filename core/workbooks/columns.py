"""What a workbook is made of, as data: columns, formulas, links, sheets and the cover."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

KINDS = ("text", "money", "date", "datetime", "integer", "percent", "boolean", "link")
NUMERIC_KINDS = frozenset({"money", "integer", "percent"})
RATIO_DIGITS = Decimal("0.000001")

_WIDTHS = {"text": 24, "money": 16, "date": 12, "datetime": 17, "integer": 10, "percent": 10, "boolean": 9, "link": 22}


@dataclass(frozen=True)
class Link:
    """A cell with a text that leads somewhere: a full address, or ``#Sheet!A5`` inside the workbook."""

    text: str
    target: str

    def __str__(self) -> str:
        return self.text


class Removed(str):
    """A text that belongs to the data and is not shown any more: the law had it removed since (a person's name).

    It counts in the hash of the data, which stays what it was when the text was shown, and its cell is empty; the
    workbook then bears a second hash, of what is shown.
    """

    __slots__ = ()


class Erased(str):
    """A text of which nothing is left: a lawful erasure emptied it (``erase_person``). Its cell is empty.

    The hash of the data cannot be made of it again. What can is the hash of all that no law removes (see
    ``Column.personal``): a report that was made before, and had the same, says which hash the data have.
    """

    __slots__ = ()

    def __new__(cls) -> "Erased":
        return super().__new__(cls, "")


@dataclass(frozen=True)
class Ratio:
    """A share: ``numerator / denominator`` of two other columns, zero when the denominator is zero."""

    numerator: str
    denominator: str

    @property
    def keys(self) -> tuple[str, ...]:
        return (self.numerator, self.denominator)

    def value(self, values: Mapping[str, Any]) -> Decimal:
        """Return the value that the formula shows, rounded to six digits as the formula rounds it."""
        denominator = values[self.denominator] or Decimal(0)
        if not denominator:
            return Decimal("0.000000")
        return ((values[self.numerator] or Decimal(0)) / denominator).quantize(RATIO_DIGITS)

    def formula(self, cells: Mapping[str, str]) -> str:
        top, bottom = cells[self.numerator], cells[self.denominator]
        return f"IF({bottom}=0,0,ROUND({top}/{bottom},6))"


@dataclass(frozen=True)
class Terms:
    """A sum and difference of other columns of the same row."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return self.plus + self.minus

    def value(self, values: Mapping[str, Any]) -> Decimal:
        zero = Decimal("0.00")
        return sum((values[key] or zero for key in self.plus), zero) - sum(
            (values[key] or zero for key in self.minus), zero
        )

    def formula(self, cells: Mapping[str, str]) -> str:
        return "+".join(cells[key] for key in self.plus) + "".join(f"-{cells[key]}" for key in self.minus)


@dataclass(frozen=True)
class SumIfs:
    """The sum of a column of another sheet over its rows that agree with this row.

    ``where`` pairs a column of that sheet with a column of this row. The row's own value (the column's source) is
    what the cell shows until a reader computes again; a test of the report proves that they agree.
    """

    sheet: str
    column: str
    where: tuple[tuple[str, str], ...] = ()

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(own for _other, own in self.where)


@dataclass(frozen=True)
class Column:
    """One column, shared by screen, export, import and documentation.

    ``kind``: text, money (Decimal euros), date, datetime (shown in local time), integer, percent (a Decimal
    *fraction*: 0.8 is 80 %), boolean, link (a ``Link`` or a text). ``source``: attribute path or callable(row); by
    default the key. ``width`` in characters. ``total`` adds the column up in the totals row. ``formula``: Ratio,
    Terms or SumIfs. ``choices``: the accepted texts, or pairs (value, label). ``aliases``: other headers that mean
    this column when a file is read. ``required``: the column must be there and its cells filled.
    ``days``: what a day that is read may be (``HasCome``, ``Planned``), as the field of a form has it.
    ``since`` and ``until``: the first and the last version of the report's format that have the column.
    ``personal``: the law may have its texts removed; the lasting hash of the data leaves them out.
    """

    key: str
    label: Any
    kind: str = "text"
    width: float | None = None
    total: bool = False
    source: str | Callable[[Any], Any] | None = None
    help: Any = ""
    required: bool = False
    choices: Sequence[Any] | None = None
    aliases: tuple[str, ...] = ()
    formula: Ratio | Terms | SumIfs | None = None
    max_length: int | None = None
    days: Callable[[date], None] | None = None
    since: int = 1
    until: int | None = None
    personal: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"Column {self.key}: unknown kind {self.kind!r} (one of {', '.join(KINDS)})")
        if self.total and self.kind not in NUMERIC_KINDS:
            raise ValueError(f"Column {self.key}: a column of kind {self.kind!r} has no total")

    @property
    def shown_width(self) -> float:
        return self.width or _WIDTHS[self.kind]

    @property
    def labels_by_choice(self) -> dict[Any, str]:
        """The accepted values with the texts that stand for them in a cell."""
        if not self.choices:
            return {}
        pairs = (choice if isinstance(choice, tuple | list) else (choice, choice) for choice in self.choices)
        return {value: str(label) for value, label in pairs}

    def getter(self) -> Callable[[Any], Any]:
        """Return how the value is taken from a row that is a mapping or an object."""
        if callable(self.source):
            return self.source
        path = self.source or self.key
        read = attrgetter(path)

        def get(row: Any) -> Any:
            if isinstance(row, Mapping):
                return row.get(path)
            try:
                return read(row)
            except AttributeError:
                return _along(row, path)

        return get


def in_format(columns: Iterable[Column], version: int) -> list[Column]:
    """Return the columns that a version of a report's format has, in their order."""
    return [
        column for column in columns if column.since <= version and (column.until is None or version <= column.until)
    ]


def _along(row: Any, path: str) -> Any:
    """Follow the path; an empty link on the way (a null foreign key) gives an empty cell, a wrong name is an error."""
    for name in path.split("."):
        if row is None:
            return None
        row = getattr(row, name)
    return row


@dataclass
class Sheet:
    """One sheet: a header row, the rows, a totals row when a column has a total.

    ``rows``: mappings, objects, or tuples in the order of the columns (the quickest). ``key`` names the sheet in
    formulas and defined names. ``derived`` sheets (summaries of others) stay out of the hash of the data.
    """

    title: Any
    columns: Sequence[Column]
    rows: Iterable[Any] = ()
    key: str = ""
    derived: bool = False
    blank_rows: int = 0
    landscape: bool = True
    colour: str = ""

    def __post_init__(self):
        keys = [column.key for column in self.columns]
        if len(set(keys)) != len(keys):
            raise ValueError(f"Sheet {self.title}: two columns have the same key")


@dataclass
class Cover:
    """The first sheet: what this is, from when, by whom; rows, control totals and hash are added by the writer.

    ``stated`` finds, by the lasting hash, what a report of the same data stated before texts of it were erased.
    """

    title: Any
    facts: Sequence[tuple[Any, Any]] = ()
    notes: Sequence[Any] = field(default_factory=list)
    sheet_title: Any = ""
    stated: Callable[[str], "Stated | None"] | None = None


@dataclass(frozen=True)
class Stated:
    """What hash of the data an earlier report stated, and when it was made."""

    sha256: str
    made_at: datetime
