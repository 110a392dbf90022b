"""What a corrected plan lays on a source, where more is certified on it: said before the database refuses it.

``reporting.models.certified_in_plan`` says the same in SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import Sum

from core.money import ZERO, sum_money
from reporting.eu_programmes.at_the_end import end_of
from reporting.eu_programmes.rates import Financing
from reporting.models import CertificateAllocation, Operation, OperationVersion, SourceKind
from reporting.models.granted import BORNE_BY_REGION

_OTHERS = (SourceKind.STATE, SourceKind.LOCAL, SourceKind.PUBLIC, SourceKind.PRIVATE)


@dataclass(frozen=True)
class Under:
    """A source of which a plan bears less than what is certified on it, in euros."""

    kind: str
    planned: Decimal
    certified: Decimal


def under_what_is_certified(before: OperationVersion, eligible: Decimal, financing: Financing) -> list[Under]:
    """Return the sources on which a plan that follows ``before`` lays less than it, and less than what is certified."""
    operation = before.operation
    if operation.agreement_id is None:
        return []
    planned, was = _by_kind(financing), _by_kind(before.financing.values_list("kind", "label", "amount"))
    allocations = CertificateAllocation.objects.filter(certificate__operation=operation)
    certified = dict(allocations.values_list("kind").annotate(sum=Sum("amount")).order_by("kind"))
    certified[SourceKind.REGION] = _on_the_region(operation, eligible, certified)
    found = []
    for kind in (SourceKind.REGION, *_OTHERS):
        amount, least = planned.get(kind, ZERO), certified.get(kind, ZERO)
        if amount < least and amount < was.get(kind, ZERO):
            found.append(Under(kind, amount, least))
    return found


def _on_the_region(operation: Operation, eligible: Decimal, certified: Mapping[str, Decimal]) -> Decimal:
    """Euros certified on the Region that are paid, or may still be, beside what is certified on the EU."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {BORNE_BY_REGION} FROM reporting_operation o WHERE o.id = %s", [operation.pk])  # noqa: S608
        (on_region,) = cursor.fetchone()
    end = end_of(operation)
    if end is None:
        return on_region
    of_grant = min(end.kept, eligible - sum_money(certified.get(kind, ZERO) for kind in _OTHERS))
    return min(on_region, max(of_grant - certified.get(SourceKind.EU, ZERO), ZERO))


def _by_kind(financing: Financing) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for kind, _name, amount in financing:
        found[kind] = found.get(kind, ZERO) + amount
    return found
