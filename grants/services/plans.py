"""The plan of a case from its computation to its decision, read from the rows that keep it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from core.history import history_rows
from grants.programmes.grant_plan import GrantPlan, PlanRefused, above_computed, decided, planned
from grants.rules.floors import refuse_below_floor


def plan_of_proposal(application, data: Mapping[str, Any]) -> GrantPlan:
    """The plan of a proposal: ``data`` holds ``proposed_amount`` and, by ``Group.code``, the amounts that were given.

    A proposal against the case grants nothing: its plan is empty.

    Raises:
        PlanRefused: the rules do not give as much, or ask for more or nothing; nothing was computed, or the parts do not
            add up.
    """
    if not data.get("favourable", True):
        return GrantPlan()
    computation = application.latest_computation()
    if computation is None:
        raise PlanRefused(_("The aid has not been computed yet."))
    computed = computation.grant_plan
    given = {group.code: data[group.code] for group in computed.groups() if data.get(group.code) is not None}
    plan = planned(computed, data["proposed_amount"], given)
    refuse_below_floor(application.rules, computed, plan)
    return plan


def standing_plan(item) -> GrantPlan:
    """What the committee last granted on an agenda item, also when it was deferred or taken back since; else empty."""
    if item.decision == "granted":
        return item.grant_plan
    granted = history_rows(item).filter(decision="granted").order_by("-pgh_id")
    return GrantPlan.from_json(granted.values_list("decided_plan", flat=True).first())


def plan_of_grant(item, amount: Decimal, amounts: Mapping[str, Decimal] | None = None) -> GrantPlan:
    """The plan of a grant of ``amount`` euros to the case of an agenda item: the grid and the closing both ask here.

    ``amounts`` are those that the committee decided by year or person, where it did.

    Raises:
        PlanRefused: the rules do not give as much, or ask for more or nothing; nothing was computed; the amount says not
            what each person gets, nor each year where the years were named one by one.
    """
    application = item.application
    proposal = application.live_proposal()
    if proposal is None or proposal.computation is None:
        raise PlanRefused(_("The aid has not been computed yet."))
    highest = application.computed_amount
    if highest is not None and (refusal := above_computed(amount, highest)):
        raise PlanRefused(refusal)
    computed = proposal.computation.grant_plan
    standing = standing_plan(item) if len(computed.groups()) > 1 and not amounts else None
    plan = decided(computed, proposal.grant_plan, amount, amounts, standing)
    refuse_below_floor(application.rules, computed, plan)
    return plan
