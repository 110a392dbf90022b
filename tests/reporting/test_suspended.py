"""A fault that is found after the declaration to the fund: the payment stops, what was declared stays, and it is told."""

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import payments
from agreements.models import PaymentClaim
from core.models import OutboxMessage
from core.transitions import TransitionRefused, perform
from reporting.effects import sha256_of_payment_application, waiting_certificates
from reporting.facts import Selection
from reporting.menu import work_for
from reporting.models import OperationFlag, PaymentApplication, PaymentApplicationEntry
from tests.factories.agreements import give_accounts
from tests.factories.reporting import applied, certified, cofinanced, controlled, declared, opened

pytestmark = pytest.mark.django_db
D = Decimal
WHY = "Facture contestée par son émetteur."


def suspend(case, claim: PaymentClaim) -> PaymentClaim:
    claim.refresh_from_db()
    return perform(claim, "suspend", actor=case.house.instructor, comment=WHY)


def test_a_payment_that_was_declared_stops_and_goes_on_as_it_was_certified():
    case = cofinanced()
    claim = declared(case, "5000.00").claim
    due = claim.certified_amount
    claim = suspend(case, claim)
    assert (claim.state, claim.certified_amount, case.declaration.state) == ("suspended", due, "submitted")
    batch = payments.open_batch(actor=case.house.finance)
    for name, data in (("order", {"batch": batch.pk}), ("resume", {}), ("reject", {})):
        actor = case.house.finance if name == "order" else case.house.instructor
        with pytest.raises(TransitionRefused):
            perform(claim, name, actor=actor, data=data, comment="Non.")
    for change in ({"certified_amount": due - 1}, {"state": "certified", "certified_amount": due - 1}):
        with pytest.raises(IntegrityError, match="what was certified does not change"), transaction.atomic():
            PaymentClaim.objects.filter(pk=claim.pk).update(certification_reason="Coupé.", **change)
    claim = perform(claim, "resume_payment", actor=case.house.instructor, comment="Facture confirmée.")
    assert (claim.state, claim.certified_amount) == ("certified", due)
    assert OutboxMessage.objects.filter(template="agreements/mail/claim_payable").count() == 1
    give_accounts(case.agreement)
    payments.order_claims(batch, [claim], actor=case.house.finance)
    claim.refresh_from_db()
    assert claim.state == "ordered"


def test_what_was_not_declared_loses_its_certification_and_is_read_anew():
    case = cofinanced()
    claim = suspend(case, certified(case, "4000.00"))
    assert claim.certified_amount is None and not case.operation.declarations.exists()
    with pytest.raises(TransitionRefused):
        perform(claim, "resume_payment", actor=case.house.instructor, comment="Non.")
    assert perform(claim, "resume", actor=case.house.instructor, comment="Relue.").state == "under_review"


def test_a_certificate_of_a_suspended_claim_is_not_asked_for(client):
    case, other = cofinanced(), cofinanced()
    claim = controlled(case, "5000.00").claim
    controlled(other, "3000.00")
    finance = case.house.finance
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    assert application.lines.get().eligible_amount == D("8000.00")
    claim = suspend(case, claim)
    with pytest.raises(TransitionRefused, match=claim.number):
        perform(application, "close", actor=finance)
    with pytest.raises(IntegrityError, match="of no suspended claim"), transaction.atomic():
        PaymentApplication.objects.filter(pk=application.pk).update(
            state="closed", closed_at=timezone.now(), sha256="x", closed_by=finance
        )
    perform(application, "collect", actor=finance)
    assert application.lines.get().eligible_amount == D("3000.00")
    assert not waiting_certificates(application.programme_id, application.fund_id).exists()
    perform(application, "close", actor=finance)
    perform(claim, "resume_payment", actor=case.house.instructor, comment="Réglé.")
    assert waiting_certificates(application.programme_id, application.fund_id).count() == 1
    assert case.declaration.certificate.total == D("5000.00")  # it was never touched


def test_the_page_of_a_claim_says_what_can_still_be_stopped(client):
    case = cofinanced()
    claim = controlled(case, "5000.00").claim
    client.force_login(case.house.finance, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_paymentclaim_change", args=[claim.pk])
    assert "suspendez la demande" in client.get(address).text
    application = applied(case, case.house.finance)
    assert "close et non encore envoyée" in client.get(address).text and str(application) in client.get(address).text
    suspend(case, claim)
    assert "Le versement est suspendu" in client.get(address).text


def test_an_application_is_not_sent_with_a_suspended_claim_and_is_withdrawn_to_leave_it_out(client):
    case, other = cofinanced(), cofinanced()
    claim = controlled(case, "5000.00").claim
    controlled(other, "3000.00")
    finance = case.house.finance
    application = applied(case, finance)
    asked = Selection(timezone.localdate()).entries
    assert (application.state, asked.count()) == ("closed", 2)
    claim = suspend(case, claim)
    with pytest.raises(TransitionRefused, match=claim.number):
        perform(application, "send", actor=finance, data={})
    with pytest.raises(IntegrityError, match="of no suspended claim"), transaction.atomic():
        PaymentApplication.objects.filter(pk=application.pk).update(
            state="sent", sent_at=timezone.now(), sent_on=timezone.localdate(), sent_by=finance
        )
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    for name, pk in (("paymentapplication", application.pk), ("operation", case.operation.pk)):
        page = client.get(reverse(f"admin:reporting_{name}_change", args=[pk])).text
        assert claim.number in page and "Une anomalie est ouverte" in page and "Rien n’est en doute" not in page
        assert "suspendue" in client.get(reverse(f"admin:reporting_{name}_changelist")).text
    assert any("retirez cette demande" in item.why for item in work_for(finance))
    assert any(claim.number in item.why for item in work_for(case.controller))

    application = perform(application, "withdraw", actor=finance, comment="Anomalie sur une demande.")
    assert application.state == "void" and sha256_of_payment_application(application) == application.sha256
    assert not Selection(timezone.localdate()).entries.exists()
    with pytest.raises(IntegrityError, match="does not change"), transaction.atomic():
        PaymentApplicationEntry.objects.update(released_at=None)
    following = applied(case, finance)
    assert following.number == application.number + 1
    assert following.lines.get().eligible_amount == D("3000.00")
    perform(following, "send", actor=finance, data={})
    assert case.declaration.certificate.entry is None
    assert "ne change plus" not in client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).text


