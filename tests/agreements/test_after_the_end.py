"""What is said and offered once an agreement has ended, or when a page is late: nothing promised, no dead end."""

import pytest
from django.urls import reverse

from agreements import payments
from agreements.agreement_page import load, payments_of, tasks_of, timeline_of, years_of
from agreements.models import Agreement, PaymentOrder
from core.roles import Role
from core.transitions import perform
from tests.factories.agreements import approved, in_force, ordered, sent, submitted
from tests.factories.instruction import staff

pytestmark = pytest.mark.django_db


def ended(agreement, house, **outcomes) -> Agreement:
    """The agreement, terminated."""
    data = {name.replace("claim_", "claim-"): value for name, value in outcomes.items()}
    return perform(agreement, "terminate", actor=house.head, data=data, comment="Abandon du projet.")


def returned_after_the_end():
    """A claim that goes on after the end of its agreement, given back to the beneficiary."""
    agreement, house = in_force()
    claim = submitted(agreement, house)
    ended(agreement, house, **{f"claim_{claim.pk}": "pay"})
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Il manque le RIB.")
    return agreement, claim, house


def cases_of(client, person, state: str) -> str:
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client.get(reverse("grants:my_cases"), {"etat": state}).content.decode()


def test_the_page_of_an_ended_agreement_promises_nothing_more(client):
    agreement, house = in_force("CPO", "180000.00")
    ended(agreement, house)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(agreement.get_absolute_url())
    assert not any(payment.waits for payment in response.context["payments"])
    words = response.content.decode()
    for promise in ("à venir", "pas encore ouverte", "s’ouvre", "Chaque année s’ouvre"):
        assert promise not in words, promise
    agreement = Agreement.objects.get(pk=agreement.pk)
    load(agreement)
    assert all(step.status != "later" for step in timeline_of(agreement, payments_of(agreement)))


@pytest.mark.parametrize(("granted", "named"), [("20000.00", "L’arrêté"), ("30000.00", "La convention")])
def test_an_act_that_lapsed_before_it_was_in_force_says_why_and_sets_no_day(client, granted, named):
    """What will not come is neither done nor to come; and an act of the Region alone is called by its name."""
    agreement, house = sent(granted=granted)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    case = client.get(agreement.application.get_absolute_url()).content.decode()
    assert ("Arrêté attributif" in case) is (named == "L’arrêté")
    perform(agreement, "lapse", actor=house.head, comment="Non signé dans les délais.")
    page = client.get(agreement.get_absolute_url()).content.decode()
    assert f"{named} a pris fin" in page
    assert "Non signé dans les délais." in page
    for day in ("Première demande au plus tard", "Dernière demande", "Compte rendu final"):
        assert day not in page
    agreement = Agreement.objects.get(pk=agreement.pk)
    load(agreement)
    steps = timeline_of(agreement, payments_of(agreement))
    unpaid = [step for step in steps if "ne sera pas effectué" in step.text]
    assert {step.status for step in unpaid} == {"dropped"}
    assert len(unpaid) == agreement.instalments.count()
    assert page.count("(n’aura pas lieu)") == len(unpaid)


def test_a_claim_given_back_after_the_end_is_a_duty_of_the_beneficiary(client):
    agreement, claim, house = returned_after_the_end()
    agreement = Agreement.objects.get(pk=agreement.pk)
    load(agreement)
    payments_ = payments_of(agreement)
    assert [task.url for task in tasks_of(agreement, payments_, years_of(agreement))] == [claim.get_absolute_url()]
    case = agreement.application
    assert case.title in cases_of(client, house.member, "todo")
    assert case.title not in cases_of(client, house.member, "ended")
    assert claim.get_absolute_url() in client.get(case.get_absolute_url()).content.decode()


@pytest.mark.parametrize("duty", ["to sign", "claim", "to claim", "none"])
def test_my_turn_counts_what_the_agreement_asks(client, duty: str):
    agreement, house = sent(granted="30000.00") if duty == "to sign" else in_force()
    if duty == "claim":
        claim = submitted(agreement, house)
        perform(claim, "start_review", actor=house.instructor)
        perform(claim, "give_back", actor=house.instructor, comment="Illisible.")
    if duty == "none":
        for item in agreement.instalments.order_by("rank"):
            submitted(agreement, house, item.kind, *(["3000.00"] if item.needs_expenditure else []))
    assert (agreement.application.title in cases_of(client, house.member, "todo")) is (duty != "none")


def test_the_total_of_a_batch_is_that_of_the_orders_that_stand(client):
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    other, _house = in_force(house=house, granted="12000.00")
    second, _batch = ordered(other, house)
    assert second.orders.get().batch != batch
    payments.close_batch(batch, actor=house.finance)
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    perform(PaymentOrder.objects.get(batch=batch), "cancel", actor=house.finance, comment="Compte clos.")
    header = client.get(reverse("admin:agreements_paymentbatch_change", args=[batch.pk])).context["case"]
    total, still_to_be_paid, when_closed = (amount for _label, amount in header.amounts)
    assert (total, still_to_be_paid, when_closed) == (0, 0, _claim.certified_amount)


def test_drawing_up_twice_says_who_did_it_first(client):
    case, house = approved()
    other = staff(Role.INSTRUCTOR)
    address = reverse("admin:agreements_agreement_to-draft")
    for person in (house.instructor, other):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.post(address, {"application": case.pk}, follow=True)
        assert answer.status_code == 200
    agreement = Agreement.objects.get(application=case)
    assert answer.redirect_chain[-1][0] == reverse("admin:agreements_agreement_change", args=[agreement.pk])
    assert str(house.instructor) in " ".join(str(message) for message in answer.context["messages"])
