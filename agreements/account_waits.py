"""Certified claims whose payment waits for a bank account: which, of whom, why, and who has something to do.

Everywhere the same question: the list of claims, the page of a batch, the work of finance and of the instructor. A claim
of several persons may be ready for one of them and wait for another.
"""

from collections.abc import Iterable

from django.db.models import Exists, F, OuterRef, Q
from django.utils.translation import gettext as _

from agreements.models import AgreementShare, GivenUpPart, PaymentClaim, PaymentOrder
from applicants.bank_accounts import why_not_payable
from applicants.models import BankAccount

#: What is certified of a claim and neither given up nor ordered.
LEFT = Q(state="certified", certified_amount__gt=F("given_up_amount")) | Q(
    state="ordered", ordered_amount__lt=F("certified_amount") - F("given_up_amount")
)
PERSONS = Q(agreement__payee="persons")


def _accounts(of: str, **values) -> Exists:
    return Exists(BankAccount.objects.filter(applicant=OuterRef(of), **values))


def _shares_left():
    """The shares of an outer claim that are neither ordered nor given up."""
    this = {"claim": OuterRef(OuterRef("pk")), "share": OuterRef("pk")}
    ordered = PaymentOrder.objects.filter(**this).exclude(state="cancelled")
    given_up = GivenUpPart.objects.filter(**this)
    return AgreementShare.objects.filter(~Exists(ordered), ~Exists(given_up), agreement=OuterRef("agreement"))


def _payable(of: str) -> Q:
    """As ``payable_account``: a verified account, and none that waits to be verified."""
    return Q(_accounts(of, state="verified")) & ~Q(_accounts(of, state="entered"))


def ready_now() -> Q:
    """The condition of a claim of which something can be ordered now, as far as accounts go."""
    to_persons = Q(Exists(_shares_left().filter(_payable("applicant")))) & PERSONS
    return LEFT & (to_persons | _payable("agreement__beneficiary") & ~PERSONS)


def waits() -> Q:
    """The condition of a claim of which somebody cannot be paid now."""
    to_persons = Q(Exists(_shares_left().exclude(_payable("applicant")))) & PERSONS
    return LEFT & (to_persons | ~_payable("agreement__beneficiary") & ~PERSONS)


def is_unknown() -> Q:
    """The condition of a claim of which somebody has given no account at all: nobody verifies it by waiting."""
    live = {"state__in": ["entered", "verified"]}
    to_persons = Q(Exists(_shares_left().exclude(_accounts("applicant", **live)))) & PERSONS
    return LEFT & (to_persons | ~Q(_accounts("agreement__beneficiary", **live)) & ~PERSONS)


def reasons_of(claims: Iterable[PaymentClaim]) -> dict[int, list[str]]:
    """Why somebody of these claims cannot be paid now, in sentences by id of the claim; those of whom all can are not there.

    A few queries for all of them. The claims come with their agreement and its beneficiary.
    """
    claims = list(claims)
    if not claims:
        return {}
    payees = {claim.pk: [(None, claim.agreement.beneficiary)] for claim in claims if claim.agreement.payee != "persons"}
    of_persons = [claim for claim in claims if claim.agreement.payee == "persons"]
    if of_persons:
        done = _done(of_persons)
        shares = AgreementShare.objects.filter(agreement__in={claim.agreement_id for claim in of_persons})
        shares = list(shares.select_related("applicant").order_by("rank"))
        for claim in of_persons:
            own = [share for share in shares if share.agreement_id == claim.agreement_id]
            payees[claim.pk] = [(share, share.applicant) for share in own if (claim.pk, share.pk) not in done]
    why = why_not_payable({payee for own in payees.values() for _share, payee in own if payee is not None})
    found = {pk: [_reason(share, payee, why) for share, payee in own] for pk, own in payees.items()}
    return {pk: told for pk, texts in found.items() if (told := [text for text in texts if text])}


def _done(claims: list[PaymentClaim]) -> set[tuple[int, int]]:
    orders = PaymentOrder.objects.filter(claim__in=claims).exclude(state="cancelled")
    given_up = GivenUpPart.objects.filter(claim__in=claims)
    return {*orders.values_list("claim_id", "share_id"), *given_up.values_list("claim_id", "share_id")}


def _reason(share: AgreementShare | None, payee, why: dict[int, str]) -> str:
    if payee is None:
        return _("%(person)s has no file of their own: create it, with a bank account.") % {"person": share.person_name}
    return why.get(payee.pk, "")
