"""What was paid in advance of expenditure that nobody will file any more: to be asked back, and said wherever an end is."""

from decimal import Decimal

from agreements.due import above_what_is_due
from agreements.settlements.services import OVER
from core.money import ZERO


def unjustified_of(agreement) -> Decimal:
    """Euros that were paid and that no certified expenditure justifies, on the parts (years, or the whole) of an agreement
    whose account nobody closes any more: no claim of theirs is under way.

    It is what the balance of the part would say, were it closed today with nothing more: what a balance that was closed
    has said already counts once. Zero where a part needs no expenditure.
    """
    claims = list(agreement.claims.all().select_related("instalment"))
    waiting = {claim.instalment.tranche_id for claim in claims if claim.state not in OVER}
    paid = {claim.instalment.tranche_id for claim in claims if claim.paid_amount}
    balances = {
        instalment.tranche_id: instalment
        for instalment in agreement.instalments.filter(kind="balance", needs_expenditure=True).select_related("tranche")
    }
    found = ZERO
    for part in paid - waiting:
        if part in balances:
            found += above_what_is_due(agreement.claims.model(agreement=agreement, instalment=balances[part]))
    return found
