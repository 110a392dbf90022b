"""What an agreement that ends still pays and what it gives up: pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, sum_money

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
class StillPaid:
    """Euros of a claim that its settlement keeps, as they stand today: those that are still paid, at most (``amount``); of these,
    those that no expenditure justifies and whose payment has left: to be asked back (``leaving``). ``dropped`` are kept and not
    paid: no expenditure justifies them."""

    amount: Decimal = ZERO
    leaving: Decimal = ZERO
    dropped: Decimal = ZERO

    @property
    def justified(self) -> Decimal:
        """Euros still paid that stay with the beneficiary."""
        return self.amount - self.leaving


@dataclass(frozen=True)
class Standing:
    """Where an ended agreement stands today, in euros: paid, still kept for claims that go on, given up.

    ``overpaid`` is the part of ``paid`` that is above what is due, as closed claims say; ``unjustified`` what no expenditure
    justifies of the rest: both are to be asked back. ``left`` is the most that may still be paid: less than ``kept`` once a
    claim is certified for less, whose rest is given up when it is paid; ``leaving`` is, of it, what no expenditure justifies and
    whose order had left: asked back once paid. ``dropped`` is kept, and not paid: no expenditure justifies it.
    ``unjustified_at_end`` is what was to be asked back when it ended; None where nobody wrote it then.
    """

    paid: Decimal
    kept: Decimal
    freed: Decimal
    overpaid: Decimal
    unjustified: Decimal
    left: Decimal
    leaving: Decimal
    dropped: Decimal
    unjustified_at_end: Decimal | None = None

    @property
    def asked_back(self) -> Decimal:
        """Euros to be asked back today, for the one reason and the other."""
        return self.overpaid + self.unjustified

    @property
    def asks_back_otherwise(self) -> bool:
        """Whether what is to be asked back is another amount than when it ended."""
        return self.unjustified_at_end is not None and self.unjustified_at_end != self.unjustified


def left_of(kept: Decimal, at_stake: Decimal, paid: Decimal, *, is_over: bool) -> Decimal:
    """Euros still to be paid, at most, on a claim for which a settlement keeps ``kept`` in all.

    ``at_stake`` is what is certified, else what is asked, of the claim as it stands now.
    """
    return ZERO if is_over else max(min(kept, at_stake) - paid, ZERO)


def plan(granted: Decimal, paid: Decimal, claims: Iterable[UnderWay], outcomes: dict[int, str]) -> Plan:
    """Return what each decision keeps and frees.

    Raises:
        KeyError: nothing was decided of a claim.
    """
    going_on = [claim for claim in claims if outcomes[claim.key] == PAY]
    kept = sum_money(claim.amount - claim.paid for claim in going_on)
    return Plan(granted, paid, kept, granted - paid - kept, frozenset(claim.key for claim in going_on))
