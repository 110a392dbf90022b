"""The aid: computed and explained by small composable steps. Pure functions, Decimal only.

An axis starts from a base (eligible spend, own contribution of each person, amount agreed for each year) and goes
through its steps; the sum of the axes goes through the overall steps. Every step leaves a line of reasoning that an
instructor, an applicant and a judge can read. Sources of the rules: the programme's YAML file.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, format_euros, format_number, share_floor, spread, sum_money
from grants.programmes.grant_plan import GrantPlan, over_persons, over_years
from grants.programmes.grant_plan import Part as PlanPart
from grants.programmes.steps import Ceiling, Floor, PublicAidCap, Rate, RateCap, Step, WithinRequest
from grants.rules.accounts import account_of
from grants.rules.budget import BudgetItem, eligible_amount, totals_of
from grants.rules.schema import Axis, ProgrammeRules


@dataclass(frozen=True)
class PersonFacts:
    """A person and the money they put in the capital of the company."""

    key: str
    name: str
    own_contribution: Decimal


@dataclass(frozen=True)
class TrancheFacts:
    """One year of a multi-year agreement: its cost and what is asked for it."""

    rank: int
    cost: Decimal
    requested: Decimal


@dataclass(frozen=True)
class AidFacts:
    """What the computation looks at. ``years`` multiplies yearly ceilings; ``requested`` None: no amount typed."""

    budget: tuple[BudgetItem, ...] = ()
    persons: tuple[PersonFacts, ...] = ()
    tranches: tuple[TrancheFacts, ...] = ()
    years: int = 1
    requested: Decimal | None = None


@dataclass(frozen=True)
class ReasonLine:
    """One line of reasoning and the amount reached. ``kind`` is base, step, refusal, note, share or total."""

    text: str
    amount: Decimal
    kind: str = "step"


@dataclass(frozen=True)
class PersonAid:
    """The aid of one person; ``refused`` when a floor or another rule leaves nothing."""

    key: str
    name: str
    own_contribution: Decimal
    amount: Decimal
    lines: tuple[ReasonLine, ...]

    @property
    def refused(self) -> bool:
        return self.amount == 0


@dataclass(frozen=True)
class TrancheAid:
    """The aid of one year."""

    rank: int
    cost: Decimal
    amount: Decimal


@dataclass(frozen=True)
class AidResult:
    """The amount, the base it was computed on, why, and the plan: the same amount and base by year, person and axis."""

    amount: Decimal
    eligible_base: Decimal
    lines: tuple[ReasonLine, ...]
    plan: GrantPlan = GrantPlan()
    per_person: tuple[PersonAid, ...] = ()
    per_tranche: tuple[TrancheAid, ...] = ()
    refusals: tuple[str, ...] = ()

    def as_json(self) -> dict:
        """Plain data for a computation that is kept."""
        return {
            "amount": str(self.amount),
            "eligible_base": str(self.eligible_base),
            "lines": [{"text": line.text, "amount": str(line.amount), "kind": line.kind} for line in self.lines],
            "per_person": [
                {"key": person.key, "name": person.name, "amount": str(person.amount)} for person in self.per_person
            ],
            "plan": self.plan.as_json(),
        }


@dataclass(frozen=True)
class _Part:
    """What a step works on: the amount so far, and what it is about."""

    amount: Decimal
    cost: Decimal = ZERO
    lines: tuple[ReasonLine, ...] = field(default=())
    year: int | None = None
    person: str = ""
    name: str = ""

    def then(self, amount: Decimal, text: str, kind: str = "step") -> "_Part":
        return replace(self, amount=amount, lines=(*self.lines, ReasonLine(text, amount, kind)))


def percent(rate: Decimal) -> str:
    """``Decimal("0.80")`` as "80 %" (narrow no-break space), with decimals only where they are needed."""
    points = (rate * 100).normalize()
    digits = max(0, -points.as_tuple().exponent)
    return f"{format_number(points, digits)}\u202f%"


# --- the steps: (step, part, facts) -> part -------------------------------------------------------------------------


def rate_step(step: Rate, part: _Part, facts: AidFacts) -> _Part:
    """``rate`` of the base, rounded down to the cent."""
    amount = share_floor(part.amount, step.rate, 1)
    if step.rate == 1:
        return part.then(amount, _("Equal to the base: %(amount)s.") % {"amount": format_euros(amount)})
    text = _("%(rate)s of %(base)s: %(amount)s.") % {
        "rate": percent(step.rate),
        "base": format_euros(part.amount),
        "amount": format_euros(amount),
    }
    return part.then(amount, text)


PER = {
    "": lambda: "",
    "application": lambda: _("per application"),
    "year": lambda: _("a year"),
    "person": lambda: _("per person"),
    "company": lambda: _("per company"),
    "tranche": lambda: _("per annual tranche"),
}


def ceiling_step(step: Ceiling, part: _Part, facts: AidFacts) -> _Part:
    """At most ``amount`` (times the years of the project for a yearly ceiling of a part that is not one year)."""
    yearly = step.per == "year" and part.year is None
    limit = step.amount * facts.years if yearly else step.amount
    figures = {"limit": f"{format_euros(step.amount)} {PER[step.per]()}".strip(), "total": format_euros(limit)}
    if part.amount <= limit:
        return part.then(part.amount, _("Within the ceiling of %(limit)s.") % figures)
    if yearly and facts.years > 1:
        figures["years"] = facts.years
        return part.then(limit, _("Ceiling of %(limit)s for %(years)d years: limited to %(total)s.") % figures)
    return part.then(limit, _("Ceiling of %(limit)s: limited to %(total)s.") % figures)


def floor_step(step: Floor, part: _Part, facts: AidFacts) -> _Part:
    """Under ``amount`` nothing is granted (``below: refuse``), or the contribution is (``pay_contribution``)."""
    figures = {"floor": f"{format_euros(step.amount)} {PER[step.per]()}".strip(), "amount": format_euros(part.amount)}
    if part.amount >= step.amount:
        return part.then(part.amount, _("At least the minimum of %(floor)s.") % figures)
    if step.below == "pay_contribution":
        return part.then(
            part.amount, _("Under the minimum of %(floor)s: the Region pays the contribution itself.") % figures
        )
    if step.below != "refuse":
        raise LookupError(f"a floor does not know what to do with less than its amount: {step.below!r}")
    text = _("%(amount)s is under the minimum of %(floor)s: no aid is possible.") % figures
    return part.then(ZERO, text, "refusal")


def rate_cap_step(step: RateCap, part: _Part, facts: AidFacts) -> _Part:
    """At most ``rate`` of the cost."""
    limit = share_floor(part.cost, step.rate, 1)
    figures = {"rate": percent(step.rate), "cost": format_euros(part.cost), "limit": format_euros(limit)}
    if part.amount <= limit:
        return part.then(part.amount, _("Within %(rate)s of the cost of %(cost)s.") % figures)
    return part.then(limit, _("At most %(rate)s of the cost of %(cost)s: limited to %(limit)s.") % figures)


def public_aid_cap_step(step: PublicAidCap, part: _Part, facts: AidFacts) -> _Part:
    """All public aid together is at most ``rate`` of the total cost of the project."""
    totals = totals_of(facts.budget)
    if totals.charges <= 0:
        return part
    room = max(share_floor(totals.charges, step.rate, 1) - totals.other_public_aid, ZERO)
    figures = {
        "rate": percent(step.rate),
        "cost": format_euros(totals.charges),
        "others": format_euros(totals.other_public_aid),
        "room": format_euros(room),
    }
    if part.amount <= room:
        text = _("Public aid stays within %(rate)s of the cost of %(cost)s (other public aid: %(others)s).") % figures
        return part.then(part.amount, text)
    text = _(
        "Public aid is at most %(rate)s of the cost of %(cost)s; with %(others)s of other public aid, %(room)s is left."
    )
    return part.then(room, text % figures)


def within_request_step(step: WithinRequest, part: _Part, facts: AidFacts) -> _Part:
    """Never more than what was asked."""
    if facts.requested is None or part.amount <= facts.requested:
        return part
    return part.then(
        facts.requested, _("Limited to the %(amount)s asked for.") % {"amount": format_euros(facts.requested)}
    )


STEPS: dict[type[Step], Callable[..., _Part]] = {
    Rate: rate_step,
    Ceiling: ceiling_step,
    Floor: floor_step,
    RateCap: rate_cap_step,
    PublicAidCap: public_aid_cap_step,
    WithinRequest: within_request_step,
}


def within_cost(part: _Part) -> _Part:
    """Never above the real cost, whatever the steps (reference: france.md B5)."""
    if part.amount <= part.cost:
        return part
    return part.then(part.cost, _("Never above the real cost: %(amount)s.") % {"amount": format_euros(part.cost)})


def run(steps: Sequence[Step], part: _Part, facts: AidFacts) -> _Part:
    """``part`` after all the steps; one that leaves nothing ends the chain."""
    for step in steps:
        part = STEPS[type(step)](step, part, facts)
        if part.amount == 0:
            break
    return part


# --- the bases -------------------------------------------------------------------------------------------------------


def budget_parts(axis: Axis, facts: AidFacts) -> list[_Part]:
    """One part: the eligible expenses of the axis."""
    base = axis.base
    amount = eligible_amount(facts.budget, base.axis, base.accounts, base.excluded_accounts)
    if base.accounts:
        shown = ", ".join(dict.fromkeys(account_of(code).shown or account_of(code).label for code in base.accounts))
        text = _("%(axis)s: eligible expenses (accounts %(accounts)s) %(amount)s.")
    else:
        shown, text = "", _("%(axis)s: eligible expenses %(amount)s.")
    line = text % {"axis": axis.label, "accounts": shown, "amount": format_euros(amount)}
    return [_Part(amount, amount, lines=(ReasonLine(line, amount, "base"),))]


def contribution_parts(axis: Axis, facts: AidFacts) -> list[_Part]:
    """One part a person: their own contribution."""
    return [
        _Part(
            person.own_contribution,
            person.own_contribution,
            (
                ReasonLine(
                    _("%(name)s: own contribution %(amount)s.")
                    % {"name": person.name, "amount": format_euros(person.own_contribution)},
                    person.own_contribution,
                    "base",
                ),
            ),
            person=person.key,
            name=person.name,
        )
        for person in facts.persons
    ]


def tranche_parts(axis: Axis, facts: AidFacts) -> list[_Part]:
    """One part a year: the amount asked for it, and the cost that counts.

    The years cost no more in all than what is retained of the budget: what is cut of it is cut of each year in proportion.
    """
    typed = [tranche.cost for tranche in facts.tranches]
    counted = _costs_within_budget(axis, facts, typed)
    return [
        _Part(tranche.requested, cost, (_asked_for_year(tranche, cost),), year=tranche.rank)
        for tranche, cost in zip(facts.tranches, counted, strict=True)
    ]


def _costs_within_budget(axis: Axis, facts: AidFacts, costs: list[Decimal]) -> list[Decimal]:
    """The costs of the years, limited in all to what is retained of the budget, where there is one."""
    items = [item for item in facts.budget if item.axis == axis.base.axis]
    if not totals_of(items).charges:
        return costs
    retained = eligible_amount(items, axis.base.axis, axis.base.accounts, axis.base.excluded_accounts)
    return costs if sum_money(costs) <= retained else spread(retained, costs)


def _asked_for_year(tranche: TrancheFacts, cost: Decimal) -> ReasonLine:
    figures = {
        "rank": tranche.rank,
        "amount": format_euros(tranche.requested),
        "cost": format_euros(tranche.cost),
        "counted": format_euros(cost),
    }
    text = _("Year %(rank)d: %(amount)s asked for a cost of %(cost)s.")
    if cost != tranche.cost:
        text = _(
            "Year %(rank)d: %(amount)s asked for a cost of %(cost)s, of which %(counted)s count: the budget retained goes no"
            " further."
        )
    return ReasonLine(text % figures, tranche.requested, "base")


BASES = {"budget": budget_parts, "own_contribution": contribution_parts, "tranches": tranche_parts}
OF_A_COST = ("budget", "tranches")
"""Bases that are spent; what a person puts in the capital of a company is no cost of theirs, and may be doubled."""


def compute(rules: ProgrammeRules, facts: AidFacts) -> AidResult:
    """The aid that the rules of a programme give for these facts, with its explanation in the active language."""
    parts = {axis.code: _axis_parts(axis, facts) for axis in rules.aid.axes}
    every = [part for axis_parts in parts.values() for part in axis_parts]
    total = _Part(sum_money(part.amount for part in every), sum_money(part.cost for part in every))
    total = run(rules.aid.overall, total, facts)
    plan = _plan(rules, parts, total.amount)
    # A year or an axis of nothing is passed over, unless nothing is left of what was asked: the lines say why.
    shown = [part for part in every if len(every) == 1 or part.cost or part.amount]
    lines = [line for part in shown or [part for part in every if part.lines[0].amount] for line in part.lines]
    lines += _nothing_retained(rules, facts) if len(every) > 1 else []
    lines += total.lines
    lines += _shares(plan, every, total.amount)
    lines.append(ReasonLine(_("Aid: %(amount)s.") % {"amount": format_euros(total.amount)}, total.amount, "total"))
    return AidResult(
        amount=total.amount,
        eligible_base=plan.cost,
        lines=tuple(lines),
        plan=plan,
        per_person=_persons(facts, every, plan),
        per_tranche=tuple(TrancheAid(year.year, year.cost, year.amount) for year in plan.years()),
        refusals=_refusals(lines, facts, total.amount),
    )


def _axis_parts(axis: Axis, facts: AidFacts) -> list[_Part]:
    parts = [run(axis.steps, part, facts) for part in BASES[axis.base.kind](axis, facts)]
    return [within_cost(part) for part in parts] if axis.base.kind in OF_A_COST else parts


def _plan(rules: ProgrammeRules, parts: dict[str, list[_Part]], total: Decimal) -> GrantPlan:
    """The plan that adds up to ``total``: what the overall steps took off is taken off every part in proportion."""
    every = [(code, part) for code, axis_parts in parts.items() for part in axis_parts]
    amounts = spread(total, [part.amount for _code, part in every])
    kept = tuple(
        PlanPart(amount=amount, cost=part.cost, axis=code, year=part.year, person=part.person, name=part.name)
        for (code, part), amount in zip(every, amounts, strict=True)
    )
    kept = over_persons(kept)
    return GrantPlan(over_years(kept, rules.tranches.count) if rules.tranches else kept)


def _nothing_retained(rules: ProgrammeRules, facts: AidFacts) -> list[ReasonLine]:
    """Of an axis of which expenses that count were declared and none is retained, that it gets nothing, and why."""
    found = []
    for axis in rules.aid.axes:
        if axis.base.kind != "budget":
            continue
        of_axis = axis.base.axis, axis.base.accounts, axis.base.excluded_accounts
        declared = eligible_amount([replace(item, eligible=None) for item in facts.budget], *of_axis)
        if declared and not eligible_amount(facts.budget, *of_axis):
            text = _("%(axis)s: nothing is retained of the %(declared)s declared, no aid.")
            words = {"axis": axis.label, "declared": format_euros(declared)}
            found.append(ReasonLine(text % words, ZERO, "note"))
    return found


def _shares(plan: GrantPlan, every: list[_Part], total: Decimal) -> list[ReasonLine]:
    """What each year or person gets, where the lines above do not say it: cut as a whole, or shared over the years."""
    groups = plan.groups()
    told = all(part.year is not None or part.person for part in every)
    if len(groups) < 2 or (told and total == sum_money(part.amount for part in every)):
        return []
    text = _("%(part)s: %(amount)s of it, for a cost of %(cost)s.")
    return [
        ReasonLine(
            text % {"part": group.label, "amount": format_euros(group.amount), "cost": format_euros(group.cost)},
            group.amount,
            "share",
        )
        for group in groups
    ]


def _refusals(lines: list[ReasonLine], facts: AidFacts, amount: Decimal) -> tuple[str, ...]:
    """What stands against the case. A person whom a floor leaves without aid does not stand against the others."""
    if facts.persons and amount > ZERO:
        return ()
    return tuple(line.text for line in lines if line.kind == "refusal")


def _persons(facts: AidFacts, every: list[_Part], plan: GrantPlan) -> tuple[PersonAid, ...]:
    amounts = {person.person: person.amount for person in plan.persons()}
    lines = {part.person: part.lines for part in every if part.person}
    return tuple(
        PersonAid(person.key, person.name, person.own_contribution, amounts[person.key], lines[person.key])
        for person in facts.persons
        if person.key in amounts
    )


def years_of(months: int) -> int:
    """The number of yearly ceilings that a project of ``months`` months opens: at least one."""
    return max(1, -(-months // 12))
