"""An agreement ends with its settlement: what goes on, what is refused, what is freed; nothing else moves afterwards."""

import threading
from decimal import Decimal
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments
from agreements.models import Agreement, PaymentClaim, PaymentOrder, Settlement
from agreements.settlements.forms import SettlementForm
from agreements.settlements.services import overpaid_of, standing_of, still_granted
from agreements.settlements.unjustified import Unjustified, unjustified_of
from agreements.work import change_url, work_on_payments
from applicants.models import DeMinimisAid
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.money import format_euros
from core.transitions import TransitionRefused, available_transitions, perform
from grants.commitments import release
from tests.factories.agreements import (
    certified,
    give_accounts,
    in_force,
    instalment,
    opened,
    ordered,
    pay,
    review,
    submitted,
)

D = Decimal
WHY = "Le projet est abandonné."
ALL_SPENT = "35500.00"  # all that the project was to cost: its final claim is due as planned


def end(agreement, house, name="terminate", comment=WHY, **outcomes):
    """End an agreement; ``outcomes`` are ``pay`` or ``refuse`` by ``claim_<id>``."""
    data = {key.replace("_", "-"): value for key, value in outcomes.items()}
    return perform(agreement, name, actor=house.head, data=data, comment=comment)


def of(claim, outcome):
    return {f"claim_{claim.pk}": outcome}


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["terminate", "lapse"])
@pytest.mark.parametrize("state", ["draft", "submitted", "under_review", "suspended", "certified"])
def test_an_end_says_what_becomes_of_each_claim(name, state):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance") if state == "draft" else submitted(agreement, house)
    if state == "under_review":
        perform(claim, "start_review", actor=house.instructor)
    elif state == "suspended":
        perform(claim, "suspend", actor=house.instructor, comment="Litige.")
    elif state == "certified":
        review(claim, house)
    with pytest.raises(TransitionRefused) as refused:
        end(agreement, house, name)
    assert f"claim-{claim.pk}" in refused.value.errors
    end(agreement, house, name, **of(claim, "refuse"))
    claim.refresh_from_db()
    settlement = agreement.settlement
    assert claim.state == "rejected"
    assert (settlement.kept_amount, settlement.freed_amount) == (D(0), agreement.granted_amount)
    assert [(line.claim_id, line.claim_state, line.outcome) for line in settlement.lines.all()] == [
        (claim.pk, state, "refuse")
    ]
    agreement.commitment.refresh_from_db()
    assert agreement.commitment.net_amount == D(0)


@pytest.mark.django_db
def test_a_claim_that_the_settlement_names_is_still_reviewed_ordered_and_paid():
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", ALL_SPENT)
    end(agreement, house, **of(claim, "pay"))
    commitment = agreement.commitment
    commitment.refresh_from_db()
    assert commitment.net_amount == claim.claimed_amount == agreement.settlement.kept_amount
    review(claim, house)
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    pay(batch, house)
    claim.refresh_from_db()
    commitment.refresh_from_db()
    assert claim.state == "paid"
    assert commitment.net_amount == commitment.ordered_amount == claim.paid_amount


@pytest.mark.django_db
def test_what_a_kept_claim_does_not_use_is_freed_when_it_is_over():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    end(agreement, house, **of(claim, "pay"))
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "reject", actor=house.instructor, comment="Rien n’a été fait.")
    agreement.commitment.refresh_from_db()
    assert agreement.commitment.net_amount == D(0)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["advance", "balance"])
def test_a_kept_draft_that_its_beneficiary_gives_up_frees_what_was_kept_for_it(kind):
    """Whatever step ends a claim: the envelope gets back what it held, and the register follows."""
    agreement, house = in_force()
    claim = opened(agreement, house, kind)
    end(agreement, house, **of(claim, "pay"))
    perform(claim, "abandon", actor=house.member)
    agreement.refresh_from_db()
    assert agreement.commitment.amount - agreement.commitment.released_amount == 0
    assert still_granted(agreement) == 0
    for code in ("agreements.ended-holds-nothing", "agreements.register-is-grants"):
        assert not look_at(invariant_of(code)).rows


