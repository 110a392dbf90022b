"""What the financing plan of an operation becomes when its agreement ends with less than it granted. Pure, no database.

The eligible cost is what is certified and what can still be declared. The EU and the Region bear together what is paid, or
may still be, and justified by expenditure, within that cost, never less than what is certified on the EU; the EU bears no
larger share of the cost than before, nor more of a year than what is due on it (``reporting.rules.shares``), and each other
source follows the cost (``eu_cofinancing_model.md``, invariants 2, 8 and 9: the sources add up to the eligible cost, and no plan
goes under what is certified). Where all is certified, the plan is what the certificates say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, share_floor, sum_money
from reporting.rules.shares import Year, public_targets

GRANTED_BY = ("eu", "region")
_REMAINDER = ("own", "unknown")
_GAP = "unexplained"


@dataclass(frozen=True)
class Line:
    """A source of the plan: its kind and name, the euros that it plans and those that certificates lay on it."""

    kind: str
    name: str
    planned: Decimal
    borne: Decimal = ZERO


@dataclass(frozen=True)
class EndedPlan:
    """A plan in euros: the eligible cost, and (kind, name, amount) of each source, which add up to it.

    ``fraction`` is what remains of the cost, as (cost, cost before); ``spent`` what was spent in all, once nothing more can be
    declared.
    """

    eligible: Decimal
    lines: list[tuple[str, str, Decimal]]
    fraction: tuple[Decimal, Decimal] = (Decimal(1), Decimal(1))
    spent: Decimal | None = None

    def total(self, before: Decimal) -> Decimal:
        """Return the total cost that was ``before``: what was spent; while more may be, it goes down like the eligible cost. It
        never is under it."""
        spent = share_ceil(before, *self.fraction) if self.spent is None else self.spent
        return max(spent, self.eligible)


def share_ceil(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return ``amount × part / whole`` rounded up to the cent: so that no rate rises by the rounding of its base."""
    return -share_floor(-amount, part, whole)


@dataclass(frozen=True)
class End:
    """What an agreement that has ended comes to, in euros: ``kept`` is paid, or may still be, and justified by expenditure;
    ``paid`` the same, justified or not; ``declared`` was declared to the fund and not rejected, or stands in the lines of
    claims that go on. While these ``may_declare`` more, the cost is up to ``at_most``, the eligible cost of the agreement.
    ``spent`` is what its claims say was spent, eligible or not; ``years`` are what is declared of each year that is paid at a
    rate of its own, and what is due on it (none where one rate pays all)."""

    kept: Decimal
    paid: Decimal
    declared: Decimal
    may_declare: bool
    at_most: Decimal
    spent: Decimal | None = None
    years: tuple[Year, ...] = ()

    @property
    def declarable(self) -> Decimal:
        """The most that the eligible cost may be."""
        return max(self.declared, self.at_most) if self.may_declare else self.declared


def plan_at_the_end(lines: Sequence[Line], eligible: Decimal, end: End) -> EndedPlan:
    """Return the plan of an operation of which ``eligible`` was the cost, now that its agreement has ended."""
    granted = sum_money(line.planned for line in lines if line.kind in GRANTED_BY)
    others = [line for line in lines if line.kind not in (*GRANTED_BY, *_REMAINDER, _GAP)]
    certified = sum_money(line.borne for line in lines)
    cost = max(_cost(eligible, granted, end), certified)
    fraction = (min(cost, eligible), eligible) if eligible else (ZERO, Decimal(1))
    borne_by_others = sum_money(line.borne for line in others)
    kept = min(end.kept, cost - borne_by_others)
    of_eu, of_region = _shared(lines, kept, _of_eu(lines, eligible, kept, granted, fraction, end))
    planned = [(line.kind, line.name, of_eu) for line in lines if line.kind == "eu"]
    planned += [("region", "", of_region)] if of_region else []
    left = cost - of_eu - of_region - borne_by_others
    for line in others:
        more = min(max(share_ceil(line.planned, *fraction) - line.borne, ZERO), left) if cost > certified else ZERO
        left -= more
        planned.append((line.kind, line.name, line.borne + more))
    remainder = next((line for line in lines if line.kind in _REMAINDER), Line("own", "", ZERO))
    planned.append((remainder.kind, remainder.name, left))
    spent = None if end.may_declare else end.spent
    return EndedPlan(cost, [line for line in planned if line[2] or line[0] == "eu"], fraction, spent)


def _cost(eligible: Decimal, granted: Decimal, end: End) -> Decimal:
    """Return what is declared, or can still be: what the payments stand for, while claims that go on may add to it."""
    if not end.may_declare:
        return min(end.declared, max(eligible, end.at_most))
    stands_for = share_ceil(eligible, min(end.kept, granted), granted) if granted else ZERO
    return min(max(end.declared, min(stands_for, end.at_most)), max(eligible, end.at_most))


def _of_eu(
    lines: Sequence[Line], eligible: Decimal, kept: Decimal, granted: Decimal, fraction: tuple[Decimal, Decimal], end: End
) -> Decimal:  # fmt: skip
    """Return what the EU bears of the cost: its rate of the total, within what is due on each year and, where less is kept
    than is due, its part of what is kept."""
    planned = sum_money(line.planned for line in lines if line.kind == "eu")
    if not granted:
        return ZERO
    if end.years and not end.may_declare:
        of_eu, of_region = public_targets(end.years, planned, eligible)
        due = of_eu + of_region
        return share_floor(of_eu, min(kept, due), due) if due else ZERO
    return min(share_floor(planned, min(kept, granted), granted), share_floor(planned, *fraction))


def _shared(lines: Sequence[Line], kept: Decimal, of_eu: Decimal) -> tuple[Decimal, Decimal]:
    """Return what the EU and the Region bear: ``kept`` in all. What is certified on the EU stays; on the Region too, as far
    as it is paid: what was certified and then given up is borne by nobody but the beneficiary."""
    borne = {kind: sum_money(line.borne for line in lines if line.kind == kind) for kind in GRANTED_BY}
    of_eu = max(min(of_eu, kept - borne["region"]), borne["eu"])
    return of_eu, max(kept - of_eu, ZERO)


def certified_above(kind: str, planned: Decimal, certified: Decimal) -> Decimal:
    """Return the euros certified on the Region above what the plan lays on it: they were given up, or are to be asked back. What
    is certified stays as it was certified, and the plan says what is paid. It never goes under what is certified on others."""
    return max(certified - planned, ZERO) if kind == "region" else ZERO
