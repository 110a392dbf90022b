"""The steps of an aid's computation, as a programme's file writes them: one dataclass a rule, with what it needs.

What each step does stands in ``grants.rules.aid``; a test holds that every step has its function there. Amounts are in
euros; a rate of 80 % is ``Decimal("0.80")``.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar


@dataclass(frozen=True)
class Step:
    """What all steps have: ``rule`` is the word of the file, ``source`` the code of where the rule comes from.

    ``in_axis`` and ``overall`` say where the step may stand: in the steps of one axis, or in those of the whole.
    """

    rule: ClassVar[str]
    in_axis: ClassVar[bool] = True
    overall: ClassVar[bool] = True

    source: str


@dataclass(frozen=True)
class Rate(Step):
    """A share of the base."""

    rule: ClassVar[str] = "rate"
    overall: ClassVar[bool] = False  # the whole has no base of its own

    rate: Decimal


@dataclass(frozen=True)
class Ceiling(Step):
    """At most ``amount``, by ``per`` (``year``: times the years of the project)."""

    rule: ClassVar[str] = "ceiling"

    amount: Decimal
    per: str = ""


@dataclass(frozen=True)
class Floor(Step):
    """At least ``amount``; ``below`` says what becomes of less, else the ``floor_policy`` of the aid does."""

    rule: ClassVar[str] = "floor"

    amount: Decimal
    per: str = ""
    below: str = ""


@dataclass(frozen=True)
class RateCap(Step):
    """At most a share of the cost of the part (a person, a year, the expenses of an axis)."""

    rule: ClassVar[str] = "rate_cap"
    overall: ClassVar[bool] = False  # the whole has no cost of its own

    rate: Decimal


@dataclass(frozen=True)
class PublicAidCap(Step):
    """All public aid together is at most a share of the cost of the project."""

    rule: ClassVar[str] = "public_aid_cap"
    in_axis: ClassVar[bool] = False  # counted on the whole budget

    rate: Decimal


@dataclass(frozen=True)
class WithinRequest(Step):
    """Never more than what was asked."""

    rule: ClassVar[str] = "within_request"
    in_axis: ClassVar[bool] = False


STEP_TYPES: dict[str, type[Step]] = {
    step.rule: step for step in (Rate, Ceiling, Floor, RateCap, PublicAidCap, WithinRequest)
}
