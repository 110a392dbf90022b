"""The session's page: the grid with and without JavaScript, agenda, recusals, workbook, scope and queries."""

from decimal import Decimal
from io import BytesIO

import openpyxl
import pgtrigger
import pytest
from django.urls import reverse

from core.engine.questions import words_of
from core.roles import Role
from grants import committee
from grants.admin.forms import ScoreForm
from grants.admin.grid_forms import AddCasesForm
from grants.models import CommitteeSession, Envelope
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, programme_of, staff
from tests.forms import form_to

pytestmark = pytest.mark.django_db

MOST_QUERIES = 20


@pytest.fixture
def secretary(client):
    user = staff(Role.COMMITTEE_SECRETARY)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def url(name: str, *args) -> str:
    return reverse(f"admin:grants_committeesession_{name}", args=args)


def with_cases(session: CommitteeSession, count: int) -> list:
    first = CaseFactory(state="scheduled")
    return agenda(session, first, *[CaseFactory(state="scheduled", call=first.call) for _number in range(count - 1)])


@pytest.fixture
def session():
    return SessionFactory(state="in_session", members=3)


def row(item, decision, amount="", reason="") -> dict:
    return {f"{item.pk}-decision": decision, f"{item.pk}-amount": amount, f"{item.pk}-reason": reason}


# --- pages and queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["draft", "convened", "in_session"])
def test_the_page_takes_as_many_queries_for_thirty_cases_as_for_three(
    client, secretary, django_assert_max_num_queries, state
):
    small, large = SessionFactory(state=state, members=3), SessionFactory(state=state, members=15)
    for each, count in ((small, 3), (large, 30)):
        for item in with_cases(each, count):
            item.recusals.create(member=each.members.first(), declared_by=secretary)
    for _number in range(5):
        CaseFactory(state="ready_for_committee")
    client.get(url("change", small.pk))
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        assert client.get(url("change", small.pk)).status_code == 200
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        client.get(url("change", large.pk))
    assert len(few) == len(many)


def test_the_list_takes_as_many_queries_for_thirty_sessions_as_for_three(
    client, secretary, django_assert_max_num_queries
):
    for _number in range(3):
        with_cases(SessionFactory(), 1)
    with django_assert_max_num_queries(MOST_QUERIES) as few:
        assert client.get(url("changelist")).status_code == 200
    for _number in range(27):
        with_cases(SessionFactory(), 1)
    with django_assert_max_num_queries(MOST_QUERIES) as many:
        client.get(url("changelist"))
    assert len(few) == len(many)


def test_a_session_is_prepared_on_its_page(client, secretary):
    data = {
        "title": "Commission permanente", "held_at_0": "05/02/2027", "held_at_1": "09:30", "place": "Hôtel de région",
        "programmes": [programme_of().pk], "quorum": "9", "members-TOTAL_FORMS": "1", "members-INITIAL_FORMS": "0",
        "members-0-name": "Une élue", "members-0-capacity": "Vice-présidente", "members-0-is_voting": "on",
    }  # fmt: skip
    response = client.post(url("add"), data)
    assert response.status_code == 302, response.context and response.context["errors"]
    session = CommitteeSession.objects.get()
    assert (session.created_by, session.quorum, session.members.get().name) == (secretary, 9, "Une élue")
    assert session.events.get().action == "create"


@pytest.mark.parametrize(
    ("person", "status"),
    [
        (lambda: staff(Role.INSTRUCTOR), 200),
        (lambda: staff(Role.AUDITOR), 200),
        (lambda: staff(Role.COMMITTEE_SECRETARY, "CPO"), 404),
        (lambda: staff(Role.INSTRUCTOR, "CPO"), 404),
    ],
    ids=["instructor", "auditor", "other secretary", "other instructor"],
)
def test_others_read_at_most(client, session, person, status):
    (item,) = with_cases(session, 1)
    client.force_login(person(), backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(url("change", session.pk))
    assert response.status_code == status
    if status == 200:
        assert f"{item.pk}-decision" not in response.content.decode()
    client.post(url("decide", session.pk), row(item, "granted", "26000"))
    client.post(url("decide-row", session.pk, item.pk), row(item, "granted", "26000"))
    item.refresh_from_db()
    assert item.decision == ""


# --- the grid ------------------------------------------------------------------------------------------------------


def test_the_whole_grid_is_recorded_without_javascript(client, secretary, session):
    first, second, third = with_cases(session, 3)
    typed = row(first, "granted", "26 000,00") | row(second, "rejected", "", "Hors règlement.") | row(third, "")
    response = client.post(url("decide", session.pk), typed)
    assert response.status_code == 302
    assert list(session.items.order_by("rank").values_list("decision", "decided_amount")) == [
        ("granted", Decimal("26000.00")),
        ("rejected", None),
        ("", None),
    ]
    assert session.events.filter(action="decide").count() == 2


def test_a_decision_on_a_case_that_left_the_agenda_is_not_passed_over(client, secretary, session):
    kept, gone = with_cases(session, 2)
    typed = row(kept, "granted", "26000") | row(gone, "granted", "26000")
    gone.delete()
    text = client.post(url("decide", session.pk), typed, follow=True).text
    assert "1 décision n’a pas été enregistrée" in text and "Décisions enregistrées" in text


def test_a_wrong_row_comes_back_with_its_reason_and_the_good_ones_are_kept(client, secretary, session):
    first, second = with_cases(session, 2)
    typed = row(first, "granted", "26000") | row(second, "granted", "20000", "")
    response = client.post(url("decide", session.pk), typed)
    assert response.status_code == 422
    text = response.content.decode()
    assert 'value="20000"' in text
    assert second.application.number in text
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.decision, second.decision) == ("granted", "")