@pytest.mark.django_db
def test_the_page_of_an_ended_agreement_says_what_is_truly_left_to_pay(client):
    agreement, house = in_force()
    claim = certified(agreement, house, "balance", ALL_SPENT)
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    end(agreement, house)
    order, asked, less = claim.orders.get(), claim.claimed_amount, D("100.50")
    pages = [(house.member, agreement.get_absolute_url()), (house.finance, change_url(agreement))]

    def read():
        claim.refresh_from_db()
        found = []
        for person, address in pages:
            client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
            found.append(client.get(address).content.decode())
        return found

    assert all(f"{format_euros(asked)} restent à verser" in page for page in read())
    perform(order, "cancel", actor=house.finance, comment="Mandat rejeté.")
    claim.refresh_from_db()
    perform(claim, "send_back", actor=house.finance, comment="À revoir.")
    assert all(f"se poursuit, {format_euros(asked)} au plus" in page for page in read())
    data = {"certified_amount": str(less), "certification_reason": "Moins."}
    perform(claim, "certify", actor=house.instructor, data=data)
    standing = standing_of(Agreement.objects.get(pk=agreement.pk))
    assert (standing.left, standing.kept) == (less, asked)
    for page in read():
        assert f"{format_euros(less)} restent à verser" in page
        assert f"{format_euros(asked)} sont réservés" in page and "se poursuit" not in page


@pytest.mark.django_db
def test_no_more_is_certified_than_the_settlement_keeps():
    agreement, house = in_force()
    claim = certified(agreement, house, "balance", ALL_SPENT)
    reduced = claim.claimed_amount - D("100.00")
    perform(claim, "send_back", actor=house.finance, comment="À revoir.")
    data = {"certified_amount": str(reduced), "certification_reason": "Moins."}
    perform(claim, "certify", actor=house.instructor, data=data)
    end(agreement, house, **of(claim, "pay"))
    perform(claim, "send_back", actor=house.finance, comment="À revoir encore.")
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "certify", actor=house.instructor, data={"certified_amount": str(reduced + D("0.01"))} | {
            "certification_reason": "Plus."})  # fmt: skip
    assert "certified_amount" in refused.value.errors
    with pytest.raises(DatabaseError, match="settlement keeps|would be certified"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(
            state="certified", certified_amount=reduced + D("0.01"), certification_reason="x",
            certified_by=house.instructor, certified_at=timezone.now(),
        )  # fmt: skip
    perform(claim, "certify", actor=house.instructor, data=data)


@pytest.mark.django_db
def test_an_order_that_has_left_goes_on_by_itself():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "balance", ALL_SPENT)
    end(agreement, house)
    line = agreement.settlement.lines.get()
    assert (line.claim_id, line.outcome, line.amount) == (claim.pk, "pay", claim.certified_amount)
    pay(batch, house)
    claim.refresh_from_db()
    assert claim.state == "paid"


@pytest.mark.django_db
def test_money_is_given_up_for_a_reason_that_the_beneficiary_reads():
    agreement, house = in_force("CPO", "180000.00")
    claim, batch = ordered(agreement, house)
    pay(batch, house)
    with pytest.raises(TransitionRefused) as refused:
        perform(agreement, "complete", actor=house.instructor, data={}, comment=" ")
    form = SettlementForm(instance=agreement, actor=house.instructor)
    assert "le bénéficiaire le lira" in form.comment_asked  # the page says it before: it is no optional comment
    assert "comment" in refused.value.errors
    perform(agreement, "complete", actor=house.instructor, data={}, comment="Le réseau renonce aux années suivantes.")
    settlement = agreement.settlement
    claim.refresh_from_db()
    assert settlement.freed_amount == agreement.granted_amount - claim.paid_amount
    mail = OutboxMessage.objects.get(template="agreements/mail/ended")
    assert "Le réseau renonce aux années suivantes." in mail.body
    assert {tranche.state for tranche in agreement.tranches.filter(rank=1)} == {"closed"}


@pytest.mark.django_db
def test_everything_paid_needs_no_reason():
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("5200.00",))
    give_accounts(agreement)
    _claim, batch = ordered(agreement, house, "single")
    pay(batch, house)
    agreement.refresh_from_db()
    assert SettlementForm(instance=agreement, actor=house.instructor).comment_asked == ""
    perform(agreement, "complete", actor=house.instructor, data={})
    assert agreement.settlement.freed_amount == D(0)


