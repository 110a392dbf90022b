"""What is still to be paid on an agreement that has ended, and justified by nothing: never said to be paid, not ordered any
more, and told anew to its beneficiary where it changes."""

from dataclasses import replace
from decimal import Decimal
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments
from agreements.batch_conditions import replacement_is_possible
from agreements.case_links import told_in_register
from agreements.due import due_of_claim
from agreements.effects import place_order
from agreements.models import Agreement, PaymentClaim, PaymentOrder, Settlement
from agreements.settlements.forms import SettlementForm
from agreements.settlements.rules import Standing
from agreements.settlements.services import overpaid_of
from agreements.settlements.supposed import unjustified_at_end
from agreements.settlements.unjustified import Unjustified, written_on
from agreements.work import change_url, claims_to_certify_again, claims_to_take_out, work_on_payments
from applicants.models import DeMinimisAid
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.money import ZERO, format_euros
from core.transitions import TransitionRefused, perform
from tests.agreements.test_settlements import WHY, end, of
from tests.factories.agreements import certified, in_force, instalment, opened, ordered, pay, submitted

D = Decimal
pytestmark = pytest.mark.django_db


def plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ").replace("&#x27;", "'")


def read_by(client, person, address) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return plain(client.get(address).text)


def mails_of(agreement, template):
    return OutboxMessage.objects.filter(template=f"agreements/mail/{template}").order_by("pk")


def give_up(claim, house):
    claim.refresh_from_db()
    return perform(claim, "give_up", actor=house.instructor, data={"parts": ["0"]}, comment=WHY)


def written(agreement) -> Unjustified:
    return written_on(Agreement.objects.get(pk=agreement.pk).settlement)


def test_what_is_not_paid_is_nowhere_said_to_be_paid_and_is_not_ordered_any_more(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    end(agreement, house, **of(claim, "pay"))
    amount = claim.certified_amount
    agreement = Agreement.objects.get(pk=agreement.pk)
    assert (written(agreement), overpaid_of(agreement)) == (Unjustified(amount, D(0)), 0)
    ended = plain(mails_of(agreement, "ended").get().body)
    assert "se poursuit" not in ended
    told = f"aucune dépense ne justifie {plain(format_euros(amount))}"
    assert "Il vous a été versé plus" not in ended and told in ended
    for person, address in ((house.member, agreement.get_absolute_url()), (house.finance, change_url(agreement))):
        page = read_by(client, person, address)
        assert "en retour ; le remboursement" not in page and "vous seront demandés" not in page
        assert f"aucune dépense ne justifie {plain(format_euros(amount))} : pas versé" in page
        assert f"rien des {plain(format_euros(amount))} n’est versé" in page and "encore à verser" not in page
    assert not any("aucune dépense" in item.why for item in work_on_payments(house.finance))
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert told_in_register(aid.case_number) is None
    batch = payments.open_batch(actor=house.finance)
    with pytest.raises(TransitionRefused) as refused:
        payments.order_claims(batch, [claim], actor=house.finance)
    assert f"rien ne justifie {plain(format_euros(amount))}" in plain(str(refused.value))
    with pgtrigger.ignore("agreements.PaymentClaim:nothing_more_is_due"):
        with pytest.raises(IntegrityError, match="are still due"), transaction.atomic():
            PaymentClaim.objects.filter(pk=claim.pk).update(state="ordered")
    # The way out: given up, nothing is paid, and what was announced is taken back.
    assert give_up(claim, house).state != "ordered"
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount, written(agreement)) == ("paid", 0, Unjustified())
    assert "rien ne vous est demandé en retour à ce titre" in mails_of(agreement, "asked_back").get().body


def test_an_advance_of_an_ended_agreement_can_be_certified_again_for_what_is_due_and_closed():
    agreement, house = in_force()
    claim = certified(agreement, house)
    end(agreement, house, **of(claim, "pay"))
    claim.refresh_from_db()
    assert due_of_claim(claim).amount == 0
    assert [found.pk for found in claims_to_certify_again(house.instructor)] == [claim.pk]
    data = {"certified_amount": "0", "certification_reason": "Aucune dépense."}
    perform(claim, "certify_less", actor=house.instructor, data=data)
    perform(claim, "close_without_payment", actor=house.finance)
    assert (claim.state, written(agreement)) == ("paid", Unjustified())


