"""No payment without payment credits of its year; a batch is of the present budget year, opened once, cancelled empty."""

from datetime import timedelta

import pgtrigger
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.forms import modelform_factory
from django.urls import reverse
from django.utils import timezone

from agreements import payments
from agreements.batch_conditions import batch_year_is_open
from agreements.models import PaymentBatch, PaymentOrder
from agreements.work import work_on_payments
from core.dates import format_date_long
from core.documents import PIECE_TYPES, store
from core.transitions import TransitionRefused, perform
from grants.admin.envelope import PaymentCreditForm
from grants.models import CreditUse, Envelope, PaymentCredit
from tests.factories.agreements import certified, in_force, ordered
from tests.factories.applicants import pdf
from tests.rows import never_written

pytestmark = pytest.mark.django_db


def credit_of(agreement, year: int | None = None) -> PaymentCredit:
    return agreement.commitment.envelope.payment_credits.get(year=year or payments.this_year())


def at_the_end() -> None:
    """What the database looks at when a transaction ends is looked at now."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def test_an_envelope_without_credits_of_the_year_pays_nothing():
    agreement, house = in_force()
    claim = certified(agreement, house)
    never_written(PaymentCredit.objects.filter(pk=credit_of(agreement).pk))
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused) as refused:
        payments.order_claims(batch, [claim], actor=house.finance)
    assert agreement.commitment.envelope.code in str(refused.value) and str(batch.year) in str(refused.value)
    assert not PaymentOrder.objects.exists()


def test_an_order_takes_the_credits_of_its_year_and_gives_them_back():
    agreement, house = in_force()
    claim, _batch = ordered(agreement, house)
    at_the_end()
    assert credit_of(agreement).ordered_amount == claim.certified_amount
    perform(claim, "withdraw_order", actor=house.finance, comment="Erreur de bordereau.")
    at_the_end()
    assert credit_of(agreement).ordered_amount == 0


@pytest.mark.parametrize("use", ["none", "of another year", "of another amount"])
def test_the_database_keeps_no_order_without_its_credits(use: str):
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(DatabaseError, match="payment credits"), transaction.atomic():
        order = PaymentOrder.objects.create(
            claim=claim, batch=batch, payee=agreement.beneficiary, reference="X-1", amount=claim.certified_amount,
            bank_account=agreement.beneficiary.bank_accounts.get(), ordered_by=house.finance,
        )  # fmt: skip
        if use != "none":
            year, amount = (batch.year + 1, order.amount) if "year" in use else (batch.year, order.amount - 1)
            CreditUse.objects.create(credit=credit_of(agreement, year), reference="X-1", amount=amount)
        at_the_end()


def test_a_batch_is_of_the_year_in_which_it_is_opened_and_keeps_it():
    agreement, house = in_force()
    batch = payments.open_batch(actor=house.finance)
    assert batch.year == payments.this_year()
    for year in (batch.year - 1, batch.year + 3):
        with pytest.raises(DatabaseError, match="budget year"), transaction.atomic():
            PaymentBatch.objects.create(number="X", year=year, opened_by=house.finance)
        with pytest.raises(DatabaseError, match="keeps its number"), transaction.atomic():
            PaymentBatch.objects.filter(pk=batch.pk).update(year=year)


def test_a_batch_of_last_year_takes_no_order_any_more():
    agreement, house = in_force()
    claim = certified(agreement, house)
    before = timezone.now() - timedelta(days=366)
    old = PaymentBatch.objects.create(number="BORD-X", year=before.year, opened_by=house.finance, opened_at=before)
    PaymentCredit.objects.create(envelope=agreement.commitment.envelope, year=old.year, voted_amount="480000.00")
    with pytest.raises(TransitionRefused) as refused:
        payments.order_claims(old, [claim], actor=house.finance)
    assert str(payments.this_year()) in str(refused.value)
    with pytest.raises(DatabaseError, match="batch of its year"), transaction.atomic():
        PaymentOrder.objects.create(
            claim=claim, batch=old, payee=agreement.beneficiary, reference="X-1", amount=claim.certified_amount,
            bank_account=agreement.beneficiary.bank_accounts.get(), ordered_by=house.finance,
        )  # fmt: skip
        at_the_end()


def test_credits_that_were_used_keep_their_year_and_their_envelope():
    agreement, house = in_force()
    ordered(agreement, house)
    credit, other = credit_of(agreement), in_force()[0].commitment.envelope
    never_written(other.payment_credits.all())
    for change in ({"year": 2031}, {"envelope": other}):
        with pytest.raises(DatabaseError, match="keep their year"), transaction.atomic():
            PaymentCredit.objects.filter(pk=credit.pk).update(**change)
    free = credit_of(agreement, credit.year + 1)
    for row, field, is_right in ((credit, "year", False), (free, None, True)):
        made = modelform_factory(PaymentCredit, form=PaymentCreditForm, fields=["year", "voted_amount"])
        form = made({"year": 2031, "voted_amount": "480000"}, instance=row)
        assert form.is_valid() is is_right and (field is None or field in form.errors)


# --- batches opened twice, empty, missing -------------------------------------------------------------------------------


def test_a_double_click_opens_one_batch(client):
    _agreement, house = in_force()
    client.force_login(house.finance)
    add = reverse("admin:agreements_paymentbatch_add")
    addresses = {client.post(add, {"label": "Novembre"}).url for _click in range(2)}
    assert len(addresses) == 1 and PaymentBatch.objects.count() == 1
    client.post(add, {"label": "Décembre"})
    assert PaymentBatch.objects.count() == 2


def test_an_empty_batch_is_cancelled_and_a_full_one_is_not(client):
    agreement, house = in_force()
    empty = payments.open_batch(actor=house.finance, label="Vide")
    perform(empty, "abandon", actor=house.finance)
    assert (empty.state, empty.closed_by, empty.closed_total) == ("void", house.finance, None)
    client.force_login(house.finance)
    assert client.get(reverse("admin:agreements_paymentbatch_change", args=[empty.pk])).status_code == 200
    _claim, full = ordered(agreement, house)
    with pytest.raises(TransitionRefused):
        perform(full, "abandon", actor=house.finance)
    with pytest.raises(DatabaseError, match="cancelled when none was"), transaction.atomic():
        PaymentBatch.objects.filter(pk=full.pk).update(state="void", closed_by=house.finance, closed_at=timezone.now())


def test_a_payment_without_an_open_batch_says_where_to_open_one(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    client.force_login(house.finance)
    page = client.get(reverse("admin:agreements_paymentclaim_transition", args=[claim.pk, "order"])).content.decode()
    assert reverse("admin:agreements_paymentbatch_add") in page
    payments.open_batch(actor=house.finance)
    page = client.get(reverse("admin:agreements_paymentclaim_transition", args=[claim.pk, "order"])).content.decode()
    assert reverse("admin:agreements_paymentbatch_add") not in page


def test_a_batch_of_last_year_is_sent_in_january_and_not_after(client):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    assert last_day_told(batch, house, client) == (f"{batch.year + 1}-01-31", False)
    late = timezone.localtime().replace(year=batch.year + 1, month=2, day=1, hour=12)
    with time_machine.travel(late, tick=True):
        with pytest.raises(TransitionRefused, match="31 janvier"):
            payments.close_batch(batch, actor=house.finance)
        assert last_day_told(batch, house, client) == (f"{batch.year + 1}-01-31", True)
        workbook = store(
            pdf(batch.number),
            name="b.pdf",
            subject=batch,
            user=house.finance,
            kind="batch_workbook",
            allowed=PIECE_TYPES,
        )
        with pytest.raises(DatabaseError, match="until 31 January"), transaction.atomic():
            PaymentBatch.objects.filter(pk=batch.pk).update(
                state="sent", closed_by=house.finance, closed_at=timezone.now(), workbook=workbook,
                closed_total=batch.orders.get().amount,
            )  # fmt: skip
        claim = perform(batch.orders.get().claim, "withdraw_order", actor=house.finance, comment="Exercice clos.")
        assert claim.state == "certified"
    with time_machine.travel(late.replace(month=1, day=31), tick=True):
        assert batch_year_is_open(batch, {}, house.finance) is None


def test_orders_on_the_credits_of_an_investment_are_sent_within_their_year(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    with pgtrigger.ignore("grants.Envelope:envelope_keeps_its_place"):
        Envelope.objects.filter(pk=agreement.commitment.envelope_id).update(kind="AP")
    january = timezone.localtime().replace(year=batch.year + 1, month=1, day=5, hour=12)
    with time_machine.travel(january, tick=True):
        with pytest.raises(TransitionRefused, match=claim.number):
            payments.close_batch(batch, actor=house.finance)
        with pytest.raises(DatabaseError, match="until 31 December"), transaction.atomic():
            PaymentBatch.objects.filter(pk=batch.pk).update(
                state="sent", closed_by=house.finance, closed_at=timezone.now(),
                workbook=store(pdf(batch.number), name="b.pdf", subject=batch, user=house.finance, kind="batch_workbook",
                               allowed=PIECE_TYPES),
                closed_total=batch.orders.get().amount,
            )  # fmt: skip
        assert last_day_told(batch, house, client) == (f"{batch.year}-12-31", True)
    with time_machine.travel(january.replace(year=batch.year, month=12, day=31), tick=True):
        assert batch_year_is_open(batch, {}, house.finance) is None
        assert last_day_told(batch, house, client) == (f"{batch.year}-12-31", False)


def last_day_told(batch, house, client) -> tuple[str, bool]:
    """The day that the list of work, the page and the form of a batch tell, and whether it has passed."""
    (item,) = [item for item in work_on_payments(house.finance) if item.title == batch.number]
    words = "était à envoyer" if item.is_late else "à envoyer"
    told = f"{words} au plus tard le {format_date_long(item.due)}"
    assert ("retirez" in item.why) == item.is_late
    client.force_login(house.finance)
    page = client.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk])).text
    form = client.get(reverse("admin:agreements_paymentbatch_transition", args=[batch.pk, "close"])).text
    listed = client.get(reverse("admin:agreements_paymentbatch_changelist")).text
    assert told in page and told in form and f"{item.due:%d/%m/%Y}" in listed
    return item.due.isoformat(), item.is_late
