"""What was paid above what is due is written down once, when it is known, and nothing more is paid on that account."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agreements import claims, payments
from agreements.due import above_what_is_due
from agreements.models import PaymentClaim
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.transitions import TransitionRefused, perform
from tests.agreements.test_ends_of_claims import of_nothing
from tests.factories.agreements import in_force, ordered, submitted

pytestmark = pytest.mark.django_db
D = Decimal


def certified_for_nothing(agreement, house, kind: str = "balance", spent: str = "1000.00") -> PaymentClaim:
    claim = submitted(agreement, house, kind, "5000.00")
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (D(spent), "Hors objet.") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    data = {"certified_amount": "0", "certification_reason": "Rien n’est dû."}
    return perform(claim, "certify", actor=house.instructor, data=data)


def holds(*codes: str) -> bool:
    return all(look_at(invariant_of(f"agreements.{code}")).holds for code in codes)


def test_an_advance_is_due_in_full_no_more_once_its_balance_of_nothing_is_certified():
    agreement, house = in_force()
    advance = submitted(agreement, house, "advance")
    certified_for_nothing(agreement, house)
    due = claims.due_of(advance)
    assert due == (D("1000.00") * agreement.granted_amount / agreement.eligible_base).quantize(D("0.01"))
    perform(advance, "start_review", actor=house.instructor)
    with pytest.raises(TransitionRefused):
        perform(advance, "certify", actor=house.instructor, data={"certified_amount": str(advance.claimed_amount)})
    with pytest.raises(DatabaseError, match="would be certified and .* are due"), transaction.atomic():
        PaymentClaim.objects.filter(pk=advance.pk).update(
            state="certified", certified_by=house.instructor, certified_amount=advance.claimed_amount,
            certified_at=advance.submitted_at,
        )  # fmt: skip


def test_what_exceeds_is_the_figure_and_is_written_once():
    agreement, claim, house = of_nothing()
    exceeds = above_what_is_due(claim)
    assert exceeds > 0
    perform(claim, "close_without_payment", actor=house.finance)
    assert claim.overpaid_amount == exceeds
    assert above_what_is_due(claim) == exceeds
    assert holds("overpaid-is-what-exceeds", "ordered-within-due", "payment-days-in-order")


def test_a_claim_is_not_closed_for_nothing_while_another_of_the_part_may_change_what_is_due():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    payments.close_batch(batch, actor=house.finance)  # sent while it was due
    balance = certified_for_nothing(agreement, house)
    with pytest.raises(TransitionRefused, match=claim.number):
        perform(balance, "close_without_payment", actor=house.finance)
    payments.confirm_payments(batch.orders.all(), paid_on=timezone.localdate(), actor=house.finance)
    perform(balance, "close_without_payment", actor=house.finance)
    assert balance.overpaid_amount > 0
