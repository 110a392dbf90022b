"""Conditions that look at the neighbours of a claim, an order, a batch, a report; and dates of what has happened."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django import forms
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments, reports, work
from agreements.line_problems import line_problems
from agreements.models import ClaimReply, ExpenditureLine, PaymentClaim, PaymentOrder, TrancheReport
from core.dates import add_years
from core.models import OutboxMessage
from core.past_days import PastDayField
from core.transitions import TransitionRefused, perform, transitions_of, workflow_models
from tests.factories.agreements import (
    add_line,
    certified,
    give_accounts,
    in_force,
    instalment,
    line_values,
    opened,
    ordered,
    pay,
    submitted,
)
from tests.factories.applicants import BankAccountFactory, pdf

D = Decimal
#: Forms that hold days to come: a deadline that is given.
AHEAD = {"deadline", "due_on", "until"}
#: Hidden fields that a form compares with what it knows itself, and that decide nothing.
COMPARED = {"sha256", "version"}


def upload(name: str = "bilan") -> SimpleUploadedFile:
    return SimpleUploadedFile(f"{name}.pdf", pdf(name), "application/pdf")


def forms_of_transitions():
    """Every form that a transition declares, once."""
    specs = [spec for model in workflow_models(apps.get_models()) for spec in transitions_of(model)]
    return sorted({spec.form for spec in specs if spec.form is not None}, key=lambda form: form.__qualname__)


# --- fields that decide nothing, dates that have come -------------------------------------------------------------------


@pytest.mark.parametrize("form", forms_of_transitions(), ids=lambda form: form.__qualname__)
def test_no_form_of_a_transition_decides_by_a_hidden_field(form):
    hidden = {name for name, field in form.base_fields.items() if field.widget.is_hidden}
    assert hidden <= COMPARED


@pytest.mark.parametrize("form", forms_of_transitions(), ids=lambda form: form.__qualname__)
def test_every_date_that_records_a_fact_has_come(form):
    for name, field in form.base_fields.items():
        if not isinstance(field, forms.DateField) or name in AHEAD:
            continue
        tomorrow = timezone.localdate() + timedelta(days=1)
        bound = getattr(form, f"clean_{name}", None)
        assert isinstance(field, PastDayField) or (bound and "today" in bound.__code__.co_varnames), name
        if isinstance(field, PastDayField):
            field.clean((tomorrow - timedelta(days=1)).isoformat())
            with pytest.raises(forms.ValidationError):
                field.clean(tomorrow.isoformat())


@pytest.mark.django_db
def test_a_hidden_field_posted_with_a_cancellation_decides_nothing():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    order = batch.orders.get()
    perform(order, "cancel", actor=house.finance, data={"with_claim": "on"}, comment="Refusé par la banque.")
    claim.refresh_from_db()
    assert (order.state, claim.state, claim.ordered_amount) == ("cancelled", "certified", D(0))


# --- several persons ----------------------------------------------------------------------------------------------------


@pytest.fixture
def scop(db):
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    return agreement, house


def test_a_person_without_account_does_not_hold_up_the_others(scop):
    agreement, house = scop
    first, second = agreement.shares.order_by("rank")
    BankAccountFactory(applicant=first.applicant, verified=True)
    claim, batch = ordered(agreement, house, "single")
    assert [order.share for order in batch.orders.all()] == [first]
    assert (claim.state, claim.ordered_amount) == ("ordered", D("3200.00"))
    pay(batch, house)
    claim.refresh_from_db()
    batch.refresh_from_db()
    assert (claim.state, claim.paid_amount, batch.state) == ("ordered", D("3200.00"), "paid")
    assert claim in work.claims_to_order(house.finance)
    later = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused):
        payments.order_claims(later, [claim], actor=house.finance)
    BankAccountFactory(applicant=second.applicant, verified=True)
    payments.order_claims(later, [PaymentClaim.objects.get(pk=claim.pk)], actor=house.finance)
    pay(later, house)
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount) == ("paid", D("5200.00"))


def test_nobody_payable_is_nothing_to_order(scop):
    agreement, house = scop
    claim = certified(agreement, house, "single")
    with pytest.raises(TransitionRefused):
        payments.order_claims(payments.open_batch(actor=house.finance), [claim], actor=house.finance)
    assert not PaymentOrder.objects.exists()


def test_a_refused_transfer_of_one_person_is_ordered_again_later(scop):
    agreement, house = scop
    give_accounts(agreement)
    claim, batch = ordered(agreement, house, "single")
    payments.close_batch(batch, actor=house.finance)
    one, other = batch.orders.order_by("pk")
    perform(one, "cancel", actor=house.finance, data={}, comment="Compte clos.")
    payments.confirm_payments([other], paid_on=timezone.localdate(), actor=house.finance)
    claim.refresh_from_db()
    batch.refresh_from_db()
    assert (claim.state, claim.ordered_amount, batch.state) == ("ordered", other.amount, "paid")
    again = payments.open_batch(actor=house.finance)
    payments.order_claims(again, [claim], actor=house.finance)
    assert again.orders.get().amount == one.amount


@pytest.mark.django_db
def test_a_batch_of_which_nothing_was_paid_is_not_paid():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    payments.close_batch(batch, actor=house.finance)
    with pytest.raises(DatabaseError, match="a batch is paid when"), transaction.atomic():
        type(batch).objects.filter(pk=batch.pk).update(state="void")
    perform(batch.orders.get(), "cancel", actor=house.finance, data={}, comment="Compte clos.")
    batch.refresh_from_db()
    assert batch.state == "void"
    second, other = ordered(agreement, house, "balance", "40000.00")
    pay(other, house)
    assert second.orders.get().batch.state == "paid"


# --- yearly reports -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_report_waits_for_the_end_of_its_year():
    today = timezone.localdate()
    for ends_on, is_over in ((today, False), (today - timedelta(days=1), True)):
        start = add_years(ends_on + timedelta(days=1), -1)
        agreement, house = in_force("CPO", "180000.00", project_start=start, project_end=add_years(start, 3))
        year = agreement.tranches.get(rank=1)
        assert year.ends_on == ends_on
        values = {"summary": "Fait.", "spent_amount": D("90000"), "upload": upload(), "actor": house.member}
        if is_over:
            reports.file_report(year, **values)
        else:
            with pytest.raises(reports.ReportRefused):
                reports.file_report(year, **values)
    agreement, house = in_force("CPO", "180000.00", project_start=today - timedelta(days=30))
    year = agreement.tranches.get(rank=1)
    with pytest.raises(DatabaseError, match="once its year has ended"), transaction.atomic():
        TrancheReport.objects.create(tranche=year, summary="x", spent_amount=1, filed_by=house.member)


@pytest.mark.django_db
def test_a_year_that_spent_nothing_opens_the_next_for_a_reason():
    agreement, house = in_force("CPO", "180000.00", project_start=timezone.localdate() - timedelta(days=400))
    first, second, _third = agreement.tranches.order_by("rank")
    report = reports.file_report(first, summary="Rien.", spent_amount=D(0), upload=upload(), actor=house.member)
    with pytest.raises(TransitionRefused) as refused:
        perform(report, "accept", actor=house.instructor)
    assert "comment" in refused.value.errors
    with pytest.raises(DatabaseError, match="accepted for a reason"), transaction.atomic():
        TrancheReport.objects.filter(pk=report.pk).update(
            state="accepted", decided_by=house.instructor, decided_at=timezone.now()
        )
    perform(report, "accept", actor=house.instructor, comment="Année blanche, décidée par avenant.")
    second.refresh_from_db()
    assert second.state == "released"
    for change in ({"decision_comment": ""}, {"spent_amount": D(1)}):  # what the next year was opened on stays
        with pytest.raises(DatabaseError, match="accepted does not change"), transaction.atomic():
            TrancheReport.objects.filter(pk=report.pk).update(**change)
    with pytest.raises(reports.ReportRefused):  # the second year has not ended: the third does not open the same day
        reports.file_report(second, summary="Fait.", spent_amount=D(1), upload=upload(), actor=house.member)


@pytest.mark.django_db
def test_a_report_is_corrected_until_it_is_accepted(client):
    agreement, house = in_force("CPO", "180000.00")
    first = agreement.tranches.get(rank=1)
    report = reports.file_report(first, summary="Fait.", spent_amount=D("9"), upload=upload(), actor=house.member)
    client.force_login(house.member)
    url = reverse("agreements:report", args=[agreement.number, 1])
    assert client.get(url).context["form"] is not None
    client.post(url, {"summary": "Fait, corrigé.", "spent_amount": "90 000,00"})
    report.refresh_from_db()
    assert (report.state, report.spent_amount) == ("filed", D("90000.00"))
    perform(report, "accept", actor=house.instructor)
    assert client.get(url).context["form"] is None


@pytest.mark.django_db
def test_an_agreement_does_not_end_while_a_report_waits_to_be_read():
    agreement, house = in_force("CPO", "180000.00")
    first = agreement.tranches.get(rank=1)
    report = reports.file_report(first, summary="Fait.", spent_amount=D("9"), upload=upload(), actor=house.member)
    with pytest.raises(TransitionRefused, match=first.label):
        perform(agreement, "terminate", actor=house.head, data={}, comment="Fin.")
    perform(report, "give_back", actor=house.instructor, comment="Incomplet.")
    perform(agreement, "terminate", actor=house.head, data={}, comment="Fin.")
    data = {"summary": "Fait.", "spent_amount": "9"}
    with pytest.raises(TransitionRefused):
        perform(report, "file_again", actor=house.member, data=data)
    with pytest.raises(DatabaseError, match="while its agreement is in force"), transaction.atomic():
        TrancheReport.objects.filter(pk=report.pk).update(state="filed")


# --- a suspended claim --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_suspended_claim_stays_in_the_work_and_is_answered_on_its_page(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "suspend", actor=house.instructor, comment="Facture contestée.")
    mail = OutboxMessage.objects.get(template="agreements/mail/claim_suspended")
    assert claim.get_absolute_url() in mail.body
    (item,) = [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]
    assert item.tone == "wait"
    client.force_login(house.member)
    assert client.get(claim.get_absolute_url()).context["reply_form"] is not None
    url = reverse("agreements:claim_reply", args=[claim.number])
    assert client.post(url, {"reply-text": ""}).status_code == 422
    client.post(url, {"reply-text": "Voici l’avoir.", "reply-file": upload("avoir")})
    answer = claim.replies.get()
    assert (answer.text, answer.author, answer.document.name) == ("Voici l’avoir.", house.member, "avoir.pdf")
    page = client.get(claim.get_absolute_url())
    assert "Voici l’avoir." in page.content.decode()
    stages = {step.title: step.status for step in page.context["timeline"]}
    assert stages["Réponse envoyée\u202f: le service la lit"] == "now" and list(stages.values()).count("now") == 1
    (item,) = [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]
    assert item.tone == "act"
    perform(claim, "resume", actor=house.instructor, comment="Avoir reçu.")
    assert OutboxMessage.objects.filter(template="agreements/mail/claim_resumed").count() == 1
    with pytest.raises(claims.ClaimRefused):
        claims.reply(claim, "Encore.", actor=house.member)
    with pytest.raises(DatabaseError, match="while the claim is suspended"), transaction.atomic():
        ClaimReply.objects.create(claim=claim, text="x", author=house.member)
    with pytest.raises(DatabaseError), transaction.atomic():
        ClaimReply.objects.filter(pk=answer.pk).update(text="Autre chose.")


# --- when an expenditure is paid ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_expenditure_is_paid_within_the_eligible_dates():
    agreement, house = in_force()
    claim = opened(agreement, house)
    day = agreement.start
    with pytest.raises(claims.ClaimRefused) as refused:
        add_line(claim, house, invoice_date=day, paid_on=day - timedelta(days=1))
    assert "paid_on" in refused.value.errors
    add_line(claim, house, invoice_date=day, paid_on=day, invoice_number="F-0")
    last = timezone.localdate()
    with pytest.raises(claims.ClaimRefused) as refused:
        add_line(claim, house, invoice_date=last, paid_on=last - timedelta(days=32))
    assert "paid_on" in refused.value.errors
    before = {"invoice_date": last, "paid_on": last - timedelta(days=31), "paid_before_why": "Acompte"}
    line = add_line(claim, house, invoice_number="F-1", **before)
    for change in (
        {"paid_on": agreement.start - timedelta(days=1)},
        {"paid_on": agreement.last_day_to_pay + timedelta(days=1)},
        {"invoice_date": agreement.end + timedelta(days=1)},
    ):
        with pytest.raises(DatabaseError, match="dates|period"), transaction.atomic():
            ExpenditureLine.objects.filter(pk=line.pk).update(**change)
    ExpenditureLine.objects.filter(pk=line.pk).update(paid_on=agreement.last_day_to_pay)
    assert line_problems(claim, line_values()) == {}


@pytest.mark.django_db
def test_the_tranche_of_an_order_was_released():
    agreement, house = in_force("CPO", "180000.00")
    claim = certified(agreement, house)
    later = agreement.instalments.filter(tranche__rank=2).first()
    assert instalment(agreement, "advance").tranche.rank == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(instalment=later)
    with pytest.raises(claims.ClaimRefused):
        claims.open_claim(agreement, later, actor=house.member)
