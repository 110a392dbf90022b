"""Credit notes of a claim: each names the invoice that it corrects, declared to the same agreement by its supplier."""

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from agreements.duplicates import NOT_DECLARED
from agreements.rules.duplicates import credits_without_invoice


def declared_with(claim) -> QuerySet:
    """The lines of the claim, and those of the claims that were filed on its agreement."""
    return (
        claim.lines.model.objects.filter(claim__agreement_id=claim.agreement_id)
        .filter(Q(claim=claim) | ~Q(claim__state__in=NOT_DECLARED))
        .order_by("pk")
    )


def credit_alone() -> str:
    """What is wrong with a credit note that takes back nothing, and what to do."""
    return _(
        "This credit note takes back more than what is declared of the invoice that it corrects: check the number of that"
        " invoice and its supplier, declare it, or leave out both."
    )


def lines_alone(claim) -> list[int]:
    """The ranks of the claim's credit notes that take back no declared invoice; no query without a credit note."""
    if not any(line.declared_amount < 0 for line in claim.lines.all()):
        return []
    lines = list(declared_with(claim))
    places = credits_without_invoice((line.invoice, line.declared_amount, line.corrects_number) for line in lines)
    return [lines[place].rank for place in places if lines[place].claim_id == claim.pk]
