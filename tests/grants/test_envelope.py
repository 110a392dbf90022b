"""Envelopes cannot be overspent, whoever tries, however many at once."""

import threading
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from grants.commitments import (
    CreditExhausted,
    EnvelopeExhausted,
    commit,
    release,
    release_credit,
    use_credit,
)
from grants.models import Commitment, CreditUse, Envelope, PaymentCredit
from tests.factories.core import UserFactory
from tests.factories.instruction import CallFactory, CaseFactory, EnvelopeFactory

ATTEMPTS = 50


@pytest.fixture
def officer(db):
    return UserFactory(finance_officer=True)


@pytest.fixture
def case(db):
    return CaseFactory(state="approved")


def test_a_commitment_is_counted_on_its_envelope(case, officer):
    commitment = commit(case, Decimal("26000.00"), officer)
    envelope = case.call.envelope
    envelope.refresh_from_db()
    assert envelope.committed_amount == Decimal("26000.00")
    assert commitment.reference.startswith("ENG-")
    assert envelope.uncommitted_amount == Decimal("454000.00")


def test_what_was_voted_is_never_exceeded(case, officer):
    commit(case, Decimal("480000.00"), officer)
    with pytest.raises(EnvelopeExhausted, match="0,00"):
        commit(case, Decimal("0.01"), officer)


def test_the_database_refuses_by_itself(case, officer):
    with pytest.raises(IntegrityError, match="envelope_committed_within_voted"), transaction.atomic():
        Commitment.objects.create(
            envelope=case.call.envelope,
            application=case,
            reference="X",
            amount=Decimal("480000.01"),
            created_by=officer,
        )


def test_what_was_voted_is_not_lowered_below_what_is_committed(case, officer):
    commit(case, Decimal("26000.00"), officer)
    with pytest.raises(IntegrityError, match="envelope_committed_within_voted"), transaction.atomic():
        Envelope.objects.filter(pk=case.call.envelope_id).update(voted_amount=Decimal("25999.99"))


def test_a_stale_save_does_not_touch_the_total(case, officer):
    stale = Envelope.objects.get(pk=case.call.envelope_id)
    commit(case, Decimal("26000.00"), officer)
    stale.label = "PROGRESS 2026, relu"
    stale.save()
    assert Envelope.objects.get(pk=stale.pk).committed_amount == Decimal("26000.00")


def test_a_total_written_by_hand_is_ignored(case):
    Envelope.objects.filter(pk=case.call.envelope_id).update(committed_amount=Decimal("1.00"))
    assert Envelope.objects.get(pk=case.call.envelope_id).committed_amount == 0
    assert EnvelopeFactory(committed_amount=Decimal("5.00")).pk
    assert Envelope.objects.latest("pk").committed_amount == 0


def test_released_money_can_be_committed_again(case, officer):
    commitment = commit(case, Decimal("480000.00"), officer)
    release(commitment, actor=officer, reason="Le projet a coûté moins.", amount=Decimal("80000.00"))
    assert Envelope.objects.get(pk=case.call.envelope_id).committed_amount == Decimal("400000.00")
    commit(case, Decimal("80000.00"), officer)
    release(commitment, actor=officer, reason="Le projet est abandonné.")
    assert Envelope.objects.get(pk=case.call.envelope_id).committed_amount == Decimal("80000.00")


def test_more_than_the_commitment_is_not_released(case, officer):
    commitment = commit(case, Decimal("100.00"), officer)
    with pytest.raises(IntegrityError, match="commitment_released_within_amount"), transaction.atomic():
        release(commitment, actor=officer, reason="Trop.", amount=Decimal("100.01"))


def test_a_release_needs_a_reason(case, officer):
    commitment = commit(case, Decimal("100.00"), officer)
    with pytest.raises(IntegrityError, match="commitment_release_has_reason"), transaction.atomic():
        release(commitment, actor=officer, reason="")


@pytest.mark.parametrize("change", [{"amount": Decimal("1.00")}, {"reference": "AUTRE"}])
def test_a_commitment_is_not_edited(case, officer, change):
    commitment = commit(case, Decimal("100.00"), officer)
    with pytest.raises(DatabaseError), transaction.atomic():
        Commitment.objects.filter(pk=commitment.pk).update(**change)


def test_a_commitment_is_not_deleted(case, officer):
    commitment = commit(case, Decimal("100.00"), officer)
    with pytest.raises(DatabaseError), transaction.atomic():
        commitment.delete()


def test_a_closed_envelope_takes_nothing(officer):
    case = CaseFactory(state="approved", call=CallFactory(envelope=EnvelopeFactory(is_closed=True)))
    with pytest.raises(EnvelopeExhausted):
        commit(case, Decimal("1.00"), officer)


