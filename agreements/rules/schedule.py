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


@dataclass(frozen=True)
class PlannedTranche:
    """One year of a multi-year grant."""

    rank: int
    amount: Decimal
    starts_on: date
    ends_on: date


def split(amount: Decimal, shares: Sequence[Decimal]) -> list[Decimal]:
    """Return ``amount`` cut by ``shares`` (fractions that add up to one); the last part takes the odd cents.

    Raises ValueError when the shares do not add up to one.
    """
    if sum(shares) != 1:
        raise ValueError(f"The instalments of a programme add up to one, not to {sum(shares)}.")
    parts = [share_floor(amount, share, 1) for share in shares[:-1]]
    return [*parts, amount - sum_money(parts)]


def split_by(amount: Decimal, keys: Sequence[Decimal]) -> list[Decimal]:
    """Return ``amount`` shared in proportion to ``keys`` (euros); the last part takes the odd cents."""
    total = sum_money(keys)
    parts = [share_floor(amount, key, total) for key in keys[:-1]]
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


def plan_tranches(granted: Decimal, count: int, start: date, wished: Sequence[Decimal] = ()) -> list[PlannedTranche]:
    """Return ``count`` yearly tranches from ``start``.

    ``wished`` are the amounts asked for by year: kept when they add up to what is granted, else taken as a key to
    share it; without them the years are equal. The last tranche takes the odd cents.
    """
    total = sum_money(wished)
    if len(wished) == count and total > ZERO:
        amounts = split_by(granted, wished)
    else:
        amounts = split_by(granted, [Decimal(1)] * count)
    return [
        PlannedTranche(rank, amount, add_years(start, rank - 1), add_years(start, rank) - timedelta(days=1))
        for rank, amount in enumerate(amounts, 1)
    ]
