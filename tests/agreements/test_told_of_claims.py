"""What a claim gives and loses is told once, of all the payments that its filing touches, and promises nothing else."""

from datetime import timedelta
from decimal import Decimal
from html import unescape

import pgtrigger
import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments, work
from agreements.claim_page import claim_context
from agreements.due import forecast_of
from agreements.models import Agreement, PaymentBatch, PaymentClaim
from core.dates import format_date_long
from core.money import format_euros
from core.roles import Role
from core.transitions import perform
from tests.agreements.test_given_up import of_two
from tests.factories.agreements import add_line, certified, in_force, opened, review, submitted
from tests.factories.instruction import staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db
D = Decimal


def read(client, person, address: str) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return unescape(client.get(address, follow=True).text)


def staff_page(row) -> str:
    return reverse(f"admin:agreements_{row._meta.model_name}_change", args=[row.pk])


def again(claim: PaymentClaim) -> PaymentClaim:
    return PaymentClaim.objects.get(pk=claim.pk)


def filed_with(agreement, house, spent: str) -> PaymentClaim:
    """A balance being written, of one invoice."""
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D(spent), declared_amount=D(spent))
    return again(claim)


def test_a_payment_that_was_never_asked_for_is_kept_and_read_as_every_other_loss_is(client):
    agreement, house = in_force()
    draft = opened(agreement, house, "advance")  # begun, and never filed: it is asked for no more than one never begun
    claim = filed_with(agreement, house, str(agreement.eligible_base))
    advance = draft.instalment
    said = f"ne se demande plus : {advance.label} ({format_euros(advance.amount)})".replace(" :", "\u202f:")
    claims.submit(claim, actor=house.member)
    claim = again(claim)
    assert (claim.left_out_as_filed, claim.lost_as_filed, claim.beside_as_filed) == (advance.amount, 0, 0)
    for person, address in ((house.member, claim.get_absolute_url()), (house.instructor, staff_page(claim))):
        assert said in read(client, person, address)
    claim = review(claim, house)
    perform(claim, "suspend", actor=house.instructor, comment="À éclaircir.")
    for person, address in ((house.member, claim.get_absolute_url()), (house.instructor, staff_page(claim))):
        assert advance.label in read(client, person, address)
    with pytest.raises(IntegrityError, match="claim_forecast_of_other_payments"), transaction.atomic():
        PaymentClaim.objects.filter(pk=draft.pk).update(left_out_as_filed=D(1))


def both_filed():
    """An advance of 10,000 that nobody has checked, then a balance: 6,000 are due in all."""
    agreement, house = in_force()
    advance = submitted(agreement, house)
    claim = filed_with(Agreement.objects.get(pk=agreement.pk), house, "10650.00")
    return advance, claim, house


def test_an_advance_under_way_and_its_balance_are_told_together_before_and_after(client):
    advance, claim, house = both_filed()
    (both,) = [text for text in claim_context(claim, house.member)["before_filing"] if advance.number in text]
    assert format_euros(D(6000)) in both and format_euros(D(4000)) in both
    claims.submit(claim, actor=house.member)
    claim = again(claim)
    assert (claim.due_as_filed, claim.beside_as_filed, claim.beside_lost_as_filed) == (0, D(10000), D(4000))
    told = f"{format_euros(D(6000))} au plus sont dus sur les {format_euros(D(10000))} demandés ici"
    assert both in read(client, house.member, claim.get_absolute_url())
    for person, address in ((house.member, advance.get_absolute_url()), (house.instructor, staff_page(advance))):
        assert told in read(client, person, address)
    (item,) = [item for item in work.work_on_claims(house.instructor) if advance.number in item.title]
    assert told in item.why


def test_what_became_of_two_claims_told_together_is_said_of_both(client):
    """The balance is certified first: nothing more was given than was said, and nothing is left for the advance."""
    advance, claim, house = both_filed()
    claims.submit(claim, actor=house.member)
    claim = review(again(claim), house)
    assert claim.certified_amount == D(6000)
    words = read(client, house.member, claim.get_absolute_url())
    assert "de plus que" not in words
    assert f"il reste {format_euros(D(0))} pour {advance.number}" in words
    assert f"{format_euros(D(0))} au plus restent dus" in read(client, house.member, advance.get_absolute_url())
    perform(advance, "start_review", actor=house.instructor)
    perform(advance, "reject", actor=house.instructor, comment="Le solde couvre tout.")
    words = read(client, house.member, claim.get_absolute_url())
    assert f"ces {format_euros(D(6000))} ont été certifiés, dont {format_euros(D(6000))} sur cette demande" in words


def test_an_advance_that_was_given_back_and_filed_after_its_balance_comes_to_what_is_left():
    advance, claim, house = both_filed()
    perform(advance, "start_review", actor=house.instructor)
    day = timezone.localdate() + timedelta(days=20)
    perform(advance, "give_back", actor=house.instructor, data={"answer_due_on": day}, comment="Une pièce manque.")
    claims.submit(claim, actor=house.member)
    advance = again(advance)
    assert forecast_of(advance).due == D(6000)
    claims.submit(advance, actor=house.member)
    assert again(advance).due_as_filed == D(6000)


