"""What an agreement that ends still pays and what it gives up: pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.money import sum_money

PAY, REFUSE = "pay", "refuse"


@dataclass(frozen=True)
class UnderWay:
    """A claim under way: the euros that it may still cost in all, and those of them that are paid already."""

    key: int
    amount: Decimal
    paid: Decimal


@dataclass(frozen=True)
class Plan:
    """Euros: ``granted = paid + kept + freed``. ``going_on`` are the keys of the claims that are still paid."""

    granted: Decimal
    paid: Decimal
    kept: Decimal
    freed: Decimal
    going_on: frozenset[int]


@dataclass(frozen=True)
class Standing:
    """Where an ended agreement stands today, in euros: paid, still kept for claims that go on, given up.

    ``overpaid`` is the part of ``paid`` that is above what is due, and is to be asked back.
    """

    paid: Decimal
    kept: Decimal
    freed: Decimal
    overpaid: Decimal


def plan(granted: Decimal, paid: Decimal, claims: Iterable[UnderWay], outcomes: dict[int, str]) -> Plan:
    """Return what each decision keeps and frees.

    Raises:
        KeyError: nothing was decided of a claim.
    """
    going_on = [claim for claim in claims if outcomes[claim.key] == PAY]
    kept = sum_money(claim.amount - claim.paid for claim in going_on)
    return Plan(granted, paid, kept, granted - paid - kept, frozenset(claim.key for claim in going_on))
