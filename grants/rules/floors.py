"""The least that may be granted where something is: what is proposed and decided keeps the minimums of the programme.

A minimum whose policy refuses less (``below: refuse``) leaves two choices for what it is of: nothing, or at least the
minimum. One that pays the contribution lets less be granted. What the computation gives below a minimum, by a step that
comes after it, may be granted as it is.
"""

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO, format_euros
from grants.programmes.grant_plan import GrantPlan, Part, PlanRefused
from grants.programmes.steps import Floor, Step
from grants.rules.schema import ProgrammeRules

OF_EACH: dict[str, Callable[[Part], object]] = {
    "own_contribution": lambda part: part.person,
    "tranches": lambda part: part.year,
    "budget": lambda part: None,
}
"""What a minimum of an axis is of, by the base of the axis: each person, each year, the axis as a whole."""


def refuse_below_floor(rules: ProgrammeRules, computed: GrantPlan, plan: GrantPlan) -> None:
    """Refuse a plan in which a person, a year, an axis or the whole gets something that is under its minimum.

    Raises:
        PlanRefused: with the minimum, and the year or the person at fault.
    """
    for part, amount, least in _held(rules, computed, plan):
        if ZERO < amount < least:
            words = {"amount": format_euros(amount), "least": format_euros(least)}
            if part is None or not part.label:
                raise PlanRefused(
                    _("%(amount)s is under the minimum of the programme: grant %(least)s at least, or nothing.") % words
                )
            sentence = _(
                "%(part)s: %(amount)s is under the minimum of the programme. Give %(least)s at least, or 0 for no aid."
            )
            raise PlanRefused(sentence % {"part": part.label, **words}, part.group)


def least_by_group(rules: ProgrammeRules, computed: GrantPlan) -> dict[str, Decimal]:
    """The least, in euros, of each year or person that gets something (``Group.code``), where the programme says one."""
    found = _held(rules, computed, computed)
    return {part.group: least for part, _amount, least in found if part is not None and part.group}


def least_words(least: Decimal | None) -> str:
    """What a form says beside the amount of a year or person; empty where nothing is asked of it."""
    return _("Minimum of the programme: %(least)s, or 0 for no aid.") % {"least": format_euros(least)} if least else ""


def _held(
    rules: ProgrammeRules, computed: GrantPlan, plan: GrantPlan
) -> Iterator[tuple[Part | None, Decimal, Decimal]]:
    """What a minimum is of (one of its parts, None for the whole), what it gets in ``plan``, and the least it may get."""
    for axis in rules.aid.axes:
        floor = _refusing(axis.steps)
        if floor is None:
            continue
        key = OF_EACH[axis.base.kind]
        highest = _sums(computed, axis.code, key)
        for of, (part, amount) in _sums(plan, axis.code, key).items():
            yield (None if of is None else part), amount, min(floor, highest[of][1] if of in highest else ZERO)
    floor = _refusing(rules.aid.overall)
    if floor is not None:
        yield None, plan.amount, min(floor, computed.amount)


def _refusing(steps: Iterable[Step]) -> Decimal | None:
    """The highest of the minimums among ``steps`` under which nothing is granted; None where there is none."""
    return max((step.amount for step in steps if isinstance(step, Floor) and step.below == "refuse"), default=None)


def _sums(plan: GrantPlan, axis: str, key: Callable[[Part], object]) -> dict[object, tuple[Part, Decimal]]:
    """One part and the euros of each thing that a minimum of the axis is of."""
    found: dict[object, tuple[Part, Decimal]] = {}
    for part in plan.parts:
        if part.axis == axis:
            first, amount = found.get(key(part), (part, ZERO))
            found[key(part)] = first, amount + part.amount
    return found
