"""What is paid of a grant and may still be, part by part (the whole, or each year).

A payment is claimed once, for its planned amount at most: what is certified for less, given up, or left out by the final claim
of its part once that is ordered, is paid by no other one, nor out of another year. Once the agreement has ended, what its
settlement keeps is all that follows. What is paid above what is due, as closed claims say, is to be asked back: no aid.
``agreements.settlements.parts.PAYABLE_PARTS`` says the same in SQL.
"""

from collections.abc import Mapping
from decimal import Decimal

from agreements.settlements.rules import PAY
from agreements.settlements.services import OVER, line_of, settlement_of, stakes_of
from core.money import ZERO, sum_money

#: The id of a tranche; None of an agreement that has none.
Part = int | None


def payable_parts(agreement) -> dict[Part, Decimal]:
    """Euros that are paid of each part of an agreement, or may still be; three queries."""
    claims = agreement.claims.exclude(state="rejected").select_related("settlement_line")
    live = {claim.instalment_id: claim for claim in claims}
    planned = list(agreement.instalments.select_related("tranche"))
    closed = {item.tranche_id for item in planned if _closes(item, live.get(item.pk))}
    settlement = settlement_of(agreement)
    found: dict[Part, Decimal] = {}
    for item in planned:
        claim = live.get(item.pk)
        if agreement.ended_on:
            amount = _kept_of(claim, settlement)
        else:
            amount = _open_of(item, claim, is_closed=item.tranche_id in closed)
        above = claim.overpaid_amount if claim is not None else ZERO
        found[item.tranche_id] = found.get(item.tranche_id, ZERO) + amount - above
    return found


def payable_in_all(agreement) -> Decimal:
    """Euros of an agreement that are paid or may still be."""
    return sum_money(payable_parts(agreement).values())


def payable_without(claim, less: Decimal) -> dict[Part, Decimal]:
    """The parts of the agreement of a claim, once ``less`` euros of that claim are not paid: given up, or due no more."""
    parts = payable_parts(claim.agreement)
    part = claim.instalment.tranche_id
    return parts | {part: parts[part] - less}


def payable_at_end(agreement, claims: list, outcomes: Mapping[int, str]) -> dict[Part, Decimal]:
    """The parts of an agreement were it to end now, with these outcomes of its ``claims`` under way."""
    stakes, decided = stakes_of(claims, outcomes)
    kept = {stake.key: stake.amount if decided[stake.key] == PAY else stake.paid for stake in stakes}
    found: dict[Part, Decimal] = {}
    for claim in agreement.claims.select_related("instalment"):
        part = claim.instalment.tranche_id
        amount = kept.get(claim.pk, claim.paid_amount) - claim.overpaid_amount
        found[part] = found.get(part, ZERO) + amount
    return found


def _closes(item, claim) -> bool:
    """Whether an instalment, or its year, says that nothing more of the part is claimed."""
    if item.tranche is not None and item.tranche.state == "closed":
        return True
    return item.kind == "balance" and claim is not None and claim.state in ("ordered", "paid")


def _open_of(item, claim, *, is_closed: bool) -> Decimal:
    """Euros of an instalment while its agreement lives."""
    if claim is None or claim.certified_amount is None:
        left_out = is_closed and (claim is None or claim.state == "draft")
        return ZERO if left_out else item.amount
    return claim.paid_amount if claim.state == "paid" else claim.payable_amount


def _kept_of(claim, settlement) -> Decimal:
    """Euros of a claim once its agreement has ended."""
    if claim is None:
        return ZERO
    if settlement is None:
        return claim.ordered_amount
    line = line_of(claim)
    goes_on = line is not None and line.outcome == PAY and claim.state not in OVER
    return line.amount if goes_on else claim.paid_amount
