"""How answers are compared in the conditions of a programme: like with like, each by its own type.

An answer that cannot be read as its type is ``UNKNOWN``: a comparison with it is neither true nor false.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Unread(Enum):
    """What stands for an answer that is there and cannot be read."""

    UNKNOWN = "unknown"


UNKNOWN = Unread.UNKNOWN
_AMOUNT = re.compile(r"^-?[0-9]+(\.[0-9]{1,2})?$")
_WHOLE = re.compile(r"^-?[0-9]+$")


@dataclass(frozen=True)
class Comparison:
    """What a condition may ask of one type of answer.

    ``read`` takes an answer as it is kept, or a value of a programme's file, and gives a value that compares, or
    ``UNKNOWN``. ``expects`` says in a sentence what to write in the file.
    """

    operators: tuple[str, ...]
    read: Callable[[Any], Any]
    expects: str | Promise


def _read_amount(value: Any) -> Any:
    if isinstance(value, bool | float) or not _AMOUNT.match(str(value)):
        return UNKNOWN
    return Decimal(str(value))


def _read_whole(value: Any) -> Any:
    if isinstance(value, bool | float) or not _WHOLE.match(str(value)):
        return UNKNOWN
    return int(str(value))


def _read_day(value: Any) -> Any:
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2026-12-31") else UNKNOWN
    except ValueError:
        return UNKNOWN


def _read_yes_no(value: Any) -> Any:
    return value if isinstance(value, bool) else UNKNOWN


def _read_text(value: Any) -> Any:
    return value if isinstance(value, str) else UNKNOWN


def _read_choices(value: Any) -> Any:
    """The values ticked of an answer; the one value of a file."""
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list | tuple) else UNKNOWN


TEXT = Comparison(("equals", "in", "answered"), _read_text, _("a text, between quotes"))
CHOICE = Comparison(("equals", "in", "answered"), _read_text, _("one of the values of its choices"))
CHOICES = Comparison(("contains", "answered"), _read_choices, _("one of the values of its choices"))
WHOLE_NUMBER = Comparison(("equals", "in", "at_least", "answered"), _read_whole, _("a whole number"))
NUMBER = Comparison(
    ("equals", "in", "at_least", "answered"), _read_amount, _("a number, with a point before its decimals: 1.5")
)
AMOUNT = Comparison(
    ("equals", "in", "at_least", "answered"), _read_amount, _("an amount, with a point before the cents: 1500.00")
)
DAY = Comparison(
    ("equals", "in", "at_least", "answered"), _read_day, _("a day of the calendar as year-month-day, like 2026-12-31")
)
YES_NO = Comparison(("equals", "answered"), _read_yes_no, _("true or false, without quotes"))
PERIOD = Comparison(("answered",), lambda value: value, _("true or false, without quotes"))


def compare(condition: dict, answer: Any, comparison: Comparison) -> bool | None:
    """Whether an answer that is there fulfils a condition; None when one of the two cannot be read, or not compared so.

    Raises:
        StopIteration: the condition compares with nothing that is known.
    """
    operator = next(word for word in OPERATORS if word in condition)
    if operator not in comparison.operators:  # a version loaded before such conditions were refused
        return None
    if operator == "answered":
        return condition["answered"]
    value = comparison.read(answer)
    wanted = [comparison.read(item) for item in (condition["in"] if operator == "in" else [condition[operator]])]
    if value is UNKNOWN or UNKNOWN in wanted:
        return None
    return COMPARED[operator](value, wanted)


OPERATORS = ("equals", "in", "contains", "at_least", "answered")
COMPARED: dict[str, Callable[[Any, list], bool]] = {
    "equals": lambda value, wanted: value == wanted[0],
    "in": lambda value, wanted: value in wanted,
    "at_least": lambda value, wanted: value >= wanted[0],
    "contains": lambda value, wanted: wanted[0][0] in value,
}
