"""What an agreement that has ended comes to for the plan of its operation, and the doubt where more is paid than it bears."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext as _

from core.money import sum_money
from core.transitions import perform
from reporting.eu_programmes.rates import Financing, follow_figures
from reporting.models import FlagKind, Operation, OperationFlag
from reporting.models.granted import AT_THE_END
from reporting.rules.ends import GRANTED_BY, End
from reporting.shares_by_year import declared_of, years_of


def ends_of(operations: Iterable[int]) -> dict[int, End]:
    """Return what the ended agreements behind operations come to, by id of the operation; one query."""
    with connection.cursor() as cursor:
        cursor.execute(AT_THE_END.format(which="o.id = ANY (%s)"), [sorted(operations)])
        return {pk: End(*found) for pk, *found in cursor.fetchall()}


def end_of(operation: Operation) -> End | None:
    """Return what the agreement of an operation comes to, year by year; None while it has not ended."""
    found = ends_of([operation.pk]).get(operation.pk)
    return replace(found, years=years_of(operation.agreement, declared_of(operation))) if found else None


def above_the_plan(end: End | None, financing: Financing) -> dict[str, Decimal]:
    """Return what the EU and the Region pay and what they bear in a plan, where it is less; else nothing."""
    borne = sum_money(amount for kind, _name, amount in financing if kind in GRANTED_BY)
    return {"paid": end.paid, "borne": borne} if end is not None and end.paid > borne else {}


def doubt_the_end(operation: Operation, financing: Financing, end: End, *, actor) -> None:
    """More is paid than the plan of an ended operation can bear: somebody is asked to review it with the authority of the
    programme. No longer so: nobody is."""
    found = above_the_plan(end, financing)
    detail = {name: str(amount) for name, amount in found.items()}
    waiting = OperationFlag.objects.open().filter(operation=operation, kind=FlagKind.PAID_NOT_BORNE).first()
    if waiting is not None and not found:
        words = _("The data of the operation have changed: the doubt is no longer true.")
        perform(waiting, "fall", actor=actor, comment=words, system=True)
    elif waiting is not None:
        follow_figures(waiting, detail)
    elif found and not _answered(operation, detail):
        OperationFlag.objects.create(operation=operation, kind=FlagKind.PAID_NOT_BORNE, detail=detail)


def _answered(operation: Operation, detail: dict[str, str]) -> bool:
    """Whether somebody answered this doubt with these very figures."""
    answered = OperationFlag.objects.filter(operation=operation, kind=FlagKind.PAID_NOT_BORNE, state="answered")
    return answered.filter(detail=detail).exists()
