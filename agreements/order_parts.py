"""What is left to order of certified claims, person by person: what can be ordered now, what waits for an account and why.

The one answer of batches, totals, lists, lists of work, order forms and orders. Rows are reached through relations only.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from applicants.bank_accounts import why_not_payable
from core.money import format_euros, spread, sum_money


@dataclass(frozen=True)
class Part:
    """Euros that are left to order to one payee (``share``: of which person; None for the one payee of a claim), and in
    a sentence why they cannot be paid now (empty: they can)."""

    share: Any
    payee: Any
    amount: Decimal
    why_not: str = ""


@dataclass(frozen=True)
class ToOrder:
    """The parts of a claim that are neither ordered nor given up; none is of 0 €."""

    parts: tuple[Part, ...] = ()

    @property
    def ready(self) -> list[Part]:
        """Those that an order takes now."""
        return [part for part in self.parts if not part.why_not]

    @property
    def now(self) -> Decimal:
        """Euros that can be ordered now, as far as accounts go."""
        return sum_money(part.amount for part in self.ready)

    @property
    def waiting(self) -> Decimal:
        """Euros that wait for a bank account."""
        return sum_money(part.amount for part in self.parts if part.why_not)

    @property
    def reasons(self) -> list[str]:
        """Why somebody waits, in sentences."""
        return [part.why_not for part in self.parts if part.why_not]


def to_order(claims: Iterable) -> dict[int, ToOrder]:
    """What is left to order of each of these claims, by its id. Four queries at most for all of them.

    The claims come with their agreement and its beneficiary.
    """
    left = payees_left(claims)
    left = {pk: [part for part in parts if part[2] > 0] for pk, parts in left.items()}
    why = why_not_payable({payee for parts in left.values() for _share, payee, _amount in parts if payee is not None})
    return {pk: ToOrder(tuple(Part(*part, _why_not(*part[:2], why)) for part in parts)) for pk, parts in left.items()}


def _why_not(share, payee, why: dict[int, str]) -> str:
    if payee is None:
        return _("%(person)s has no file of their own: create it, with a bank account.") % {"person": share.person_name}
    return why.get(payee.pk, "")


def who_waits(claim) -> list[str]:
    """Of a claim of several persons: whose part waits for a bank account, and how much, for those who read what becomes of
    it. No query where nothing of it is left to order."""
    if claim.agreement.payee != "persons" or not claim.to_order_amount:
        return []
    words = _("%(amount)s waits for the bank account of %(person)s.")
    return [
        words % {"amount": format_euros(part.amount), "person": part.share.person_name}
        for part in to_order([claim])[claim.pk].parts
        if part.why_not and part.share is not None
    ]


def shared_among(claim) -> list[tuple[Any, Decimal]]:
    """(share, euros) of what a claim of several persons asks, or what was certified of it, as it will be ordered."""
    amount = claim.claimed_amount if claim.certified_amount is None else claim.payable_amount
    return [(share, euros) for share, _payee, euros in payees_left([claim], lambda _claim: amount)[claim.pk] if share]


def payees_left(claims: Iterable, amount_of: Callable[[Any], Decimal] | None = None) -> dict[int, list[tuple]]:
    """(share or None, applicant, euros) for each transfer that these claims still need, by the id of the claim; of each,
    ``amount_of`` euros, or what is left to order of it.

    What is certified for several persons is shared like what is still to be paid to each: nobody goes above their
    share, and the last payment of the grant brings each of them exactly to it. What a person gave up of another claim
    is not made up for by this one.
    """
    claims, amount_of = list(claims), amount_of or _left
    to_persons = [claim for claim in claims if claim.agreement.payee == "persons"]
    found = {claim.pk: [(None, claim.agreement.beneficiary, amount_of(claim))] for claim in claims}
    if not to_persons:
        return found
    shares = to_persons[0].agreement.shares.model.objects
    shares = shares.filter(agreement__in={claim.agreement_id for claim in to_persons}).select_related("applicant")
    shares = list(shares.order_by("rank"))
    orders, given_up = to_persons[0].orders.model.objects, to_persons[0].given_up.model.objects
    gone = [
        *orders.filter(share__in=shares).exclude(state="cancelled").values_list("claim_id", "share_id", "amount"),
        *given_up.filter(share__in=shares).values_list("claim_id", "share_id", "amount"),
    ]
    done = {row[:2] for row in gone}
    for share in shares:  # of a share that is waiting, all of it is of other claims
        share.gone = sum_money(amount for _claim, of_share, amount in gone if of_share == share.pk)
    for claim in to_persons:
        own = [share for share in shares if share.agreement_id == claim.agreement_id]
        own = [share for share in own if (claim.pk, share.pk) not in done]
        amounts = spread(amount_of(claim), [share.amount - share.gone for share in own])
        found[claim.pk] = [(share, share.applicant, amount) for share, amount in zip(own, amounts, strict=True)]
    return found


def _left(claim) -> Decimal:
    return claim.payable_amount - claim.ordered_amount
