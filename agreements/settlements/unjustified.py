"""What was paid in advance of expenditure that nobody will declare any more: to be asked back, and said wherever an end is;
and what is still to be paid so: it is not ordered any more, and asked back where its order had left.

``agreements.settlements.kept`` says the same in SQL (``UNJUSTIFIED``): the database refuses a settlement that says
anything else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from agreements.due import due_on
from agreements.settlements.rules import PAY
from core.history import history_model_of
from core.money import ZERO, sum_money


@dataclass(frozen=True)
class Unjustified:
    """Euros that no certified expenditure makes due: of what is paid or will be (``amount``), and of what is paid alone
    (``paid``): only these are to be asked back."""

    amount: Decimal = ZERO
    paid: Decimal = ZERO

    @property
    def to_come(self) -> Decimal:
        """Euros of it that are not paid."""
        return self.amount - self.paid


def unjustified_of(
    agreement, supposed: Mapping[int, Decimal | None] | None = None, *, certified: int | None = None
) -> Unjustified:
    """What is paid, or will be, and that no certified expenditure makes due, on the parts (years, or the whole) of
    an agreement of which nobody declares anything more: no claim of theirs that needs expenditure waits to be certified.

    It is what the balance of the part would say, were it closed today with nothing more: what a balance that was closed
    has said counts there. Zero where a part needs no expenditure. Once the agreement has ended, a claim under way counts for
    what its settlement keeps; before, for what is ordered of it, or for what is ``supposed`` of an end that is not decided yet:
    the euros of a claim by its id, None of one that would be refused. ``certified`` is the id of one that is about to be: its
    lines count as they are kept by now, and it declares nothing more.
    """
    supposed = supposed or {}
    refused = [pk for pk, amount in supposed.items() if amount is None]
    claims = agreement.claims.exclude(state="rejected").exclude(pk__in=refused)
    claims = list(claims.select_related("instalment", "settlement_line"))
    declares = {claim.instalment.tranche_id for claim in claims if claim.pk != certified and _declares(claim)}
    counted: dict[int | None, list] = {}
    for claim in claims:
        counted.setdefault(claim.instalment.tranche_id, []).append(claim)
    balances = agreement.instalments.filter(kind="balance", needs_expenditure=True).select_related("tranche")
    amount = paid = ZERO
    for balance in balances:
        of_part = counted.get(balance.tranche_id, [])
        going = sum_money(
            supposed[claim.pk] if claim.pk in supposed else _counts_for(agreement, claim) for claim in of_part
        )
        if going and balance.tranche_id not in declares:
            noted = sum_money(claim.overpaid_amount for claim in of_part)
            justified = noted + due_on(agreement, balance, without=refused)
            amount += max(going - justified, ZERO)
            paid += max(sum_money(claim.paid_amount for claim in of_part) - justified, ZERO)
    return Unjustified(amount, paid)


def written_on(settlement) -> Unjustified:
    """What a settlement says of it."""
    return Unjustified(settlement.unjustified_amount, settlement.unjustified_paid_amount)


def asked_back_at_end(settlement) -> Decimal | None:
    """Euros that a settlement said were to be asked back when its agreement ended: what its history says once the transaction
    of the end is over. None where nobody wrote it then (the amount was reckoned later, for all settlements at once)."""
    lines = history_model_of(type(settlement)).objects.filter(pgh_obj_id=settlement.pk).order_by("pgh_id")
    written = list(lines.values_list("pgh_context_id", "pgh_context", "unjustified_paid_amount"))
    of_the_end = [amount for transaction, _context, amount in written if transaction == written[0][0]]
    later = [context or {} for transaction, context, _amount in written if transaction != written[0][0]]
    if not of_the_end or (later and later[0].get("label") == "command migrate"):
        return None
    return of_the_end[-1]


def follow_unjustified(agreement) -> tuple[Unjustified, Unjustified]:
    """Write on the settlement of an ended agreement what no expenditure justifies, as its claims now stand; return what it
    said before, and what it says now.

    The one door of these amounts: called when the agreement ends, and whenever a claim that goes on moves or is paid.
    """
    settlement = agreement.settlement
    before, now = written_on(settlement), unjustified_of(agreement)
    if before != now:
        settlement.unjustified_amount, settlement.unjustified_paid_amount = now.amount, now.paid
        settlement.save(update_fields=["unjustified_amount", "unjustified_paid_amount"])
    return before, now


def _declares(claim) -> bool:
    """Whether expenditure of a claim may still be declared, or certified."""
    return claim.state != "paid" and claim.instalment.needs_expenditure and claim.certified_amount is None


def _counts_for(agreement, claim) -> Decimal:
    """Euros of a claim that are paid, or will be: what the settlement decides of it, what is ordered before the end."""
    if claim.state == "paid":
        return claim.paid_amount
    if getattr(agreement, "settlement", None) is None:
        return claim.ordered_amount
    line = getattr(claim, "settlement_line", None)
    if line is None or line.outcome != PAY:
        return claim.paid_amount
    at_stake = claim.claimed_amount if claim.certified_amount is None else claim.payable_amount
    return max(min(line.amount, at_stake), claim.paid_amount)
