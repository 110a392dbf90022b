"""The lines of a claim as a workbook was made with them, as they are now, and what its rows make of them.

A workbook is filled for days, and its claim goes on meanwhile. A row writes what the person changed in it since they
downloaded it, and no more: a cell that says what it said then leaves the line as it is now; one that was changed both here
and there is told with both values, and the person says which holds. A workbook that does not say when it was made, or a row
without the number of its line, cannot be read so: the whole of it is told, and waits for a word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext as _

from agreements.claims import LINE_FIELDS, ClaimRefused
from agreements.line_problems import line_problems
from agreements.models import ExpenditureLine, PaymentClaim
from core.history import history_model_of
from core.money import format_euros

COMPARED = tuple(name for name in LINE_FIELDS if name != "category")
HERE, WORKBOOK = "here", "workbook"
"""What the person may answer where a line was changed on both sides: the value of the site, or that of the workbook."""


def newest(claim: PaymentClaim) -> int:
    """The number of the newest history line of the lines of a claim; 0 when there is none."""
    history = history_model_of(ExpenditureLine)
    return history.objects.filter(claim_id=claim.pk).aggregate(found=Max("pgh_id"))["found"] or 0


def as_they_were(claim: PaymentClaim, made_at: int | None) -> dict[int, Any]:
    """The lines of a claim, by rank, as they were at a number of their history; nothing when that is not known."""
    if made_at is None:
        return {}
    history = history_model_of(ExpenditureLine)
    then = history.objects.filter(claim_id=claim.pk, pgh_id__lte=made_at)
    last = then.order_by("pgh_obj_id", "-pgh_id").distinct("pgh_obj_id")
    return {line.rank: line for line in last if line.pgh_label != "delete"}


def same(one: Any, other: Any) -> bool:
    """Whether a cell says what the line says: a spreadsheet keeps neither the ends of a text nor its inner spaces."""
    return _plain(one) == _plain(other)


def _plain(value: Any) -> Any:
    return " ".join(value.split()) if isinstance(value, str) else value or ""


def is_untouched(then: Any, values: Mapping[str, Any]) -> bool:
    """Whether a row says all that its line said when the workbook was made."""
    return all(same(getattr(then, name), values[name]) for name in COMPARED)


def merged(line: ExpenditureLine, then: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a row, those that the person left as they were taken from the line as it is now."""
    found = dict(values)
    for name in COMPARED:
        if same(getattr(then, name), values[name]):
            found[name] = getattr(line, name)
    if found["account_code"] == line.account_code:
        found["category"] = line.category
    return found


class NotAnswered(ClaimRefused):
    """Something has to be chosen or confirmed before anything is taken in."""


@dataclass(frozen=True)
class FieldChange:
    """One field of a line that a row would write: as it is here, as the workbook says it, as people read both.

    ``then`` is what it was when the workbook was made, where it was changed here too; None where nothing clashes.
    """

    name: str
    label: str
    here: str
    workbook: str
    then: str | None = None

    @property
    def clashes(self) -> bool:
        """Whether the site says something else than when the workbook was made, and so does the workbook."""
        return self.then is not None


@dataclass
class LineChange:
    """What a row of the file would make of a line of the claim."""

    line: ExpenditureLine
    values: dict[str, Any]
    fields: list[FieldChange] = field(default_factory=list)
    is_of_known_time: bool = True
    chosen: str = ""

    @property
    def clashes(self) -> bool:
        """Whether the line was changed here and in the workbook: somebody has to say what holds."""
        return any(item.clashes for item in self.fields)

    @property
    def name(self) -> str:
        """The name of the choice in the form."""
        return f"line-{self.line.rank}"

    @property
    def told(self) -> tuple:
        """All that a person reads of it before they take it in."""
        return (self.line.rank, sorted(self.values.items()), self.fields, self.is_of_known_time)

    def settled(self) -> dict[str, Any]:
        """The values to write. Raises NotAnswered where the person has to choose first."""
        if not self.clashes or self.chosen == WORKBOOK:
            return self.values
        if self.chosen != HERE:
            raise NotAnswered(
                _(
                    "Line %(rank)s was changed on the site and in the workbook: choose which values are right. Nothing was "
                    "taken in yet."
                )
                % {"rank": self.line.rank}
            )
        values = self.values | {item.name: getattr(self.line, item.name) for item in self.fields if item.clashes}
        if values["account_code"] == self.line.account_code:
            values["category"] = self.line.category
        return values


def settled(
    claim: PaymentClaim, changes: Iterable[LineChange], choices: Mapping[str, str]
) -> list[tuple[ExpenditureLine, dict[str, Any]]]:
    """The lines that change with their values, as the person chose by :attr:`LineChange.name`. Raises NotAnswered."""
    found = []
    for change in changes:
        change.chosen = choices.get(change.name, "")
        values = change.settled()
        if change.clashes and (errors := line_problems(claim, values)):
            told = {"rank": change.line.rank, "why": " ".join(map(str, errors.values()))}
            raise NotAnswered(_("Line %(rank)s would not be right with this choice: %(why)s") % told)
        if any(getattr(change.line, name) != value for name, value in values.items()):
            found.append((change.line, values))
    return found


def change_of(
    line: ExpenditureLine, then: Any, values: dict[str, Any], labels: Mapping[str, str], words: Mapping[str, Mapping]
) -> LineChange | None:
    """What a row changes of its line; None when it changes nothing.

    Args:
        then: the line when the workbook was made; None when that is not known.
        values: those of the row, :func:`merged` where it is known.
        labels: the label of each column.
        words: by column, how its codes are read.
    """
    fields = [
        FieldChange(
            name,
            labels.get(name, name),
            _told(getattr(line, name), words.get(name)),
            _told(values[name], words.get(name)),
            _told(getattr(then, name), words.get(name))
            if then is not None and not same(getattr(then, name), getattr(line, name))
            else None,
        )
        for name in COMPARED
        if not same(getattr(line, name), values[name])
    ]
    return LineChange(line, values, fields, is_of_known_time=then is not None) if fields else None


def _told(value: Any, words: Mapping | None = None) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, Decimal):
        return format_euros(value)
    if isinstance(value, date):
        return value.strftime("%d/%m/%Y")
    return str((words or {}).get(value, value))