def test_what_is_typed_without_a_decision_is_asked_about_and_not_dropped(client, secretary, session):
    (item,) = with_cases(session, 1)
    for typed in (row(item, "", "20000"), row(item, "", "26000", "Budget à revoir.")):
        answer = client.post(url("decide-row", session.pk, item.pk), typed)
        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["decision"])
        page = client.post(url("decide", session.pk), typed)
        assert page.status_code == 422 and f'value="{typed[f"{item.pk}-amount"]}"' in page.text
    committee.record_decision(item, "rejected", actor=secretary, reason="Hors règlement.")
    # Taken back: the page has put what is proposed in the amount again, and the reason is the recorded one.
    typed = row(item, "", "26000,00", "Hors règlement.")
    assert client.post(url("decide-row", session.pk, item.pk), typed).status_code == 200
    item.refresh_from_db()
    assert item.decision == ""


def test_an_unchanged_grid_records_nothing(client, secretary, session):
    (item,) = with_cases(session, 1)
    committee.record_decision(item, "deferred", actor=secretary, reason="À revoir.")
    client.post(url("decide", session.pk), row(item, "deferred", "26000,00", "À revoir."))
    assert session.events.filter(action="decide").count() == 1


def test_one_row_is_recorded_by_the_keyboard_with_the_running_totals(client, secretary, session):
    first, second = with_cases(session, 2)
    answer = client.post(url("decide-row", session.pk, first.pk), row(first, "granted", "26000"))
    assert answer.status_code == 200
    data = answer.json()
    assert (data["decision"], data["undecided"]) == ("granted", 1)
    assert "26" in data["decided"]
    (envelope,) = data["envelopes"].values()
    assert envelope["over"] is False
    refused = client.post(url("decide-row", session.pk, second.pk), row(second, "rejected"))
    assert refused.status_code == 422
    assert list(refused.json()["errors"]) == ["reason"]


def test_what_is_granted_is_typed_and_fits_before_the_session_is_closed(client, secretary, session):
    (item,) = with_cases(session, 1)
    for name in ("decide-row", "decide"):
        address = url(name, session.pk, item.pk) if name == "decide-row" else url(name, session.pk)
        assert client.post(address, row(item, "granted")).status_code == 422
        item.refresh_from_db()
        assert item.decision == ""
    client.post(url("decide-row", session.pk, item.pk), row(item, "granted", "26000"))
    closing = url("transition", session.pk, "close_session")
    assert f'href="{closing}?' in client.get(url("change", session.pk)).content.decode()
    with pgtrigger.ignore():
        Envelope.objects.filter(pk=item.application.call.envelope_id).update(voted_amount=100)
    page = client.get(url("change", session.pk)).content.decode()
    assert f'href="{closing}?' not in page and "il reste" in page


def test_decisions_are_posts(client, secretary, session):
    (item,) = with_cases(session, 1)
    for address in (url("decide", session.pk), url("decide-row", session.pk, item.pk)):
        answer = client.get(address)
        assert (answer.status_code, answer.url) == (302, url("change", session.pk))
    item.refresh_from_db()
    assert item.decision == ""


def test_what_is_changed_beside_a_refused_decision_is_saved(client, secretary, session):
    (item,) = with_cases(session, 1)
    grid = form_to(client.get(url("change", session.pk)), "/decide/")
    refused = client.post(grid.action, grid.fields | row(item, "rejected"))  # without a reason
    assert refused.status_code == 422
    address = url("change", session.pk)
    form = form_to(refused, "/change/")
    assert form.action == address and "window.location.pathname" not in refused.text
    assert client.post(address, form.typed(place="Salle du conseil", _save="1")).status_code == 302
    session.refresh_from_db()
    assert session.place == "Salle du conseil"


