"""The applicant's page of a case: what was asked again, what was decided, and where each step leads."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html import unescape
from types import SimpleNamespace

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import override

from core.dates import format_date_long
from core.models.outbox import OutboxMessage
from core.roles import Role
from core.transitions import perform
from grants import committee, instruction, receipts
from grants.aid_shown import aid_shown
from grants.case_decision import decision_from
from grants.programmes.grant_plan import GrantPlan, Part
from grants.rules.answers import parse_amount
from grants.services import filing
from grants.views.meanwhile import ended_meanwhile
from tests.factories.applicants import MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import draft, filed, filled_draft, incomplete
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, answer_all, consulted, score_all, staff
from tests.forms import after, form_to
from tests.grants.portal import plain, url

pytestmark = pytest.mark.django_db

PARTS = (("22000.00", "27000.00", "general"), ("6400.00", "12800.00", "engineering"))


def signed_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def pills(response, code: str) -> str:
    """The head of a piece on the page, as text."""
    return plain(response).split("Pièces demandées")[1].split("Un mot au service")[0]


# --- pieces asked for -----------------------------------------------------------------------------------------------


def test_a_piece_asked_for_again_is_not_said_to_be_received(client):
    application = incomplete(pieces=("statutes", "accounts"))
    signed_in(client, application.created_by)
    page = client.get(application.get_absolute_url())
    assert "reçue" not in pills(page, "statutes")
    assert pills(page, "statutes").count("à remplacer") == 2
    assert "Reste à joindre : Statuts ; Comptes approuvés du dernier exercice." in plain(page)


def test_joining_a_piece_says_at_once_what_is_still_to_be_joined(client):
    application = incomplete(pieces=("statutes", "accounts"))
    signed_in(client, application.created_by)
    files = {"files": SimpleUploadedFile("statuts-2026.pdf", pdf("new"))}
    reply = client.post(url("add_piece", application, "statutes"), files, headers={"HX-Request": "true"})
    text = plain(reply)
    itself = reply.content.decode().partition('id="lacking"')[0]
    assert "reçue" in itself and "à remplacer" not in itself
    assert 'hx-swap-oob="true"' in reply.content.decode()
    assert "Reste à joindre : Comptes approuvés du dernier exercice." in text
    files = {"files": SimpleUploadedFile("comptes.pdf", pdf("accounts"))}
    reply = client.post(url("add_piece", application, "accounts"), files, headers={"HX-Request": "true"})
    assert "Tout ce qui était demandé est là" in plain(reply)
    # What the page said before it, and asked for above, goes; the pieces beside follow.
    page = reply.content.decode()
    assert '<div id="said" role="status" hx-swap-oob="true"></div>' in page
    assert 'hx-swap-oob="true">Relire et envoyer</a>' in page
    assert "à joindre" not in plain(reply).replace("Reste à joindre", "")
    assert 'id="piece-list" hx-swap-oob="true"' in page


@pytest.mark.old_pages
def test_a_piece_joined_on_the_page_leaves_its_other_form_in_use(client):
    application = incomplete(pieces=("statutes",))
    signed_in(client, application.created_by)
    sending = form_to(client.get(application.get_absolute_url()), "/completer/", application.get_absolute_url())
    files = {"files": SimpleUploadedFile("statuts-2026.pdf", pdf("new"))}
    other_window = sending
    reply = client.post(url("add_piece", application, "statutes"), files, headers={"HX-Request": "true"})
    assert client.post(other_window.action, other_window.fields).status_code == 409  # it did not see the piece
    sending = after(sending, reply)
    assert client.post(sending.action, sending.fields).status_code == 302
    application.refresh_from_db()
    assert application.state == "submitted"


def test_after_the_date_given_the_page_says_that_the_time_limit_runs_again(client):
    application = incomplete(pieces=("statutes",))
    application.piece_requests.update(due_on=timezone.localdate() - timedelta(days=3))
    page = plain(signed_in(client, application.created_by).get(application.get_absolute_url()))
    assert "le délai de décision court de nouveau" in page
    assert "le délai de décision est suspendu" not in page


def test_the_steps_follow_each_upload_of_a_draft(client):
    application = filled_draft()
    application.pieces.filter(code="statutes").delete()
    signed_in(client, application.created_by)
    assert "1 manquant" in plain(client.get(url("step", application, "pieces")))
    files = {"files": SimpleUploadedFile("statuts.pdf", pdf("statutes"))}
    reply = client.post(url("add_piece", application, "statutes"), files, headers={"HX-Request": "true"})
    assert 'id="steps"' in reply.content.decode()
    assert "manquant" not in plain(reply)


def test_after_the_pieces_comes_the_next_step_even_when_some_are_missing(client):
    application = draft()
    page = signed_in(client, application.created_by).get(url("step", application, "pieces")).content.decode()
    assert f'class="btn" href="{url("step", application, "engagements")}"' in page


@pytest.mark.old_pages
@pytest.mark.parametrize(("waited", "still"), [(4, True), (20, False), (23, False)])
def test_what_is_said_of_the_time_limit_is_what_the_law_does(waited, still, client):
    """Article L114-5: the limit stands still for the time given, here twenty days. The page, the message and the mail
    say that it runs again only where it did not; the receipt says the rule, and by how many days its date is put off."""
    with time_machine.travel(timezone.now() - timedelta(days=waited)):
        application = incomplete(pieces=("statutes",))
    user = application.created_by
    address = application.get_absolute_url()
    page = plain(signed_in(client, user).get(address))
    assert ("le délai de décision est suspendu" in page) is still
    assert ("le délai de décision court de nouveau depuis le" in page) is not still
    filing.attach_piece(application, code="statutes", content=pdf("new"), name="statuts2.pdf", user=user)
    sending = form_to(client.get(address), "/completer/", address)
    answer = plain(client.post(sending.action, sending.fields, follow=True))
    assert "Vos pièces sont envoyées." in answer
    assert ("Le délai de décision court de nouveau." in answer) is still
    mail = OutboxMessage.objects.get(key__contains="-completed-")
    assert ("Le délai de décision court de nouveau." in mail.body) is still
    application.refresh_from_db()
    with override("fr"):
        told = receipts.receipt_data(application, "completion", "0" * 64, user)["texts"]["decision"]
    assert f"reporté de {min(waited, 20)} jours de suspension" in told
    assert "suspendu pendant le délai donné pour les produire, au plus tard jusqu’à leur réception" in told


def test_a_draft_that_is_withdrawn_was_never_examined_and_awaits_no_piece(client):
    application = draft()
    signed_in(client, application.created_by)
    assert "à joindre" in plain(client.get(application.get_absolute_url()))
    page = plain(client.get(url("withdraw", application)))
    assert "ne sera pas déposée" in page and "ne sera plus examinée" not in page
    filing.withdraw(application, user=application.created_by)
    assert "à joindre" not in plain(client.get(application.get_absolute_url()))
    case = filed()
    signed_in(client, case.created_by)
    assert "ne sera plus examinée" in plain(client.get(url("withdraw", case)))


# --- reading again --------------------------------------------------------------------------------------------------


def test_the_budget_is_read_again_with_its_totals(client):
    application = filed()
    page = plain(signed_in(client, application.created_by).get(url("filed_form", application)))
    charges = sum(line.amount for line in application.budget_lines.all() if line.side == "charge")
    total = f"{charges:,.2f}".replace(",", " ").replace(".", ",")
    assert f"Total {total} € {total} €" in page


def test_what_is_missing_is_named_without_a_second_colon(client):
    application = filled_draft(without=("attestations", "recovers_vat"))
    page = plain(signed_in(client, application.created_by).get(url("review", application)))
    assert "atteste que – Cochez" in page
    assert "Récupérez-vous la TVA ? – Répondez" in page


# --- what was decided -----------------------------------------------------------------------------------------------


def decided(decision: str, **values):
    """A case on which a closed session decided, and one of its people."""
    secretary = staff(Role.COMMITTEE_SECRETARY)
    case = CaseFactory(state="scheduled")
    person = MembershipFactory(applicant=case.applicant, role="representative").user
    session = SessionFactory(state="in_session", members=3)
    (item,) = agenda(session, case)
    committee.record_decision(item, decision, actor=secretary, **values)
    return case, person, session, secretary


def close(session, secretary):
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-0512"})


def test_a_refusal_stands_on_the_page_with_its_reason_and_the_ways_to_contest_it(client):
    case, person, session, secretary = decided("rejected", reason="Hors du territoire du dispositif.")
    signed_in(client, person)
    assert "Hors du territoire" not in plain(client.get(case.get_absolute_url())), "nothing is told before the end"
    close(session, secretary)
    page = plain(client.get(case.get_absolute_url()))
    for words in ("Demande refusée", "26CP-0512", "Hors du territoire", "dans les deux mois", "telerecours.fr"):
        assert words in page
    assert "Sans décision écrite, refus le" not in page


def test_a_grant_stands_on_the_page_with_its_amount(client):
    case, person, session, secretary = decided("granted")
    close(session, secretary)
    case.refresh_from_db()
    page = plain(signed_in(client, person).get(case.get_absolute_url()))
    assert "Aide attribuée" in page and "délibération 26CP-0512" in page
    assert f"{case.granted_amount:,.2f}".replace(",", " ").replace(".", ",") in page
    assert ("contester" in page) == (case.granted_amount < case.requested_amount)


def test_the_page_shows_the_computation_that_the_decision_rests_on_and_before_it_that_of_what_was_declared(client):
    """35,500 declared give 28,400. Of one expense 10,000 are not retained: 20,400 are computed, 18,000 are granted."""
    instructor, secretary = staff(Role.INSTRUCTOR), staff(Role.COMMITTEE_SECRETARY)
    case = CaseFactory(state="in_instruction", instructor=instructor)
    signed_in(client, MembershipFactory(applicant=case.applicant, role="representative").user)
    answer_all(case, "eligibility")
    score_all(case)
    line = case.budget_lines.get(account_code="604")
    instruction.retain_amount(line, Decimal("15000.00"), actor=instructor, reason="Devis trop élevé.")
    instruction.compute_aid(case, actor=instructor)
    proposal = {"proposed_amount": "20 400,00", "reasons": "Un devis trop élevé."} | consulted()
    perform(case, "propose", actor=instructor, data=proposal)
    perform(case, "give_visa", actor=staff(Role.HEAD_OF_SERVICE))
    session = SessionFactory(state="draft", members=3)
    perform(case, "schedule", actor=secretary, data={"session": session.pk})
    type(session).objects.filter(pk=session.pk).update(
        state="in_session", opened_at=timezone.now(), held_at=timezone.now()
    )
    session.refresh_from_db()
    committee.record_decision(session.items.get(), "granted", actor=secretary, amount=Decimal("18000"), reason="Moins.")
    declared = "Aide calculée 28 400,00 € selon ce que vous avez déclaré"
    page = plain(client.get(case.get_absolute_url()))
    assert declared in page and "20 400" not in page, "nothing is told before the end"
    close(session, secretary)
    page = plain(client.get(case.get_absolute_url()))
    assert "Aide calculée 20 400,00 € par le service : la décision repose sur ce calcul" in page
    assert "Selon ce que vous avez déclaré 28 400,00 €" in page
    why = page.split("Voir le calcul")[1]
    assert "dépenses retenues" in why and "25 500,00 €" in why and "35 500,00 €" not in why
    assert "Accordé par la Région : 18 000,00 € sur les 20 400,00 € calculés." in why


def test_what_each_axis_was_granted_stands_under_the_computation():
    general, engineering = (Part(Decimal(aid), Decimal(cost), code) for aid, cost, code in PARTS)
    case = CaseFactory(state="approved")
    reduced = (replace(general, amount=Decimal("20000.00")), replace(engineering, amount=Decimal("6000.00")))
    case.granted_plan, case.granted_amount = GrantPlan(reduced).as_json(), Decimal("26000.00")
    told = aid_shown(case).lines[-2:]
    assert [" ".join(line.split()) for line in told] == [
        "Projet : 20 000,00 € accordés, pour un coût de 27 000,00 €.",
        "Ingénierie : 6 000,00 € accordés, pour un coût de 12 800,00 €.",
    ]


@pytest.mark.parametrize(("cut", "contestable"), [(0, False), (1, True)])
def test_a_grant_below_the_request_may_be_contested(cut, contestable):
    asked = Decimal("12000.00")
    application = SimpleNamespace(state="approved", requested_amount=asked)
    item = SimpleNamespace(
        session=SimpleNamespace(held_at=timezone.now(), deliberation_number="26CP-0512"),
        decided_amount=asked - cut,
        reason="",
    )
    assert decision_from(item, application, "granted", "Aide").is_contestable is contestable


def test_a_deferral_says_why(client):
    case, person, session, secretary = decided("deferred", reason="Le plan de financement est à revoir.")
    close(session, secretary)
    page = plain(signed_in(client, person).get(case.get_absolute_url()))
    assert "Décision reportée à une séance ultérieure" in page and "plan de financement est à revoir" in page


def test_a_case_found_inadmissible_says_why(client):
    application = filed()
    instructor = staff(Role.INSTRUCTOR)
    application.instructor = instructor
    application.save(update_fields=["instructor"])
    perform(application, "declare_inadmissible", actor=instructor, comment="Le siège est hors de la région.")
    page = plain(signed_in(client, application.created_by).get(application.get_absolute_url()))
    assert "Le siège est hors de la région." in page and "telerecours.fr" in page


def test_tables_have_their_totals_without_javascript(client):
    application = filled_draft("CPO")
    page = plain(signed_in(client, application.created_by).get(url("step", application, "programme")))
    asked = sum(tranche["requested"] for tranche in tranche_totals(application))
    assert f"Total {shown(sum(t['cost'] for t in tranche_totals(application)))} {shown(asked)}" in page


def tranche_totals(application):
    rows = application.answers["tranches"]
    return [{name: parse_amount(str(row[name])) for name in ("cost", "requested")} for row in rows]


def shown(amount) -> str:
    return f"{amount:,.2f}".replace(",", " ").replace(".", ",") + " €"


def test_what_is_there_is_not_called_missing_and_the_word_sent_with_it_is_kept(client):
    application = incomplete()
    signed_in(client, application.created_by)
    assert "Il manque 1 pièce" in unescape(client.get(application.get_absolute_url()).content.decode())
    (code,) = application.open_piece_request().pieces
    name = f"{code}.pdf"
    filing.attach_piece(application, code=code, content=pdf("statuts"), name=name, user=application.created_by)
    page = client.get(application.get_absolute_url())
    text = unescape(page.content.decode())
    assert "Il manque" not in text and "Tout ce qui était demandé est là, mais rien n’est encore envoyé" in text
    form = form_to(page, "completer/")
    client.post(form.action, form.fields | {"comment": "Les statuts de mai."})
    page = unescape(client.get(application.get_absolute_url()).content.decode())
    assert "Les statuts de mai." in page.partition('id="messages"')[2]


def test_the_word_sent_with_pieces_is_read_where_the_service_reads_messages(client):
    application = incomplete(pieces=("statutes",))
    filing.attach_piece(
        application, code="statutes", content=pdf("new"), name="statuts.pdf", user=application.created_by
    )
    filing.answer_piece_request(application, user=application.created_by, comment="Nos comptes suivent en mai ?")
    signed_in(client, staff(Role.INSTRUCTOR, application.programme_version.programme.code))
    page = plain(client.get(reverse("admin:grants_application_change", args=[application.pk])))
    thread = page.split("Messages avec le demandeur")[1].split("Écrire au demandeur")[0]
    assert "Nos comptes suivent en mai ?" in thread and "Pas encore" not in thread


@pytest.mark.parametrize("kind", ["fragment", "page", "typed"])
def test_who_joins_a_piece_after_the_case_was_filed_reads_by_whom_and_when(client, kind):
    """The step stood open in another window, or on somebody else's screen."""
    application = filed()
    member, number = application.created_by, application.number
    signed_in(client, member)
    files = {"files": SimpleUploadedFile("statuts.pdf", pdf("late"))}
    headers = {"HX-Request": "true"} if kind == "fragment" else {}
    typed = {"p-need": "1", "v-need": "1", "q-need": "Un autre besoin"}
    if kind == "typed":
        answer = client.post(url("autosave", application), typed, headers={"Accept": "application/json"}).json()[
            "refused"
        ]
    else:
        answer = plain(client.post(url("add_piece", application, "statutes"), files, headers=headers, follow=True))
    assert f"Vous avez vous-même déposé cette demande le {format_date_long(timezone.now())}" in answer.replace(
        "\u202f", " "
    )
    assert number in answer and "ne peut plus être changée" not in answer
    colleague = UserFactory(applicant=True, first_name="Odile", last_name="Roche")
    MembershipFactory(applicant=application.applicant, user=colleague, role="editor")
    assert ended_meanwhile(application, colleague).startswith(f"{member} a déposé cette demande le ")
