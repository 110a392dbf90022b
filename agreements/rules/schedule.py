"""Instalments and tranches of a grant, from the shares that the programme sets."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from core.dates import add_years
from core.money import ZERO, share_floor, sum_money


@dataclass(frozen=True)
class PlannedInstalment:
    """One payment: ``part`` indexes the programme's instalments, ``tranche`` the tranches from 1 (0: none)."""

    tranche: int
    part: int
    amount: Decimal


def split(amount: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """Return ``amount`` cut by ``shares`` (fractions that add up to one); the last part takes the odd cents.

    Raises ValueError when the shares do not add up to one.
    """
    if sum(shares) != 1:
        raise ValueError(f"The instalments of a programme add up to one, not to {sum(shares)}.")
    parts = [share_floor(amount, share, 1) for share in shares[:-1]]
    return [*parts, amount - sum_money(parts)]


def plan_instalments(
    granted: Decimal, shares: Sequence[Decimal], tranches: Sequence[Decimal] = ()
) -> list[PlannedInstalment]:
    """Return the payments of a grant in their order; those of nothing (a share of zero cent) are left out."""
    plans = []
    for rank, amount in enumerate(tranches, 1) if tranches else [(0, granted)]:
        for part, euros in enumerate(split(amount, shares)):
            if euros > ZERO:
                plans.append(PlannedInstalment(rank, part, euros))
    return plans


def year_period(start: date, rank: int) -> tuple[date, date]:
    """Return the first and the last day of the year ``rank`` (from 1) of a grant that begins on ``start``."""
    return add_years(start, rank - 1), add_years(start, rank) - timedelta(days=1)
