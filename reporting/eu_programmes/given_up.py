"""What is doubtful once a payment was given up: the fault that was open on its expenditure, the plan that counts on it."""

from decimal import Decimal

from django.db.models import Sum

from agreements.models import Agreement, PaymentClaim
from agreements.settlements.services import still_granted
from core.money import ZERO, sum_money
from reporting.eu_programmes.rates import Financing, follow_figures
from reporting.models import ExpenditureDeclaration, FlagKind, Operation, OperationFlag

GRANTED_BY = ("eu", "region")


def doubt_the_fault(claim: PaymentClaim) -> OperationFlag | None:
    """A claim that was suspended is over, its fault is not: until somebody answers, its expenditure is asked nowhere."""
    declaration = ExpenditureDeclaration.objects.filter(claim=claim).first()
    if declaration is None:
        return None
    return OperationFlag.objects.create(
        operation_id=declaration.operation_id,
        kind=FlagKind.FAULT_OPEN,
        claim_id=claim.pk,
        detail={"claim": claim.number},
    )


def still_granted_of(agreement: Agreement) -> Decimal:
    """Return the euros that an agreement grants: all that was not given up; once it has ended, what still is a grant."""
    if agreement.ended_on is None:
        given_up = agreement.claims.aggregate(sum=Sum("given_up_amount"))["sum"] or ZERO
        return agreement.granted_amount - given_up
    return still_granted(agreement)


def above_payable(agreement: Agreement, financing: Financing) -> dict[str, Decimal]:
    """Return what the EU and the Region bear in a plan and what can still be paid, where it is less; else nothing."""
    planned = sum_money(amount for kind, _name, amount in financing if kind in GRANTED_BY)
    payable = still_granted_of(agreement)
    return {"planned": planned, "payable": payable} if planned > payable else {}


def doubt_the_plan(agreement_id: int) -> OperationFlag | None:
    """A plan that counts on what was given up is doubted at once; the end of the agreement brings it down by itself."""
    operation = Operation.objects.select_related("current").filter(agreement_id=agreement_id).first()
    agreement = Agreement.objects.get(pk=agreement_id)  # as the database counts it
    if operation is None or agreement.ended_on is not None:
        return None
    found = above_payable(agreement, operation.current.financing.values_list("kind", "label", "amount"))
    if not found:
        return None
    detail = {name: str(amount) for name, amount in found.items()}
    waiting = OperationFlag.objects.open().filter(operation=operation, kind=FlagKind.ABOVE_PAYABLE).first()
    if waiting is None:
        return OperationFlag.objects.create(operation=operation, kind=FlagKind.ABOVE_PAYABLE, detail=detail)
    follow_figures(waiting, detail)
    return None
