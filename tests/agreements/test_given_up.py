"""What was certified and can no longer be paid is given up: for a reason, by somebody, whatever the claim waits for."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from agreements import payments, work
from agreements.admin.payment import ready_claims
from agreements.effects import left_to_order, place_order
from agreements.models import GivenUpPart, PaymentClaim
from agreements.order_parts import to_order
from agreements.rules.proration import Entitlement
from agreements.settlements.forms import SettlementForm
from core.engine.versions import shown_of
from core.models import OutboxMessage
from core.money import format_euros
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import certified, give_accounts, in_force, ordered, pay
from tests.factories.applicants import BankAccountFactory
from tests.factories.reporting import cofinanced, controlled

pytestmark = pytest.mark.django_db
D = Decimal
WHY = "Madame Texier renonce à son projet."
BACKEND = "django.contrib.auth.backends.ModelBackend"


def of_two(first: str = "3200.00", second: str = "1300.00"):
    """An act of two persons, of whom only the first has an account; the claim is certified."""
    agreement, house = in_force("CAPITAL-SCOP", "4500.00", persons=(first, second))
    one, other = agreement.shares.order_by("rank")
    claim = certified(agreement, house, "single")
    BankAccountFactory(applicant=one.applicant, verified=True)
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    return agreement, house, claim, batch, other


def test_a_person_who_gave_up_is_released_and_the_claim_ends_with_what_was_paid(client):
    agreement, house, claim, batch, other = of_two()
    assert (claim.state, claim.ordered_amount, claim.to_order_amount) == ("ordered", D("3200.00"), D("1300.00"))
    client.force_login(house.finance, backend=BACKEND)
    told = next(item.why for item in work.work_on_payments(house.finance) if claim.number in item.title)
    assert format_euros(D("1300")) in told and format_euros(D("4500")) not in told
    assert not ready_claims(house.finance).exists()  # whose account is missing cannot be ordered
    page = client.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk])).text
    assert "Aucune demande certifiée" in page or format_euros(D("1300")) not in page
    listed = client.get(reverse("admin:agreements_paymentclaim_changelist") + "?queue=order").text
    assert format_euros(D("1300")) in listed
    pay(batch, house)
    claim.refresh_from_db()
    assert claim.state == "ordered"
    with pytest.raises(TransitionRefused):
        perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment="")
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment=WHY)
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount, claim.certified_amount) == ("paid", D("3200.00"), D("4500.00"))
    assert (claim.given_up_amount, claim.paid_on is not None) == (D("1300.00"), True)
    assert not work.claims_to_order(house.finance).exists()
    assert OutboxMessage.objects.filter(template="agreements/mail/claim_given_up").count() == 1
    assert claim.events.filter(action="give_up").get().comment == WHY
    client.force_login(house.instructor, backend=BACKEND)
    assert WHY in client.get(reverse("admin:agreements_paymentclaim_change", args=[claim.pk])).text
    page = client.get(reverse("admin:agreements_agreement_change", args=[agreement.pk])).text
    assert "non versé" in page.partition("Certifié, puis abandonné")[2][:40]
    assert format_euros(D("1300")) in page.partition("Certifié, puis abandonné")[2][:200], "an act in force says it too"
    client.force_login(house.member, backend=BACKEND)
    assert WHY in client.get(claim.get_absolute_url()).text


def test_the_rest_of_a_claim_is_not_ordered_once_less_is_due(monkeypatch):
    _agreement, house, claim, batch, other = of_two()
    BankAccountFactory(applicant=other.applicant, verified=True)
    monkeypatch.setattr("agreements.still_due.due_of_claim", lambda _claim: Entitlement(D("3200.00"), []))
    with pytest.raises(TransitionRefused) as refused:
        payments.order_claims(batch, [claim], actor=house.finance)
    assert "plus rien n’est ordonné" in str(refused.value) and format_euros(D("3200.00")) in str(refused.value)
    monkeypatch.undo()
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment=WHY)
    pay(batch, house)
    claim.refresh_from_db()
    assert (claim.state, claim.paid_amount) == ("paid", D("3200.00"))


def test_the_database_pays_nothing_that_was_given_up():
    agreement, house, claim, batch, other = of_two()
    for row in (
        {"share": other, "amount": D("1300.01")},
        {"share": None, "amount": D("10.00")},
        {"share": agreement.shares.order_by("rank")[0], "amount": D("10.00")},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            GivenUpPart.objects.create(claim=claim, reason=WHY, decided_by=house.instructor, **row)
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment=WHY)
    claim.refresh_from_db()
    assert left_to_order(claim) == []
    BankAccountFactory(applicant=other.applicant, verified=True)
    with pytest.raises(IntegrityError, match="was given up"), transaction.atomic():
        place_order(claim, batch, house.finance, share=other, payee=other.applicant, amount=D("1300.00"))
    with pytest.raises(TransitionRefused):
        perform(claim, "order_rest", actor=house.finance, data={"batch": batch.pk})
    PaymentClaim.objects.filter(pk=claim.pk).update(given_up_amount=0)
    claim.refresh_from_db()
    assert claim.given_up_amount == D("1300.00")  # counted by the database alone
    with pytest.raises(DatabaseError), transaction.atomic():
        GivenUpPart.objects.update(amount=D("1.00"))


def test_the_end_of_an_act_decides_on_what_is_not_ordered_and_says_what_is():
    agreement, house, claim, _batch, _other = of_two()
    form = SettlementForm(instance=agreement, actor=house.head)
    told = {str(label): amount for label, amount in form.facts}
    assert D("3200.00") in told.values() and D("1300.00") in told.values() and D("4500.00") in told.values()
    labels = [label for _value, label in form.fields[f"claim-{claim.pk}"].choices]
    assert all(format_euros(D("1300")) in label for label in labels)
    perform(agreement, "terminate", actor=house.head, data={f"claim-{claim.pk}": "refuse"}, comment=WHY)
    claim.refresh_from_db()
    settlement = agreement.settlement
    assert (settlement.kept_amount, settlement.freed_amount) == (D("3200.00"), D("1300.00"))
    assert (claim.state, claim.given_up_amount) == ("ordered", D("1300.00"))
    batch = claim.orders.get().batch
    pay(batch, house)
    claim.refresh_from_db()
    agreement.commitment.refresh_from_db()
    assert (claim.state, agreement.commitment.net_amount) == ("paid", D("3200.00"))


@pytest.mark.parametrize("suspended", [True, False])
def test_what_was_declared_to_a_fund_is_paid_nothing_at_the_end_without_touching_its_certificate(suspended):
    case = cofinanced()
    claim = controlled(case, "5000.00").claim
    agreement, house = case.agreement, case.house
    claim.refresh_from_db()
    due = claim.certified_amount
    if suspended:
        claim = perform(claim, "suspend", actor=house.instructor, comment="Irrégularité établie.")
    form = SettlementForm(instance=agreement, actor=house.head)
    assert "ce qui a été certifié demeure" in str(form.fields[f"claim-{claim.pk}"].choices[1][1])
    perform(agreement, "terminate", actor=house.head, data={f"claim-{claim.pk}": "refuse"}, comment=WHY)
    claim.refresh_from_db()
    assert (claim.state, claim.certified_amount, claim.given_up_amount) == ("paid", due, due)
    assert claim.state_label() == "Close sans versement" and claim.paid_on is None
    assert (agreement.settlement.kept_amount, agreement.settlement.lines.get().outcome) == (D(0), "refuse")
    assert case.declaration.certificate.total == D("5000.00")


def test_a_part_given_up_keeps_its_certification_and_is_not_made_up_for():
    agreement, house, claim, batch, other = of_two()
    perform(claim, "withdraw_order", actor=house.finance, comment="Erreur.")
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(other.pk)]}, comment=WHY)
    claim.refresh_from_db()
    assert claim.state == "certified"
    with pytest.raises(TransitionRefused, match="abandonnée"):
        perform(claim, "send_back", actor=house.finance, comment="Non.")
    assert [amount for _share, _payee, amount in left_to_order(claim)] == [D("3200.00")]
    payments.order_claims(batch, [claim], actor=house.finance)
    claim.refresh_from_db()
    assert (claim.state, claim.ordered_amount, claim.to_order_amount) == ("ordered", D("3200.00"), D(0))


def test_a_batch_says_what_remains_to_be_paid(client):
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    give_accounts(agreement)
    _claim, batch = ordered(agreement, house, "single")
    payments.close_batch(batch, actor=house.finance)
    first = batch.orders.order_by("amount").first()
    payments.confirm_payments([first], paid_on=timezone.localdate(), actor=house.finance)
    client.force_login(house.finance, backend=BACKEND)
    for address in (
        reverse("admin:agreements_paymentbatch_changelist"),
        reverse("admin:agreements_paymentbatch_change", args=[batch.pk]),
    ):
        assert format_euros(D("3200")) in client.get(address).text
    assert any(
        format_euros(D("3200")) in item.why
        for item in work.work_on_payments(house.finance)
        if item.title == batch.number
    )


def test_a_claim_that_can_be_ordered_no_more_is_named_and_the_other_stays_ticked(client):
    agreement, house, claim, batch, _other = of_two()
    second, other_house = in_force()
    other = certified(second, other_house)
    client.force_login(house.finance, backend=BACKEND)
    page = reverse("admin:agreements_paymentbatch_change", args=[batch.pk])
    shown = client.get(page).context["object"]
    data = {"claims": [claim.pk, other.pk], "shown": shown_of(batch).token()}
    assert shown == batch
    response = client.post(reverse("admin:agreements_paymentbatch_do", args=[batch.pk, "order"]), data)
    # What is left of it waits for the account of a person: that is why, not that the rest was ordered.
    why = to_order([claim])[claim.pk].reasons[0].rstrip(".")
    assert response.status_code == 422 and f"{claim.number} ({why})" in response.text
    assert "Le faire quand même" not in response.text
    other.refresh_from_db()
    assert other.state == "certified"
