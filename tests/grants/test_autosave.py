"""Saving as one types: each answer with its version, two tabs, an ended session."""

import json
from datetime import timedelta

import lxml.html
import pytest
from django.urls import reverse
from django.utils import timezone

from grants.models import Call
from grants.rules.schema import QuestionKind
from grants.services import filing
from grants.services.drafting import version_of
from tests.factories.applicants import MembershipFactory
from tests.factories.grants import PERSONS, draft, filed, filled_draft
from tests.grants.portal import plain, posted, url

pytestmark = pytest.mark.django_db


def autosave(client, application, data):
    response = client.post(url("autosave", application), data, headers={"Accept": "application/json"})
    return response.status_code, json.loads(response.content)


def one(code: str, value: str, version: int = 0) -> dict[str, str]:
    return {f"p-{code}": "1", f"v-{code}": str(version), f"q-{code}": value}


def test_each_answer_is_saved_with_its_version(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    status, reply = autosave(client, application, one("need", "Un besoin"))
    assert (status, reply["versions"]) == (200, {"need": 1})
    assert reply["saved"].startswith("Enregistré à")
    status, reply = autosave(client, application, one("need", "Un vrai besoin", 1))
    assert reply["versions"] == {"need": 2}
    application.refresh_from_db()
    assert application.answers["need"] == "Un vrai besoin"


def test_two_tabs_do_not_overwrite_one_another(signed_in):
    application = draft()
    editor = MembershipFactory(applicant=application.applicant, role="editor").user
    filing.save_answers(application, user=editor, typed={"need": "Écrit par un autre"})
    status, reply = autosave(signed_in(application.created_by), application, one("need", "Écrit par moi"))
    assert status == 200
    (conflict,) = reply["conflicts"]
    assert conflict["theirs"] == "Écrit par un autre"
    assert editor.last_name in conflict["message"]
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit par un autre"
    _status, reply = autosave(signed_in(application.created_by), application, one("need", "Écrit par moi", 1))
    assert not reply["conflicts"]
    application.refresh_from_db()
    assert application.answers["need"] == "Écrit par moi"


def test_the_same_answer_twice_is_no_conflict(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    autosave(client, application, one("need", "Un besoin"))
    _status, reply = autosave(client, application, one("need", "Un besoin"))
    assert not reply["conflicts"]
    assert reply["versions"] == {"need": 1}


def test_a_conflict_without_javascript_keeps_what_was_typed(signed_in):
    application = draft()
    filing.save_answers(application, user=application.created_by, typed={"need": "Ailleurs"})
    stale = posted(application, "projet", {"need": "Ici"}) | {"v-need": "0"}
    response = signed_in(application.created_by).post(url("step", application, "projet"), stale)
    assert response.status_code == 200
    assert "Ici</textarea>" in response.content.decode()
    assert "Vous avez modifié cette réponse vous-même" in plain(response)


def test_a_conflict_shows_both_lists_of_persons_and_keeps_on_what_it_was_typed(signed_in):
    application = filled_draft("CAPITAL-SCOP")
    client, rules = signed_in(application.created_by), application.rules
    (code,) = [name for name, question in rules.questions.items() if question.kind == QuestionKind.PERSONS]
    before = version_of(application, code)
    changed = [PERSONS[0], PERSONS[1] | {"own_contribution": "2 000"}]
    filing.save_answers(application, user=application.created_by, typed={code: changed})
    mine = {code: [PERSONS[0], PERSONS[1] | {"own_contribution": "2 500"}]}
    sent = posted(application, "fondateurs", mine) | {f"v-{code}": str(before)}
    (conflict,) = autosave(client, application, sent)[1]["conflicts"]
    assert conflict["theirs"].splitlines()[1].replace("\u202f", " ") == "2. Noé, Petit, noe@scop.example, 2 000,00 €"
    page = lxml.html.fromstring(client.post(url("step", application, "fondateurs"), sent).content)
    (version,) = page.xpath(f"//input[@name='v-{code}']")
    assert (version.get("value"), version.get("data-typed-on")) == (str(before + 1), str(before))
    assert "2 000,00 €" in page.xpath("string(//*[@data-theirs])").replace("\u202f", " ")
    assert page.xpath(f"//input[@name='q-{code}-1-own_contribution']/@value") == ["2 500"]
    # A cell that cannot be read is told first: what it was typed on goes with it.
    unread = {code: [PERSONS[0], PERSONS[1] | {"own_contribution": "deux mille"}]}
    sent = posted(application, "fondateurs", unread) | {f"v-{code}": str(before)}
    page = lxml.html.fromstring(client.post(url("step", application, "fondateurs"), sent).content)
    assert page.xpath(f"//input[@name='v-{code}']/@value") == [str(before)]


def test_the_reply_says_what_is_shown_and_possible(signed_in):
    application = draft()
    client = signed_in(application.created_by)
    _status, reply = autosave(client, application, one("is_collective", "yes"))
    assert {"partners", "governance"} <= set(reply["shown"])
    _status, reply = autosave(client, application, posted(application, "budget"))
    assert reply["budget"]["request"] == "28400.00"
    assert reply["budget"]["aid"].replace("\u202f", " ") == "28 400,00 €"


def test_cells_that_cannot_be_read_are_told_one_by_one(signed_in):
    application = draft()
    data = posted(application, "budget", {"budget": [{"account": "", "label": "x", "amount": "y"}]})
    _status, reply = autosave(signed_in(application.created_by), application, data)
    assert {(cell["row"], cell["column"]) for cell in reply["cells"]["budget"]} == {(0, "account"), (0, "amount")}


def test_an_ended_session_gets_a_bare_401(client):
    application = draft()
    response = client.post(url("autosave", application), one("need", "x"), headers={"Accept": "application/json"})
    assert response.status_code == 401


def test_an_ended_session_on_a_step_keeps_what_was_typed(client):
    application = draft()
    response = client.post(url("step", application, "projet"), posted(application, "projet", {"need": "Gardé"}))
    assert response.status_code == 401
    assert "Gardé" in response.content.decode()


def test_saving_a_filed_case_says_so(signed_in):
    application = filed()
    status, reply = autosave(signed_in(application.created_by), application, one("need", "x", 1))
    assert status == 409
    assert "déposé cette demande" in reply["refused"]
    response = signed_in(application.created_by).post(
        url("step", application, "projet"), posted(application, "projet", {"need": "Trop tard"})
    )
    assert response.status_code == 409
    assert "Trop tard" in response.content.decode()


@pytest.mark.parametrize("sent", ["{garbage", {"p-nothing": "1", "q-nothing": "x"}, {"p-need": "1", "p-\u0663": "1"}])
def test_what_holds_no_question_of_the_form_is_not_called_saved(signed_in, sent):
    application = draft()
    kind = {"content_type": "application/json"} if isinstance(sent, str) else {}
    client = signed_in(application.created_by)
    answer = client.post(url("autosave", application), sent, headers={"Accept": "application/json"}, **kind)
    assert answer.status_code == 400
    assert answer.json()["refused"].startswith("Rien n’a été enregistré")
    application.refresh_from_db()
    assert application.answers == {}


def test_what_is_in_conflict_is_not_called_saved(signed_in):
    application = draft()
    editor = MembershipFactory(applicant=application.applicant, role="editor").user
    filing.save_answers(application, user=editor, typed={"need": "Écrit par un autre"})
    _status, reply = autosave(signed_in(application.created_by), application, one("need", "Écrit par moi"))
    assert reply["saved"].startswith("Non enregistré")


def test_the_reply_says_until_when_the_call_is_open_now(signed_in):
    """A call may close earlier than the page that was opened before says."""
    application = draft()
    client = signed_in(application.created_by)
    sooner = timezone.now() + timedelta(minutes=5)
    Call.objects.filter(pk=application.call_id).update(closes_at=sooner)
    closes = autosave(client, application, one("title", "Une coopérative"))[1]["closes"]
    assert abs(float(closes["at"]) - sooner.timestamp()) < 0.01
    assert closes["until"]["until"].startswith("à déposer") and "clos" in closes["until"]["afterwards"]
    assert closes["notice"]["until"] == "" and "clos" in closes["notice"]["afterwards"]
    # A page where nothing is saved asks before it says that the call has closed; what becomes false on it is named.
    later = timezone.now() + timedelta(days=5)
    Call.objects.filter(pk=application.call_id).update(closes_at=later)
    asks = reverse("grants:closing", args=[application.call.code])
    answer = client.get(asks).json()
    assert abs(float(answer["at"]) - later.timestamp()) < 0.01
    programme = reverse("grants:programme", args=[application.programme_version.programme.code])
    start = reverse("grants:start", args=[application.call.code])
    addresses = [url("review", application), url("step", application, "projet"), application.get_absolute_url()]
    for address in (*addresses, programme, start, reverse("grants:catalogue"), reverse("grants:my_cases")):
        places = lxml.html.fromstring(client.get(address).content).xpath("//main//*[@data-closes][@data-asks]")
        assert {place.get("data-asks") for place in places} == {asks}, address
        assert {place.get("data-follows") for place in places} - {None} <= set(answer), address
        assert all(place.get("data-follows") for place in places if place.get("data-closed-text")), address
