"""The staff's list of cases and the page of one case: scope, queries, actions, and what comes back when refused."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.documents import store
from core.events import record
from core.navigation import work_for
from core.roles import Role
from grants import instruction
from grants.models import Application, Message, Piece
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, answer_all, ask, compute, consulted, score_all, staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db

MOST_QUERIES = 20
LIST = "admin:grants_application_changelist"


@pytest.fixture
def instructor(client):
    user = staff(Role.INSTRUCTOR)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def sign_in(client, user):
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def page_of(case) -> str:
    return reverse("admin:grants_application_change", args=[case.pk])


def act(client, case, action, **data):
    return client.post(reverse("admin:grants_application_do", args=[case.pk, action]), data)


def cases(count: int, **extra) -> list[Application]:
    first = CaseFactory(**extra)
    return [first, *(CaseFactory(call=first.call, **extra) for _number in range(count - 1))]


# --- the list ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", "?queue=todo", "?q=argonne&state=submitted&due=month&instructor=none"])
def test_the_list_takes_as_many_queries_for_thirty_rows_as_for_three(
    client, instructor, django_assert_max_num_queries, query
):
    cases(3)
    with django_assert_max_num_queries(MOST_QUERIES) as three:
        response = client.get(reverse(LIST) + query)
    assert response.status_code == 200
    cases(27)
    with django_assert_max_num_queries(MOST_QUERIES) as thirty:
        client.get(reverse(LIST) + query)
    assert len(three) == len(thirty)


def test_the_list_is_in_due_order_with_why_and_one_action(client, instructor):
    later, soon = CaseFactory(), CaseFactory(decision_due_on=timezone.localdate() + timedelta(days=3))
    text = client.get(reverse(LIST)).content.decode()
    assert text.index(soon.number) < text.index(later.number)
    assert "Complétude" in text or "Completeness" in text


def test_staff_see_the_cases_of_their_programmes_only(client, instructor):
    mine, other = CaseFactory(), CaseFactory(programme_code="CPO", budget=False)
    text = client.get(reverse(LIST)).content.decode()
    assert mine.number in text
    assert other.number not in text
    assert client.get(page_of(other)).status_code == 404


def test_drafts_stay_with_their_applicant(client):
    sign_in(client, staff(Role.ADMINISTRATOR))
    CaseFactory(state="draft", number=None, submitted_at=None, submitted_by=None, title="Brouillon privé")
    assert "Brouillon privé" not in client.get(reverse(LIST)).content.decode()


@pytest.mark.parametrize("typed", ["éco-matériaux", "ECO MATERIAUX", "plateforme"])
def test_the_search_ignores_accents_and_capitals(client, instructor, typed):
    found, other = CaseFactory(title="Plateforme d’éco-matériaux"), CaseFactory(title="Café itinérant")
    text = client.get(reverse(LIST), {"q": typed}).content.decode()
    assert found.number in text
    assert other.number not in text


def test_filters_narrow_the_list(client, instructor):
    late = CaseFactory(decision_due_on=timezone.localdate() - timedelta(days=1), instructor=instructor)
    other = CaseFactory(state="in_instruction")
    for query in (
        "due=late",
        "instructor=me",
        "state=submitted",
        f"call={late.call.code}",
        "programme=PROGRESS1&due=late",
    ):
        text = client.get(f"{reverse(LIST)}?{query}").content.decode()
        assert late.number in text, query
        assert other.number not in text, query


def test_the_menu_counts_what_its_list_shows(client, instructor):
    CaseFactory()
    CaseFactory(instructor=staff(Role.INSTRUCTOR))
    CaseFactory(state="incomplete")
    counts = client.get(reverse("staff-badges")).json()
    for key, expected in (("queue=todo", 1), ("queue=waiting", 1), ("queue=unread", 0)):
        assert counts[f"admin:grants_application_changelist?{key}"] == expected
        shown = client.get(f"{reverse(LIST)}?{key}").context["cl"].result_count
        assert shown == expected


def test_the_home_page_lists_what_is_due(client, instructor):
    case = CaseFactory(decision_due_on=timezone.localdate() + timedelta(days=2))
    late = ask(
        CaseFactory(state="in_instruction", instructor=instructor), due_on=timezone.localdate() - timedelta(days=2)
    )
    titles = [item.title for item in work_for(instructor)]
    assert any(case.number in title for title in titles)
    assert any(late.body in title for title in titles)
    assert client.get(reverse("admin:index")).status_code == 200


# --- assigning -----------------------------------------------------------------------------------------------


def test_several_cases_are_assigned_at_once(client):
    head = sign_in(client, staff(Role.HEAD_OF_SERVICE))
    colleague = staff(Role.INSTRUCTOR)
    chosen = cases(2)
    data = {"action": "assign_to", "_selected_action": [case.pk for case in chosen]}
    page = client.post(reverse(LIST), data)
    assert page.status_code == 200
    assert str(colleague) in page.content.decode()
    client.post(reverse(LIST), data | {"instructor": colleague.pk, "confirm": "1"})
    assert set(Application.objects.values_list("instructor", flat=True)) == {colleague.pk}
    assert chosen[0].events.get(action="assign").actor == head


def test_an_auditor_has_no_bulk_action(client):
    sign_in(client, staff(Role.AUDITOR))
    case = CaseFactory()
    assert "assign_to" not in client.get(reverse(LIST)).content.decode()
    client.post(reverse(LIST), {"action": "assign_to", "_selected_action": [case.pk], "instructor": "1"})
    case.refresh_from_db()
    assert case.instructor is None


# --- the case page -------------------------------------------------------------------------------------------


def overfull(case: Application, rows: int) -> Application:
    """A case with so many rows of everything that its page shows."""
    person = UserFactory(instructor=True)
    for number in range(rows):
        document = store(pdf(f"{case.pk}-{number}"), name=f"piece-{number}.pdf", subject=case, user=person)
        Piece.objects.create(application=case, code="statutes", document=document, added_by=person)
        case.partners.create(rank=number + 1, name=f"Partenaire {number}")
        case.budget_lines.create(rank=100 + number, side="charge", account_code="604", label="Ligne", amount=10)
        Message.objects.create(application=case, author=UserFactory(), body="Bonjour", from_staff=False)
        case.notes.create(body="Une note", author=UserFactory())
        ask(case, code=f"avis-{number}")
        compute(case)
        record(case, "look", actor=UserFactory())
    return case


@pytest.mark.parametrize(
    "state", ["submitted", "incomplete", "in_instruction", "instructed", "scheduled", "approved", "rejected"]
)
def test_the_page_takes_as_many_queries_for_thirty_rows_as_for_three(
    client, instructor, django_assert_max_num_queries, state
):
    small, large = overfull(CaseFactory(state=state), 3), overfull(CaseFactory(state=state), 30)
    client.get(page_of(small))  # content types and rules are kept from then on
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        response = client.get(page_of(small))
    assert response.status_code == 200
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        client.get(page_of(large))
    assert len(few) == len(many)


def test_the_page_shows_what_decides(client, instructor):
    case = CaseFactory(state="in_instruction")
    instruction.compute_aid(case, actor=instructor)
    text = client.get(page_of(case)).content.decode()
    for expected in (case.number, case.title, "28 400,00", "480 000,00", "Formation-action"):
        assert expected.replace(" ", "\u202f") in text or expected in text, expected


def test_an_auditor_reads_the_page_and_finds_no_form(client):
    sign_in(client, staff(Role.AUDITOR))
    case = overfull(CaseFactory(state="in_instruction"), 1)
    text = client.get(page_of(case)).content.decode()
    assert case.number in text
    assert "/do/" not in text
    response = act(client, case, "note", body="Une note")
    assert response.status_code == 409  # no form of the page: what was typed is given back
    assert case.notes.count() == 1


def test_nobody_enters_without_signing_in(client):
    case = CaseFactory()
    assert client.get(page_of(case)).status_code == 302
    assert isinstance(AnonymousUser().is_authenticated, bool)


def test_an_applicant_does_not_enter(client):
    case = CaseFactory()
    sign_in(client, case.created_by)
    assert client.get(page_of(case)).status_code in (302, 403, 404)


# --- what the page posts -------------------------------------------------------------------------------------


def test_a_check_is_answered_from_the_page(client, instructor):
    case = CaseFactory()
    response = act(client, case, "check", code="complete_pieces", answer="yes", reason="")
    assert response.status_code == 302
    assert response.url.endswith("#checks-completeness")
    assert case.check_answers.get().answered_by == instructor


def test_a_refused_answer_comes_back_with_its_reason_and_what_was_typed(client, instructor):
    case = CaseFactory()
    case.check_answers.create(code="complete_pieces", stage="completeness", answer="yes", answered_by=instructor)
    response = act(client, case, "check", code="complete_pieces", answer="peut-être", reason="Il manque une page.")
    assert response.status_code == 422
    assert "Il manque une page." in response.content.decode()


def test_scores_are_recorded_all_or_none(client, instructor):
    case = CaseFactory(state="in_instruction")
    wrong = {"score-need": "4", "comment-need": "Étude jointe.", "score-jobs": "9"}
    response = act(client, case, "score", **wrong)
    assert response.status_code == 422
    assert "Étude jointe." in response.content.decode()
    assert not case.scores.exists()
    act(client, case, "score", **(wrong | {"score-jobs": "4,5"}))
    assert case.scores.get(code="jobs").score == Decimal("4.50")


def test_expenses_are_retained_and_the_aid_computed_again(client, instructor):
    case = CaseFactory(state="in_instruction")
    line = case.budget_lines.get(account_code="604")
    act(client, case, "retain", **{f"line-{line.pk}": "15 000,00", "reason": "Devis trop élevé."})
    line.refresh_from_db()
    assert line.eligible_amount == Decimal("15000.00")
    act(client, case, "compute")
    case.refresh_from_db()
    assert case.computed_amount == Decimal("20400.00")


def test_an_opinion_is_asked_and_recorded_from_the_page(client):
    sign_in(client, staff(Role.INSTRUCTOR, "CAPITAL-SCOP"))
    case = CaseFactory(state="in_instruction", programme_code="CAPITAL-SCOP", budget=False, persons=[3200])
    due_on = (timezone.localdate() + timedelta(days=20)).isoformat()
    act(client, case, "opinion", code="urscop", email="avis@urscop.example", due_on=due_on)
    opinion = case.opinions.get()
    answer = {"opinion": opinion.pk, "result": "favourable", "given_on": timezone.localdate().isoformat()}
    assert act(client, case, "opinion-answer", **answer).status_code == 422
    proof = SimpleUploadedFile("avis.pdf", pdf(), content_type="application/pdf")
    assert act(client, case, "opinion-answer", **answer, proof=proof).status_code == 302
    assert case.opinions.get().result == "favourable"


def test_a_wrong_file_is_refused_with_a_sentence(client):
    sign_in(client, staff(Role.INSTRUCTOR, "CAPITAL-SCOP"))
    case = CaseFactory(state="in_instruction", programme_code="CAPITAL-SCOP", budget=False, persons=[3200])
    opinion = ask(case)
    proof = SimpleUploadedFile("avis.pdf", b"<html>non</html>", content_type="application/pdf")
    response = act(
        client, case, "opinion-answer", opinion=opinion.pk, result="favourable",
        given_on=timezone.localdate().isoformat(), proof=proof, summary="Avis reçu ce jour.",
    )  # fmt: skip
    assert response.status_code == 422
    assert "Avis reçu ce jour." in response.content.decode()


def test_a_piece_is_judged_with_a_note_for_the_applicant(client, instructor):
    case = CaseFactory()
    document = store(pdf(), name="statuts.pdf", subject=case, user=instructor)
    piece = Piece.objects.create(application=case, code="statutes", document=document, added_by=instructor)
    assert act(client, case, "piece", piece=piece.pk, state="refused", note="").status_code == 422
    act(client, case, "piece", piece=piece.pk, state="refused", note="Il manque la signature.")
    piece.refresh_from_db()
    assert (piece.state, piece.note) == ("refused", "Il manque la signature.")


def test_a_note_typed_while_the_session_ended_is_written_after_a_new_sign_in(client, instructor):
    case = CaseFactory()
    note = form_to(client.get(page_of(case)), "/do/note/")
    client.logout()
    kept = client.post(note.action, note.typed(body="Appeler la commune."))
    assert kept.status_code == 401
    again = form_to(kept, reverse("core:resume"))
    password = "un mot de passe assez long"
    confirm = client.post(again.action, again.typed(username=instructor.email, password=password))
    resumed = form_to(confirm, "/do/note/")
    assert client.post(resumed.action, resumed.fields).status_code == 302
    assert case.notes.get().body == "Appeler la commune."


def test_a_note_with_the_mark_of_the_session_before_is_kept(instructor):
    case = CaseFactory()
    client = Client(enforce_csrf_checks=True)
    client.force_login(instructor, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_application_do", args=[case.pk, "note"])
    kept = client.post(address, {"body": "Appeler la commune."}, headers={"origin": "http://testserver"})
    assert form_to(kept, address).fields["body"] == ["Appeler la commune."]
    assert client.post(address, {"body": "Appeler"}, headers={"origin": "https://evil.example"}).status_code == 403


def test_messages_and_notes_are_written_and_read(client, instructor):
    case = CaseFactory()
    Message.objects.create(application=case, author=case.created_by, body="Bonjour", from_staff=False)
    act(client, case, "read")
    assert not case.messages.unread_by_staff().exists()
    act(client, case, "message", body="Bien reçu.")
    act(client, case, "note", body="Appeler la commune.")
    assert case.messages.get(from_staff=True).author == instructor
    assert case.notes.get().body == "Appeler la commune."


def test_the_eu_fund_is_chosen_during_instruction(client, instructor):
    case = CaseFactory(state="in_instruction")
    act(client, case, "fund", eu_fund="ESF+")
    case.refresh_from_db()
    assert case.eu_fund == "ESF+"


def test_a_case_is_given_to_an_instructor_from_its_page(client):
    head = sign_in(client, staff(Role.HEAD_OF_SERVICE))
    colleague = staff(Role.INSTRUCTOR)
    case = CaseFactory()
    assert 'id="id_instructor"' in client.get(page_of(case)).text
    assert act(client, case, "assign", instructor=colleague.pk).status_code == 302
    case.refresh_from_db()
    assert case.instructor == colleague
    assert case.events.get(action="assign").actor == head
    stranger = staff(Role.INSTRUCTOR, "CPO")
    assert act(client, case, "assign", instructor=stranger.pk).status_code == 422


def test_an_auditor_gives_no_case_to_anybody(client):
    sign_in(client, staff(Role.AUDITOR))
    case = CaseFactory()
    assert 'id="id_instructor"' not in client.get(page_of(case)).text
    assert act(client, case, "assign", instructor=staff(Role.INSTRUCTOR).pk).status_code == 409
    case.refresh_from_db()
    assert case.instructor is None


def test_what_is_settled_is_folded_and_what_is_read_has_no_button(client, instructor):
    case = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(case, "completeness", "admissibility")
    page = client.get(page_of(case)).text
    assert page.count("Tout est répondu, rien par non") == 2
    mark = reverse("admin:grants_application_do", args=[case.pk, "read"])
    assert mark not in page
    Message.objects.create(application=case, author=case.created_by, body="Bonjour", from_staff=False)
    assert mark in client.get(page_of(case)).text


@pytest.mark.parametrize("action", ["check", "inconnu"])
def test_actions_are_posts_of_known_names(client, instructor, action):
    case = CaseFactory()
    url = reverse("admin:grants_application_do", args=[case.pk, action])
    assert client.get(url).url == page_of(case)
    if action == "inconnu":
        assert client.post(url).status_code == 404


def test_transitions_have_their_pages(client, instructor):
    case = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(case, "eligibility")
    score_all(case)
    compute(case)
    url = reverse("admin:grants_application_transition", args=[case.pk, "propose"])
    assert client.get(url).status_code == 200
    response = client.post(url, {"favourable": "yes", "proposed_amount": "99 000", "reasons": "Trop."})
    assert response.status_code == 422
    assert "Trop." in response.content.decode()
    client.post(url, {"favourable": "yes", "proposed_amount": "26 000,00", "reasons": "Juste."} | consulted())
    case.refresh_from_db()
    assert (case.state, case.proposed_amount) == ("instructed", Decimal("26000.00"))
