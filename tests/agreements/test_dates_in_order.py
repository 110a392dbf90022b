"""Every date of an act, a claim, an order, a batch, a report follows the one that it rests on, in the database too."""

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction
from django.utils import timezone

from agreements import payments
from agreements.models import Agreement, PaymentBatch, PaymentClaim, PaymentOrder, TrancheReport
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import entry, in_force, ordered, pay, sent, signature, submitted

pytestmark = pytest.mark.django_db
LONG_AGO = date(1900, 2, 1)


def test_the_region_signs_after_the_beneficiary_and_notifies_after_that():
    agreement, house = sent(granted="30000.00")
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    yesterday = (timezone.localdate() - timedelta(days=1)).isoformat()
    for early in ({"region_signed_on": "1900-02-01", "notified_on": "1900-02-01"}, {"region_signed_on": yesterday}):
        with pytest.raises(TransitionRefused) as refused:
            perform(agreement, "enter_force", actor=house.head, data=entry(**early))
        assert "region_signed_on" in refused.value.errors
    perform(agreement, "enter_force", actor=house.head, data=entry())


@pytest.mark.parametrize(
    "change",
    [
        {"notified_on": LONG_AGO},
        {"region_signed_on": LONG_AGO},
        {"notified_on": timezone.localdate() + timedelta(days=1)},
        {"ended_on": LONG_AGO},
    ],
)
def test_the_database_keeps_the_dates_of_an_act_in_order(change):
    agreement, house = sent(granted="30000.00")
    perform(agreement, "confirm", actor=house.member, data=signature(agreement))
    Agreement.objects.filter(pk=agreement.pk).update(region_signed_on=timezone.localdate())
    with pytest.raises(DatabaseError, match="comes before|is to come"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(**change)


def test_the_database_keeps_the_dates_of_a_payment_in_order():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    last_week = timezone.now() - timedelta(days=7)
    order = batch.orders.get()
    for row, change in (
        (claim, {"ordered_at": last_week}),
        (batch, {"closed_at": last_week}),
        (order, {"paid_on": timezone.localdate(last_week)}),
        (order, {"paid_on": timezone.localdate() + timedelta(days=1)}),
    ):
        with pytest.raises(DatabaseError, match="comes before|is to come"), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(**change)
    assert {type(row) for row in (claim, batch, order)} == {PaymentClaim, PaymentBatch, PaymentOrder}


def test_a_payment_follows_the_sending_of_its_batch():
    agreement, house = in_force()
    before = timezone.now() - timedelta(days=3)
    _claim, batch = ordered(agreement, house)
    payments.close_batch(batch, actor=house.finance)
    order = batch.orders.get()
    with pytest.raises(TransitionRefused) as refused:
        payments.confirm_payments([order], paid_on=timezone.localdate(before), actor=house.finance)
    assert order.reference in str(refused.value)
    payments.confirm_payments([order], paid_on=timezone.localdate(), actor=house.finance)


def test_a_claim_given_back_and_filed_again_keeps_its_dates_in_order():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Illisible.")
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    assert claim.opened_at <= claim.submitted_at
    with pytest.raises(DatabaseError, match="comes before"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(certified_at=claim.submitted_at - timedelta(days=2))


def test_what_was_decided_on_a_report_follows_its_filing():
    triggers = {trigger.name for trigger in TrancheReport._meta.triggers}
    assert "days_in_order" in triggers
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    pay(batch, house)
    batch.refresh_from_db()
    assert timezone.localdate(batch.opened_at) <= timezone.localdate(batch.closed_at)
