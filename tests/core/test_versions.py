"""What a page showed, what is there now, what was typed: a stale write is refused, or merged where the fields differ."""

import json
from decimal import Decimal

import lxml.html
import pytest
from django.test import Client
from django.urls import reverse

from core.acting import acting_as
from core.engine import versions
from core.events import record
from core.models.user import User
from core.site import not_saved
from core.transitions import perform
from tests.core.sample.models import Case
from tests.factories.core import UserFactory
from tests.forms import form_to, forms_of

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]


@pytest.fixture
def clients(instructor: User) -> tuple[Client, Client]:
    """Two officers at two machines."""
    first, second = Client(), Client()
    first.force_login(instructor)
    second.force_login(UserFactory(instructor=True))
    return first, second


@pytest.fixture
def submitted(case: Case, applicant: User) -> Case:
    return perform(case, "submit", actor=applicant)


def page_of(case: Case) -> str:
    return reverse("admin:sample_case_change", args=[case.pk])


def transition_of(case: Case, name: str) -> str:
    return reverse("admin:sample_case_transition", args=[case.pk, name])


def change_form(client: Client, case: Case):
    return form_to(client.get(page_of(case)), "/change/")


# --- decisions -------------------------------------------------------------------------------------------------------


def test_a_decision_from_an_old_page_is_refused_with_what_happened_meanwhile(clients, submitted, instructor):
    first, second = clients
    address = transition_of(submitted, "refuse")
    old = form_to(second.get(address), "/refuse/")
    accept = form_to(first.get(transition_of(submitted, "accept")), "/accept/")
    assert first.post(accept.action, accept.typed(amount="700")).status_code == 302

    answer = second.post(old.action, old.typed(comment="Hors délai."))

    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Accept" in text and str(instructor) in text and "Hors délai." in text
    submitted.refresh_from_db()
    assert (submitted.state, submitted.amount) == ("accepted", Decimal("700.00"))

    again = form_to(answer, "/refuse/")
    assert second.post(again.action, again.fields).status_code == 302
    submitted.refresh_from_db()
    assert submitted.state == "refused"


def test_what_the_state_no_longer_allows_keeps_what_was_typed_and_says_who_and_when(clients, submitted, instructor):
    """One page for every step of every model: no redirect that loses the text."""
    first, second = clients
    old = form_to(second.get(transition_of(submitted, "refuse")), "/refuse/")
    perform(submitted, "refuse", actor=instructor, comment="Hors délai.")
    answer = second.post(old.action, old.typed(comment="Le budget ne tient pas."))
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Le budget ne tient pas." in text and str(instructor) in text and "Hors délai." in text
    assert not [form for form in forms_of(answer) if form.action.endswith("/refuse/")], "nothing to send again"


def test_a_button_of_an_old_case_page_leads_to_a_refusal_too(clients, submitted):
    first, second = clients
    case_page = second.get(page_of(submitted)).content.decode()
    link = next(part for part in case_page.split('"') if "/transition/refuse/" in part).replace("&amp;", "&")
    accept = form_to(first.get(transition_of(submitted, "accept")), "/accept/")
    first.post(accept.action, accept.typed(amount="700"))
    form = form_to(second.get(link), "/refuse/", link.partition("?")[0])
    assert second.post(form.action, form.typed(comment="Non.")).status_code == 409


def test_a_decision_without_a_version_or_with_a_forged_one_is_refused(clients, submitted, case):
    first, _second = clients
    address = transition_of(submitted, "refuse")
    other = Case.objects.create(title="Another", owner=case.owner, asked=1)
    tokens = ["", "1:forged", versions.shown_of(other).token()]
    for token in tokens:
        answer = first.post(address, {"comment": "Non.", versions.FIELD: token})
        assert answer.status_code == 409, token
    submitted.refresh_from_db()
    assert submitted.state == "submitted"


def test_the_runner_compares_after_the_lock(submitted, instructor):
    shown = versions.shown_of(submitted)
    record(submitted, "note", actor=instructor)
    with pytest.raises(versions.Stale):
        perform(submitted, "refuse", actor=instructor, comment="Non.", expected=shown)
    perform(submitted, "refuse", actor=instructor, comment="Non.", expected=versions.shown_of(Case.objects.get()))


