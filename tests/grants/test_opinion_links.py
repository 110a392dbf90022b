"""The link of a body that is asked for its opinion: what it opens, for how long, and what comes back by it."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from core.documents import store
from core.events import history
from core.models import OutboxMessage
from core.roles import Role
from grants import instruction, opinion_links
from grants.models import Application, Opinion, Piece
from tests.factories.applicants import pdf
from tests.factories.instruction import CaseFactory, staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path
    cache.clear()  # the visits of the other tests


@pytest.fixture
def officer():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def case(officer) -> Application:
    return CaseFactory(state="in_instruction", instructor=officer)


def joined(case: Application, code: str) -> Piece:
    document = store(pdf(code), name=f"{code}.pdf", subject=case, user=case.created_by, kind=code)
    return Piece.objects.create(application=case, code=code, document=document, added_by=case.created_by)


def asked(case: Application, officer, days: int = 20, **more) -> Opinion:
    due_on = timezone.localdate() + timedelta(days=days)
    return instruction.ask_opinion(
        case,
        "x",
        actor=officer,
        email="avis@ddets.example",
        body="DDETS",
        due_on=due_on,
        question="Et l’emploi ?",
        **more,
    )


def link_of(template: str = "opinion_request") -> str:
    mail = OutboxMessage.objects.filter(template=f"grants/mail/{template}").latest("pk")
    return re.search(r"https?://[^/\s]+(/avis/\S+)", mail.body)[1]


def answer() -> dict:
    document = SimpleUploadedFile("avis.pdf", pdf("avis"), "application/pdf")
    return {"result": "reserved", "summary": "Sous réserve.", "name": "Mme Roy, cheffe", "document": document}


def test_the_mail_and_the_page_hold_what_the_body_needs(client: Client, case, officer):
    shown, hidden = joined(case, "statutes"), joined(case, "accounts")
    opinion = asked(case, officer, pieces=[shown.pk])
    mail = OutboxMessage.objects.get(template="grants/mail/opinion_request")
    for text in (case.number, case.title, case.applicant.display_name, "Et l’emploi ?"):
        assert text in mail.body
    assert mail.reply_to == case.rules.contact.email
    link = link_of()
    response = client.get(link)
    page = response.content.decode()
    for text in (case.number, case.title, case.applicant.display_name, "statutes.pdf"):
        assert text in page
    assert "accounts.pdf" not in page and case.applicant.email not in page
    assert "noindex" in response["X-Robots-Tag"]
    assert (response["Referrer-Policy"], response["Cache-Control"]) == ("no-referrer", "private, no-store")
    served = client.get(f"{link}pieces/{shown.pk}/")
    assert b"".join(served.streaming_content) == pdf("statutes")
    assert client.get(f"{link}pieces/{hidden.pk}/").status_code == 404
    opinion.refresh_from_db()
    assert opinion.token_hash and opinion.token_hash not in link


def test_the_answer_waits_for_an_officer(client: Client, case, officer):
    asked(case, officer)
    link = link_of()
    assert client.post(link, answer() | {"document": ""}).status_code == 422
    assert client.post(link, answer()).status_code == 302
    opinion = case.opinions.get()
    assert (opinion.result, opinion.answer_result) == ("", "reserved")
    assert OutboxMessage.objects.get(template="grants/mail/opinion_received").to == [officer.email]
    client.force_login(officer)
    assert "Mme Roy, cheffe" in client.get(f"/admin/grants/application/{case.pk}/change/").content.decode()
    instruction.record_opinion(opinion, "reserved", actor=officer, given_on=timezone.localdate())
    opinion.refresh_from_db()
    assert (opinion.document, opinion.recorded_by) == (opinion.answer_document, officer)
    assert client.get(link).status_code == 410
    assert client.post(link, answer()).status_code == 410


def test_without_a_document_nothing_is_recorded(case, officer):
    with pytest.raises(instruction.InstructionRefused):
        instruction.record_opinion(asked(case, officer), "reserved", actor=officer, given_on=timezone.localdate())


@pytest.mark.old_pages
def test_two_people_of_a_body_send_an_opinion_and_the_second_reads_the_first(case, officer):
    asked(case, officer)
    link, clients = link_of(), (Client(), Client())
    forms = [form_to(client.get(link), link) for client in clients]
    assert clients[0].post(link, forms[0].fields | answer()).status_code == 302
    mine = answer() | {"result": "favourable", "summary": "Sans réserve.", "name": "M. Petit"}
    late = clients[1].post(link, forms[1].fields | mine)
    told = unescape(late.content.decode())
    assert late.status_code == 409 and "no-store" in late["Cache-Control"] and "noindex" in late["X-Robots-Tag"]
    for text in ("Sous réserve.", "Mme Roy, cheffe", "Sans réserve.", "M. Petit", f'href="{link}"'):
        assert text in told
    opinion = case.opinions.get()
    assert (opinion.answer_result, opinion.answered_by_name) == ("reserved", "Mme Roy, cheffe")
    assert clients[1].post(link, answer()).status_code == 409  # without a version
    again = form_to(late, link).fields
    assert (
        clients[1].post(link, again | mine | {"document": answer()["document"], "shown": again["shown"]}).status_code
        == 302
    )
    opinion.refresh_from_db()
    assert (opinion.answer_result, opinion.answered_by_name) == ("favourable", "M. Petit")
    assert history(case).filter(action="opinion_received").count() == 2


@pytest.mark.old_pages
def test_the_same_person_replaces_their_opinion_from_the_page_that_says_it(client: Client, case, officer):
    asked(case, officer)
    link = link_of()
    for words in ("Sous réserve.", "Sans réserve."):
        form = form_to(client.get(link), link)
        refused = client.post(link, form.fields | answer() | {"name": ""})
        assert refused.status_code == 422
        form = form_to(refused, link)
        assert client.post(link, form.fields | answer() | {"summary": words}).status_code == 302
    assert case.opinions.get().answer_summary == "Sans réserve."


@pytest.mark.parametrize("how", ["closed", "expired", "case left the instruction", "invented"])
def test_a_link_that_opens_nothing(client: Client, case, officer, how: str):
    opinion = asked(case, officer)
    link = link_of()
    if how == "closed":
        instruction.close_opinion_link(opinion, actor=officer)
    elif how == "expired":
        Opinion.objects.update(link_expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "invented":
        link = "/avis/abc/"
    else:
        Application.objects.filter(pk=case.pk).update(state="inadmissible")
    assert client.get(link).status_code == 410
    assert client.post(link, answer()).status_code == 410
    assert not Opinion.objects.exclude(answer_result="").exists()


def test_one_reminder_before_the_date_with_a_fresh_link(client: Client, case, officer):
    opinion = asked(case, officer, days=3)
    first = link_of()
    assert opinion_links.remind() == 0  # asked today
    Opinion.objects.update(asked_at=timezone.now() - timedelta(days=10))
    assert opinion_links.remind() == 1
    assert opinion_links.remind() == 0
    assert (client.get(first).status_code, client.get(link_of("opinion_reminder")).status_code) == (410, 200)
    opinion.refresh_from_db()
    assert opinion.reminded_at


def test_no_reminder_once_answered_or_closed(client: Client, case, officer):
    opinion = asked(case, officer, days=3)
    Opinion.objects.update(asked_at=timezone.now() - timedelta(days=10))
    client.post(link_of(), answer())
    assert opinion_links.remind() == 0
    instruction.close_opinion_link(opinion, actor=officer)
    assert opinion_links.remind() == 0


def test_visits_are_counted(client: Client, case, officer, monkeypatch):
    asked(case, officer)
    monkeypatch.setattr("grants.views.opinions.VISITS_PER_HOUR", 2)
    assert [client.get(link_of()).status_code for _turn in range(3)] == [200, 200, 429]
