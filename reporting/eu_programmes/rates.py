"""The rate of a priority: what it applies to, and the doubt on an operation of which the EU bears more.

A doubt is raised wherever the share or the rate is born: a version of an operation, an allocation that is added or
whose rate goes down.
"""

from collections.abc import Iterable
from decimal import Decimal

from core.events import record
from core.money import sum_money
from reporting.models import (
    Basis,
    FlagKind,
    FlagState,
    Operation,
    OperationFlag,
    OperationVersion,
    PriorityAllocation,
    SourceKind,
)
from reporting.models.financing import PUBLIC_SOURCES
from reporting.rules.doubts import rate_above

#: Lines of a financing plan as (kind, name, euros).
Financing = Iterable[tuple[str, str, Decimal]]


def allocation_of(version: OperationVersion) -> PriorityAllocation | None:
    """Return the allocation that a version is planned on, with its basis and rate; None while it has no priority."""
    if not version.priority_id or not version.fund_id:
        return None
    of_fund = version.priority.allocations.filter(fund_id=version.fund_id)
    return of_fund.filter(category_of_region=version.category_of_region).first()


def base_of(allocation: PriorityAllocation, eligible: Decimal, financing: Financing) -> Decimal:
    """Return the euros that the rate applies to: the eligible cost, or what public sources bear (Article 112(2))."""
    if allocation.basis != Basis.PUBLIC:
        return eligible
    return sum_money(amount for kind, _name, amount in financing if kind in PUBLIC_SOURCES)


def share_above(allocation: PriorityAllocation, eligible: Decimal, financing: Financing) -> Decimal | None:
    """Return the EU's share in percent of what the rate applies to, where it is above the rate; else None."""
    lines = list(financing)
    of_eu = sum_money(amount for kind, _name, amount in lines if kind == SourceKind.EU)
    return rate_above(of_eu, base_of(allocation, eligible, lines), allocation.eu_rate)


def doubt_the_rate(version: OperationVersion, financing: Financing) -> OperationFlag | None:
    """Raise a doubt when the EU bears more than the rate of the priority; the same figures are doubted once.

    A doubt that waits for its answer follows the figures: whoever answers it speaks of the plan in force. An answer
    given against the same rate, or a lower one, stands.
    """
    allocation = allocation_of(version)
    rate = share_above(allocation, version.eligible_cost, financing) if allocation else None
    if rate is None:
        return None
    detail = {"rate": str(rate), "limit": str(allocation.eu_rate)}
    known = OperationFlag.objects.filter(operation_id=version.operation_id, kind=FlagKind.RATE_ABOVE_PRIORITY)
    if waiting := known.open().first():
        follow_figures(waiting, detail)
        return None
    answered = known.filter(state=FlagState.ANSWERED, detail__rate=detail["rate"]).values_list("detail", flat=True)
    if any(Decimal(given["limit"]) <= allocation.eu_rate for given in answered):
        return None
    return OperationFlag.objects.create(
        operation_id=version.operation_id, kind=FlagKind.RATE_ABOVE_PRIORITY, detail=detail
    )


def follow_figures(waiting: OperationFlag, detail: dict[str, str]) -> None:
    """Let an open doubt say the figures of now, with an event: who answers has read these, or is asked again."""
    before, waiting.detail = waiting.detail, detail
    if before != detail:
        waiting.save(update_fields=["detail"])
        record(waiting, "figures_moved", actor=None, changes={"detail": [before, detail]})


def share_in_force(version: OperationVersion) -> dict[str, Decimal]:
    """Return the EU's share and the rate of its priority as they are now, in percent, where the share is above it."""
    allocation = allocation_of(version)
    if allocation is None:
        return {}
    lines = version.financing.values_list("kind", "label", "amount")
    share = share_above(allocation, version.eligible_cost, lines)
    return {} if share is None else {"rate": share, "limit": allocation.eu_rate}


def doubt_operations_of(allocation: PriorityAllocation) -> None:
    """Raise the doubts on the operations that are above the rate of an allocation, as it is now."""
    planned = Operation.objects.filter(
        current__priority_id=allocation.priority_id,
        current__fund_id=allocation.fund_id,
        current__category_of_region=allocation.category_of_region,
        current__eu_amount__gt=0,
    )
    for operation in planned.select_related("current__priority").prefetch_related("current__financing").order_by("pk"):
        lines = [(line.kind, line.label, line.amount) for line in operation.current.financing.all()]
        if share_above(allocation, operation.current.eligible_cost, lines) is not None:
            doubt_the_rate(operation.current, lines)