def test_what_no_decision_rests_on_makes_no_page_old(submitted, instructor, monkeypatch):
    monkeypatch.setattr(Case, "EVENTS_BESIDE", frozenset({"note"}), raising=False)
    shown = versions.shown_of(submitted)
    record(submitted, "note", actor=instructor)
    perform(submitted, "refuse", actor=instructor, comment="Non.", expected=shown)


# --- forms of several fields -----------------------------------------------------------------------------------------


def test_two_people_who_change_other_fields_keep_both(clients, case):
    first, second = clients
    mine, theirs = change_form(first, case), change_form(second, case)
    assert first.post(mine.action, mine.typed(title="A school garden")).status_code == 302
    assert second.post(theirs.action, theirs.typed(asked="650,00")).status_code == 302
    case.refresh_from_db()
    assert (case.title, case.asked) == ("A school garden", Decimal("650.00"))


def test_two_people_who_change_the_same_field_see_both_versions(clients, case):
    first, second = clients
    mine, theirs = change_form(first, case), change_form(second, case)
    first.post(mine.action, mine.typed(title="A school garden"))
    answer = second.post(theirs.action, theirs.typed(title="A rose garden", asked="650,00"))
    assert answer.status_code == 409
    assert {"A school garden", "A rose garden"} <= set(answer.content.decode().replace("<", ">").split(">"))
    case.refresh_from_db()
    assert (case.title, case.asked) == ("A school garden", Decimal("800.00"))

    again = form_to(answer, "/change/")
    assert second.post(again.action, again.fields).status_code == 302
    case.refresh_from_db()
    assert (case.title, case.asked) == ("A rose garden", Decimal("650.00"))


def test_writing_mine_on_top_leaves_what_i_did_not_touch(clients, case):
    """The page that shows both versions sends every field again: those left alone still keep what others wrote."""
    first, second = clients
    mine, theirs = change_form(first, case), change_form(second, case)
    first.post(mine.action, mine.typed(title="A school garden", asked="700,00"))
    answer = second.post(theirs.action, theirs.typed(title="A rose garden"))
    again = form_to(answer, "/change/")
    second.post(again.action, again.fields)
    case.refresh_from_db()
    assert (case.title, case.asked) == ("A rose garden", Decimal("700.00"))


def test_a_form_without_a_version_is_refused(clients, case):
    first, _second = clients
    fields = change_form(first, case).typed(title="Forged")
    del fields[versions.FIELD]
    assert first.post(page_of(case), fields).status_code == 409
    case.refresh_from_db()
    assert case.title == "A kitchen garden"


def test_a_refused_form_keeps_the_version_of_its_page(clients, case):
    first, second = clients
    theirs = change_form(second, case)
    wrong = second.post(theirs.action, theirs.typed(asked="much"))
    assert wrong.status_code == 200
    mine = change_form(first, case)
    first.post(mine.action, mine.typed(asked="100,00"))
    kept = form_to(wrong, "/change/")
    assert second.post(kept.action, kept.typed(asked="200,00")).status_code == 409


def test_the_same_value_typed_twice_is_no_conflict(clients, case):
    first, second = clients
    mine, theirs = change_form(first, case), change_form(second, case)
    first.post(mine.action, mine.typed(title="A school garden"))
    assert second.post(theirs.action, theirs.typed(title="A school garden")).status_code == 302


# --- what nobody disputes --------------------------------------------------------------------------------------------


def given_back(client: Client, case: Case) -> list[dict]:
    """What the change form of a case gets back, as the script of its page reads it."""
    (field,) = lxml.html.fromstring(client.get(page_of(case)).content).xpath("//form//input[@name='shown']")
    return json.loads(field.get("data-not-saved", "[]"))


@pytest.fixture
def disputed(clients, case) -> Client:
    """The second officer, whose title is disputed and whose amount is not."""
    first, second = clients
    mine, theirs = change_form(first, case), change_form(second, case)
    first.post(mine.action, mine.typed(title="A school garden"))
    answer = second.post(
        theirs.action,
        theirs.typed(title="A rose garden", asked="650,00"),
        headers={"Referer": f"http://testserver{page_of(case)}"},
    )
    assert [words for _label, words in answer.context["besides"]] == ["650,00"]
    return second