def test_a_grid_without_a_decision_is_no_success(client, secretary, session):
    (item,) = with_cases(session, 1)
    grid = form_to(client.get(url("change", session.pk)), "/decide/")
    answer = client.post(grid.action, grid.fields, follow=True)
    assert [item.level_tag for item in answer.context["messages"]] == ["info"]
    assert "rien n’a été enregistré" in answer.text


def test_a_plan_that_is_no_longer_to_decide_leads_to_its_session(client, secretary, session):
    (item,) = with_cases(session, 1)
    assert client.get(url("plan", session.pk, item.pk)).url == f"{url('change', session.pk)}#item-{item.pk}"


def test_a_row_of_another_session_is_not_found(client, secretary, session):
    (item,) = with_cases(SessionFactory(state="in_session", members=3), 1)
    assert client.post(url("decide-row", session.pk, item.pk), row(item, "granted", "26000")).status_code == 404


# --- agenda and recusals -------------------------------------------------------------------------------------------


def test_a_conflict_names_the_case_that_is_ready_no_more_and_says_points_without_a_currency(session):
    listed, ready = CaseFactory(state="scheduled"), CaseFactory(state="ready_for_committee")
    field = AddCasesForm(session=session).fields["cases"]
    assert words_of(field, [str(listed.pk), str(ready.pk)]) == f"{listed}, {ready}"
    score = next(iter(ScoreForm(criteria=ready.rules.criteria).fields.values()))
    assert words_of(score, Decimal("3.5")) == "3,50"


def test_ready_cases_are_put_on_the_agenda_and_moved(client, secretary):
    session = SessionFactory()
    first, second = CaseFactory(state="ready_for_committee"), CaseFactory(state="ready_for_committee")
    assert first.number in client.get(url("change", session.pk)).content.decode()
    client.post(url("add-cases", session.pk), {"cases": [first.pk, second.pk]})
    items = list(session.items.order_by("rank"))
    assert len(items) == 2
    client.post(url("move", session.pk, items[1].pk), {"rank": "1"})
    assert list(session.items.order_by("rank").values_list("pk", flat=True)) == [items[1].pk, items[0].pk]


def test_an_interest_is_declared_and_withdrawn(client, secretary, session):
    (item,) = with_cases(session, 1)
    member = session.members.first()
    client.post(url("recuse", session.pk, item.pk), {"member": member.pk, "reason": "Trésorière."})
    assert item.recusals.get().reason == "Trésorière."
    assert member.name in client.get(url("change", session.pk)).content.decode()
    client.post(url("recuse", session.pk, item.pk), {"member": member.pk, "withdraw": "on"})
    assert not item.recusals.exists()


def test_the_session_is_closed_from_its_transition_page(client, secretary, session):
    (item,) = with_cases(session, 1)
    committee.record_decision(item, "granted", actor=secretary)
    page = reverse("admin:grants_committeesession_transition", args=[session.pk, "close_session"])
    assert client.get(page).status_code == 200
    client.post(page, {"deliberation_number": "26CP-0512"})
    item.application.refresh_from_db()
    session.refresh_from_db()
    assert (session.state, item.application.state) == ("closed", "approved")
    assert client.get(url("change", session.pk)).status_code == 200


# --- the workbook --------------------------------------------------------------------------------------------------


def test_the_minutes_go_out_as_a_workbook(client, secretary, session):
    first, second = with_cases(session, 2)
    committee.record_decision(first, "granted", actor=secretary)
    committee.declare_recusal(second, session.members.first(), actor=secretary)
    response = client.get(url("workbook", session.pk))
    book = openpyxl.load_workbook(BytesIO(b"".join(response.streaming_content)), data_only=True)
    cells = [cell for row in book.worksheets[1].iter_rows(values_only=True) for cell in row]
    assert first.application.number in cells
    assert session.members.first().name in cells
    assert cells.count(26000) >= 3


def test_a_case_that_is_ready_no_more_is_not_taken_for_no_choice(client):
    session, case = SessionFactory(members=3), CaseFactory(state="ready_for_committee")
    other = CaseFactory(state="in_instruction", call=case.call)
    client.force_login(staff(Role.COMMITTEE_SECRETARY), backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_committeesession_add-cases", args=[session.pk])
    told = client.post(address, {"cases": [case.pk, other.pk]}, follow=True).content.decode()
    assert f"N’est plus prêt pour une commission : {other.number}" in told.replace("\u202f", " ").replace("\xa0", " ")
    assert f'id="case-{case.pk}" checked' in told  # the other choice is kept
    assert "Choisissez au moins un dossier" in client.post(address, {}, follow=True).content.decode()
