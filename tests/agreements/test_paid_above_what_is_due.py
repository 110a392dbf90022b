"""What was paid above what is due is the same truth everywhere: register, operation, settlement, pages and mails."""

from decimal import Decimal
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from agreements import claims, payments
from agreements.models import Agreement, PaymentClaim
from agreements.overpaid import overpaid_among
from agreements.settlements.forms import SettlementForm
from agreements.settlements.services import held_of, overpaid_of, standing_of, still_granted
from applicants.models import DeMinimisAid
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import Event, OutboxMessage
from core.money import format_euros
from core.transitions import perform
from reporting.migrations._ends_of_before import operations_of_ended_agreements_follow
from reporting.operations import add_version, facts_of_version
from tests.factories.agreements import in_force, ordered, pay, submitted
from tests.factories.reporting import cofinanced

pytestmark = pytest.mark.django_db
D = Decimal
WHY = "Le projet a coûté moins."


def page(client, person, address) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    found = client.get(address).content.decode()
    return found.replace("\u202f", " ").replace("\xa0", " ")


def certified_at_nothing(agreement, house) -> PaymentClaim:
    """A balance of which nothing is due, after an advance that was paid."""
    _advance, batch = ordered(agreement, house)
    pay(batch, house)
    agreement.refresh_from_db()
    claim = submitted(agreement, house, "balance", "5000.00")
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (D("1000.00"), "Hors objet.") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    data = {"certified_amount": "0", "certification_reason": "L’avance couvre les dépenses."}
    return perform(claim, "certify", actor=house.instructor, data=data)


def closed(agreement, house) -> PaymentClaim:
    return perform(certified_at_nothing(agreement, house), "close_without_payment", actor=house.finance)


def holds(*codes) -> bool:
    return all(look_at(invariant_of(code)).holds for code in codes)


def end(agreement, house, **data) -> Agreement:
    agreement = Agreement.objects.get(pk=agreement.pk)
    perform(agreement, "complete", actor=house.finance, data=data, comment=WHY)
    return Agreement.objects.get(pk=agreement.pk)


def test_the_register_the_settlement_the_pages_and_the_mails_say_what_is_to_be_asked_back(client):
    agreement, house = in_force()
    claim = closed(agreement, house)
    above = claim.overpaid_amount
    assert above > 0
    words = page(client, house.member, agreement.get_absolute_url())
    assert "vous seront demandés en retour" in words  # before the end too
    agreement = end(agreement, house)
    assert still_granted(agreement) == agreement.paid_amount - above == held_of(agreement) - overpaid_of(agreement)
    assert overpaid_among([agreement.pk]) == {agreement.pk: overpaid_of(agreement)}
    assert standing_of(agreement).overpaid == above
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert aid.amount == agreement.paid_amount - above
    event = Event.objects.of(aid.applicant).filter(action="de_minimis_amount").last()
    assert WHY in event.comment and "demander en retour" in event.comment
    assert holds("agreements.register-is-grants", "agreements.ended-holds-nothing", "agreements.settlement-adds-up")
    for person, address in (
        (house.member, agreement.get_absolute_url()),
        (house.finance, reverse("admin:agreements_agreement_change", args=[agreement.pk])),
    ):
        words = page(client, person, address)
        assert "le remboursement est attendu" in words.split('id="settlement"')[1]


def test_the_mails_ask_it_back_and_never_say_that_nothing_is_to_be_done():
    agreement, house = in_force()
    with override("fr"):
        claim = closed(agreement, house)
        agreement = end(agreement, house)
        sent = OutboxMessage.objects.filter(key__startswith=f"claim-{claim.pk}-c").order_by("pk")
        checked, told = sent
    ended = OutboxMessage.objects.get(key=f"agreement-{agreement.pk}-completed")
    assert "acceptée" not in checked.subject_line
    assert "en retour" in told.body and "en retour" in ended.body
    assert "rien à faire" not in told.body + ended.body


def test_a_claim_closed_after_the_end_brings_the_register_down_too():
    agreement, house = in_force()
    claim = certified_at_nothing(agreement, house)
    agreement = end(agreement, house, **{f"claim-{claim.pk}": "pay"})
    claim.refresh_from_db()
    claim = perform(claim, "close_without_payment", actor=house.finance)
    agreement = Agreement.objects.get(pk=agreement.pk)
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert aid.amount == agreement.paid_amount - claim.overpaid_amount == still_granted(agreement)
    assert holds("agreements.register-is-grants", "agreements.ended-holds-nothing")


def test_what_was_asked_and_refused_is_not_called_never_asked():
    agreement, house = in_force()
    claim = closed(agreement, house)
    with override(None):
        facts = dict(SettlementForm(instance=Agreement.objects.get(pk=agreement.pk), actor=house.head).facts)
    assert facts["Claimed and not granted: given up"] == claim.claimed_amount
    assert facts["Never claimed: given up"] == agreement.granted_amount - agreement.paid_amount - claim.claimed_amount
    assert facts["Of which above what is due: to be asked back"] == claim.overpaid_amount