def test_what_nobody_disputes_is_told_and_comes_back_until_it_is_sent(disputed, clients, case):
    for _reading in range(2):
        (kept,) = given_back(disputed, case)
        assert (kept["path"], kept["fields"], kept["moved"]) == (page_of(case), {"asked": ["650,00"]}, [])
        assert "650,00" in disputed.get(page_of(case)).content.decode()
    assert given_back(clients[0], case) == [], "somebody else reads it"
    form = change_form(disputed, case)
    assert disputed.post(form.action, form.typed(asked="650,00")).status_code == 302
    case.refresh_from_db()
    assert (case.title, case.asked) == ("A school garden", Decimal("650.00"))
    assert given_back(disputed, case) == []


def test_what_somebody_changed_once_more_is_asked_about_not_written_over(disputed, clients, case):
    form = change_form(clients[0], case)
    clients[0].post(form.action, form.typed(asked="100,00"))
    (kept,) = given_back(disputed, case)
    assert kept["moved"] == ["asked"]


def test_what_comes_back_is_let_go(disputed, case):
    address = reverse("staff-let-go")
    assert disputed.post(address, {"page": "//evil.example/"}).url == "/admin/"
    assert given_back(disputed, case) != []
    assert disputed.post(address, {"page": page_of(case)}).url == page_of(case)
    assert given_back(disputed, case) == [] and not_saved.IN_SESSION not in disputed.session


def test_what_was_typed_for_a_step_that_is_done_meanwhile_is_told_on_the_page_of_its_row(
    clients, submitted, instructor
):
    """Nobody is led to the page of that step any more."""
    first, second = clients
    address = transition_of(submitted, "refuse")
    old = form_to(second.get(address), "/refuse/")
    record(submitted, "check", actor=instructor)
    stands_on = {"Referer": f"http://testserver{address}"}
    assert second.post(old.action, old.typed(comment="Hors délai."), headers=stands_on).status_code == 409
    accept = form_to(first.get(transition_of(submitted, "accept")), "/accept/")
    assert first.post(accept.action, accept.typed(amount="700")).status_code == 302
    told = lxml.html.fromstring(second.get(page_of(submitted)).content.decode()).xpath("//*[@data-told]")[0]
    assert "Hors délai." in told.text_content()
    (form,) = [item.get("value") for item in told.xpath(".//input[@name='form']")]
    second.post(reverse("staff-let-go"), {"page": page_of(submitted), "form": form})
    assert "Hors délai." not in second.get(page_of(submitted)).content.decode()


def test_no_secret_and_no_account_waits_in_a_session():
    kept_out = ["password", "new_password1", "iban", "account-iban", "bic", "csrfmiddlewaretoken", "shown", "12-shown"]
    assert [name for name in [*kept_out, "_save", "key", "typed-by"] if not not_saved._is_kept_out(name)] == []
    assert not not_saved._is_kept_out("reason-12") and not not_saved._is_kept_out("years-0-amount")


# --- values and tokens -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        (Decimal("1200.00"), Decimal("1200")),
        (None, ""),
        ("two\nlines", "two\r\nlines "),
        (True, True),
        (Decimal("0.00"), Decimal(0)),
        ([3, 1], ("1", "3")),
    ],
)
def test_what_means_the_same_reads_alike(kept, typed):
    assert versions.digest(kept) == versions.digest(typed)


@pytest.mark.parametrize(("one", "other"), [(None, Decimal(0)), (True, False), ("a", "b"), (Decimal("1.10"), "1.01")])
def test_what_differs_reads_otherwise(one, other):
    assert versions.digest(one) != versions.digest(other)


def test_a_token_repeats_no_value(clients, case):
    token = change_form(clients[0], case).fields[versions.FIELD][0]
    assert "kitchen" not in str(versions.carried({versions.FIELD: token}, case))


def test_the_number_is_read_with_the_row(django_assert_num_queries, case, instructor):
    with acting_as(instructor):
        record(case, "note")
    with django_assert_num_queries(1):
        found = versions.with_number(Case.objects.all()).get()
        assert versions.number_of(found) == 1


def test_each_form_of_the_page_carries_a_version(clients, submitted):
    page = clients[0].get(page_of(submitted))
    writing = [form for form in forms_of(page) if form.action.startswith("/admin/sample/")]
    assert writing and all(versions.FIELD in form.fields for form in writing)
