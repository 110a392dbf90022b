"""What was certified is ordered only while it is still due: the figures of the other claims may have changed since."""

from decimal import ROUND_DOWN, Decimal

import pgtrigger
import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from agreements import claims, payments
from agreements.due import asked_back_of, due_of_claim, forecast_of
from agreements.models import Agreement, PaymentClaim, Tranche
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import add_line, certified, in_force, opened, ordered, pay, review, submitted

pytestmark = pytest.mark.django_db
D = Decimal
SPENT = "26625.00"  # 75 % of the planned 35,500: of 20,000 granted, 15,000 are due


def certified_together() -> tuple[PaymentClaim, PaymentClaim, object]:
    """An advance of 10,000 and a balance, 15,000 due in all, nothing ordered yet: the second counts the first."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    balance = certified(agreement, house, "balance", SPENT)
    assert (advance.certified_amount, balance.certified_amount) == (D(10000), D(5000))
    return advance, balance, house


def spend(claim: PaymentClaim, euros: str) -> None:
    """Cut the expenditure of a certified claim behind its back."""
    with pgtrigger.ignore("agreements.ExpenditureLine:line_rules"):
        claim.lines.update(certified_amount=D(euros), certified_reason="Coupé.")


def order(claim: PaymentClaim, house) -> PaymentClaim:
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    return claim


def test_two_claims_certified_before_either_is_ordered_pay_no_more_than_is_due():
    advance, balance, house = certified_together()
    assert order(advance, house).ordered_amount + order(balance, house).ordered_amount == D(15000)


@pytest.mark.parametrize("first", ["advance", "balance"])
def test_expenditure_cut_since_is_ordered_of_neither_claim(first):
    """Of 15,000 accepted 12,000 are due now, whichever of both is ordered first."""
    advance, balance, house = certified_together()
    spend(balance, "21300.00")
    claim = advance if first == "advance" else balance
    with pytest.raises(TransitionRefused) as refused:
        order(claim, house)
    said = str(refused.value).replace("\u202f", " ").replace("\xa0", " ")
    left = D(7000) if first == "advance" else D(2000)
    assert f"{claim.certified_amount:,.2f} €".replace(",", " ").replace(".", ",") in said  # both values
    assert f"{left:,.2f} €".replace(",", " ").replace(".", ",") in said
    data = {"certified_amount": str(left), "certification_reason": "Une dépense a été coupée."}
    perform(claim, "certify_less", actor=house.instructor, data=data)
    assert order(advance, house).ordered_amount + order(balance, house).ordered_amount == D(12000)


def test_an_advance_filed_before_its_balance_and_certified_after_it_counts_it():
    agreement, house = in_force()
    advance = submitted(agreement, house)
    balance = certified(agreement, house, "balance", SPENT)
    assert balance.certified_amount == D(10000)
    advance = review(advance, house)
    assert advance.certified_amount == D(5000) == due_of_claim(advance).amount
    with pgtrigger.ignore("agreements.PaymentClaim:certified_claim_frozen"):
        with pytest.raises(IntegrityError, match="still due"), transaction.atomic():
            PaymentClaim.objects.filter(pk=advance.pk).update(certified_amount=D("5000.01"))


def test_what_is_accepted_and_not_ordered_counts_in_what_is_said_before_the_filing():
    """Said: what the certificate makes of it, and what of the accepted advance exceeds what is due."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D("100.00"), declared_amount=D("100.00"))
    told = forecast_of(claim)
    due = (D(100) * agreement.granted_amount / agreement.eligible_base).quantize(D("0.01"), ROUND_DOWN)
    assert (told.due, told.asked_back, told.lost) == (0, advance.certified_amount - due, 0)
    claim = claims.submit(claim, actor=house.member)
    assert claim.due_as_filed == 0
    order(advance, house)
    claim = review(claim, house)
    assert (claim.certified_amount, asked_back_of(claim)) == (claim.due_as_filed, claim.asked_back_as_filed)


def test_an_advance_filed_and_not_decided_is_counted_in_what_is_said():
    agreement, house = in_force()
    submitted(agreement, house)
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D(SPENT), declared_amount=D(SPENT))
    assert forecast_of(claim).due == D(5000)


def test_an_advance_above_what_its_certified_balance_leaves_is_not_ordered_and_both_come_to_an_end():
    """Nothing is paid to be asked back: the advance is certified for what is left, and the balance of nothing closed."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    balance = certified(agreement, house, "balance", "100.00")
    assert balance.certified_amount == 0
    spend(balance, "0.00")
    with pytest.raises(TransitionRefused):
        order(advance, house)
    data = {"certified_amount": "0", "certification_reason": "Aucune dépense."}
    perform(advance, "certify_less", actor=house.instructor, data=data)
    perform(balance, "close_without_payment", actor=house.finance)
    perform(advance, "close_without_payment", actor=house.finance)
    assert (balance.overpaid_amount, advance.overpaid_amount) == (0, 0)


def test_nothing_is_claimed_after_the_final_claim(client):
    agreement, house = in_force("CPO", "180000.00")
    part = agreement.instalments.get(kind="advance", tranche__rank=1)
    begun = opened(agreement, house, "advance")
    balance = submitted(agreement, house, "balance", "500.00")
    assert part not in claims.claimable(agreement)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(agreement.get_absolute_url())
    assert not any(part.label in task.text for task in page.context["tasks"])
    assert [task.action for task in page.context["tasks"] if begun.number in task.text] == ["Abandonner cette demande"]
    with pytest.raises(TransitionRefused, match="arrêté"):
        claims.submit(begun, actor=house.member)
    with pytest.raises(IntegrityError, match="closed by the final claim"), transaction.atomic():
        now = timezone.now()
        PaymentClaim.objects.filter(pk=begun.pk).update(state="submitted", submitted_by=house.member, submitted_at=now)
    perform(begun, "abandon", actor=house.member)
    with pytest.raises(claims.ClaimRefused, match="arrêté"):
        claims.open_claim(agreement, part, actor=house.member)
    order(review(balance, house), house)
    pay(balance.orders.get().batch, house)
    assert Tranche.objects.get(pk=part.tranche_id).state == "closed"  # nothing is to come of that year


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
