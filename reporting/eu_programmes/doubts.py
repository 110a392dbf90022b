"""A doubt falls when what raised it is no longer true: a version of its operation, or a rate that went up again.

``reporting.figures.operations`` says the same in SQL (``reporting.open-doubt-is-true``).
"""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from core.transitions import perform
from reporting.eu_programmes.at_the_end import above_the_plan, end_of
from reporting.eu_programmes.given_up import above_payable
from reporting.eu_programmes.not_asked import beyond_what_is_paid, declares_nothing
from reporting.eu_programmes.rates import Financing, allocation_of, follow_figures, share_above
from reporting.models import FlagKind, OperationFlag, OperationVersion, PriorityAllocation
from reporting.rules.doubts import is_still_doubtful


def is_true(flag: OperationFlag, version: OperationVersion, financing: Financing) -> bool:
    """Whether what a doubt says is so in a version."""
    if flag.kind == FlagKind.RATE_ABOVE_PRIORITY:
        allocation = allocation_of(version)
        return allocation is not None and share_above(allocation, version.eligible_cost, financing) is not None
    if flag.kind == FlagKind.FAULT_OPEN:
        return True  # no figure of the operation settles it
    if flag.kind == FlagKind.ABOVE_PAYABLE:
        return bool(above_payable(version.operation.agreement, financing))
    if flag.kind == FlagKind.PAID_NOT_BORNE:
        return bool(above_the_plan(end_of(version.operation), financing))
    if flag.kind == FlagKind.CERTIFIED_NOT_PAID:
        return version.operation_id in beyond_what_is_paid([version.operation_id])
    if flag.kind == FlagKind.NOTHING_TO_DECLARE:
        return version.eu_amount > 0 and declares_nothing(version.operation.agreement)
    return is_still_doubtful(
        flag.kind,
        flag.detail,
        has_fund=version.fund_id is not None,
        has_priority=version.priority_id is not None,
        eligible=version.eligible_cost,
        eu_amount=version.eu_amount,
        programmed_on=version.programmed_on,
    )


def drop_untrue_doubts(
    version: OperationVersion, financing: Financing, *, actor=None, but: OperationFlag | None = None
) -> None:
    """Let the open doubts on an operation fall that its new version makes untrue; ``but`` is being answered.

    Those that are still true say the amounts of the new version.
    """
    lines = list(financing)
    waiting = OperationFlag.objects.open().filter(operation_id=version.operation_id)
    for flag in waiting.exclude(pk=but.pk if but is not None else None).order_by("pk"):
        if is_true(flag, version, lines):
            if flag.kind != FlagKind.RATE_ABOVE_PRIORITY:  # which ``doubt_the_rate`` leads on
                follow_figures(flag, flag.detail | figures_of(flag.detail, version))
        else:
            words = _("The data of the operation have changed: the doubt is no longer true.")
            perform(flag, "fall", actor=actor, comment=words, system=True)


def figures_of(detail: Mapping[str, str], version: OperationVersion) -> dict[str, str]:
    """Return the amounts that a doubt names, as they are in a version."""
    return {name: str(getattr(version, name)) for name in ("eu_amount", "eligible_cost") if name in detail}


def drop_doubts_of(allocation: PriorityAllocation) -> None:
    """Let the doubts fall on the operations that are no longer above the rate of an allocation, as it is now."""
    waiting = OperationFlag.objects.open().filter(
        kind=FlagKind.RATE_ABOVE_PRIORITY,
        operation__current__priority_id=allocation.priority_id,
        operation__current__fund_id=allocation.fund_id,
        operation__current__category_of_region=allocation.category_of_region,
    )
    joined = waiting.select_related("operation__current__priority").prefetch_related("operation__current__financing")
    for flag in joined.order_by("pk"):
        version = flag.operation.current
        if not is_true(flag, version, [(line.kind, line.label, line.amount) for line in version.financing.all()]):
            words = _("The rate of the priority has changed: the EU bears no more than it.")
            perform(flag, "fall", actor=None, comment=words, system=True)
