"""No claim without an end: nothing due, no answer of the beneficiary, refused after the settlement kept it."""

from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from agreements import certified as certified_room
from agreements import claims, work
from agreements.agreement_page import tasks_now
from agreements.certified import why_it_stays
from agreements.due import asked_back_of, due_of_claim, forecast_of, reckoning_of
from agreements.models import Agreement, PaymentClaim
from agreements.permissions import may_edit_claim, may_review
from agreements.settlements.services import standing_of
from applicants.models import Membership
from core.dates import format_date_long
from core.models import OutboxMessage
from core.money import format_euros
from core.transitions import TransitionRefused, perform
from tests.factories.agreements import add_line, certified, in_force, opened, ordered, pay, review, submitted
from tests.factories.core import UserFactory
from tests.forms import form_to, forms_of

pytestmark = pytest.mark.django_db
D = Decimal


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")


def page_of(client, person, row) -> str:
    sign_in(client, person)
    return client.get(reverse(f"admin:agreements_{row._meta.model_name}_change", args=[row.pk])).content.decode()


def of_nothing(**extra):
    """A balance certified at nothing, after an advance that was paid."""
    agreement, house = in_force(**extra)
    _advance, batch = ordered(agreement, house)
    pay(batch, house)
    agreement = Agreement.objects.get(pk=agreement.pk)
    claim = submitted(agreement, house, "balance", "5000.00")
    perform(claim, "start_review", actor=house.instructor)
    kept = {line.pk: (D("1000.00"), "Hors objet.") for line in claim.lines.all()}
    claims.certify_lines(claim, kept, actor=house.instructor)
    data = {"certified_amount": "0", "certification_reason": "L’avance couvre les dépenses éligibles."}
    return agreement, perform(claim, "certify", actor=house.instructor, data=data), house


# --- nothing is due ---------------------------------------------------------------------------------------------------


def test_a_claim_of_which_nothing_is_due_is_closed_by_finance_and_says_what_was_paid_above(client):
    agreement, claim, house = of_nothing()
    assert claim in work.claims_to_order(house.finance)
    page = page_of(client, house.finance, claim)
    assert "/transition/close_without_payment/" in page and "/transition/order/" not in page
    sign_in(client, house.member)
    assert "versement en préparation" not in client.get(claim.get_absolute_url()).content.decode()
    with pytest.raises(TransitionRefused):
        perform(claim, "close_without_payment", actor=house.instructor)
    perform(claim, "close_without_payment", actor=house.finance)
    assert (claim.state, claim.paid_on, claim.ordered_by) == ("paid", None, house.finance)
    due = D("1000.00") * agreement.granted_amount / agreement.eligible_base
    assert claim.overpaid_amount == pytest.approx(agreement.paid_amount - due, abs=D("0.01"))
    assert claim in work.claims_overpaid(house.finance)
    assert any(claim.number in item.title for item in work.work_on_payments(house.finance))
    assert "overpaid" in page_of(client, house.finance, claim)
    sign_in(client, house.member)
    words = client.get(claim.get_absolute_url()).content.decode()
    assert "Vérifiée : rien n’est dû" in words.replace("\u202f", " ").replace("\xa0", " ")
    assert "14 000,00" not in client.get(agreement.get_absolute_url()).content.decode().split("Où en est")[-1]


def test_who_is_owed_nothing_reads_the_reckoning_and_what_is_asked_back_before_the_closing(client):
    """At the top of the page and in the mail, as soon as it is certified, to the cent that the closing will note."""
    agreement, claim, house = of_nothing()
    sign_in(client, house.member)
    page = client.get(claim.get_absolute_url())
    foreseen = page.context["asked_back"]
    assert foreseen > 0 and not claim.overpaid_amount
    words = unescape(page.content.decode())
    with override("fr"):
        reckoned = reckoning_of(claim)
    assert len(reckoned) > 1
    mail = OutboxMessage.objects.get(template="agreements/mail/claim_certified", body__contains=claim.number)
    for text in (f"{format_euros(foreseen)} vous seront demandés en retour", *reckoned):
        assert text in words
        assert text in mail.body
    perform(claim, "close_without_payment", actor=house.finance)
    assert claim.overpaid_amount == foreseen
    assert client.get(claim.get_absolute_url()).context["asked_back"] == foreseen


