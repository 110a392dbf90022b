"""What is said and offered once an agreement has ended, or when a page is late: nothing promised, no dead end."""

from decimal import Decimal
from urllib.parse import urljoin, urlsplit

import lxml.html
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.urls import reverse

from agreements import payments, reports
from agreements.agreement_page import load, payments_of, tasks_of, timeline_of, years_of
from agreements.models import Agreement, PaymentOrder
from core.models import OutboxMessage
from core.roles import Role
from core.transitions import perform
from tests.factories.agreements import approved, in_force, opened, ordered, pay, sent, submitted
from tests.factories.applicants import pdf
from tests.factories.instruction import CaseFactory, staff
from tests.forms import form_to, forms_of

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


def test_the_mail_of_a_case_that_lapsed_leads_to_that_of_its_act_where_there_is_one():
    """What becomes of the payments is said by the mail of the act alone: “the aid lapsed” is not the last word on them."""
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(agreement, "lapse", actor=house.head, data={f"claim-{claim.pk}": "pay"}, comment="Projet abandonné.")
    of_case, of_act = OutboxMessage.objects.order_by("-pk")[:2][::-1]
    assert "est devenue caduque" in of_case.body
    assert "Un autre courriel" in of_case.body
    assert claim.number in of_act.body
    case = CaseFactory(state="approved")
    perform(case, "lapse", actor=house.head, comment="Projet abandonné.")
    assert "Un autre courriel" not in OutboxMessage.objects.latest("pk").body


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


def accounts() -> SimpleUploadedFile:
    return SimpleUploadedFile("bilan.pdf", pdf("bilan"), "application/pdf")


OVER = "plus en vigueur"
"""What a page says that takes nothing any more."""


def without_its_report(is_filed: bool):
    """A multi-year act that ended before the report on its first year was filed, or completed."""
    agreement, house = in_force("CPO", "180000.00")
    if is_filed:
        first = agreement.tranches.order_by("rank").first()
        values = {"summary": "Fait.", "spent_amount": Decimal(90000), "upload": accounts(), "actor": house.member}
        report = reports.file_report(first, **values)
        perform(report, "give_back", actor=house.instructor, comment="Il manque les comptes.")
    ended(agreement, house)
    return agreement, house


def with_a_claim(state: str, outcome: str):
    """An act that ended with a claim on expenditure in this state, its advance being paid."""
    agreement, house = in_force()
    _advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    claim = opened(agreement, house) if state == "draft" else submitted(agreement, house, "balance", "3000.00")
    if state != "draft":
        perform(claim, "start_review", actor=house.instructor)
    ended(agreement, house, **{f"claim_{claim.pk}": outcome})
    if state in STEPS:
        perform(claim, STEPS[state], actor=house.instructor, comment="Une facture est illisible.")
    return agreement, house


STEPS = {"returned": "give_back", "suspended": "suspend"}
WORLDS = {
    "no report": lambda: without_its_report(is_filed=False),
    "report sent back": lambda: without_its_report(is_filed=True),
    "claim refused": lambda: with_a_claim("under_review", "refuse"),
    "draft refused": lambda: with_a_claim("draft", "refuse"),
    "claim sent back": lambda: with_a_claim("returned", "pay"),
    "claim suspended": lambda: with_a_claim("suspended", "pay"),
    "advance sent back": lambda: returned_after_the_end()[::2],
}


@pytest.mark.parametrize("world", WORLDS)
def test_nothing_is_offered_of_an_ended_act_that_its_own_page_refuses(client, world):
    """Every link of the portal that leads to the act, its claims and its reports, and every form there."""
    agreement, house = WORLDS[world]()
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    starts = [reverse("grants:my_cases"), agreement.application.get_absolute_url(), agreement.get_absolute_url()]
    numbers = [agreement.number, *agreement.claims.values_list("number", flat=True)]
    waiting, seen, sent_to = list(starts), set(), []
    while waiting:
        address = waiting.pop()
        if address in seen:
            continue
        seen.add(address)
        page = client.get(address, follow=True)
        assert page.status_code == 200 and OVER not in _told(page), address
        if not str(page.get("Content-Type")).startswith("text/html"):
            continue
        for form in forms_of(page, address):
            if any(f"/{number}/" in form.action for number in numbers):
                sent_to.append(form.action)
                with transaction.atomic():
                    answer = client.post(form.action, form.fields, follow=True)
                    transaction.set_rollback(True)
                assert OVER not in _told(answer), f"{form.action}, on {address}"
        links = lxml.html.fromstring(page.content.decode()).xpath("//main//a/@href")
        found = {urlsplit(urljoin(address, link))._replace(fragment="").geturl() for link in links}
        waiting += [link for link in found if any(f"/{number}/" in link for number in numbers)]
    assert {agreement.get_absolute_url()} < seen
    assert bool(sent_to) is (world in ("claim sent back", "claim suspended", "advance sent back"))


def _told(page) -> str:
    is_page = not page.streaming and str(page.get("Content-Type")).startswith("text/html")
    return page.content.decode() if is_page else ""


def test_a_claim_of_which_nothing_can_be_paid_any_more_asks_for_nothing(client):
    agreement, claim, house = returned_after_the_end()
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    for address in (agreement.get_absolute_url(), claim.get_absolute_url()):
        page = client.get(address).content.decode()
        assert "rien ne peut en être payé, quoi que vous corrigiez" in page
        assert "Corriger et déposer de nouveau" not in page and "Corrigez ce que" not in page
    mail = OutboxMessage.objects.get(template="agreements/mail/claim_returned")
    assert "rien ne peut en être payé" in mail.body and "déposez-la de nouveau" not in mail.body


def test_who_gives_up_a_claim_of_an_ended_act_reads_that_it_is_claimed_no_more(client):
    agreement, house = in_force()
    claim = opened(agreement, house, "balance")
    ended(agreement, house, **{f"claim_{claim.pk}": "pay"})
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("agreements:claim_abandon", args=[claim.number])
    page = client.get(address)
    assert "plus aucun versement n’en est demandé" in page.text and "par une nouvelle demande" not in page.text
    answer = client.post(address, form_to(page, address, address).fields, follow=True)
    assert "La demande est abandonnée." in answer.text


@pytest.mark.parametrize("is_filed", [False, True])
def test_a_report_that_is_no_longer_expected_is_said_so_once(client, is_filed):
    agreement, house = without_its_report(is_filed)
    client.force_login(house.member, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(agreement.get_absolute_url()).content.decode()
    assert "Déposer le bilan" not in page and "Compléter le bilan" not in page
    assert page.count("plus attendu") == agreement.tranches.count()
