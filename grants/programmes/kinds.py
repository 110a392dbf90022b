"""The kinds of questions: how each is typed, drawn and compared. One entry a kind; a kind that is not here raises.

What else a kind needs is a function, in a table of its own that holds every kind too: ``NORMALISERS`` and ``CHECKS`` of
``grants.rules.answers``, ``READERS`` of ``grants.templatetags.grants_form``; tables of rows have theirs in
``grants.rules.tables`` and ``grants.services``. One test runs every kind through everything.
"""

from dataclasses import dataclass
from enum import Enum

from grants.programmes.comparisons import (
    AMOUNT,
    CHOICE,
    CHOICES,
    DAY,
    NUMBER,
    PERIOD,
    TEXT,
    WHOLE_NUMBER,
    YES_NO,
    Comparison,
)
from grants.rules.schema import QuestionKind


class Shape(Enum):
    """What a browser sends for a question."""

    LINE = "one text"
    LIST = "the values ticked"
    PERIOD = "two days"
    TABLE = "rows of texts"
    FILES = "files, each by itself"


@dataclass(frozen=True)
class Kind:
    """One kind of question.

    ``template`` draws it; ``compares`` says what a condition may ask of it (None: nothing); ``options`` are the fields
    of a question that mean something for this kind.
    """

    shape: Shape
    template: str
    compares: Comparison | None = None
    options: tuple[str, ...] = ()
    input_type: str = "text"
    input_mode: str = ""
    autocomplete: str = "off"

    @property
    def is_number(self) -> bool:
        return self.compares in (AMOUNT, NUMBER, WHOLE_NUMBER)

    @property
    def is_group(self) -> bool:
        """Several controls under one label: a fieldset."""
        return self.shape in (Shape.LIST, Shape.PERIOD) or self.compares in (CHOICE, YES_NO)


BOUNDS = ("minimum", "maximum")
ROWS = ("min_rows", "max_rows")

KINDS: dict[QuestionKind, Kind] = {
    QuestionKind.TEXT: Kind(Shape.LINE, "line", TEXT, ("max_length",)),
    QuestionKind.LONG_TEXT: Kind(Shape.LINE, "long_text", TEXT, ("max_length",)),
    QuestionKind.INTEGER: Kind(Shape.LINE, "line", WHOLE_NUMBER, BOUNDS, input_mode="numeric"),
    QuestionKind.DECIMAL: Kind(Shape.LINE, "line", NUMBER, BOUNDS, input_mode="decimal"),
    QuestionKind.MONEY: Kind(Shape.LINE, "line", AMOUNT, BOUNDS, input_mode="decimal"),
    QuestionKind.DATE: Kind(Shape.LINE, "line", DAY, input_type="date"),
    QuestionKind.PERIOD: Kind(Shape.PERIOD, "period", PERIOD, ("max_months",)),
    QuestionKind.CHOICE: Kind(Shape.LINE, "choices", CHOICE, ("choices",)),
    QuestionKind.MULTIPLE: Kind(Shape.LIST, "choices", CHOICES, ("choices",)),
    QuestionKind.YES_NO: Kind(Shape.LINE, "yes_no", YES_NO),
    QuestionKind.EMAIL: Kind(Shape.LINE, "line", TEXT, input_type="email", autocomplete="email"),
    QuestionKind.PHONE: Kind(Shape.LINE, "line", TEXT, input_type="tel", autocomplete="tel"),
    QuestionKind.SIRET: Kind(Shape.LINE, "line", TEXT, input_mode="numeric"),
    QuestionKind.ATTESTATIONS: Kind(Shape.LIST, "choices", CHOICES, ("choices",)),
    QuestionKind.PARTNERS: Kind(Shape.TABLE, "partners", options=ROWS),
    QuestionKind.PERSONS: Kind(Shape.TABLE, "persons", options=(*ROWS, "rows_within")),
    QuestionKind.BUDGET: Kind(Shape.TABLE, "budget", options=("max_rows",)),
    QuestionKind.TRANCHES: Kind(Shape.TABLE, "tranches"),
    QuestionKind.PIECES: Kind(Shape.FILES, "pieces"),
}
