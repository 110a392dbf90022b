"""What was certified is ordered only while it is still due: the figures of the other claims may have changed since."""

from decimal import Decimal

import pgtrigger
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from agreements import payments
from agreements.due import due_of_claim
from agreements.models import Agreement, PaymentClaim
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import certified, in_force, ordered

pytestmark = pytest.mark.django_db
D = Decimal
SPENT = "26625.00"  # 75 % of the planned 35,500: of 20,000 granted, 15,000 are due


def certified_together() -> tuple[PaymentClaim, PaymentClaim, object]:
    """An advance of 10,000 and a balance certified at 10,000 (15,000 due in all, nothing ordered yet)."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    balance = certified(agreement, house, "balance", SPENT)
    assert (advance.certified_amount, balance.certified_amount) == (D(10000), D(10000))
    return advance, balance, house


def order(claim: PaymentClaim, house) -> PaymentClaim:
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    return claim


def test_two_claims_certified_before_either_is_ordered_pay_no_more_than_is_due():
    advance, balance, house = certified_together()
    order(advance, house)
    with pytest.raises(TransitionRefused) as refused:
        order(balance, house)
    said = str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
    assert "10 000,00 €" in said and "5 000,00 €" in said  # both values
    perform(
        balance,
        "certify_less",
        actor=house.instructor,
        data={"certified_amount": "5000.00", "certification_reason": "L’avance a été mandatée depuis."},
    )
    assert order(balance, house).ordered_amount == D(5000)
    assert balance.agreement.claims.get(pk=advance.pk).ordered_amount + balance.ordered_amount == D(15000)


def test_an_advance_after_its_balance_is_no_more_than_what_is_left():
    advance, balance, house = certified_together()
    order(balance, house)
    with pytest.raises(TransitionRefused, match="5"):
        order(advance, house)
    assert due_of_claim(advance).amount == D(5000)


def test_what_is_still_due_is_not_lowered_and_never_raised():
    agreement, house = in_force()
    claim = certified(agreement, house, "balance", SPENT)
    for amount in ("9000.00", "10000.00"):
        with pytest.raises(TransitionRefused):
            data = {"certified_amount": amount, "certification_reason": "Moins."}
            perform(claim, "certify_less", actor=house.instructor, data=data)
    with pytest.raises(IntegrityError), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(certified_amount=claim.certified_amount + 1)


@pytest.mark.parametrize("policy", ["none", "tolerance", "strict"])
def test_the_database_makes_the_same_figure(policy):
    """The rule in Python and the trigger agree on both sides of each boundary, to the cent."""
    agreement, house = in_force()
    ordered(agreement, house)  # 10,000 are paid in advance
    claim = certified(agreement, house, "balance", "35500.00")
    line = claim.lines.get()
    for spent in ("17750.07", "31949.99", "31950.00", "31950.01", "35500.00", "0.07"):
        with pgtrigger.ignore("agreements.Agreement:sent_terms_frozen", "agreements.ExpenditureLine:line_rules"):
            Agreement.objects.filter(pk=agreement.pk).update(proration=policy)
            type(line).objects.filter(pk=line.pk).update(certified_amount=D(spent), certified_reason="Coupé.")
        due = due_of_claim(PaymentClaim.objects.get(pk=claim.pk)).amount
        for amount, taken in ((due, True), (due + D("0.01"), False)):
            if amount <= claim.claimed_amount:
                assert ordered_by_sql(claim, amount, house) is taken, (policy, spent, amount)


def ordered_by_sql(claim: PaymentClaim, amount: Decimal, house) -> bool:
    """Whether the database takes the order of this amount; nothing stays of it."""
    values = {"certified_amount": amount, "certification_reason": "Coupé."}
    guards = ("certified_claim_frozen", "ordered_in_full")
    try:
        with pgtrigger.ignore(*(f"agreements.PaymentClaim:{name}" for name in guards)), transaction.atomic():
            PaymentClaim.objects.filter(pk=claim.pk).update(**values)
            PaymentClaim.objects.filter(pk=claim.pk).update(
                state="ordered", ordered_by=house.finance, ordered_at=timezone.now()
            )
            transaction.set_rollback(True)
    except IntegrityError as error:
        assert "still due" in str(error)
        return False
    return True