def test_an_order_that_nothing_justifies_does_not_leave_once_its_agreement_has_ended(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "advance")
    amount, order = claim.ordered_amount, claim.orders.get()
    form = SettlementForm(instance=Agreement.objects.get(pk=agreement.pk), actor=house.head)
    facts = {plain(str(label)): euros for label, euros in form.facts}
    assert facts["Mandaté : sera payé"] == 0
    assert facts["Mandaté et pas encore transmis, sans justification : ne pourrait pas être payé"] == amount
    assert claim.number in form.warnings[0] and "bordereau" in form.warnings[0]
    page = read_by(
        client, house.head, reverse("admin:agreements_agreement_transition", args=[agreement.pk, "terminate"])
    )
    assert "faites retirer la demande du bordereau" in page
    end(agreement, house)
    assert [found.pk for found in claims_to_take_out(house.finance)] == [claim.pk]
    assert written(agreement) == Unjustified(amount, D(0))
    with pytest.raises(TransitionRefused) as refused:
        payments.close_batch(batch, actor=house.finance)
    assert order.reference in str(refused.value) and "abandonne son paiement" in str(refused.value)
    with pytest.raises(IntegrityError, match="are ordered of the claim"), transaction.atomic():
        values = {"closed_total": amount, "closed_at": timezone.now(), "closed_by": house.finance}
        type(batch).objects.filter(pk=batch.pk).update(state="sent", **values)
    perform(order, "cancel", actor=house.finance, comment="Plus rien ne le justifie.")
    claim.refresh_from_db()
    with pytest.raises(TransitionRefused):
        payments.order_claims(batch, [claim], actor=house.finance)
    give_up(claim, house)
    perform(batch, "abandon", actor=house.finance)
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount, written(agreement)) == ("paid", 0, Unjustified())


def test_what_has_left_for_the_bank_is_paid_and_its_beneficiary_is_told_what_is_asked_back():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "advance")
    payments.close_batch(batch, actor=house.finance)
    form = SettlementForm(instance=Agreement.objects.get(pk=agreement.pk), actor=house.head)
    facts = {plain(str(label)): euros for label, euros in form.facts}
    assert facts["Mandaté : sera payé"] == claim.ordered_amount and form.warnings
    end(agreement, house)
    ended = mails_of(agreement, "ended").get().body
    assert "Il vous a été versé plus" not in ended and "dont le paiement est déjà parti" in ended
    assert "se poursuit" not in ended and "n’est pas versé" not in ended
    payments.confirm_payments(batch.orders.all(), paid_on=timezone.localdate(), actor=house.finance)
    assert written(agreement) == Unjustified(claim.ordered_amount, claim.ordered_amount)
    words = f"{format_euros(claim.ordered_amount)} vous seront demandés en retour"
    assert words in mails_of(agreement, "asked_back").get().body
    paid = mails_of(agreement, "claim_paid").get().body
    assert words in paid and "Vous n’avez rien à faire" not in paid
    assert any("aucune dépense ne justifie" in item.why for item in work_on_payments(house.finance))


def test_who_was_told_of_an_amount_asked_back_is_told_of_the_one_that_takes_its_place():
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    final = certified(agreement, house, "balance", "3000.00")
    end(agreement, house, **of(final, "pay"))
    before = written(agreement).paid
    assert before > 0 and final.certified_amount == 0
    perform(final, "send_back", actor=house.finance, comment="À revoir.")  # its expenditure may be certified anew
    assert written(agreement) == Unjustified()
    mail = mails_of(agreement, "asked_back").get()
    assert f"{format_euros(before)} annoncés auparavant ne vous seront pas demandés en retour" in mail.body
    final.refresh_from_db()
    line = final.lines.get()
    claims.certify_lines(final, {line.pk: (D("2000.00"), "Coupé.")}, actor=house.instructor)
    data = {"certified_amount": "0", "certification_reason": "Rien de plus n’est dû."}
    perform(final, "certify", actor=house.instructor, data=data)
    now = written(agreement).paid
    assert now > before
    assert f"{format_euros(now)} vous seront demandés en retour" in mails_of(agreement, "asked_back").last().body