def test_what_a_claim_would_cost_is_said_before_it_is_filed(client):
    """Filed as it is, the balance would have euros asked back; what is said is what the certificate makes of it."""
    agreement, house = in_force()
    _advance, batch = ordered(agreement, house)
    pay(batch, house)
    agreement = Agreement.objects.get(pk=agreement.pk)
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D("1000.00"), declared_amount=D("1000.00"))
    claims.set_amount(claim, claim.instalment.amount - D("50.00"), actor=house.member)
    sign_in(client, house.member)
    words = unescape(client.get(claim.get_absolute_url()).content.decode())
    foreseen = forecast_of(claim)
    assert foreseen.due == 0 and foreseen.asked_back > 0
    assert f"{format_euros(foreseen.asked_back)} vous seraient demandés en retour" in words
    assert "que vous ne demandez pas" not in words  # none of them would be due: nothing is lost by not asking
    claims.submit(claim, actor=house.member)
    claim = review(claim, house)
    assert (claim.certified_amount, asked_back_of(claim)) == (foreseen.due, foreseen.asked_back)


def test_what_is_accepted_and_not_paid_is_not_said_to_be_asked_back(client):
    """It said that all of an advance, accepted and not paid, would be asked back; the mail of the filing said nothing."""
    agreement, house = in_force()
    advance = certified(agreement, house)
    claim = opened(Agreement.objects.get(pk=agreement.pk), house)
    add_line(claim, house, invoice_total=D("1000.00"), declared_amount=D("1000.00"))
    foreseen = forecast_of(claim)
    assert foreseen.repaid == 0 < foreseen.unpaid == foreseen.asked_back < advance.certified_amount
    sign_in(client, house.member)
    said = f"{format_euros(foreseen.unpaid)} de ce qui a été accepté et n’est pas encore payé ne seraient pas dus"
    words = unescape(client.get(claim.get_absolute_url()).text)
    assert said in words and "vous seraient demandés en retour" not in words
    claims.submit(claim, actor=house.member)
    claim.refresh_from_db()
    assert (claim.unpaid_as_filed, claim.asked_back_as_filed) == (foreseen.unpaid, foreseen.asked_back)
    assert said in OutboxMessage.objects.filter(template__endswith="claim_filed").latest("pk").body


