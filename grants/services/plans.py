"""The plan of a case from its computation to its decision, read from the rows that keep it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from grants.programmes.grant_plan import GrantPlan, PlanRefused, Way, above_computed, decided, planned


def plan_of_proposal(application, data: Mapping[str, Any]) -> GrantPlan:
    """The plan of a proposal: ``data`` holds ``proposed_amount`` and, by ``Group.code``, the amounts that were given.

    A proposal against the case grants nothing: its plan is empty.

    Raises:
        PlanRefused: the rules do not give as much, nothing was computed, or the parts do not add up.
    """
    if not data.get("favourable", True):
        return GrantPlan()
    computation = application.latest_computation()
    if computation is None:
        raise PlanRefused(_("The aid has not been computed yet."))
    computed = computation.grant_plan
    given = {group.code: data[group.code] for group in computed.groups() if data.get(group.code) is not None}
    return planned(computed, data["proposed_amount"], given)


def given_amounts(plan: GrantPlan) -> dict[str, Decimal]:
    """What was decided by year or by person, where it was typed (``Group.code`` → euros); empty otherwise."""
    return {group.code: group.amount for group in plan.groups()} if plan.way == Way.TYPED else {}


def plan_of_grant(item, amount: Decimal, amounts: Mapping[str, Decimal] | None = None) -> GrantPlan:
    """The plan of a grant of ``amount`` euros to the case of an agenda item: the grid and the closing both ask here.

    ``amounts`` are those that the committee decided by year or person, where it did.

    Raises:
        PlanRefused: the rules do not give as much, nothing was computed, or the amount says not what each person gets.
    """
    application = item.application
    proposal = application.live_proposal()
    if proposal is None or proposal.computation is None:
        raise PlanRefused(_("The aid has not been computed yet."))
    highest = application.computed_amount
    if highest is not None and (refusal := above_computed(amount, highest)):
        raise PlanRefused(refusal)
    return decided(proposal.computation.grant_plan, proposal.grant_plan, amount, amounts)