@pytest.mark.parametrize("declares", [False, True])
def test_who_ends_an_agreement_reads_of_an_advance_whether_anything_could_justify_it(declares):
    agreement, house = in_force()
    claim = certified(agreement, house)
    final = submitted(agreement, house, "balance", "3000.00") if declares else None
    form = SettlementForm(instance=Agreement.objects.get(pk=agreement.pk), actor=house.head)
    field = form.fields[f"claim-{claim.pk}"]
    outcomes = [value for value, _label in field.choices]
    if declares:
        assert outcomes == ["pay", "refuse"] and final.number in field.help_text
    else:
        assert outcomes == ["refuse", "pay"] and "ne pourraient pas être versés" in field.choices[1][1]


def test_settlements_of_before_say_what_is_paid_of_it_when_the_database_is_migrated():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    end(agreement, house)
    paid = written(agreement).paid
    with pgtrigger.ignore("agreements.Settlement:asks_back_what_nothing_justifies"):
        Settlement.objects.filter(agreement=agreement).update(unjustified_paid_amount=0)
        connection.check_constraints()
    code = "agreements.settlement-asks-back"
    assert not look_at(invariant_of(code)).holds
    step = import_module("agreements.migrations.0055_settlements_say_what_is_paid_of_it")
    step.settlements_say_what_is_paid_of_it(apps, None)
    assert written(agreement).paid == paid > 0 and look_at(invariant_of(code)).holds


def settlement_form(agreement, house) -> SettlementForm:
    return SettlementForm(instance=Agreement.objects.get(pk=agreement.pk), actor=house.head)


def labels_of(form, claim) -> dict[str, str]:
    return {value: plain(str(label)) for value, label in form.fields[f"claim-{claim.pk}"].choices}


def test_who_ends_an_agreement_reads_that_an_order_that_has_left_becomes_money_to_ask_back(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "advance")
    payments.close_batch(batch, actor=house.finance)
    form, amount = settlement_form(agreement, house), claim.ordered_amount
    facts = {plain(str(label)): euros for label, euros in form.facts}
    assert facts["Dont aucune dépense ne justifie : à demander en retour une fois versé"] == amount
    address = reverse("admin:agreements_agreement_transition", args=[agreement.pk, "terminate"])
    page = read_by(client, house.head, address)
    assert f"{plain(format_euros(amount))} de {claim.number} sont mandatés dans un bordereau déjà transmis" in page
    assert "faites annuler le mandat par le service financier avant la fin de l’acte" in page
    # What it advises is possible: cancelled, the claim is decided on that page.
    perform(claim.orders.get(), "cancel", actor=house.finance, comment="L’acte va prendre fin.")
    form = settlement_form(agreement, house)
    assert not form.warnings and f"claim-{claim.pk}" in form.fields


@pytest.mark.parametrize("state", ["draft", "submitted"])
@pytest.mark.parametrize("standing", ["paid", "sent"])
def test_refusing_the_only_claim_that_would_declare_expenditure_says_what_is_asked_back_and_it_is(state, standing):
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    if standing == "paid":
        pay(batch, house)
    else:
        payments.close_batch(batch, actor=house.finance)
    final = (
        opened(agreement, house, "balance") if state == "draft" else submitted(agreement, house, "balance", "3000.00")
    )
    form, amount = settlement_form(agreement, house), plain(format_euros(advance.ordered_amount))
    told = {"paid": f"{amount} déjà versés", "sent": f"{amount} transmis au paiement"}[standing]
    labels = labels_of(form, final)
    assert told in labels["refuse"] and "demander en retour" in labels["refuse"]
    supposed = unjustified_at_end(agreement, form.claims, {final.pk: "refuse"})
    assert unjustified_at_end(agreement, form.claims, {final.pk: "pay"}) == Unjustified()
    end(agreement, house, **of(final, "refuse"))
    paid = advance.ordered_amount if standing == "paid" else D(0)
    assert written(agreement) == supposed == Unjustified(advance.ordered_amount, paid)


