"""The plan of a grant: what is granted and what it costs, part by part. Pure functions, Decimal only.

A part belongs to an axis of the programme, to a year where the programme has yearly tranches, and to a person where
it helps persons. The computation of the aid makes the plan (``grants.rules.aid``); the proposal and the decision keep
it or reduce it, here and nowhere else, and say how; the act, its tranches, its payments and what is due on a claim
read it. Nothing is shared out again on the way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext as _

from core.money import ZERO, format_euros, spread, sum_money
from core.text import listed


class Way(StrEnum):
    """How the amounts of a plan came about."""

    COMPUTED = "computed"  # as the rules of the programme give them
    PRO_RATA = "pro_rata"  # every part reduced in the same proportion
    TYPED = "typed"  # the amount of each year or of each person was given


@dataclass(frozen=True)
class Part:
    """One part of a grant, in euros. ``cost`` is the eligible base that stands behind ``amount``."""

    amount: Decimal
    cost: Decimal
    axis: str = ""
    year: int | None = None
    person: str = ""
    name: str = ""

    @property
    def key(self) -> tuple[str, int | None, str]:
        """What makes it this part and no other."""
        return self.axis, self.year, self.person

    @property
    def group(self) -> str:
        """The year or the person to whom an amount may be given; empty where there is neither."""
        return f"year-{self.year}" if self.year is not None else f"person-{self.person}" if self.person else ""

    @property
    def label(self) -> str:
        """The year or the person, in words."""
        return _("Year %(rank)s") % {"rank": self.year} if self.year is not None else self.name


@dataclass(frozen=True)
class Group:
    """The parts of one year or of one person, taken together; ``funded_cost`` is the cost of those that get something."""

    code: str
    label: str
    amount: Decimal
    cost: Decimal
    funded_cost: Decimal
    year: int | None = None
    person: str = ""

    @property
    def rate(self) -> Decimal | None:
        """The part of its cost that is granted, in percent with four decimals; None where nothing is spent."""
        return rate_of(self.amount, self.cost)


class PlanRefused(Exception):
    """What a plan does not take; ``str()`` is a sentence a person can act on, ``group`` the amount at fault."""

    def __init__(self, text: str, group: str = ""):
        super().__init__(str(text))
        self.group = group


@dataclass(frozen=True)
class GrantPlan:
    """The parts of a grant, in the order of the years and of the persons."""

    parts: tuple[Part, ...] = ()
    way: Way = Way.COMPUTED

    @property
    def amount(self) -> Decimal:
        """Euros granted in all."""
        return sum_money(part.amount for part in self.parts)

    @property
    def cost(self) -> Decimal:
        """The eligible base in all, in euros."""
        return sum_money(part.cost for part in self.parts)

    @property
    def funded_cost(self) -> Decimal:
        """The eligible base of what is granted, in euros: without the years, persons and axes that get nothing."""
        return funded(self.parts)

    def years(self) -> tuple[Group, ...]:
        """What each year gets and costs; empty for a grant without yearly tranches."""
        return tuple(_grouped((part for part in self.parts if part.year is not None), lambda part: part.year))

    def persons(self) -> tuple[Group, ...]:
        """What each person gets, for their own contribution; empty for a grant that names no person."""
        return tuple(_grouped((part for part in self.parts if part.person), lambda part: part.person))

    def groups(self) -> tuple[Group, ...]:
        """The years, else the persons: what a reduction may name one by one."""
        return self.years() or self.persons()

    def as_json(self) -> dict[str, Any]:
        """Plain data to be kept; amounts as texts with two digits. ``from_json`` reads it back."""
        return {
            "way": str(self.way),
            "parts": [
                {
                    "axis": part.axis,
                    "year": part.year,
                    "person": part.person,
                    "name": part.name,
                    "amount": f"{part.amount:.2f}",
                    "cost": f"{part.cost:.2f}",
                }
                for part in self.parts
            ],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "GrantPlan":
        """The plan that was kept; an empty one where there is none."""
        if not data:
            return cls()
        parts = (part | {"amount": Decimal(part["amount"]), "cost": Decimal(part["cost"])} for part in data["parts"])
        return cls(tuple(Part(**part) for part in parts), Way(data["way"]))


def _grouped(parts: Iterable[Part], key) -> Iterable[Group]:
    groups: dict[Any, list[Part]] = {}
    for part in parts:
        groups.setdefault(key(part), []).append(part)
    for own in groups.values():
        first = own[0]
        yield Group(
            code=first.group,
            label=first.label,
            amount=sum_money(part.amount for part in own),
            cost=sum_money(part.cost for part in own),
            funded_cost=funded(own),
            year=first.year,
            person=first.person,
        )


def funded(parts: Iterable[Part]) -> Decimal:
    """The cost, in euros, of the parts that are granted something."""
    return sum_money(part.cost for part in parts if part.amount > 0)


def rate_of(amount: Decimal, cost: Decimal) -> Decimal | None:
    """``amount`` in percent of ``cost``, with four decimals; None where there is no cost, or less than the amount."""
    if not cost or amount > cost:
        return None
    return (amount * 100 / cost).quantize(Decimal("0.0001"))


# --- granting less than what was computed -----------------------------------------------------------------------------


def above_computed(amount: Decimal, highest: Decimal) -> str:
    """The sentence that refuses ``amount`` when it is above what the rules give; empty when it is not."""
    if amount <= highest:
        return ""
    return _("The rules of the programme allow at most the computed aid: %(amount)s.") % {
        "amount": format_euros(highest)
    }


def reduced(plan: GrantPlan, amount: Decimal) -> GrantPlan:
    """The same plan for ``amount`` euros: every part in proportion, none above what it was; the costs stay.

    Raises:
        PlanRefused: ``amount`` is above the plan's.
    """
    if refusal := above_computed(amount, plan.amount):
        raise PlanRefused(refusal)
    if amount == plan.amount:
        return plan
    amounts = spread(amount, [part.amount for part in plan.parts])
    return GrantPlan(_with_amounts(plan.parts, amounts), Way.PRO_RATA)


def typed(plan: GrantPlan, amounts: Mapping[str, Decimal]) -> GrantPlan:
    """The plan with the amounts given by year or by person (``Group.code`` → euros); those not named stay.

    Raises:
        PlanRefused: a group that does not exist, or more than what was computed for it.
    """
    groups = {group.code: group for group in plan.groups()}
    for code, amount in amounts.items():
        if code not in groups:
            raise PlanRefused(_("The plan has no such year or person."), code)
        if amount > groups[code].amount:
            raise PlanRefused(
                _("%(part)s: at most the computed aid, %(amount)s.")
                % {"part": groups[code].label, "amount": format_euros(groups[code].amount)},
                code,
            )
    if all(amount == groups[code].amount for code, amount in amounts.items()):
        return plan
    parts: dict[tuple, Part] = {part.key: part for part in plan.parts}
    for code, amount in amounts.items():
        own = [part for part in plan.parts if part.group == code]
        for part in _with_amounts(own, spread(amount, [part.amount for part in own])):
            parts[part.key] = part
    return GrantPlan(tuple(parts.values()), Way.TYPED)


def planned(plan: GrantPlan, amount: Decimal, amounts: Mapping[str, Decimal] | None = None) -> GrantPlan:
    """The plan of a proposal of ``amount`` euros: as computed, as given by year or person, or in proportion.

    What each person gets is never guessed: a smaller amount for a group of persons is given person by person.

    Raises:
        PlanRefused: too much, parts that do not add up, or persons without their amounts.
    """
    if refusal := above_computed(amount, plan.amount):
        raise PlanRefused(refusal)
    if amounts:
        found = typed(plan, amounts)
        if found.amount != amount:
            raise PlanRefused(
                _("The parts add up to %(parts)s, the amount is %(amount)s: make them equal.")
                % {"parts": format_euros(found.amount), "amount": format_euros(amount)}
            )
        return found
    if amount != plan.amount and plan.persons():
        raise PlanRefused(
            _("The aid is the sum of the persons’ amounts, %(amount)s: give the amount of each person.")
            % {"amount": format_euros(plan.amount)}
        )
    return reduced(plan, amount)


def given_amounts(plan: GrantPlan) -> dict[str, Decimal]:
    """What was decided by year or by person, where it was typed (``Group.code`` → euros); empty otherwise."""
    return {group.code: group.amount for group in plan.groups()} if plan.way == Way.TYPED else {}


def decided(
    computed: GrantPlan,
    proposed: GrantPlan,
    amount: Decimal,
    amounts: Mapping[str, Decimal] | None = None,
    standing: GrantPlan | None = None,
) -> GrantPlan:
    """The plan of a decision of ``amount`` euros: as given by year or person, what was proposed, or that in proportion.

    A decision above the proposal goes back to the computation, in proportion. An assembly that votes one amount for a
    group of persons has not said what each of them gets: this is refused, unless ``amounts`` says it. Years or persons
    that it named one by one are never shared out again: the same amount keeps them, another one is asked for each; nor
    is more than a proposal whose years were named.

    Args:
        standing: what the same committee decided before on the case, if it did.

    Raises:
        PlanRefused: above the computed aid, or another amount than the one that was named year by year or person by
            person.
    """
    if refusal := above_computed(amount, computed.amount):
        raise PlanRefused(refusal)
    if amounts:
        return planned(computed, amount, amounts)
    if standing is not None and (named := given_amounts(standing)):
        if amount != standing.amount:
            raise PlanRefused(_asked_again(standing))
        return planned(computed, amount, named)
    if standing is not None and amount == standing.amount and standing.parts == computed.parts:
        return computed  # named one by one, and each is what the rules give
    if amount == proposed.amount:
        return proposed
    if amount != computed.amount and computed.persons():
        shown = format_euros(proposed.amount or computed.amount)
        raise PlanRefused(
            _(
                "The aid is the sum of the persons’ amounts, %(amount)s: grant it, decide person by person, or reject or"
                " defer the case."
            )
            % {"amount": shown}
        )
    if amount > proposed.amount and given_amounts(proposed) and len(proposed.groups()) > 1:
        raise PlanRefused(_asked_again(proposed))  # in proportion, it would give back what was cut on purpose
    return reduced(proposed if amount < proposed.amount else computed, amount)


def _asked_again(plan: GrantPlan) -> str:
    """Why one amount does not replace a plan whose years or persons were named, and where each of them is decided."""
    parts = listed(f"{group.label} {format_euros(group.amount)}" for group in plan.groups())
    return _(
        "The amounts were given one by one (%(parts)s): grant %(amount)s, or decide another amount “by year or person”."
    ) % {"parts": parts, "amount": format_euros(plan.amount)}


def _with_amounts(parts: Iterable[Part], amounts: Iterable[Decimal]) -> tuple[Part, ...]:
    return tuple(replace(part, amount=amount) for part, amount in zip(parts, amounts, strict=True))


# --- giving every part its year and its person ------------------------------------------------------------------------


def over_years(parts: tuple[Part, ...], count: int) -> tuple[Part, ...]:
    """Give each part a year: those without one are shared like the costs of the years, or equally over ``count``."""
    costs: dict[int, Decimal] = {}
    for part in parts:
        if part.year is not None:
            costs[part.year] = costs.get(part.year, ZERO) + part.cost
    years = sorted(costs) if sum(costs.values(), ZERO) else list(range(1, count + 1))
    weights = [costs.get(year) or Decimal(0) for year in years] if costs else [Decimal(1)] * len(years)
    found = []
    for part in parts:
        if part.year is not None:
            found.append(part)
            continue
        shares = zip(years, spread(part.amount, weights), spread(part.cost, weights), strict=True)
        found += [replace(part, year=year, amount=amount, cost=cost) for year, amount, cost in shares]
    return tuple(sorted(found, key=lambda part: part.year))


def over_persons(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Give each part a person, where some have one: those without are shared like the amounts of the persons."""
    persons = [part for part in parts if part.person]
    weights = [part.amount for part in persons]
    if not persons or not sum(weights, ZERO):
        return parts
    found = []
    for part in parts:
        if part.person:
            found.append(part)
            continue
        shares = zip(persons, spread(part.amount, weights), spread(part.cost, weights), strict=True)
        found += [
            replace(part, person=own.person, name=own.name, amount=amount, cost=cost) for own, amount, cost in shares
        ]
    return tuple(found)
