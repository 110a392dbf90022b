"""The claim that closes an account: once the balance of a part (agreement or tranche) is filed, no other payment of that
part is claimed any more, unless the service rejects it.

The balance is the last payment: it compares the whole with its cost, and an advance that came after it would be paid on
an account that its own beneficiary has closed. A claim that was filed before it is decided with it, each counting what
is accepted of the other (``agreements.due``). The trigger ``account_is_open`` says the same. Rows are reached through
relations only.
"""

from collections.abc import Iterable, Mapping

from django.db.models import Q
from django.utils.translation import gettext as _

GENERAL = "__all__"
BALANCE = "balance"
CLOSES = Q(instalment__kind=BALANCE) & ~Q(state__in=["draft", "rejected"])


def closing_claims(agreement):
    """The claims that closed the account of the agreement, or of one of its tranches: balances, filed."""
    return agreement.claims.filter(CLOSES)


def closed_parts(instalments: Iterable, live: Mapping[int, object]) -> dict[int | None, object]:
    """The claim that closed each part, by id of the tranche (None of the whole). ``live`` are claims by id of instalment."""
    return {
        item.tranche_id: claim
        for item in instalments
        if item.kind == BALANCE and (claim := live.get(item.pk)) is not None and claim.state != "draft"
    }


def closed_for(agreement, instalment):
    """The claim that closed the account for one instalment; None while it may be claimed, and of a balance."""
    if instalment.kind == BALANCE:
        return None
    return closing_claims(agreement).filter(instalment__tranche=instalment.tranche_id).order_by("pk").first()


def why_closed(number: str) -> str:
    """What is said of a payment that the filed balance ``number`` leaves out."""
    sentence = _("The account is closed by the final claim %(number)s: no other payment of it is claimed any more.")
    return sentence % {"number": number}


def account_is_open(claim, data, actor):
    """No final claim that closes the account was filed before this claim."""
    if claim.instalment.kind == BALANCE:
        return None
    closing = closing_claims(claim.agreement).filter(instalment__tranche=claim.instalment.tranche_id)
    if claim.submitted_at is not None:  # filed once: before the balance, unless it was begun after it
        closing = closing.filter(submitted_at__lt=claim.opened_at)
    found = closing.order_by("pk").first()
    return {GENERAL: why_closed(found.number)} if found is not None else None


def left_to_pay(tranche):
    """The instalments of a tranche that may still be paid: not paid, and filed before its balance where that was filed."""
    unpaid = tranche.instalments.exclude(claims__state="paid")
    if not closing_claims(tranche.agreement).filter(instalment__tranche=tranche).exists():
        return unpaid
    filed = tranche.agreement.claims.exclude(state__in=["draft", "rejected"]).values("instalment")
    return unpaid.filter(Q(kind=BALANCE) | Q(pk__in=filed))


def left_out_of(claim) -> list:
    """The payments that filing a balance leaves out for good, in their order: nobody asked for them before."""
    if claim.instalment.kind != BALANCE:
        return []
    asked = claim.agreement.claims.exclude(state__in=["draft", "rejected"]).values("instalment")
    left = claim.agreement.instalments.filter(tranche=claim.instalment.tranche_id)
    return list(left.exclude(kind=BALANCE).exclude(pk__in=asked).order_by("rank"))