def test_of_two_claims_that_declare_refusing_both_says_what_one_alone_does_not():
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    last = instalment(agreement, "balance")
    with pgtrigger.ignore():
        values = {"label": "Acompte", "trigger_text": last.trigger_text, "amount": last.amount / 2}
        agreement.instalments.create(rank=last.rank + 1, kind="interim", needs_expenditure=True, **values)
        agreement.instalments.filter(pk=last.pk).update(amount=last.amount / 2)
    first, final = opened(agreement, house, "interim"), opened(agreement, house, "balance")
    form = settlement_form(agreement, house)
    for claim, other in ((first, final), (final, first)):
        assert "en retour" not in labels_of(form, claim)["refuse"]
        told = plain(form.fields[f"claim-{claim.pk}"].help_text)
        assert other.number in told and f"{plain(format_euros(advance.paid_amount))} en tout" in told


def test_a_claim_that_declares_beside_certified_expenditure_asks_back_the_rest_alone():
    """Refused, what it declares justifies nothing, even where its lines were checked already."""
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    final = submitted(agreement, house, "balance", "3000.00")
    perform(final, "start_review", actor=house.instructor)
    claims.certify_lines(final, {final.lines.get().pk: (D("3000.00"), "")}, actor=house.instructor)
    form = settlement_form(agreement, house)
    assert plain(format_euros(advance.paid_amount)) in labels_of(form, form.claims[0])["refuse"]
    supposed = unjustified_at_end(agreement, form.claims, {final.pk: "refuse"})
    end(agreement, house, **of(final, "refuse"))
    assert written(agreement) == supposed


@pytest.mark.parametrize("is_due", [True, False])
def test_an_order_that_nothing_justifies_is_not_placed_again_when_it_is_cancelled(client, is_due):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "advance")
    payments.close_batch(batch, actor=house.finance)
    other = payments.open_batch(actor=house.finance, label="Suite")
    if not is_due:
        end(agreement, house)
    order = claim.orders.get()
    address = reverse("admin:agreements_paymentorder_transition", args=[order.pk, "cancel"])
    page = read_by(client, house.finance, address)
    assert (other.number in page) is is_due and ("rien ne justifie" in page) is not is_due
    data = {"batch": other.pk}
    if is_due:
        perform(order, "cancel", actor=house.finance, data=data, comment="Refusé par la banque.")
        assert claim.orders.filter(state="ordered", batch=other).exists()
        return
    told = replacement_is_possible(PaymentOrder.objects.get(pk=order.pk), {"batch": other}, house.finance)
    assert "rien ne justifie" in plain(told["__all__"])
    words = "would be ordered of the claim"
    with pytest.raises(IntegrityError, match=words), transaction.atomic():
        PaymentOrder.objects.filter(pk=order.pk).update(state="cancelled", cancel_reason="Refusé.")
        place_order(claim, other, house.finance, share=None, payee=order.payee, amount=order.amount)
    perform(order, "cancel", actor=house.finance, comment="Refusé par la banque.")
    claim.refresh_from_db()
    assert claim.state == "certified" and not other.orders.exists()


def test_two_sums_to_ask_back_are_told_apart_with_their_total():
    """What closed claims ask back and what no expenditure justifies are two reasons: each by its name, then their sum."""
    amounts = dict.fromkeys(("paid", "kept", "freed", "left", "leaving", "dropped"), ZERO)
    both = Standing(**amounts, overpaid=Decimal("700.00"), unjustified=Decimal("1234.00"))
    facts = {"settlement": Settlement(granted_amount=ZERO, paid_amount=ZERO, kept_amount=ZERO, freed_amount=ZERO)}
    told = render_to_string("agreements/_settlement.html", facts | {"standing": both})
    parts = [told.partition(words)[2][:60] for words in ("sur des demandes closes", "en retour au total")]
    assert format_euros(both.overpaid) in parts[0] and format_euros(both.asked_back) in parts[1]
    assert format_euros(both.asked_back) == format_euros(Decimal("1934.00"))
    alone = replace(both, unjustified=ZERO)
    assert "en retour au total" not in render_to_string("agreements/_settlement.html", facts | {"standing": alone})