def test_a_call_without_envelope_says_so(officer):
    case = CaseFactory(state="approved", call=CallFactory(envelope=None))
    with pytest.raises(EnvelopeExhausted, match="envelope|enveloppe"):
        commit(case, Decimal("1.00"), officer)


def test_a_commitment_is_positive(case, officer):
    with pytest.raises(IntegrityError, match="commitment_amount_positive"), transaction.atomic():
        commit(case, Decimal("0.00"), officer)


# --- payment credits -----------------------------------------------------------------------------------------


@pytest.fixture
def credit(case):
    return PaymentCredit.objects.create(envelope=case.call.envelope, year=2026, voted_amount=Decimal("1000.00"))


def test_payment_credits_of_a_year_are_not_exceeded(credit, officer):
    use_credit(credit.envelope, 2026, Decimal("600.00"), reference="MANDAT-1", actor=officer)
    with pytest.raises(CreditExhausted, match="400,00"):
        use_credit(credit.envelope, 2026, Decimal("400.01"), reference="MANDAT-2", actor=officer)
    credit.refresh_from_db()
    assert credit.ordered_amount == Decimal("600.00")


def test_a_year_without_credits_says_so(credit, officer):
    with pytest.raises(CreditExhausted, match="2027"):
        use_credit(credit.envelope, 2027, Decimal("1.00"), reference="MANDAT-1", actor=officer)


def test_a_cancelled_order_gives_its_credits_back(credit, officer):
    use = use_credit(credit.envelope, 2026, Decimal("1000.00"), reference="MANDAT-1", actor=officer)
    release_credit(use)
    use_credit(credit.envelope, 2026, Decimal("1000.00"), reference="MANDAT-2", actor=officer)


def test_one_order_takes_credits_once(credit, officer):
    use_credit(credit.envelope, 2026, Decimal("1.00"), reference="MANDAT-1", actor=officer)
    with pytest.raises(IntegrityError), transaction.atomic():
        use_credit(credit.envelope, 2026, Decimal("1.00"), reference="MANDAT-1", actor=officer)
    assert CreditUse.objects.count() == 1


# --- at once -------------------------------------------------------------------------------------------------


def at_once(work) -> list[Exception]:
    """Run ``work(number)`` in fifty threads, each with its own connection, all released together."""
    barrier = threading.Barrier(ATTEMPTS)
    refused: list[Exception] = []

    def run(number: int) -> None:
        try:
            barrier.wait(timeout=60)
            work(number)
        except (EnvelopeExhausted, CreditExhausted, IntegrityError) as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(ATTEMPTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    return refused


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_fifty_commitments_at_once_never_overspend():
    """Fifty sessions commit 1,000 euros on an envelope of 20,000: twenty succeed, thirty are told why not."""
    officer = UserFactory(finance_officer=True)
    envelope = EnvelopeFactory(voted_amount=Decimal("20000.00"))
    case = CaseFactory(state="approved", call=CallFactory(envelope=envelope))
    refused = at_once(lambda number: commit(case, Decimal("1000.00"), officer))
    envelope = Envelope.objects.get(pk=case.call.envelope_id)
    assert envelope.committed_amount == Decimal("20000.00")
    assert Commitment.objects.count() == 20
    assert len(refused) == 30
    assert all(isinstance(error, EnvelopeExhausted) for error in refused)
    assert len(set(Commitment.objects.values_list("reference", flat=True))) == 20


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_fifty_raw_inserts_at_once_never_overspend():
    """The same without the product's own lock: the trigger and the CHECK are enough."""
    officer = UserFactory(finance_officer=True)
    envelope = EnvelopeFactory(voted_amount=Decimal("20500.00"))
    case = CaseFactory(state="approved", call=CallFactory(envelope=envelope))

    def insert(number: int) -> None:
        Commitment.objects.create(
            envelope_id=case.call.envelope_id,
            application=case,
            reference=f"BRUT-{number}",
            amount=Decimal("1000.00"),
            created_by=officer,
        )

    refused = at_once(insert)
    assert Envelope.objects.get(pk=case.call.envelope_id).committed_amount == Decimal("20000.00")
    assert Commitment.objects.count() == 20
    assert len(refused) == 30


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_fifty_payment_orders_at_once_stay_within_the_credits():
    officer = UserFactory(finance_officer=True)
    case = CaseFactory(state="approved")
    credit = PaymentCredit.objects.create(envelope=case.call.envelope, year=2026, voted_amount=Decimal("2000.00"))
    refused = at_once(
        lambda number: use_credit(credit.envelope, 2026, Decimal("100.00"), reference=f"MANDAT-{number}", actor=officer)
    )
    credit.refresh_from_db()
    assert credit.ordered_amount == Decimal("2000.00")
    assert len(refused) == 30