def test_what_was_said_at_the_filing_stays_and_what_became_of_it_is_told(client):
    """It was worked out anew on each reading, and gone once the claim was certified."""
    agreement, house = in_force()
    _advance, batch = ordered(agreement, house)
    pay(batch, house)
    claim = opened(Agreement.objects.get(pk=agreement.pk), house)
    cost = agreement.eligible_base * D("0.7")
    add_line(claim, house, invoice_total=cost, declared_amount=cost)
    foreseen = forecast_of(claim)
    claims.submit(claim, actor=house.member)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert (claim.due_as_filed, claim.asked_back_as_filed, claim.lost_as_filed) == (
        foreseen.due, foreseen.asked_back, foreseen.lost,
    )  # fmt: skip
    assert foreseen.due < claim.claimed_amount
    said = f"{format_euros(foreseen.due)} vous sont dus si tout ce que vous déclarez est retenu"
    sign_in(client, house.member)
    assert said in unescape(client.get(claim.get_absolute_url()).text)
    with pytest.raises(DatabaseError, match="what was filed does not change"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(due_as_filed=D("1.00"))
    perform(claim, "start_review", actor=house.instructor)
    line = claim.lines.get()
    claims.certify_lines(claim, {line.pk: (line.declared_amount - D("100.00"), "Hors sujet.")}, actor=house.instructor)
    claim.refresh_from_db()
    due = due_of_claim(claim).amount
    perform(claim, "certify", actor=house.instructor, data={"certified_amount": str(due), "certification_reason": "x"})
    for person, address in (
        (house.member, claim.get_absolute_url()),
        (house.instructor, reverse("admin:agreements_paymentclaim_change", args=[claim.pk])),
    ):
        sign_in(client, person)
        words = unescape(client.get(address).text)
        assert said in words
        assert f"{format_euros(foreseen.due - due)} de moins que les {format_euros(foreseen.due)} annoncés" in words


def test_a_claim_sent_back_says_apart_what_is_due_of_all_and_what_is_left_after_the_cut(client):
    """What the officer had cut already was said not to be due “if all that you declare is accepted”."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    most, rest = agreement.eligible_base * D("0.8"), agreement.eligible_base * D("0.2")
    for number, amount in (("F-1", most), ("F-2", rest)):
        add_line(claim, house, invoice_number=number, invoice_total=amount, declared_amount=amount)
    claims.submit(claim, actor=house.member)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert claim.whole_as_filed == claim.due_as_filed == claim.claimed_amount
    perform(claim, "start_review", actor=house.instructor)
    first, second = claim.lines.order_by("rank")
    kept = {first.pk: (D("0"), "Hors objet."), second.pk: (rest, "")}
    claims.certify_lines(claim, kept, actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Joignez la preuve.")
    claim = PaymentClaim.objects.get(pk=claim.pk)
    foreseen = forecast_of(claim)
    assert foreseen.due < foreseen.whole == claim.claimed_amount
    said = (
        f"{format_euros(foreseen.whole)} vous sont dus si tout ce que vous déclarez est retenu,"
        f" {format_euros(foreseen.due)} si ce qui n’en a pas été retenu"
    )
    sign_in(client, house.member)
    assert said in unescape(client.get(claim.get_absolute_url()).text)
    claims.submit(claim, actor=house.member)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert (claim.due_as_filed, claim.whole_as_filed) == (foreseen.due, foreseen.whole)
    assert said in unescape(client.get(claim.get_absolute_url()).text)


@pytest.mark.parametrize("asked", ["all of it", "what is due", "less"])
def test_what_a_final_claim_leaves_is_said_whatever_it_asks(client, asked):
    """Asked for less than what is due of it, the page told of the cents not asked alone: of what its expenditure does not earn
    yet, and of the account that closes, no word."""
    agreement, house = in_force()
    submitted(agreement, house)
    claim = opened(Agreement.objects.get(pk=agreement.pk), house)
    cost = agreement.eligible_base * D("0.9")
    add_line(claim, house, invoice_total=cost, declared_amount=cost)
    whole, due = claim.instalment.amount, forecast_of(claim).due
    assert 0 < due < whole
    amount = {"all of it": whole, "what is due": due, "less": due - D("500.00")}[asked]
    claims.set_amount(claim, amount, actor=house.member)

    def plain(text: str) -> str:
        return unescape(text).replace("\u202f", " ").replace("\xa0", " ")

    of = "demandés" if asked == "all of it" else "de ce versement"
    said = plain(f"Sur les {format_euros(whole)} {of}, {format_euros(due)} vous sont dus si tout")
    given_up = plain(f"les {format_euros(whole - amount)} que vous ne demandez pas ne seraient pas versés, alors que")
    earned = plain(f"{format_euros(D('500.00'))} en sont dus")
    sign_in(client, house.member)
    address, confirmed = filing(client, claim)
    page = plain(client.get(claim.get_absolute_url()).text)
    for words in (page, plain(confirmed.text)):
        assert said in words and "cette demande arrête le compte" in words
        assert (given_up in words, earned in words) == ((asked == "less"),) * 2
    filed = plain(client.post(address, form_to(confirmed, address).fields, follow=True).text)
    mail = OutboxMessage.objects.get(template__endswith="claim_filed", body__contains=claim.number)
    for words in (filed, plain(mail.body)):
        assert said in words and "Cette demande arrête le compte" in words
        assert (plain(f"les {format_euros(whole - amount)} que vous n’avez pas demandés") in words) is (asked == "less")


def test_a_claim_that_costs_nothing_warns_of_nothing(client):
    agreement, house = in_force()
    advance = submitted(agreement, house)
    claim = opened(agreement, house)
    total = agreement.eligible_base
    add_line(claim, house, invoice_total=total, declared_amount=total)
    sign_in(client, house.member)
    page = client.get(claim.get_absolute_url())
    assert not page.context["missing"]
    assert page.context["before_filing"] == []
    perform(advance, "start_review", actor=house.instructor)
    perform(advance, "reject", actor=house.instructor, comment="Non.")
    (left_out,) = client.get(claim.get_absolute_url()).context["before_filing"]
    assert advance.instalment.label in left_out and format_euros(advance.instalment.amount) in left_out


def filing(client, claim, **typed):
    """What the page of a claim answers to the button that files it."""
    address = reverse("agreements:claim_submit", args=[claim.number])
    form = form_to(client.get(claim.get_absolute_url()), address)
    return address, client.post(address, form.typed(attested="on", **typed))


def test_a_claim_that_costs_money_is_filed_once_its_costs_were_read(client):
    """They are those of what is sent: typed and chosen on the one screen from which it is filed."""
    agreement, house = in_force()
    submitted(agreement, house)
    claim = opened(agreement, house)
    total = agreement.eligible_base
    add_line(claim, house, invoice_total=total, declared_amount=total)
    asked = claim.instalment.amount - D("50.00")
    sign_in(client, house.member)
    assert client.get(claim.get_absolute_url()).context["before_filing"] == []
    address, page = filing(client, claim, claimed_amount=str(asked), statement="Deux ateliers.")
    lost = f"les {format_euros(D('50.00'))} que vous ne demandez pas ne seraient pas versés"
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert page.status_code == 200 and lost in unescape(page.text)
    assert (claim.state, claim.claimed_amount, claim.statement) == ("draft", asked, "Deux ateliers.")
    form = form_to(page, address)
    claims.set_amount(claim, asked - D("10.00"), actor=house.member)  # in another window: it costs more now
    assert client.post(address, form.typed()).status_code == 409
    _address, page = filing(client, claim)
    assert format_euros(D("60.00")) in unescape(page.text)
    stale = form_to(page, address).typed() | {"costs-read": form.fields["costs-read"]}
    again = client.post(address, stale)
    assert again.status_code == 200 and PaymentClaim.objects.get(pk=claim.pk).state == "draft"
    assert client.post(address, form_to(again, address).typed()).status_code == 302
    assert PaymentClaim.objects.get(pk=claim.pk).state == "submitted"
    words = unescape(client.get(claim.get_absolute_url()).text)
    assert f"les {format_euros(D('60.00'))} que vous n’avez pas demandés ne seront pas versés" in words


def test_what_stands_against_a_claim_is_told_before_what_it_costs(client):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    sign_in(client, house.member)
    address = reverse("agreements:claim_submit", args=[claim.number])
    form = form_to(client.get(claim.get_absolute_url()), address)
    assert client.post(address, form.typed(claimed_amount="10")).status_code == 422  # not attested
    _address, page = filing(client, claim)
    assert page.status_code == 200 and "ne se demande qu’une fois" in page.text


def test_a_claim_that_was_given_back_names_one_day_only(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house, invoice_total=D("1000.00"), declared_amount=D("1000.00"))
    sign_in(client, house.member)
    assert "Vous pouvez encore engager des dépenses" in client.get(claim.get_absolute_url()).text
    address, page = filing(client, claim)
    client.post(address, form_to(page, address).typed())
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert "arrête le compte" in client.get(claim.get_absolute_url()).text
    perform(claim, "start_review", actor=house.instructor)
    day = timezone.localdate() + timedelta(days=20)
    perform(claim, "give_back", actor=house.instructor, data={"answer_due_on": day}, comment="Une facture manque.")
    words = client.get(claim.get_absolute_url()).text
    assert "Vous pouvez encore engager" not in words
    assert f"déposez-la de nouveau au plus tard le {format_date_long(day)}" in words


def test_a_claim_with_something_due_is_not_closed_without_payment(client):
    agreement, house = in_force()
    claim = certified(agreement, house)
    assert "/transition/close_without_payment/" not in page_of(client, house.finance, claim)
    with pytest.raises(TransitionRefused):
        perform(claim, "close_without_payment", actor=house.finance)
    with pytest.raises(DatabaseError, match="claim_paid_is_dated"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(
            state="paid", ordered_by=house.finance, ordered_at=timezone.now()
        )


def test_the_mail_of_a_claim_of_nothing_announces_no_payment():
    _agreement, claim, _house = of_nothing()
    mail = OutboxMessage.objects.filter(key__contains=f"claim-{claim.pk}-certify").get()
    assert "en préparation" not in mail.body


def test_what_was_declared_to_a_fund_says_beforehand_that_it_stays(client, monkeypatch):
    agreement, house = in_force()
    claim = certified(agreement, house)
    assert why_it_stays(claim) is None
    monkeypatch.setattr(certified_room, "_keepers", [lambda _claim: "Déclarée au fonds."])
    with pytest.raises(TransitionRefused, match="Déclarée au fonds"):
        perform(claim, "send_back", actor=house.finance, comment="Erreur.")
    assert "Déclarée au fonds." in page_of(client, house.finance, claim)
    due = claim.certified_amount
    claim = perform(claim, "suspend", actor=house.finance, comment="Un doute.")  # it stops, and stays certified
    assert (claim.state, claim.certified_amount) == ("suspended", due)
    with pytest.raises(TransitionRefused, match="Déclarée au fonds"):
        perform(claim, "reject", actor=house.instructor, comment="Non.")


# --- no answer --------------------------------------------------------------------------------------------------------


def given_back_after_the_end():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    data = {f"claim-{claim.pk}": "pay"}
    perform(agreement, "terminate", actor=house.head, data=data, comment="Abandon du projet.")
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Il manque le RIB.")
    return agreement, claim, house


def test_a_claim_given_back_has_a_day_and_is_rejected_after_it():
    agreement, claim, house = given_back_after_the_end()
    assert claim.answer_due_on == timezone.localdate() + timedelta(days=30)
    assert claim not in work.claims_unanswered(house.instructor)
    with pytest.raises(TransitionRefused):
        perform(claim, "reject", actor=house.instructor, comment="Sans réponse.")
    PaymentClaim.objects.filter(pk=claim.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    assert claim in work.claims_unanswered(house.instructor)
    assert any(claim.number in item.title for item in work.work_on_claims(house.instructor))
    perform(claim, "reject", actor=house.instructor, comment="Sans réponse.")
    agreement.commitment.refresh_from_db()
    assert agreement.commitment.net_amount == 0


def test_the_database_gives_nothing_back_without_a_day():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "start_review", actor=house.instructor)
    with pytest.raises(DatabaseError, match="given back with the day"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(state="returned")


def test_the_day_of_the_answer_is_to_come_and_is_read_by_the_beneficiary(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    perform(claim, "start_review", actor=house.instructor)
    today = timezone.localdate()
    with pytest.raises(TransitionRefused) as refused:
        perform(claim, "give_back", actor=house.instructor, comment="RIB.", data={"answer_due_on": today.isoformat()})
    assert "answer_due_on" in refused.value.errors
    with pytest.raises(TransitionRefused):
        perform(claim, "give_back", actor=house.instructor, comment="RIB.", data={"answer_due_on": "2099-12-31"})
    day = today + timedelta(days=60)
    perform(claim, "give_back", actor=house.instructor, comment="RIB.", data={"answer_due_on": day.isoformat()})
    sign_in(client, house.member)
    assert format_date_long(day) in client.get(claim.get_absolute_url()).content.decode().replace("\xa0", " ")
    perform(claim, "submit", actor=house.member, data={"attested": "on"})
    assert claim.answer_due_on is None


# --- what the settlement said -----------------------------------------------------------------------------------------


def test_the_settlement_says_what_has_become_of_what_it_kept(client):
    agreement, claim, house = given_back_after_the_end()
    agreement = Agreement.objects.get(pk=agreement.pk)
    kept = agreement.settlement.kept_amount
    assert standing_of(agreement).kept == kept == claim.claimed_amount
    PaymentClaim.objects.filter(pk=claim.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    perform(claim, "reject", actor=house.instructor, comment="Sans réponse.")
    agreement = Agreement.objects.get(pk=agreement.pk)
    standing = standing_of(agreement)
    assert (standing.kept, standing.freed) == (0, agreement.granted_amount)
    agreement.commitment.refresh_from_db()
    assert agreement.commitment.net_amount == standing.paid + standing.kept
    sign_in(client, house.member)
    assert client.get(agreement.get_absolute_url()).context["standing"] == standing
    mail = OutboxMessage.objects.filter(key__contains=f"claim-{claim.pk}-reject").get()
    assert "ne seront pas versés" in mail.body


# --- given up by its beneficiary --------------------------------------------------------------------------------------


def test_a_claim_begun_by_one_tap_is_given_up_by_its_people_and_the_payment_claimed_again(client):
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    sign_in(client, house.member)
    address = reverse("agreements:claim_abandon", args=[claim.number])
    assert address in client.get(claim.get_absolute_url()).text
    page = client.get(address)
    assert "Elle contient 1 ligne de dépense" in page.text and "1 pièce jointe" in page.text
    answer = client.post(address, form_to(page, address).typed(comment="Trop tôt."), follow=True)
    assert "abandonnée" in answer.text
    claim = PaymentClaim.objects.get(pk=claim.pk)
    event = claim.events.get(action="abandon")
    assert (claim.state, event.actor, event.comment) == ("rejected", house.member, "Trop tôt.")
    assert claim.state_label("applicant") == claim.state_label() == "Jamais déposée"
    assert claim.lines.count() == 1  # readable, and declared nowhere
    assert claim.number not in " ".join(str(task) for task in tasks_now(agreement))
    again = claims.open_claim(Agreement.objects.get(pk=agreement.pk), claim.instalment, actor=house.member)
    assert again.pk != claim.pk


def test_a_claim_that_was_filed_or_is_somebody_elses_is_not_given_up(client):
    agreement, house = in_force()
    claim = submitted(agreement, house)
    sign_in(client, house.member)
    address = reverse("agreements:claim_abandon", args=[claim.number])
    assert "jamais été déposée" in client.get(address, follow=True).text
    assert client.post(address).status_code == 409
    sign_in(client, in_force()[1].member)
    assert client.post(address).status_code == 404
    with pytest.raises(TransitionRefused):
        perform(claim, "abandon", actor=house.member)


# --- a body that is still being created --------------------------------------------------------------------------------


def test_a_body_that_is_being_created_is_registered_before_it_claims(client):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    body = agreement.beneficiary
    number = body.siret
    type(body).objects.filter(pk=body.pk).update(siret=None, rna=None, in_formation=True)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    sign_in(client, house.member)
    assert "ajoutez son numéro SIRET" in client.get(claim.get_absolute_url()).text
    with pytest.raises(TransitionRefused):
        claims.submit(claim, actor=house.member)
    with pytest.raises(DatabaseError, match="registered"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(
            state="submitted", submitted_by=house.member, submitted_at=timezone.now()
        )
    type(body).objects.filter(pk=body.pk).update(siret=number, in_formation=False)
    assert claims.submit(PaymentClaim.objects.get(pk=claim.pk), actor=house.member).state == "submitted"


def test_who_began_a_claim_is_not_told_to_have_filed_it():
    agreement, house = in_force()
    claim = submitted(agreement, house)
    PaymentClaim.objects.filter(pk=claim.pk).update(opened_by=house.instructor)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert may_review(house.instructor, claim).startswith("Vous avez commencé cette demande")


@pytest.mark.parametrize(
    ("fields", "may_file"),
    [
        ({"legal_category_id": "5458", "is_association": False, "rna": "W123456789"}, False),
        ({"legal_category_id": "5458", "is_association": True, "rna": "W123456789"}, False),  # said to be one
        ({"legal_category_id": None, "is_association": False, "local_register": "Colmar, vol. 1"}, False),
        ({"legal_category_id": "9220", "is_association": True, "rna": "W123456789"}, True),
        ({"legal_category_id": None, "is_association": True, "local_register": "Colmar, vol. 1"}, True),
    ],
)
def test_a_number_of_associations_alone_is_enough_for_an_association_only(client, fields, may_file):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    body = type(agreement.beneficiary).objects.filter(pk=agreement.beneficiary_id)
    body.update(siret=None, in_formation=False, **fields)
    claim = PaymentClaim.objects.get(pk=claim.pk)
    assert claim.agreement.beneficiary.awaits_siret is not may_file
    address = reverse("applicants:edit", args=[agreement.beneficiary_id])
    sign_in(client, house.member)
    for page in (claim.get_absolute_url(), agreement.get_absolute_url()):
        assert (address in client.get(page).text) is not may_file
    filed = {"state": "submitted", "submitted_by": house.member, "submitted_at": timezone.now()}
    if may_file:
        assert claims.submit(claim, actor=house.member).state == "submitted"
        return
    with pytest.raises(TransitionRefused, match="SIRET"):
        claims.submit(claim, actor=house.member)
    with pytest.raises(DatabaseError, match="registered"), transaction.atomic():
        PaymentClaim.objects.filter(pk=claim.pk).update(**filed)


# --- why a claim is no longer written ----------------------------------------------------------------------------------


def given_up(house, claim, by=None):
    return perform(claim, "abandon", actor=by or house.member, comment="Trop tôt.")


def test_a_claim_that_was_given_up_is_never_said_to_be_filed(client):
    """Every address that its open pages send to, and those that are read, in both languages."""
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house)
    sign_in(client, house.member)
    page = client.get(claim.get_absolute_url())
    forms = [form for form in forms_of(page, claim.get_absolute_url()) if claim.number in form.action]
    line = client.get(reverse("agreements:line_change", args=[claim.number, 1]))
    forms += [form for form in forms_of(line, line.request["PATH_INFO"]) if claim.number in form.action]
    given_up(house, claim)
    assert len(forms) > 6
    for form in forms:
        answer = client.post(form.action, form.typed())
        assert answer.status_code == 409, form.action
        assert "Vous avez abandonné cette demande" in answer.text and "a été déposée" not in answer.text, form.action
    for name in ("claim", "line_add", "claim_abandon"):
        words = client.get(reverse(f"agreements:{name}", args=[claim.number]), follow=True).text
        assert "Vous avez abandonné cette demande" in words and "a été déposée" not in words
    assert "Trop tôt." in client.get(claim.get_absolute_url()).text
    assert claim.get_absolute_url() in client.get(agreement.get_absolute_url()).text
    with override("en"):
        assert "filed" not in may_edit_claim(house.member, claim)


def test_a_claim_that_is_no_longer_written_says_what_became_of_it():
    agreement, house = in_force()
    claim = opened(agreement, house)
    other = UserFactory(applicant=True)
    Membership.objects.create(user=other, applicant=agreement.beneficiary, role="representative")
    given_up(house, claim, other)
    assert f"{other} a abandonné cette demande" in may_edit_claim(house.member, claim)
    assert agreement.number in may_edit_claim(house.member, claim)
    again = claims.open_claim(Agreement.objects.get(pk=agreement.pk), claim.instalment, actor=house.member)
    assert again.number in may_edit_claim(house.member, claim)
    assert may_edit_claim(house.member, again) is None

    agreement, house = in_force()
    claim = submitted(agreement, house)
    assert "a été déposée le" in may_edit_claim(house.member, claim)
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "suspend", actor=house.instructor, comment="Un doute.")
    assert "suspendue" in may_edit_claim(house.member, claim)
    perform(claim, "reject", actor=house.instructor, comment="Hors objet.")
    assert "Le service a rejeté cette demande" in may_edit_claim(house.member, claim)


def test_what_was_typed_on_a_page_that_went_on_is_given_back_by_its_labels(client):
    agreement, house = in_force()
    claim = opened(agreement, house, "advance")
    sign_in(client, house.member)
    address = reverse("agreements:claim_submit", args=[claim.number])
    form = form_to(client.get(claim.get_absolute_url()), address)
    given_up(house, claim)
    page = client.post(address, form.typed(statement="Deux ateliers.", attested="on")).text
    typed = page.split("Ce que vous avez saisi</h2>")[1].split("</dl>")[0]
    assert "Deux ateliers." in typed and "Montant demandé" in typed
    assert "es-typed" not in page and ">on<" not in page
