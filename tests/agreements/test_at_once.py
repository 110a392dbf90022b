"""Two people act at once on one thing: the second waits for the first, then is refused or counts what the first did."""

import threading
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments
from agreements.duplicates import answer_warning, open_warnings, raise_warnings
from agreements.models import PaymentClaim
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import add_line, certified, in_force, opened, ordered, review, submitted
from tests.factories.grants import filled_draft
from tests.forms import form_to

D = Decimal


def _waits_for_this() -> bool:
    """Whether another connection waits for what this transaction holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return cursor.fetchone()[0]


def second_of(first: Callable[[], object], second: Callable[[], object]) -> str:
    """What became of the second, that came while the first was not over: "done", or why it was refused."""
    outcome: list[str] = []

    def attempt() -> None:
        try:
            second()
            outcome.append("done")
        except TransitionRefused as refusal:
            outcome.append(str(refusal))
        finally:
            connection.close()

    with transaction.atomic():
        first()
        thread = threading.Thread(target=attempt)
        thread.start()
        while thread.is_alive() and not _waits_for_this():  # else it has passed by
            thread.join(0.05)
    thread.join(30)
    return outcome[0]


def of_one_invoice() -> tuple[PaymentClaim, object]:
    """A claim under review of 6,000 of an invoice of 10,000."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house, invoice_number="F-SHARED", declared_amount=D("6000.00"))
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    claims.certify_lines(claim, {line.pk: (D("6000.00"), "") for line in claim.lines.all()}, actor=house.instructor)
    claim.refresh_from_db()
    return claim, house


def certify(claim: PaymentClaim, house) -> Callable[[], object]:
    data = {"certified_amount": str(claims.due_of(claim)), "certification_reason": "Dépenses inférieures."}
    return lambda: perform(PaymentClaim.objects.get(pk=claim.pk), "certify", actor=house.instructor, data=data)


def an_invoice_of_two_agreements() -> str:
    (one, its), (other, others) = of_one_invoice(), of_one_invoice()
    raise_warnings(other)
    for warning in open_warnings(other):
        answer_warning(warning, answer="cut", comment="À retrancher.", actor=others.instructor)
    return second_of(certify(one, its), certify(other, others))


def a_confirmation_and_a_cancellation() -> str:
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    payments.close_batch(batch, actor=house.finance)
    order = batch.orders.get()
    told = second_of(
        lambda: payments.confirm_payments([order], paid_on=timezone.localdate(), actor=house.finance),
        lambda: perform(batch.orders.get(), "cancel", actor=house.finance, data={}, comment="Refusé."),
    )
    assert batch.orders.get().state == "paid"
    return told


def an_order_in_a_batch_that_closes() -> str:
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    other_agreement, other_house = in_force()
    claim = certified(other_agreement, other_house)
    told = second_of(
        lambda: payments.close_batch(batch, actor=house.finance),
        lambda: perform(claim, "order", actor=other_house.finance, data={"batch": batch.pk}),
    )
    batch.refresh_from_db()
    assert batch.closed_total == sum(order.amount for order in batch.orders.all())
    return told


def a_batch_closed_twice() -> str:
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    return second_of(
        lambda: payments.close_batch(batch, actor=house.finance),
        lambda: payments.close_batch(type(batch).objects.get(pk=batch.pk), actor=house.finance),
    )


def a_certificate_and_an_end() -> str:
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "start_review", actor=house.instructor)
    data = {f"claim-{claim.pk}": "refuse"}
    end = {"actor": house.head, "data": data, "comment": "Abandon."}
    told = second_of(certify(claim, house), lambda: perform(agreement, "terminate", **end))
    if told != "done":
        return told
    # The end waited for the certificate from its first step on: what it does not keep is certified no more.
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert (claim.state, claim.certified_amount, claim.agreement.state) == ("rejected", None, "terminated")
    return "counted"


def an_end_and_a_certificate() -> str:
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "start_review", actor=house.instructor)
    data = {f"claim-{claim.pk}": "refuse"}
    end = {"actor": house.head, "data": data, "comment": "Abandon."}
    return second_of(lambda: perform(agreement, "terminate", **end), certify(claim, house))


TOGETHER = (
    an_invoice_of_two_agreements,
    a_confirmation_and_a_cancellation,
    an_order_in_a_batch_that_closes,
    a_batch_closed_twice,
    a_certificate_and_an_end,
    an_end_and_a_certificate,
)


@pytest.mark.django_db(transaction=True)
def test_what_comes_second_counts_what_came_first():
    assert [what.__name__ for what in TOGETHER if what() == "done"] == []


def sent_at_once(response, ends: str, user, holds, times: int = 3, **typed: str) -> list[tuple[int, str]]:
    """The answers (status, address) to one form of a page that is sent several times before the first is over."""
    form, answers = form_to(response, ends), []

    def send() -> None:
        try:
            client = Client()
            client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
            answer = client.post(form.action, form.typed(**typed))
            answers.append((answer.status_code, answer.headers.get("Location", "")))
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _time in range(times)]
    with transaction.atomic():
        type(holds).objects.select_for_update().get(pk=holds.pk)
        for thread in threads:
            thread.start()
        while sum(thread.is_alive() for thread in threads) > _waiting():
            threads[0].join(0.05)
    for thread in threads:
        thread.join(30)
    return answers


def _waiting() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0]


@pytest.mark.old_pages
@pytest.mark.django_db(transaction=True)
def test_one_form_sent_several_times_at_once_has_one_answer(client):
    """Filing a case, filing a claim, ordering a payment: nobody reads that nothing was recorded of what was."""
    application = filled_draft()
    person = application.created_by
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    last = client.get(reverse("grants:review", args=[application.public_id]))
    assert sent_at_once(last, "/deposer/", person, application) == [(302, application.get_absolute_url())] * 3

    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(claim.get_absolute_url())
    typed = {name: ["on"] for name, _value in form_to(page, "/deposer/").boxes}
    assert sent_at_once(page, "/deposer/", house.member, claim, **typed) == [(302, claim.get_absolute_url())] * 3
    review(claim, house)

    batch = payments.open_batch(actor=house.finance)
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(
        reverse("admin:agreements_paymentclaim_change", args=[claim.pk]).replace("change/", "transition/order/")
    )
    answers = sent_at_once(page, "/transition/order/", house.finance, claim, batch=str(batch.pk))
    assert {status for status, _address in answers} == {302} and len(set(answers)) == 1
    claim.refresh_from_db()
    assert claim.state == "ordered"