# --- after the end -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_nothing_moves_on_an_ended_agreement_that_the_settlement_does_not_name():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    reported = certified(agreement, house, "balance", "20000.00")
    end(agreement, house, **of(claim, "refuse"), **of(reported, "refuse"))
    for found in (claim, reported):
        with pytest.raises(DatabaseError), transaction.atomic():
            PaymentClaim.objects.filter(pk=found.pk).update(state="under_review")
    with pytest.raises(DatabaseError, match="only a certified claim|has ended"), transaction.atomic():
        PaymentOrder.objects.create(
            batch=payments.open_batch(actor=house.finance),
            claim=reported,
            payee=agreement.beneficiary,
            bank_account=agreement.beneficiary.bank_accounts.get(),
            reference="X-1",
            amount=D("1.00"),
            ordered_by=house.finance,
        )
    with pytest.raises(claims.ClaimRefused):
        claims.open_claim(agreement, instalment(agreement, "advance"), actor=house.member)


@pytest.mark.django_db
def test_the_database_ends_no_agreement_without_its_settlement():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    with pytest.raises(DatabaseError, match="with its settlement"), transaction.atomic():
        Agreement.objects.filter(pk=agreement.pk).update(state="terminated", ended_on=timezone.localdate())
    values = {"agreement": agreement, "target": "terminated", "granted_amount": agreement.granted_amount}
    values |= {"paid_amount": 0, "kept_amount": 0, "freed_amount": agreement.granted_amount, "decided_by": house.head}
    with pytest.raises(DatabaseError, match="gives_up_for_a_reason"), transaction.atomic():
        Settlement.objects.create(**values)
    with pytest.raises(DatabaseError, match="settlement_adds_up"), transaction.atomic():
        Settlement.objects.create(**values | {"reason": WHY, "freed_amount": 1})
    with pytest.raises(DatabaseError, match="every claim under way"), transaction.atomic():
        Settlement.objects.create(**values | {"reason": WHY})
        Agreement.objects.filter(pk=agreement.pk).update(state="terminated", ended_on=timezone.localdate())
    end(agreement, house, **of(claim, "refuse"))
    for change in ({"freed_amount": 1}, {"reason": "Autre."}):
        with pytest.raises(DatabaseError), transaction.atomic():
            Settlement.objects.filter(agreement=agreement).update(**change)


@pytest.mark.django_db
def test_the_commitment_is_released_neither_under_what_is_ordered_nor_exceeded_by_orders():
    agreement, house = in_force()
    claim, _batch = ordered(agreement, house)
    commitment = agreement.commitment
    commitment.refresh_from_db()
    assert commitment.ordered_amount == claim.certified_amount
    left = commitment.net_amount - commitment.ordered_amount
    with pytest.raises(DatabaseError, match="commitment_spent_within_held"), transaction.atomic():
        release(commitment, actor=house.finance, reason="Trop.", amount=left + D("0.01"))
    release(commitment, actor=house.finance, reason="Juste.", amount=left)
    second = certified(agreement, house, "balance", "40000.00")
    with pytest.raises(TransitionRefused, match=r"."):
        payments.order_claims(payments.open_batch(actor=house.finance), [second], actor=house.finance)
    with pytest.raises(DatabaseError, match="commitment_spent_within_held"), transaction.atomic():
        PaymentOrder.objects.create(
            batch=payments.open_batch(actor=house.finance), claim=second, payee=agreement.beneficiary,
            bank_account=agreement.beneficiary.bank_accounts.get(), reference="X-2", amount=D("1.00"),
            ordered_by=house.finance,
        )  # fmt: skip


