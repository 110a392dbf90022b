"""What public money pays of the expenditure that an operation certifies, year by year, as its agreement pays it.

Models are reached through the registry: the models name what calls this.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction

from django.apps import apps
from django.db.models import Sum

from agreements.axes import Axis, axes_of
from core.money import ZERO
from reporting.rules.shares import Year, due_on

#: Euros spent by id of the tranche (None of the whole) and code of the axis.
Spending = Mapping[tuple[int | None, str], Decimal]

_PLACE = ("expenditure_line__claim__instalment__tranche_id", "expenditure_line__axis")


def years_of(agreement, spent: Spending, before: Spending | None = None) -> tuple[Year, ...]:
    """Return the years of an agreement with what is spent of each and what is due on it, less ``before`` in both.

    Empty where one rate pays all: no years, and no axes.
    """
    before = before or {}
    tranches = list(agreement.tranches.order_by("rank")) if agreement is not None else []
    parts = [(tranche, axes_of(agreement, tranche)) for tranche in tranches]
    if agreement is not None and not parts and (axes := axes_of(agreement)):
        parts = [(None, axes)]
    found = []
    for tranche, axes in parts:
        key = tranche.pk if tranche else None
        granted = tranche.amount if tranche else agreement.granted_amount
        cost = tranche.cost if tranche else agreement.eligible_base or ZERO
        now, then = (
            {axis: amount for (of, axis), amount in some.items() if of == key and amount} for some in (spent, before)
        )
        due = [_due(axes, granted, cost, some) for some in (now, then)]
        found.append(Year(sum(now.values(), ZERO) - sum(then.values(), ZERO), due[0] - due[1]))
    return tuple(found)


def _due(axes: list[Axis], granted: Decimal, cost: Decimal, spent: Mapping[str, Decimal]) -> Fraction:
    """What is due on the spending of a part, axis by axis where each line names one (``agreements.due``)."""
    if axes and set(spent) <= {axis.code for axis in axes}:
        return sum((due_on(axis.amount, axis.cost, spent.get(axis.code, ZERO)) for axis in axes), Fraction(0))
    return due_on(granted, cost, sum(spent.values(), ZERO))


def retained_in(declarations: Iterable[int]) -> Spending:
    """Return what the control retained of these declarations."""
    return _sums(_items(declaration__in=declarations).values_list(*_PLACE).annotate(sum=Sum("retained_amount")))


def declared_of(operation) -> Spending:
    """Return what was declared of an operation and no control has rejected."""
    items = _items(declaration__operation=operation)
    controlled = items.filter(declaration__state="controlled").values_list(*_PLACE).annotate(sum=Sum("retained_amount"))
    others = items.exclude(declaration__state="controlled").values_list(*_PLACE).annotate(sum=Sum("declared_amount"))
    return _sums([*controlled, *others])


def _items(**which):
    return apps.get_model("reporting", "ExpenditureItem").objects.filter(**which).order_by()


def _sums(rows: Iterable[tuple[int | None, str, Decimal]]) -> Spending:
    found: dict[tuple[int | None, str], Decimal] = defaultdict(lambda: ZERO)
    for tranche, axis, amount in rows:
        found[tranche, axis] += amount
    return found
