"""Whoever makes an agreement that has ended ask money back has read how much before, on the page where they do it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from agreements import claims, payments
from agreements.due import due_of_claim
from agreements.models import PaymentClaim
from agreements.settlements.services import overpaid_of, standing_of
from core.dates import format_date_long
from core.models import OutboxMessage
from core.money import format_euros
from core.transitions import perform, transitions_of
from tests.agreements.test_settlement_unjustified import mails_of, plain, read_by
from tests.agreements.test_settlements import WHY, end, of
from tests.factories.agreements import add_line, certified, in_force, opened, ordered, pay, submitted
from tests.forms import form_to

D = Decimal
pytestmark = pytest.mark.django_db

#: The moves by which a claim of which expenditure may still be declared, or certified, declares none any more, and the test
#: of what is read before.
TOLD_BY = {
    "abandon": "test_who_gives_up_a_kept_draft_reads_what_it_costs_and_does_it_once",
    "reject": "test_who_rejects_a_claim_of_an_ended_act_reads_what_is_asked_back",
    "certify": "test_who_certifies_the_last_claim_of_an_ended_act_reads_what_is_asked_back",
    "refuse_at_end": "test_who_ends_an_agreement_reads_what_each_refusal_makes_to_be_asked_back",
}
#: Those of a claim whose certificate stayed: its expenditure was certified, and stays so.
CERTIFICATE_STAYS = {"resume_payment", "close_given_up"}


def test_no_move_makes_money_asked_back_that_no_page_told_before():
    declaring = {"draft", "returned", "submitted", "under_review", "suspended"}
    found = {
        spec.name
        for spec in transitions_of(PaymentClaim)
        if declaring & set(spec.sources) and spec.target in ("certified", "paid", "rejected")
    }
    assert found == set(TOLD_BY) | CERTIFICATE_STAYS
    assert all(name in globals() for name in TOLD_BY.values())


def again(row):
    return type(row).objects.get(pk=row.pk)


def kept_draft(advance: str):
    """An agreement that ended with a draft of its balance kept, and an advance that is paid, sent, or waits in a batch."""
    agreement, house = in_force()
    paid, batch = ordered(agreement, house, "advance")
    if advance == "paid":
        pay(batch, house)
    elif advance == "sent":
        payments.close_batch(batch, actor=house.finance)
    draft = opened(again(agreement), house, "balance")
    add_line(draft, house, invoice_total=D("3000.00"), declared_amount=D("3000.00"))
    end(again(agreement), house, **of(draft, "pay"))
    return again(agreement), again(draft), again(paid), house


def costs_said(amount: Decimal, advance: str, *, to_the_beneficiary: bool) -> str:
    euros = plain(format_euros(amount))
    if to_the_beneficiary:
        return {
            "paid": f"ne justifierait {euros} qui vous ont déjà été versés : ils vous seraient demandés en retour",
            "sent": f"ne justifierait {euros} dont le paiement est déjà parti : ils vous seraient demandés en retour",
            "open": f"ne justifierait {euros} de vos autres demandes : ils ne seraient pas versés",
        }[advance]
    return {
        "paid": f"ne justifie {euros} déjà versés : à demander en retour",
        "sent": f"ne justifie {euros} dont le paiement est déjà parti : à demander en retour",
        "open": f"ne justifie {euros} des autres demandes : ils ne peuvent plus être versés",
    }[advance]


def follows(agreement, amount: Decimal, advance: str) -> None:
    """What was said is what came of it."""
    standing = standing_of(again(agreement))
    assert {"paid": standing.unjustified, "sent": standing.leaving, "open": standing.dropped}[advance] == amount > 0
    assert overpaid_of(again(agreement)) == (amount if advance == "paid" else 0)


@pytest.mark.parametrize("advance", ["paid", "sent", "open"])
def test_who_gives_up_a_kept_draft_reads_what_it_costs_and_does_it_once(client, advance):
    agreement, draft, other, house = kept_draft(advance)
    address = reverse("agreements:claim_abandon", args=[draft.number])
    words = read_by(client, house.member, address)
    assert costs_said(other.ordered_amount, advance, to_the_beneficiary=True) in words
    assert f"{plain(format_euros(draft.claimed_amount))} au plus étaient réservés pour elle" in words
    assert "Elle contient 1 ligne de dépense, qu’aucune demande ne déclare plus." in words
    assert "Elle contient 1 pièce jointe" in words
    shown = form_to(client.get(address), address)
    if advance == "open":  # the advance left meanwhile: what was read is not what it costs now
        payments.close_batch(other.orders.get().batch, actor=house.finance)
        assert client.post(address, shown.fields).status_code == 409
        assert again(draft).state == "draft"
        shown, advance = form_to(client.get(address), address), "sent"
    assert client.post(address, shown.fields).status_code == 302
    assert again(draft).state == "rejected"
    follows(agreement, other.ordered_amount, advance)


@pytest.mark.parametrize("advance", ["paid", "sent", "open"])
def test_who_rejects_a_claim_of_an_ended_act_reads_what_is_asked_back(client, advance):
    agreement, draft, other, house = kept_draft(advance)
    page = reverse("admin:agreements_paymentclaim_change", args=[draft.pk])
    kept = f"{plain(format_euros(draft.claimed_amount))} au plus sont réservés pour cette demande"
    words = read_by(client, house.instructor, page)
    assert "a pris fin" in words and kept in words and plain(format_date_long(draft.answer_due_on)) in words
    PaymentClaim.objects.filter(pk=draft.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    words = read_by(client, house.instructor, page)
    assert kept in words and "elle peut être rejetée" in words
    address = reverse("admin:agreements_paymentclaim_transition", args=[draft.pk, "reject"])
    words = read_by(client, house.instructor, address)
    assert costs_said(other.ordered_amount, advance, to_the_beneficiary=False) in words
    assert f"{plain(format_euros(draft.claimed_amount))} au plus sont réservés pour elle" in words
    fields = form_to(client.get(address), address, address).fields | {"comment": "Jamais déposée."}
    assert client.post(address, fields).status_code == 302
    assert again(draft).state == "rejected"
    follows(agreement, other.ordered_amount, advance)
    assert "Répondez au plus tard" not in read_by(client, house.member, draft.get_absolute_url())


def test_who_certifies_the_last_claim_of_an_ended_act_reads_what_is_asked_back(client):
    agreement, house = in_force()
    _advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    final = submitted(again(agreement), house, "balance", "3000.00")
    end(again(agreement), house, **of(final, "pay"))
    perform(final, "start_review", actor=house.instructor)
    claims.certify_lines(
        final, {line.pk: (D("1000.00"), "Hors objet.") for line in final.lines.all()}, actor=house.instructor
    )
    address = reverse("admin:agreements_paymentclaim_transition", args=[final.pk, "certify"])
    words = read_by(client, house.instructor, address)
    data = {"certified_amount": str(due_of_claim(again(final)).amount), "certification_reason": "Coupé."}
    perform(again(final), "certify", actor=house.instructor, data=data)
    back = overpaid_of(again(agreement))
    assert back > 0 and "à demander en retour" in words and plain(format_euros(back)) in words


def test_who_ends_an_agreement_reads_what_each_refusal_makes_to_be_asked_back(client):
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    draft = opened(again(agreement), house, "balance")
    address = reverse("admin:agreements_agreement_transition", args=[agreement.pk, "terminate"])
    words = read_by(client, house.head, address)
    assert f"plus aucune dépense ne justifie {plain(format_euros(again(advance).paid_amount))} déjà versés" in words
    end(again(agreement), house, **of(draft, "refuse"))
    assert overpaid_of(again(agreement)) == again(advance).paid_amount > 0


def test_a_claim_sent_back_on_an_ended_act_says_what_is_kept_for_it(client):
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    end(again(agreement), house, **of(claim, "pay"))
    perform(claim, "start_review", actor=house.instructor)
    perform(claim, "give_back", actor=house.instructor, comment="Il manque le RIB.")
    words = read_by(client, house.member, claim.get_absolute_url())
    kept = f"{plain(format_euros(claim.claimed_amount))} au plus sont réservés pour cette demande"
    assert "a pris fin" in words and kept in words and "Répondez au plus tard le" in words
    assert kept in read_by(client, house.instructor, reverse("admin:agreements_paymentclaim_change", args=[claim.pk]))


def test_the_day_of_a_claim_kept_for_nothing_is_said_wherever_it_is(client):
    agreement, house = in_force()
    draft = opened(agreement, house, "advance")
    end(again(agreement), house, **of(draft, "pay"))
    day = plain(format_date_long(again(draft).answer_due_on))
    for address in (agreement.get_absolute_url(), draft.get_absolute_url()):
        assert f"ouverte jusqu’au {day}" in read_by(client, house.member, address)
    assert f"elle reste ouverte jusqu’au {day}" in plain(mails_of(agreement, "ended").get().body)
    PaymentClaim.objects.filter(pk=draft.pk).update(answer_due_on=timezone.localdate() - timedelta(days=1))
    perform(again(draft), "reject", actor=house.instructor, comment="Jamais déposée.")
    mail = mails_of(agreement, "asked_back").last()
    assert "rien ne vous est demandé en retour" in mail.body and "peut encore vous être versé" in plain(
        mail.subject_line
    )
    assert plain(f"encore vous être versé : {format_euros(D(0))} au plus") in plain(mail.body)


APPEAL = "Vous pouvez contester cette décision"


def test_the_mail_of_an_end_that_refuses_a_claim_says_how_much_and_how_to_contest_it():
    agreement, house = in_force()
    claim = certified(agreement, house)
    end(again(agreement), house, **of(claim, "refuse"))
    mail = plain(mails_of(agreement, "ended").get().body)
    assert f"La demande {claim.number}, de {plain(format_euros(claim.claimed_amount))}, est refusée." in mail
    assert APPEAL in mail


def test_the_mail_of_a_part_given_up_says_how_much_and_how_to_contest_it():
    agreement, house = in_force()
    claim = certified(agreement, house)
    perform(again(claim), "give_up", actor=house.instructor, data={"parts": ["0"]}, comment=WHY)
    mail = plain(OutboxMessage.objects.get(template="agreements/mail/claim_given_up").body)
    assert plain(format_euros(claim.certified_amount)) in mail and APPEAL in mail


def test_an_end_that_takes_nothing_away_offers_no_appeal():
    agreement, house = in_force()
    _advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    perform(again(agreement), "complete", actor=house.instructor, comment=WHY)
    assert APPEAL not in plain(mails_of(again(agreement), "ended").get().body)
