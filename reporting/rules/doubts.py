"""What is doubtful about an operation, and what an answer may correct. Pure, no database."""

from collections.abc import Mapping
from datetime import date
from decimal import ROUND_UP, Decimal

# Dates that a source writes where it knows none.
PLACEHOLDER_DATES = frozenset({date(2000, 1, 1), date(1900, 1, 1), date(1900, 1, 2)})

CORRECTS: dict[str, tuple[str, ...]] = {
    "eu_above_eligible": ("eu_amount", "eligible_cost"),
    "programming_date": ("programmed_on",),
    "fund_unknown": ("fund",),
    "no_eligible_cost": ("eligible_cost", "eu_amount"),
    "no_eu_amount": ("eu_amount",),
    "no_priority": ("specific_objective", "category_of_region", "eu_amount"),
    "rate_above_priority": ("eu_amount", "eligible_cost"),
    "fault_open": (),
    "above_payable": ("eu_amount", "eligible_cost"),
    "paid_not_borne": ("eu_amount", "eligible_cost"),
    "certified_not_paid": (),
    "nothing_to_declare": ("eu_amount",),
}


def rate_above(eu_amount: Decimal, base: Decimal, limit: Decimal) -> Decimal | None:
    """Return the EU's share of ``base`` in percent when it is above ``limit`` (percent), else None.

    An operation may be above its priority's rate, the priority as a whole may not: a person says that it is meant
    (``eu_cofinancing_model.md``, invariant 2).
    """
    if not base or eu_amount * 100 <= base * limit:
        return None
    return (eu_amount * 100 / base).quantize(Decimal("0.01"), ROUND_UP)


def is_still_doubtful(
    kind: str,
    detail: Mapping[str, str],
    *,
    has_fund: bool,
    has_priority: bool,
    eligible: Decimal,
    eu_amount: Decimal,
    programmed_on: date | None,
) -> bool:
    """Return whether a doubt of ``kind``, raised by ``detail``, is still true of an operation with these facts.

    A date is doubted as it was written: another date is another doubt. The rate of a priority, a fault and what can still
    be paid are looked at elsewhere.
    """
    written = detail.get("programmed_on", "")
    return {
        "eu_above_eligible": eu_amount > eligible,
        "no_eligible_cost": not eligible,
        "no_eu_amount": not eu_amount,
        "no_priority": not has_priority,
        "fund_unknown": not has_fund,
        "programming_date": programmed_on is not None and (not written or programmed_on.isoformat() == written),
    }[kind]


def doubts(
    *,
    fund_known: bool,
    eligible: Decimal,
    eu_amount: Decimal,
    programmed_on: date | None,
    period_start: date,
    listed_on: date | None = None,
) -> dict[str, Mapping[str, str]]:
    """Return the doubts about an operation by kind, with the figures that raise them.

    ``period_start`` is the first day of the programming period: nothing can be programmed before it. ``listed_on`` is
    the day of the list, where it is known.
    """
    found: dict[str, Mapping[str, str]] = {}
    if not fund_known:
        found["fund_unknown"] = {}
    if eu_amount > eligible:
        found["eu_above_eligible"] = {"eu_amount": str(eu_amount), "eligible_cost": str(eligible)}
    elif not eligible:
        found["no_eligible_cost"] = {}
    elif not eu_amount:
        found["no_eu_amount"] = {"eligible_cost": str(eligible)}
    if programmed_on is not None and (
        programmed_on in PLACEHOLDER_DATES
        or programmed_on < period_start
        or (listed_on is not None and programmed_on > listed_on)
    ):
        found["programming_date"] = {"programmed_on": programmed_on.isoformat()}
    return found