def test_the_operation_bears_what_is_due_and_the_database_plans_no_more():
    case = cofinanced()
    claim = closed(case.agreement, case.house)
    before = case.operation.current
    agreement = end(case.agreement, case.house)
    case.operation.refresh_from_db()
    now = case.operation.current
    lines = now.financing.filter(kind__in=["eu", "region"]).values_list("amount", flat=True)
    assert sum(lines) == agreement.paid_amount - claim.overpaid_amount
    assert now.eu_amount < before.eu_amount and now.total_cost < before.total_cost
    assert holds("reporting.ended-within-what-is-kept", "reporting.plan-covers-the-grant")
    too_much = [("eu", "ESF+", agreement.paid_amount), ("own", "", before.eligible_cost - agreement.paid_amount)]
    with pytest.raises(IntegrityError, match="are paid and kept"), transaction.atomic():
        add_version(case.operation, facts_of_version(before), too_much)
        connection.check_constraints()


def test_what_ended_before_follows_when_the_database_is_migrated(monkeypatch):
    monkeypatch.setattr("reporting.receivers.follow_the_end", lambda *_args, **_kwargs: None)
    monkeypatch.setattr("agreements.receivers.still_granted", held_of)
    case = cofinanced()
    claim = closed(case.agreement, case.house)
    agreement = end(case.agreement, case.house)
    codes = ("agreements.register-is-grants", "reporting.ended-within-what-is-kept")
    assert not holds(codes[0]) and not holds(codes[1])
    step = import_module("agreements.migrations.0022_the_register_holds_what_is_due")
    for _again in range(2):
        step.the_register_holds_what_is_due(apps, None)
        operations_of_ended_agreements_follow(apps, None)
        assert holds(*codes)
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert aid.amount == agreement.paid_amount - claim.overpaid_amount


def test_who_certifies_and_orders_more_on_an_act_that_owes_reads_what_it_owes(client):
    """17,382.50 euros were to be asked back of a year, and the advance of the next was ordered without a word of them."""
    agreement, house = in_force("CPO", "180000.00")
    over = closed(agreement, house)
    owed = format_euros(over.overpaid_amount).replace("\u202f", " ").replace("\xa0", " ")
    year = agreement.tranches.get(rank=2)
    with pgtrigger.ignore():  # the report of the first year is another story
        type(year).objects.filter(pk=year.pk).update(state="released", released_on=timezone.localdate())
    claim = claims.open_claim(agreement, year.instalments.get(kind="advance"), actor=house.member)
    address = reverse("admin:agreements_paymentclaim_change", args=[claim.pk])
    told = "Rien n’en est retenu sur cette demande"
    assert told not in page(client, house.finance, address)  # still being written
    filed = {"state": "submitted", "submitted_at": timezone.now(), "submitted_by": house.member}
    PaymentClaim.objects.filter(pk=claim.pk).update(**filed)
    shown = page(client, house.finance, address)
    assert told in shown and owed in shown
    closed_page = page(client, house.finance, reverse("admin:agreements_paymentclaim_change", args=[over.pk]))
    assert told not in closed_page


def test_the_step_that_orders_it_and_the_batch_say_so_too(client):
    """The claim's page said it, and the pages on which 12,000 euros were ordered did not."""
    agreement, house = in_force("CPO", "180000.00")
    over = closed(agreement, house)
    euros = format_euros(over.overpaid_amount).replace("\u202f", " ").replace("\xa0", " ")
    assert overpaid_among([agreement.pk, 0]) == {agreement.pk: overpaid_of(agreement)}
    year = agreement.tranches.get(rank=2)
    with pgtrigger.ignore():  # the report of the first year is another story
        type(year).objects.filter(pk=year.pk).update(state="released", released_on=timezone.localdate())
    claim = claims.open_claim(agreement, year.instalments.get(kind="advance"), actor=house.member)
    claims.submit(claim, actor=house.member)
    perform(claim, "start_review", actor=house.instructor)
    data = {"certified_amount": str(claim.claimed_amount), "certification_reason": ""}
    claim = perform(claim, "certify", actor=house.instructor, data=data)
    step = page(client, house.finance, reverse("admin:agreements_paymentclaim_transition", args=[claim.pk, "order"]))
    assert "non retenu ici" in step and euros in step
    batch = payments.open_batch(actor=house.finance)
    offered = page(client, house.finance, reverse("admin:agreements_paymentbatch_change", args=[batch.pk]))
    assert claim.number in offered and f"{euros} est à demander en retour et n’est pas retenu ici" in offered
