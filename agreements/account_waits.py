"""The conditions of certified claims of which something can be ordered now, or waits for a bank account.

Which claims stand in a list; how much of each, for whom and why is said by ``order_parts.to_order``, which
``tests/agreements/test_account_waits.py`` holds together with them. A claim of several persons may be ready for one of
them and wait for another.
"""

from collections.abc import Iterable
from functools import cache

from django.db import connection
from django.db.models import Exists, F, OuterRef, Q

from agreements.models import Agreement, AgreementShare, GivenUpPart, Instalment, PaymentClaim, PaymentOrder
from agreements.settlements.services import OVER
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


@cache
def ready_now() -> Q:
    """The condition of a claim of which something can be ordered now, as far as accounts go."""
    to_persons = Q(Exists(_shares_left().filter(_payable("applicant")))) & PERSONS
    return LEFT & (to_persons | _payable("agreement__beneficiary") & ~PERSONS)


@cache
def waits() -> Q:
    """The condition of a claim of which somebody cannot be paid now."""
    to_persons = Q(Exists(_shares_left().exclude(_payable("applicant")))) & PERSONS
    return LEFT & (to_persons | ~_payable("agreement__beneficiary") & ~PERSONS)


def waiting_among(claims: Iterable[PaymentClaim]) -> frozenset[int]:
    """The ids of those of these claims of which somebody cannot be paid now; one query at most."""
    wanted = [claim.pk for claim in claims if claim.to_order_amount]
    if not wanted:
        return frozenset()
    query, values = _waits_in_sql()
    with connection.cursor() as cursor:
        asked = f"SELECT waiting.id FROM ({query}) AS waiting WHERE waiting.id = ANY(%s)"  # noqa: S608 - of our own
        cursor.execute(asked, [*values, wanted])
        return frozenset(key for (key,) in cursor.fetchall())


@cache
def _waits_in_sql() -> tuple[str, tuple]:
    """The claims of ``waits``, by id: Django compiles this condition for longer than PostgreSQL answers it."""
    return PaymentClaim.objects.filter(waits()).order_by().values("id").query.sql_with_params()


@cache
def is_unknown() -> Q:
    """The condition of a claim of which somebody has given no account at all: nobody verifies it by waiting."""
    live = {"state__in": ["entered", "verified"]}
    to_persons = Q(Exists(_shares_left().exclude(_accounts("applicant", **live)))) & PERSONS
    return LEFT & (to_persons | ~Q(_accounts("agreement__beneficiary", **live)) & ~PERSONS)


@cache
def gave_up_all() -> Q:
    """The condition, on bank accounts, that their holder gave up a share and that nothing more is paid to them: every claim
    under way of their acts is given up for them, every other payment was claimed, and no act that lives is their own."""
    holder = OuterRef("applicant")
    given_up = GivenUpPart.objects.filter(share__applicant=holder)
    own = Agreement.objects.filter(beneficiary=holder, ended_on__isnull=True)
    this = GivenUpPart.objects.filter(claim=OuterRef("pk"), share=OuterRef(OuterRef("pk")))
    claims = PaymentClaim.objects.filter(~Exists(this), agreement=OuterRef("agreement")).exclude(state__in=OVER)
    unclaimed = Instalment.objects.filter(agreement=OuterRef("agreement"), agreement__ended_on__isnull=True).exclude(
        claims__state__in=[state for state in PaymentClaim.State.values if state != "rejected"]
    )
    left = AgreementShare.objects.filter(Exists(claims) | Exists(unclaimed), applicant=holder)
    return Q(Exists(given_up)) & ~Q(Exists(own)) & ~Q(Exists(left))