@pytest.mark.parametrize("is_filed", [True, False])
def test_a_claim_on_expenditure_counts_beside_its_balance_for_what_it_comes_to(is_filed):
    """Of 12,000 due for both, 6,000 are of the first one; of a draft that is left behind, its expenditure counts no more."""
    agreement, house = in_force()
    with pgtrigger.ignore():
        agreement.instalments.filter(kind="advance").update(kind="interim", needs_expenditure=True)
    first = opened(agreement, house, "interim")
    add_line(first, house, invoice_number="A-1", invoice_total=D("10650.00"), declared_amount=D("10650.00"))
    if is_filed:
        claims.submit(again(first), actor=house.member)
        assert again(first).due_as_filed == D(6000)
    told = forecast_of(filed_with(agreement, house, "10650.00"))
    assert (told.due, told.beside, told.beside_lost) == (D(6000), D(6000) if is_filed else 0, 0)
    assert told.left_out == (0 if is_filed else first.instalment.amount)


def test_a_draft_of_a_closed_account_promises_nothing(client):
    agreement, house = in_force()
    draft = opened(agreement, house, "advance")
    claim = filed_with(agreement, house, str(agreement.eligible_base))
    address = reverse("agreements:claim_abandon", args=[draft.number])
    assert "une nouvelle demande" in read(client, house.member, address)
    claims.submit(claim, actor=house.member)
    words = read(client, house.member, draft.get_absolute_url())
    assert claim.number in words and "chose à corriger" not in words
    assert reverse("agreements:claim_submit", args=[draft.number]) not in words and address in words
    page = client.get(address)
    assert claim.number in page.text and "une nouvelle demande" not in page.text
    answer = unescape(client.post(address, form_to(page, address).typed(), follow=True).text)
    assert claim.number in answer and "redemander ce versement" not in answer
    assert "redemander ce versement" not in read(client, house.member, draft.get_absolute_url())


def test_a_payment_of_which_the_time_is_over_is_not_said_to_be_claimed_again(client):
    agreement, house = in_force()
    draft = opened(agreement, house, "advance")
    Agreement.objects.filter(pk=agreement.pk).update(claim_deadline=timezone.localdate() - timedelta(days=1))
    address = reverse("agreements:claim_abandon", args=[draft.number])
    assert "une nouvelle demande" not in read(client, house.member, address)
    answer = unescape(client.post(address, form_to(client.get(address), address).typed(), follow=True).text)
    assert "redemander ce versement" not in answer and "délai supplémentaire" in answer


def suspended_and_answered():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "suspend", actor=house.instructor, comment="Une pièce est illisible.")
    claims.reply(claim, "La voici.", actor=house.member)
    perform(claim, "resume", actor=house.instructor, comment="Reçue.")
    day = timezone.localdate() + timedelta(days=20)
    perform(claim, "give_back", actor=house.instructor, data={"answer_due_on": day}, comment="Corrigez la pièce.")
    return again(claim), house, day


def test_a_late_answer_to_a_claim_that_was_sent_back_says_what_to_do(client):
    claim, house, day = suspended_and_answered()
    refusal = claims.may_reply(house.member, claim)
    assert format_date_long(day) in refusal and "corrigez-la et déposez-la de nouveau" in refusal


def test_the_timeline_keeps_every_move_of_a_claim(client):
    claim, house, _day = suspended_and_answered()
    steps = [step.title for step in claim_context(claim, house.member)["timeline"]]
    assert steps[1:6] == ["Déposée", "Suspendue", "Réponse envoyée", "Renvoyée", "À compléter par vous"]


def test_a_claim_of_several_persons_names_who_waits_to_its_beneficiary_and_who_certified_it(client):
    agreement, house, claim, _batch, other = of_two()
    (part,) = [text for text in claim_context(claim, house.member)["waiting"]]
    assert other.person_name in part
    for address in (claim.get_absolute_url(), agreement.get_absolute_url()):
        assert part in read(client, house.member, address)
    assert "ordonné en partie" in read(client, house.member, claim.get_absolute_url())
    case = agreement.application
    type(case).objects.filter(pk=case.pk).update(instructor=staff(Role.INSTRUCTOR, "CAPITAL-SCOP"))
    assert [item for item in work.work_on_claims(house.instructor) if claim.number in item.title]


def test_a_batch_of_another_budget_year_offers_no_claim_to_order(client):
    agreement, house = in_force()
    batch = payments.open_batch(actor=house.finance)
    claim = certified(agreement, house)
    address = reverse("admin:agreements_paymentbatch_do", args=[batch.pk, "order"])
    assert address in read(client, house.finance, staff_page(batch))
    new_year = timezone.now().replace(year=batch.year + 1, month=2, day=1)
    with time_machine.travel(new_year, tick=True):
        words = read(client, house.finance, staff_page(batch))
    assert address not in words and claim.number not in words
    assert f"l’exercice {batch.year}" in words and PaymentBatch.objects.get(pk=batch.pk).state == "open"


def test_an_order_from_a_page_made_before_the_act_ended_says_so_once(client):
    agreement, house = in_force()
    claim, batch = certified(agreement, house, "balance", "35500.00"), payments.open_batch(actor=house.finance)
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:agreements_paymentbatch_do", args=[batch.pk, "order"])
    form = form_to(client.get(staff_page(batch)), address)
    data = {f"claim-{claim.pk}": "pay"}
    perform(Agreement.objects.get(pk=agreement.pk), "terminate", actor=house.head, data=data, comment="Fin.")
    page = client.post(address, form.typed(claims=[claim.pk]))
    assert "L’acte a pris fin" in unescape(page.text) and again(claim).state == "certified"
    client.post(address, form_to(page, address).typed(claims=[claim.pk]))
    assert again(claim).state == "ordered"
