"""A certified claim that nobody can be paid stands apart from those that can, with who, why and what to do."""

from decimal import Decimal

import pgtrigger
import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import payments, work
from agreements.effects import left_to_order
from agreements.models import Agreement, PaymentBatch, PaymentOrder
from agreements.order_parts import to_order
from applicants.models import BankAccount
from applicants.setup import _accounts_as_work
from core.engine.erasure import ErasureRefused, erase
from core.engine.needs import why_needed
from core.engine.versions import shown_of
from core.money import format_euros
from core.transitions import perform
from tests.agreements.test_given_up import of_two
from tests.factories.agreements import certified, drafted, in_force
from tests.factories.applicants import BankAccountFactory

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def queue_of(client, user, queue: str) -> str:
    client.force_login(user, backend=BACKEND)
    return client.get(reverse("admin:agreements_paymentclaim_changelist") + f"?queue={queue}").text


def test_a_change_of_account_sets_its_claim_apart_with_the_reason(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    assert list(work.claims_ready_to_order(house.finance)) == [claim]
    assert not work.claims_waiting_for_account(house.finance).exists()
    BankAccountFactory(applicant=agreement.beneficiary, is_change=True)
    assert not work.claims_ready_to_order(house.finance).exists()
    assert list(work.claims_waiting_for_account(house.finance)) == [claim]
    reasons = to_order([claim])[claim.pk].reasons
    page = client_page(client, house.finance, batch)
    assert reasons[0] in page and "Aucune demande certifiée ne peut être mandatée" in page
    assert claim.number in queue_of(client, house.finance, "account")
    assert claim.number not in queue_of(client, house.finance, "ready")
    assert "attend un compte bancaire" in queue_of(client, house.finance, "order")
    (item,) = [item for item in work.work_on_payments(house.finance) if claim.number in item.title]
    assert reasons[0] in item.why
    # The account is being verified: nothing is left to do for the instructor.
    assert not [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]


def client_page(client, user, batch) -> str:
    client.force_login(user, backend=BACKEND)
    return client.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk])).text


def test_a_person_without_an_account_is_work_of_the_instructor_until_given_up(client):
    _agreement, house, claim, _batch, other = of_two()
    (item,) = [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]
    assert other.applicant.display_name in item.why and "abandonnez sa part" in item.why
    BankAccountFactory(applicant=other.applicant)  # entered: somebody verifies it
    assert not [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]
    assert _of(other, _accounts_as_work(house.finance))
    assert list(work.claims_waiting_for_account(house.finance)) == [claim]
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment="Elle renonce.")
    assert not work.claims_waiting_for_account(house.finance).exists()
    assert not _of(other, _accounts_as_work(house.finance))  # no payment waits for it any more


def _of(share, items) -> list:
    return [item for item in items if share.applicant.display_name in item.title]


def test_the_account_of_a_person_to_whom_something_else_is_paid_is_verified_all_the_same():
    _agreement, house, claim, _batch, other = of_two()
    BankAccountFactory(applicant=other.applicant, is_change=True)
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment="Elle renonce.")
    assert not _of(other, _accounts_as_work(house.finance))
    another, _house = drafted()
    Agreement.objects.filter(pk=another.pk).update(beneficiary=other.applicant)
    assert _of(other, _accounts_as_work(house.finance))


def test_the_two_conditions_say_what_the_order_asks():
    """Of every claim that is left to order: ready where somebody can be paid, waiting where somebody cannot."""
    _agreement, house, claim, batch, other = of_two()
    ready, waits = work.claims_ready_to_order(house.finance), work.claims_waiting_for_account(house.finance)
    assert [share for share, _payee, _amount in left_to_order(claim)] == [other]
    assert (ready.exists(), list(waits)) == (False, [claim])
    BankAccountFactory(applicant=other.applicant, verified=True)
    assert (list(ready.all()), waits.all().exists()) == ([claim], False)
    assert payments.order_claims(batch, [claim], actor=house.finance) == 1
    assert not ready.all().exists()


def test_the_reasons_of_many_claims_are_few_queries(django_assert_max_num_queries):
    claims = [of_two()[2] for _round in range(3)]
    claims = list(type(claims[0]).objects.with_case().filter(pk__in=[claim.pk for claim in claims]))
    with django_assert_max_num_queries(4):
        assert [parts.waiting for parts in to_order(claims).values()] == [Decimal(1300)] * 3


