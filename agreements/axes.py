"""The axes of a grant: the parts of a project that its programme aids each by a rule of its own.

Expenditure is asked for its axis only where the plan of the grant has several; what is due then compares the spending of
each axis with the cost of that very axis.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Case, F, When
from django.db.models.functions import Coalesce

from core.money import ZERO


@dataclass(frozen=True)
class Axis:
    """What is granted for one axis, of which cost, in euros."""

    code: str
    label: str
    amount: Decimal
    cost: Decimal


def axes_of(agreement, tranche=None) -> list[Axis]:
    """The axes of a grant, or of one of its years; empty where the plan has fewer than two that cost something."""
    found: dict[str, list] = {}
    for part in agreement.application.grant_plan.parts:
        if part.cost > 0 and (tranche is None or part.year == tranche.rank):
            found.setdefault(part.axis, []).append(part)
    if len(found) < 2:
        return []
    labels = {axis.code: str(axis.label) for axis in agreement.application.rules.aid.axes}
    return [
        Axis(
            code,
            labels.get(code, code),
            sum((part.amount for part in parts), ZERO),
            sum((part.cost for part in parts), ZERO),
        )
        for code, parts in found.items()
    ]


def axis_without_aid(agreement, code: str) -> Axis | None:
    """The axis ``code`` where nothing is granted for it, in any year: no claim declares its expenditure; else None."""
    return next((axis for axis in axes_of(agreement) if axis.code == code and not axis.amount), None)


def axis_choices(agreement) -> list[tuple[str, str]]:
    """The axes that a line of expenditure may name: code and label; empty where it names none."""
    return [(axis.code, axis.label) for axis in axes_of(agreement)]


def spent_by_axis(
    siblings, axes: list[Axis], *, as_declared: bool = False, whole: int | None = None
) -> dict[str, Decimal] | None:
    """Euros certified on the claims by axis (``as_declared``: what nobody has checked yet counts as declared, and all of the claim
    ``whole``); None
    where a line says none (they were not asked for it once)."""
    lines = siblings.model._meta.get_field("lines").related_model
    counted = Coalesce("certified_amount", "declared_amount") if as_declared else F("certified_amount")
    if whole is not None:
        counted = Case(When(claim=whole, then=F("declared_amount")), default=counted)
    kept = lines.objects.filter(claim__in=siblings).annotate(counted=counted)
    kept = kept.filter(counted__isnull=False).exclude(counted=0)
    spent = {axis.code: ZERO for axis in axes}
    for code, amount in kept.values_list("axis", "counted"):
        if code not in spent:
            return None
        spent[code] += amount
    return spent
