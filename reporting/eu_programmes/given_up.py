"""What is doubtful once a payment was given up: the fault that was open on its expenditure, the plan that counts on it."""

from decimal import Decimal

from django.db.models import Sum
from django.utils.translation import gettext as _

from agreements.models import Agreement, PaymentClaim
from agreements.settlements.payable import payable_in_all
from core.money import ZERO, sum_money
from core.transitions import perform
from reporting.eu_programmes.rates import Financing, follow_figures
from reporting.models import (
    CertificateAllocation,
    ExpenditureDeclaration,
    FlagKind,
    Operation,
    OperationFlag,
    SourceKind,
)

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


def gave_up(agreement: Agreement) -> bool:
    """Whether somebody gave up a part of an agreement that was certified."""
    return agreement.claims.filter(given_up_amount__gt=0).exists()


def granted_in_plan(agreement: Agreement) -> Decimal:
    """Return the euros that a plan lays on the EU and on the Region: all that is granted; once a part was given up, or the
    agreement has ended, what is paid or may still be."""
    if agreement.ended_on is None and not gave_up(agreement):
        return agreement.granted_amount
    return payable_in_all(agreement)


def above_payable(agreement: Agreement, financing: Financing) -> dict[str, Decimal]:
    """Return what the EU and the Region bear in a plan and what is paid or can still be, where it is less: of an agreement of
    which a part was given up. No plan goes under what is certified on the EU."""
    planned = sum_money(amount for kind, _name, amount in financing if kind in GRANTED_BY)
    payable = granted_in_plan(agreement)
    if planned <= payable:
        return {}
    of_eu = CertificateAllocation.objects.filter(certificate__operation__agreement=agreement, kind=SourceKind.EU)
    certified = of_eu.aggregate(sum=Sum("amount"))["sum"] or ZERO
    return {"planned": planned, "payable": payable} if planned > certified else {}


def doubt_the_plan(agreement_id: int, *, actor=None) -> OperationFlag | None:
    """A plan that counts on what was given up, or on what a year that is over did not pay beside it, is doubted at once; the end
    of the agreement brings it down by itself."""
    operation = Operation.objects.select_related("current").filter(agreement_id=agreement_id).first()
    agreement = Agreement.objects.get(pk=agreement_id)  # as the database counts it
    if operation is None or agreement.ended_on is not None:
        return None
    found = above_payable(agreement, operation.current.financing.values_list("kind", "label", "amount"))
    waiting = OperationFlag.objects.open().filter(operation=operation, kind=FlagKind.ABOVE_PAYABLE).first()
    detail = {name: str(amount) for name, amount in found.items()}
    if waiting is None:
        return (
            OperationFlag.objects.create(operation=operation, kind=FlagKind.ABOVE_PAYABLE, detail=detail)
            if found
            else None
        )
    if found:
        follow_figures(waiting, detail)
    else:
        words = _("What the plan counts on is paid, or may still be.")
        perform(waiting, "fall", actor=actor, comment=words, system=True)
    return None
