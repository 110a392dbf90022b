"""How a certified amount is shared between the sources of a financing plan: the cumulative floor. Pure, no database.

Sharing each certificate apart and rounding down would lose up to a cent per source and certificate for ever. Here a
source gets, of everything certified so far, its planned fraction rounded down, less what it already bears: over the
whole operation no source is ever more than one cent below its exact share, and the remainder is the beneficiary's.
(``eu_cofinancing_model.md``, invariant 8.) Where the years of a grant are paid at rates of their own, public money bears of
each what is due on it, and the EU its rate of the total, within that (``docs/adr/0012-eu-shares-by-year.md``).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from core.money import ZERO, share_floor, sum_money


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


@dataclass(frozen=True)
class Year:
    """A part of a grant that is paid at a rate of its own: euros certified under the present plan, and what is due on
    them, exactly."""

    certified: Decimal
    due: Fraction

    def eu_part(self, rate: Fraction) -> Fraction:
        """Return what the EU bears of it, exactly: its rate of the total, and no more than what is due."""
        borne = rate * Fraction(self.certified)
        return min(borne, self.due) if borne >= 0 else max(borne, self.due)


def due_on(granted: Decimal, cost: Decimal, spent: Decimal) -> Fraction:
    """Return what a part grants for ``spent`` (euros), exactly: its rate, and nothing beyond its cost."""
    rate = Fraction(granted) / Fraction(cost) if cost else Fraction(1)
    return min(rate * Fraction(spent), Fraction(granted))


def public_targets(years: Sequence[Year], of_eu: Decimal, eligible: Decimal) -> tuple[Decimal, Decimal]:
    """Return what the EU and the Region bear of all that is certified under a plan, each rounded down; ``of_eu`` is what
    the EU plans to bear of ``eligible``."""
    rate = Fraction(of_eu) / Fraction(eligible) if eligible else Fraction(0)
    eu = sum((year.eu_part(rate) for year in years), Fraction(0))
    due = sum((year.due for year in years), Fraction(0))
    return _cents(eu), _cents(due - eu)


def _cents(exact: Fraction) -> Decimal:
    return Decimal(floor(exact * 100)) / 100


def allocate_by_year(
    total: Decimal, certified_before: Decimal, eligible: Decimal, public: Mapping[str, Source], others: Sequence[Source],
    years: Sequence[Year],
) -> tuple[dict[Hashable, Decimal], Decimal]:  # fmt: skip
    """Share ``total`` as :func:`allocate` does, where years have rates of their own; ``public`` are the sources ``eu`` and
    ``region``, as far as they are planned.

    The two bear together no more than both planned: what the EU cannot bear of a year is the Region's. Others bear their
    part of what these leave.
    """
    targets = dict(zip(("eu", "region"), public_targets(years, public["eu"].planned, eligible), strict=True))
    parts: dict[Hashable, Decimal] = {}
    room = sum_money(source.planned - source.borne for source in public.values())
    for kind, source in public.items():
        most = min(source.planned - source.borne, max(room, ZERO)) if kind == "eu" else room
        part = min(targets[kind] - source.borne_in_plan, most)
        parts[source.key] = part
        room -= part
    left = total - sum_money(parts.values())
    more, _rest = allocate(total, certified_before, eligible, others)
    for key, part in more.items():
        parts[key] = min(part, max(left, ZERO)) if total > 0 else part
        left -= parts[key]
    return parts, left


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