def give_up(case, claim: PaymentClaim) -> None:
    """The instructor gives up what is not ordered of a claim, its one payee's."""
    parts = {"parts": ["0"]}  # the one payee
    perform(claim, "give_up", actor=case.house.instructor, data=parts, comment="Anomalie confirmée.")


def end_refusing(case, claim: PaymentClaim) -> None:
    case.agreement.refresh_from_db()
    data = {f"claim-{claim.pk}": "refuse"}
    perform(case.agreement, "terminate", actor=case.house.head, data=data, comment="Anomalie confirmée.")


@pytest.mark.parametrize("closes", [give_up, end_refusing])
def test_a_fault_survives_the_end_of_its_claim_until_somebody_answers(closes, client, monkeypatch):
    # One that follows what is paid by itself holds nothing of a terminated act: what keeps the others from leaving is looked at.
    monkeypatch.setattr("reporting.eu_programmes.not_asked._lower_open_applications", lambda *_arguments: None)
    case, other = cofinanced(), cofinanced()
    claim = controlled(case, "5000.00").claim
    controlled(other, "3000.00")
    finance = case.house.finance
    application = opened(case, finance)
    perform(application, "collect", actor=finance)
    claim = suspend(case, claim)
    closes(case, claim)
    claim.refresh_from_db()
    assert (claim.state, claim.state_label()) == ("paid", "Close sans versement")
    flag = OperationFlag.objects.get(kind="fault_open")
    assert (flag.claim, flag.operation, flag.state) == (claim, case.operation, "open")
    with pytest.raises(TransitionRefused, match=claim.number):
        perform(application, "close", actor=finance)
    with pytest.raises(IntegrityError, match="ended with its fault open"), transaction.atomic():
        PaymentApplication.objects.filter(pk=application.pk).update(
            state="closed", closed_at=timezone.now(), sha256="x", closed_by=finance
        )
    assert any(claim.number in item.why for item in work_for(finance))
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:reporting_operation_change", args=[case.operation.pk])).text
    assert claim.number in page and "Anomalie encore ouverte" in page and "Rien n’est en doute" not in page
    for answer in ("confirmed", "corrected"):
        with pytest.raises(TransitionRefused):
            perform(flag, "answer_flag", actor=finance, data={"answer": answer}, comment="Non.")
    perform(application, "collect", actor=finance)
    assert application.lines.get().eligible_amount == D("3000.00")
    perform(flag, "answer_flag", actor=finance, data={"answer": "kept_out"}, comment="Double facturation établie.")
    assert not waiting_certificates(application.programme_id, application.fund_id).exists()
    perform(application, "close", actor=finance)
    perform(application, "send", actor=finance, data={})


def test_an_answered_fault_lets_its_expenditure_be_asked_again():
    case = cofinanced()
    claim = suspend(case, controlled(case, "5000.00").claim)
    give_up(case, claim)
    flag = OperationFlag.objects.get(kind="fault_open")
    waiting = waiting_certificates(case.operation.programme_id, case.operation.current.fund_id)
    assert not waiting.exists()
    perform(flag, "answer_flag", actor=case.house.finance, data={"answer": "regular"}, comment="Facture confirmée.")
    assert waiting_certificates(case.operation.programme_id, case.operation.current.fund_id).count() == 1


def test_what_was_asked_before_the_fault_is_told_and_stays(client):
    case = cofinanced()
    claim = controlled(case, "5000.00").claim
    finance = case.house.finance
    application = perform(applied(case, finance), "send", actor=finance, data={})
    for change in ({"state": "void"}, {"withdrawn_at": timezone.now(), "withdrawn_by": finance}):
        with pytest.raises(IntegrityError), transaction.atomic():
            PaymentApplication.objects.filter(pk=application.pk).update(**change)
    with pytest.raises(IntegrityError, match="given back when it is withdrawn"), transaction.atomic():
        PaymentApplicationEntry.objects.update(released_at=timezone.now())
        connection.check_constraints()
    suspend(case, claim)
    client.force_login(case.controller, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:reporting_paymentapplication_change", args=[application.pk])).text
    assert "demandées à la Commission" in page and claim.number in page
    data = {"accepted_on": timezone.localdate(), "commission_reference": "ARES-1"}
    accepted = perform(application, "accept", actor=finance, data=data)
    assert accepted.state == "accepted"