@pytest.mark.django_db
def test_a_stopped_claim_says_why_beside_its_buttons():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    # As the database of before the settlements may hold it: ended, with a claim under way.
    with pgtrigger.ignore("agreements.Agreement:ends_with_its_settlement"):
        Agreement.objects.filter(pk=agreement.pk).update(state="terminated", ended_on=timezone.localdate())
    claim = PaymentClaim.objects.get(pk=claim.pk)
    options = {option.spec.name: option for option in available_transitions(claim, house.instructor)}
    assert not options["start_review"].allowed
    assert agreement.number in options["start_review"].reason
    with pytest.raises(DatabaseError, match="settlement does not name"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(state="under_review")
    perform(claim, "reject", actor=house.instructor, comment="La convention a pris fin.")


@pytest.mark.django_db
def test_a_draft_of_an_ended_agreement_says_why_it_is_not_filed(client):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    with pgtrigger.ignore("agreements.Agreement:ends_with_its_settlement"):
        Agreement.objects.filter(pk=agreement.pk).update(state="terminated", ended_on=timezone.localdate())
    client.force_login(house.member)
    page = client.get(claim.get_absolute_url())
    assert page.context["ended"]
    assert not page.context["writes"]
    assert page.context["ended"] in page.content.decode()


@pytest.mark.django_db
def test_what_was_certified_and_given_up_is_not_called_refused():
    agreement, house = in_force()
    claim = certified(agreement, house)
    amount = claim.certified_amount
    perform(claim, "give_up", actor=house.instructor, data={"parts": ["0"]}, comment=WHY)
    facts = SettlementForm(instance=agreement, actor=house.head).facts
    told = [
        euros for label, euros in facts if str(label).startswith(("Demandé et non retenu", "Certifié, puis abandonné"))
    ]
    assert told == [0, amount]


@pytest.mark.django_db
def test_an_order_is_not_cancelled_from_a_page_that_did_not_know_of_the_end(client):
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    order = batch.orders.get()
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    shown = {}
    for name, row in (("cancel", order), ("withdraw_order", claim)):
        page = reverse(f"admin:agreements_{row._meta.model_name}_transition", args=[row.pk, name])
        shown[page] = client.get(page).context["shown_token"]
    end(agreement, house)
    for page, token in shown.items():
        answer = client.post(page, {"comment": "Compte erroné.", "shown": token})
        assert answer.status_code == 409 and "Fin de l’acte" in answer.text
    order.refresh_from_db()
    assert order.state == "ordered"


@pytest.mark.django_db(transaction=True)
def test_an_order_and_an_end_that_come_together_count_one_after_the_other():
    for _round in range(4):
        agreement, house = in_force()
        claim = certified(agreement, house)
        batch = payments.open_batch(actor=house.finance)
        barrier, outcomes = threading.Barrier(2), {}

        def attempt(name, work, barrier=barrier, outcomes=outcomes):
            barrier.wait()
            try:
                work()
                outcomes[name] = "done"
            except TransitionRefused as refusal:
                outcomes[name] = str(refusal)
            finally:
                connection.close()

        def order(claim=claim, batch=batch, house=house):
            payments.order_claims(batch, [PaymentClaim.objects.get(pk=claim.pk)], actor=house.finance)

        def finish(agreement=agreement, claim=claim, house=house):
            end(Agreement.objects.get(pk=agreement.pk), house, **of(claim, "refuse"))

        threads = [threading.Thread(target=attempt, args=pair) for pair in (("order", order), ("end", finish))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = Agreement.objects.select_related("commitment").get(pk=agreement.pk)
        assert set(outcomes) == {"order", "end"}
        assert found.commitment.ordered_amount == found.ordered_amount <= found.commitment.net_amount
        if outcomes["order"] == outcomes["end"] == "done":  # ordered first: the settlement then kept it
            assert found.settlement.lines.get().outcome == "pay"


def asked_back(agreement) -> D:
    return Agreement.objects.get(pk=agreement.pk).settlement.unjustified_amount


@pytest.mark.django_db
def test_an_advance_that_no_expenditure_justifies_is_to_be_asked_back_wherever_the_end_is_told(client):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    agreement = Agreement.objects.get(pk=agreement.pk)
    paid = agreement.paid_amount
    assert paid > 0 and unjustified_of(agreement) == Unjustified(paid, paid)
    told = {str(label): amount for label, amount in SettlementForm(instance=agreement, actor=house.head).facts}
    assert told["Dont aucune dépense ne justifie\u202f: à demander en retour"] == paid
    end(agreement, house)
    agreement = Agreement.objects.get(pk=agreement.pk)
    assert asked_back(agreement) == overpaid_of(agreement) == paid
    assert still_granted(agreement) == paid
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert aid.amount == paid  # granted, until it is recovered
    overpaid = reverse("admin:agreements_paymentclaim_changelist") + "?queue=overpaid"
    for address, words in (
        (change_url(agreement), "Dont aucune dépense ne justifie"),
        (overpaid, _claim.number),
        (
            reverse("admin:applicants_deminimisaid_change", args=[aid.pk]),
            "De ce qui a été versé, aucune dépense ne justifie",
        ),
    ):
        client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
        assert words in client.get(address).text.replace("\xa0", " "), address
    assert any("aucune dépense ne justifie" in item.why for item in work_on_payments(house.finance))
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    assert "seront demandés en retour" in client.get(agreement.get_absolute_url()).text.replace("\xa0", " ")
    ended = OutboxMessage.objects.get(key=f"agreement-{agreement.pk}-{agreement.state}")
    assert "en retour" in ended.body


@pytest.mark.django_db
def test_an_advance_ordered_and_not_paid_counts_as_what_the_settlement_decides_of_it():
    agreement, house = in_force()
    claim, _batch = ordered(agreement, house, "advance")
    assert unjustified_of(Agreement.objects.get(pk=agreement.pk)) == Unjustified(claim.ordered_amount, D(0))
    end(agreement, house)
    assert asked_back(agreement) == claim.ordered_amount > 0  # it will be paid
    perform(claim.orders.get(), "cancel", actor=house.finance, comment="Le projet est abandonné.")
    assert asked_back(agreement) == claim.ordered_amount  # it may be ordered again
    claim.refresh_from_db()
    perform(claim, "give_up", actor=house.instructor, data={"parts": ["0"]}, comment="Il ne la demande plus.")
    assert asked_back(agreement) == 0


@pytest.mark.django_db
def test_what_a_claim_under_way_may_still_justify_is_asked_back_once_it_is_refused():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    claim = submitted(agreement, house, "balance", "1000.00")
    assert unjustified_of(Agreement.objects.get(pk=agreement.pk)) == Unjustified()
    end(agreement, house, **of(claim, "pay"))
    assert asked_back(agreement) == 0
    claim.refresh_from_db()
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "reject", actor=house.instructor, comment="Hors objet.")
    assert asked_back(agreement) == Agreement.objects.get(pk=agreement.pk).paid_amount > 0


@pytest.mark.django_db
def test_the_database_asks_back_what_is_reckoned_and_writes_a_settlement_once():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    end(agreement, house)
    rows = Settlement.objects.filter(agreement=agreement)
    for values, refusal in (
        ({"unjustified_amount": 1, "unjustified_paid_amount": 1}, "what is paid or kept, and 1.00 would be said"),
        ({"unjustified_paid_amount": 1}, "what is paid, and 1.00 would be asked back"),
        ({"unjustified_amount": 1}, "settlement_asks_back_no_more"),
        ({"unjustified_amount": 99999}, "settlement_asks_back_what_is_paid"),
        ({"freed_amount": 1}, "written once"),
    ):
        with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
            rows.update(**values)
            connection.check_constraints()


@pytest.mark.django_db
def test_settlements_of_before_say_what_is_asked_back_when_the_database_is_migrated(monkeypatch):
    monkeypatch.setattr("agreements.settlements.services.follow_unjustified", lambda _agreement: None)
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    end(agreement, house)
    code = "agreements.settlement-asks-back"
    assert asked_back(agreement) == 0 and not look_at(invariant_of(code)).holds
    step = import_module("agreements.migrations.0043_settlements_say_what_is_asked_back")
    with pgtrigger.ignore("agreements.Settlement:asks_back_what_nothing_justifies"):  # which knew no part of it then
        step.settlements_say_what_is_asked_back(apps, None)
    assert asked_back(agreement) > 0
    step = import_module("agreements.migrations.0055_settlements_say_what_is_paid_of_it")
    step.settlements_say_what_is_paid_of_it(apps, None)
    assert look_at(invariant_of(code)).holds
