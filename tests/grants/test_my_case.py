"""The page of a case for its applicant, and what the pages cost in queries."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from core.engine.daily import forget_forms
from core.engine.once import KEPT_FOR
from core.models import SentForm
from core.roles import Role
from grants.models import Message
from grants.services import filing
from tests.factories.applicants import ApplicantFactory, MembershipFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.grants import (
    draft,
    filed,
    filled_draft,
    in_instruction,
    incomplete,
    open_call,
)
from tests.factories.instruction import CaseFactory, staff
from tests.forms import form_to, forms_of
from tests.grants.portal import plain, url

pytestmark = pytest.mark.django_db
MAX_QUERIES = 20


def test_the_page_of_a_case_says_first_what_to_do(signed_in):
    application = incomplete(pieces=("statutes",))
    client = signed_in(application.created_by)
    response = client.get(application.get_absolute_url())
    page = plain(response)
    assert page.index("Ce que vous avez à faire") < page.index("Où en est mon dossier")
    assert "Il manque 1 pièce" in page
    assert "le délai de décision est suspendu" in page
    upload = SimpleUploadedFile("statuts-signes.pdf", pdf("signed"))
    client.post(url("add_piece", application, "statutes"), {"files": upload})
    client.post(url("complete", application), {"comment": "Voici."})
    application.refresh_from_db()
    assert application.state == "submitted"
    assert "Ce que vous avez à faire" not in plain(client.get(application.get_absolute_url()))


def test_pieces_are_not_sent_before_they_are_there(signed_in):
    application = incomplete(pieces=("statutes",))
    response = signed_in(application.created_by).post(url("complete", application), follow=True)
    assert "Reste à joindre : Statuts." in plain(response)


def test_the_timeline_has_a_past_a_present_and_a_future(signed_in):
    application = in_instruction()
    content = signed_in(application.created_by).get(application.get_absolute_url()).content.decode()
    assert content.count('class="now"') == 1
    assert content.count('class="later"') == 3
    assert "Accusé de réception n° " in content


def test_messages_go_both_ways_once(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    data = {"body": "Bonjour, quand aurai-je une réponse ?", "key": str(uuid.uuid4())}
    for _click in range(2):
        client.post(url("write_message", application), data)
    assert Message.objects.count() == 1
    Message.objects.create(application=application, author=staff(Role.INSTRUCTOR), body="En mars.", from_staff=True)
    assert "Nouveau message" in plain(client.get("/mes-dossiers/"))
    assert "En mars." in plain(client.get(application.get_absolute_url()))
    assert "Nouveau message" not in plain(client.get("/mes-dossiers/"))
    response = client.post(url("write_message", application), {"body": "  "})
    assert response.status_code == 422
    assert "Écrivez d’abord votre message" in plain(response)


def test_another_text_another_case_and_another_account_are_other_messages(signed_in):
    """The key of a page holds to once what was sent, not what is sent from the page."""
    first, second = filed(), filed()
    key = str(uuid.uuid4())
    for application in (first, second):
        client = signed_in(application.created_by)
        for body in ("Bonjour", "Bonsoir", "Bonjour"):
            assert client.post(url("write_message", application), {"body": body, "key": key}).status_code == 302
    for application in (first, second):
        assert sorted(application.messages.values_list("body", flat=True)) == ["Bonjour", "Bonsoir"]
    client.post(url("write_message", second), {"body": " ", "key": key})  # refused: nothing is held against it
    assert SentForm.objects.count() == 4
    SentForm.objects.update(sent_at=timezone.now() - KEPT_FOR - timedelta(hours=1))
    forget_forms()
    assert not SentForm.objects.exists()


@pytest.mark.parametrize("action", ["message", "note"])
def test_the_service_writes_once_what_it_sends_twice(signed_in, action):
    officer = staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=officer, number="PROG-2025-1")
    client = signed_in(officer)
    page = reverse("admin:grants_application_change", args=[case.pk])
    form = form_to(client.get(page), f"/do/{action}/")
    for body in ("Vu au téléphone.", "Vu au téléphone.", "Rappelée."):
        assert client.post(form.action, form.fields | {"body": body}).status_code == 302
    assert (case.messages if action == "message" else case.notes).count() == 2


def test_every_page_has_a_key_of_its_own(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    pages = [form_to(client.get(application.get_absolute_url()), "/messages/#messages") for _visit in range(2)]
    assert pages[0].fields["key"] != pages[1].fields["key"]


def test_a_draft_has_no_messages_yet(signed_in):
    application = draft()
    response = signed_in(application.created_by).post(url("write_message", application), {"body": "Bonjour"})
    assert response.status_code == 422
    assert "Bonjour" in response.content.decode()


def test_withdrawing_asks_first(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    assert "ne sera plus examinée" in plain(client.get(url("withdraw", application)))
    client.post(url("withdraw", application), {"comment": "Projet abandonné"})
    application.refresh_from_db()
    assert application.state == "withdrawn"
    assert "Demande retirée par vous" in plain(client.get(application.get_absolute_url()))


def test_a_case_has_a_short_address(signed_in):
    application = filed()
    client = signed_in(application.created_by)
    assert client.get(f"/dossier/{application.number}/").url == application.get_absolute_url()
    assert client.get("/dossier/PROG-2026-99999/").status_code == 404


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("case", "get"),
        ("form", "get"),
        ("review", "get"),
        ("filed_form", "get"),
        ("autosave", "post"),
        ("submit", "post"),
        ("write_message", "post"),
        ("complete", "post"),
        ("withdraw", "post"),
    ],
)
def test_a_foreign_case_does_not_exist(signed_in, client, name, method):
    application = filled_draft()
    assert getattr(client, method)(url(name, application)).status_code in (302, 401)
    for stranger in (MembershipFactory().user, staff(Role.INSTRUCTOR), UserFactory(auditor=True)):
        assert getattr(signed_in(stranger), method)(url(name, application)).status_code == 404
    application.refresh_from_db()
    assert application.state == "draft"


def test_what_was_filed_can_be_read_again(signed_in):
    application = filed()
    page = plain(signed_in(application.created_by).get(url("filed_form", application)))
    assert "Un texte de quelques phrases." in page
    assert "18 500,00 €" in page
    assert "Commune d’Argonne" in page


def queries(client, address, django_assert_max_num_queries) -> int:
    client.get(address)
    with django_assert_max_num_queries(MAX_QUERIES) as captured:
        response = client.get(address)
    assert response.status_code == 200
    return len(captured.captured_queries)


def test_the_list_costs_the_same_for_3_and_30_cases(signed_in, django_assert_max_num_queries):
    user = UserFactory(applicant=True)
    applicant, call = ApplicantFactory(representative=user), open_call()

    def add(count):
        for _number in range(count):
            filing.create_draft(call=call, applicant=applicant, user=user)

    client = signed_in(user)
    add(3)
    few = queries(client, "/mes-dossiers/", django_assert_max_num_queries)
    add(27)
    assert queries(client, "/mes-dossiers/", django_assert_max_num_queries) == few


def test_a_step_costs_the_same_for_a_long_budget(signed_in, django_assert_max_num_queries):
    application = filled_draft()
    client = signed_in(application.created_by)
    few = queries(client, url("step", application, "budget"), django_assert_max_num_queries)
    rows = [{"account": "622", "label": f"Ligne {number}", "amount": "10"} for number in range(60)]
    filing.save_answers(application, user=application.created_by, typed={"budget": rows})
    assert queries(client, url("step", application, "budget"), django_assert_max_num_queries) == few


@pytest.mark.parametrize("section", ["structure", "collectif", "projet", "budget", "pieces", "engagements"])
def test_every_step_is_cheap(signed_in, django_assert_max_num_queries, section):
    application = filled_draft()
    queries(signed_in(application.created_by), url("step", application, section), django_assert_max_num_queries)


def test_a_case_costs_the_same_for_3_and_30_messages_and_pieces(signed_in, django_assert_max_num_queries):
    application = filed()
    client = signed_in(application.created_by)
    instructor = staff(Role.INSTRUCTOR)

    def add(count):
        for number in range(count):
            Message.objects.create(application=application, author=instructor, body=str(number), from_staff=True)

    add(3)
    few = queries(client, application.get_absolute_url(), django_assert_max_num_queries)
    add(27)
    assert queries(client, application.get_absolute_url(), django_assert_max_num_queries) == few


def test_review_and_filed_form_are_cheap(signed_in, django_assert_max_num_queries):
    application = filled_draft()
    client = signed_in(application.created_by)
    queries(client, url("review", application), django_assert_max_num_queries)
    filing.submit(application, user=application.created_by)
    queries(client, url("filed_form", application), django_assert_max_num_queries)


@pytest.mark.old_pages
def test_a_form_without_its_key_is_given_back_with_what_was_typed(signed_in):
    """It cannot be known whether it was sent before; sent from the page that gives it back, it has a key."""
    application = filed()
    client = signed_in(application.created_by)
    for key in ({}, {"key": "none"}):
        answer = client.post(url("write_message", application), {"body": "Une longue question", **key})
        assert answer.status_code == 409 and "sans la clé" in plain(answer) and "Une longue question" in answer.text
    assert not Message.objects.exists()
    script = client.post(url("write_message", application), {"body": "a"}, headers={"accept": "application/json"})
    assert script.status_code == 409 and "sans la clé" in script.json()["refused"]
    form = next(form for form in forms_of(answer, "/") if "body" in form.fields)
    assert client.post(form.action, form.fields).status_code == 302
    assert Message.objects.get().body == "Une longue question"


def test_the_same_bytes_are_joined_once_to_a_piece(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    for content in ("statuts", "statuts", "autres statuts"):
        upload = SimpleUploadedFile("statuts.pdf", pdf(content), "application/pdf")
        assert client.post(url("add_piece", application, "statutes"), {"files": upload}).status_code == 302
    assert application.pieces.filter(code="statutes").count() == 2
