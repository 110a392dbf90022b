"""What the financing plan of an operation becomes when its agreement ends with less than it granted. Pure, no database.

The EU and the Region bear together what is paid and still kept, never less than what is certified on the EU; each other
source, and the eligible cost, keep their fraction, so that the rates stay what they were (``eu_cofinancing_model.md``,
invariants 2, 8 and 9: the sources add up to the eligible cost, and no plan goes under what is certified).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, share_floor, sum_money

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

    ``fraction`` is what remains of the grant, as (kept, granted): the total cost keeps it too.
    """

    eligible: Decimal
    lines: list[tuple[str, str, Decimal]]
    fraction: tuple[Decimal, Decimal] = (Decimal(1), Decimal(1))

    def total(self, before: Decimal) -> Decimal:
        """Return the total cost that was ``before``: it goes down like the eligible cost, and never under it."""
        return max(share_ceil(before, *self.fraction), self.eligible)


def share_ceil(amount: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """Return ``amount × part / whole`` rounded up to the cent: so that no rate rises by the rounding of its base."""
    return -share_floor(-amount, part, whole)


def plan_at_the_end(
    lines: Sequence[Line], eligible: Decimal, kept: Decimal, *, declared: Decimal, at_most: Decimal
) -> EndedPlan:
    """Return the plan in which the EU and the Region bear ``kept`` (euros that remain a grant).

    ``declared`` is what was declared to the fund and not rejected: the eligible cost covers it, up to ``at_most``, the
    eligible cost of the agreement. A plan that bears no more than ``kept`` only grows to what is declared.
    """
    granted = sum_money(line.planned for line in lines if line.kind in GRANTED_BY)
    fraction = (min(kept, granted), granted) if granted else (ZERO, Decimal(1))
    of_eu, of_region = _shared(lines, fraction)
    others = [line for line in lines if line.kind not in (*GRANTED_BY, *_REMAINDER, _GAP)]
    certified = sum_money(line.borne for line in lines)
    cost = max(share_ceil(eligible, *fraction), min(declared, max(eligible, at_most)), certified)
    cost = max(cost, of_eu + of_region + sum_money(line.borne for line in others))
    planned = [(line.kind, line.name, of_eu) for line in lines if line.kind == "eu"]
    planned += [("region", "", of_region)] if of_region else []
    left = cost - of_eu - of_region - sum_money(line.borne for line in others)
    for line in others:
        more = min(max(share_ceil(line.planned, *fraction) - line.borne, ZERO), left)
        left -= more
        planned.append((line.kind, line.name, line.borne + more))
    remainder = next((line for line in lines if line.kind in _REMAINDER), Line("own", "", ZERO))
    planned.append((remainder.kind, remainder.name, left))
    return EndedPlan(cost, [line for line in planned if line[2] or line[0] == "eu"], fraction)


def _shared(lines: Sequence[Line], fraction: tuple[Decimal, Decimal]) -> tuple[Decimal, Decimal]:
    """Return what the EU and the Region bear: ``kept`` in all. What is certified on the EU stays; on the Region too, as far
    as it is paid: what was certified and then given up is borne by nobody but the beneficiary."""
    kept, granted = fraction
    planned, borne = (
        {kind: sum_money(getattr(line, name) for line in lines if line.kind == kind) for kind in GRANTED_BY}
        for name in ("planned", "borne")
    )
    of_eu = share_floor(planned["eu"], kept, granted)
    of_eu = max(min(of_eu, kept - borne["region"]), borne["eu"])
    return of_eu, max(kept - of_eu, ZERO)
