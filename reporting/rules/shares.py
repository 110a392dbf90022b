"""How a certified amount is shared between the sources of a financing plan: the cumulative floor. Pure, no database.

Sharing each certificate apart and rounding down would lose up to a cent per source and certificate for ever. Here a
source gets, of everything certified so far, its planned fraction rounded down, less what it already bears: over the
whole operation no source is ever more than one cent below its exact share, and the remainder is the beneficiary's.
(``eu_cofinancing_model.md``, invariant 8.)
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, share_floor


@dataclass(frozen=True)
class Source:
    """One source: what it plans to bring, what it bears under the present plan, and what it bears in all."""

    key: Hashable
    planned: Decimal
    borne_in_plan: Decimal = ZERO
    borne: Decimal = ZERO


def allocate(
    total: Decimal, certified_before: Decimal, eligible: Decimal, sources: Sequence[Source]
) -> tuple[dict[Hashable, Decimal], Decimal]:
    """Share ``total`` (euros, negative for a correction) and return the parts by source and the remainder.

    ``certified_before`` is what was certified under the present plan; a change of plan starts again at zero. No source
    goes beyond what it planned. ``sources`` leaves out the one that bears the remainder.
    """
    cumulated = certified_before + total
    parts: dict[Hashable, Decimal] = {}
    for source in sources:
        target = share_floor(cumulated, source.planned, eligible) if eligible else ZERO
        parts[source.key] = min(target - source.borne_in_plan, source.planned - source.borne)
    return parts, total - sum(parts.values(), ZERO)


def plan(
    eligible: Decimal,
    granted: Decimal,
    eu_rate: Decimal,
    total_cost: Decimal,
    others: Sequence[tuple[str, Decimal]] = (),
) -> list[tuple[str, Decimal]]:
    """Return the financing of an agreement as (kind, euros), adding up to ``eligible``. ``eu_rate`` is in percent.

    The EU bears its rate of the eligible cost, within what is granted; the Region the rest of the grant. ``others``
    finance the total cost: they bear the same part of the eligible cost, in their order, within what is left. The
    beneficiary bears the remainder.
    """
    granted = min(granted, eligible)
    eu = min(share_floor(eligible, eu_rate), granted)
    lines = [("eu", eu), ("region", granted - eu)]
    left = eligible - granted
    for kind, amount in others:
        part = min(share_floor(amount, eligible, total_cost), left) if total_cost else ZERO
        lines.append((kind, part))
        left -= part
    lines.append(("own", left))
    return [(kind, amount) for kind, amount in lines if amount or kind == "eu"]