def test_a_claim_of_which_one_person_waits_is_split_and_counted_once(client):
    """The same two amounts in the batch, the list of claims, the list of work, the order form and the order itself."""
    _agreement, house, claim, _batch, other = of_two()
    perform(claim, "withdraw_order", actor=house.finance, comment="Repris.")
    batch = payments.open_batch(actor=house.finance)
    parts = to_order([claim])[claim.pk]
    assert (parts.now, parts.waiting) == (Decimal("3200.00"), Decimal("1300.00"))
    now, waiting = (format_euros(amount) for amount in (parts.now, parts.waiting))
    page = client_page(client, house.finance, batch)
    assert page.count(now) == page.count(waiting) == 2  # the row of each table, and its total
    for queue in ("ready", "account", "order"):
        listed = queue_of(client, house.finance, queue)
        assert now in listed and f"et {waiting} en attente d’un compte bancaire" in listed
    (item,) = [item for item in work.work_on_payments(house.finance) if claim.number in item.title]
    assert now in item.why and waiting in item.why and other.applicant.display_name in item.why
    form = client.get(reverse("admin:agreements_paymentclaim_transition", args=[claim.pk, "order"])).text
    assert f"Mandaté maintenant : {now}. En attente d’un compte bancaire : {waiting}." in form.replace(
        "\xa0:", " :"
    ).replace("\u202f:", " :")
    assert payments.order_claims(batch, [claim], actor=house.finance) == 1
    claim.refresh_from_db()
    assert claim.ordered_amount == parts.now


def test_a_claim_whose_account_was_changed_meanwhile_is_refused_for_that_reason(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    batch = payments.open_batch(actor=house.finance)
    BankAccountFactory(applicant=agreement.beneficiary, is_change=True)
    client.force_login(house.finance, backend=BACKEND)
    client.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk]))
    data = {"claims": [claim.pk], "shown": shown_of(batch).token()}
    page = client.post(reverse("admin:agreements_paymentbatch_do", args=[batch.pk, "order"]), data).text
    assert f"{claim.number} (certifiée)" not in page
    assert f"{claim.number} ({to_order([claim])[claim.pk].reasons[0].rstrip('.')})" in page


def erased(account) -> None:
    """As it would stand, had nobody asked what rests on it."""
    with pgtrigger.ignore():
        BankAccount.objects.filter(pk=account.pk).update(state="erased", iban="XX00ERASED000000001", bic="")


def test_an_account_on_which_money_waits_is_not_erased_and_an_erased_one_not_paid():
    """The refusal names the claim, the order and the act; the database orders, sends and pays nothing on an erased one."""
    agreement, house = in_force()
    claim = certified(agreement, house)
    account = BankAccount.objects.get(applicant=agreement.beneficiary, state="verified")
    batch = payments.open_batch(actor=house.finance)
    point = transaction.savepoint()
    erased(account)
    with pytest.raises(DatabaseError, match="the account of an order was erased by law"), transaction.atomic():
        PaymentOrder.objects.create(
            batch=batch, claim=claim, payee=agreement.beneficiary, bank_account=account, reference="X-1", amount=1,
            ordered_by=house.finance,
        )  # fmt: skip
    transaction.savepoint_rollback(point)
    payments.order_claims(batch, [claim], actor=house.finance)
    order = claim.orders.get()
    for row in (account, agreement, agreement.beneficiary):
        with pytest.raises(ErasureRefused) as caught:
            erase([row], reason="Article 17")
        assert claim.number in str(caught.value) and agreement.number in str(caught.value), row
    (said, *_others) = why_needed(account)
    assert order.reference in said
    account.refresh_from_db()
    assert account.state == "verified"
    erased(account)
    for write in (
        lambda: PaymentBatch.objects.filter(pk=batch.pk).update(
            state="sent", closed_total=order.amount, closed_by=house.finance, closed_at=timezone.now()
        ),
        lambda: PaymentOrder.objects.filter(pk=order.pk).update(state="paid"),
    ):
        with pytest.raises(DatabaseError, match="the account of an order was erased by law"), transaction.atomic():
            write()
