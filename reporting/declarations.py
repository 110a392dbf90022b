"""Declarations out of certified claims."""

from django.db import transaction
from django.utils import timezone

from agreements.models import PaymentClaim
from core.events import record
from core.sequences import next_number
from reporting.models import DeclarationState, ExpenditureDeclaration, ExpenditureItem, Operation

NUMBER_PREFIX = "DEC"


def open_declaration(claim: PaymentClaim, actor=None) -> ExpenditureDeclaration | None:
    """Return the declaration of a certified claim, opened if need be with one item per certified line.

    None when no operation stands behind the claim or when no line of it was certified (an advance).
    """
    with transaction.atomic():
        claim = PaymentClaim.objects.select_for_update(of=("self",), no_key=True).get(pk=claim.pk)
        operation = Operation.objects.filter(agreement_id=claim.agreement_id).first()
        if operation is None:
            return None
        known = ExpenditureDeclaration.objects.filter(claim=claim).first()
        if known:
            return known
        lines = list(claim.lines.exclude(certified_amount=None).exclude(certified_amount=0).order_by("rank"))
        if not lines:
            return None
        declaration = ExpenditureDeclaration.objects.create(
            number=next_number(NUMBER_PREFIX, timezone.localdate().year),
            operation=operation,
            claim=claim,
            instructor_id=claim.agreement.application.instructor_id,
            certifier_id=claim.certified_by_id,
            orderer_id=claim.ordered_by_id,
        )
        ExpenditureItem.objects.bulk_create(
            ExpenditureItem(
                declaration=declaration, expenditure_line=line, rank=rank, declared_amount=line.certified_amount
            )
            for rank, line in enumerate(lines, 1)
        )
        record(declaration, "open", actor=actor, data={"claim": claim.number, "items": len(lines)})
    return declaration


def withdraw_draft(claim: PaymentClaim, actor=None) -> bool:
    """Remove the draft declaration of a claim whose certification was taken back.

    Returns False when the expenditure was already declared: the certification then stays.
    """
    declaration = ExpenditureDeclaration.objects.filter(claim=claim).first()
    if declaration is None:
        return True
    if declaration.state != DeclarationState.DRAFT:
        return False
    record(declaration.operation, "withdraw_declaration", actor=actor, data={"number": declaration.number})
    declaration.delete()
    return True
