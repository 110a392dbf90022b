"""What an officer typed is recorded, or refused with what was typed: no button and no answer in green passes over it.

Each form of the pages below is sent as its page filled it, with something typed in one field alone, by each of its
buttons. Either the answer gives it back, or it stands afterwards in an event or on the page.
"""

import re
from collections.abc import Iterator
from html import unescape

import lxml.html
import pytest
from django.db import transaction

from agreements.claims import certify_lines
from core.models.event import Event
from core.roles import Role
from core.transitions import perform
from grants import instruction
from grants.models import Decision
from reporting.forms import FlagAnswerForm
from tests.factories.agreements import in_force, submitted
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff
from tests.factories.reporting import OperationFactory
from tests.forms import PageForm, form_to, forms_of, rows_of
from tests.grants.test_versions import signed_in
from tests.test_writing_views import (
    change,
    staff_pages_of_agreements,
    staff_pages_of_cases,
    staff_pages_of_operations,
    staff_pages_of_sessions,
)

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]

TEXT, NUMBER = "zqx7 motif", "1,37"
NOT_FORMS = ("/logout/", "/setlang/", "change-password")
PAGES = (staff_pages_of_cases, staff_pages_of_sessions, staff_pages_of_agreements, staff_pages_of_operations)


def typed_in(page) -> dict[str, str]:
    """What somebody may type in the text fields of a page, by their names."""
    found = {}
    for item in lxml.html.fromstring(page.content.decode()).iter("input", "textarea"):
        if item.get("name") and item.get("type", "text") == "text" and not item.get("readonly"):
            found[item.get("name")] = NUMBER if item.get("inputmode") == "decimal" else TEXT
    return found


def sendings(page, address: str) -> Iterator[tuple[PageForm, str, dict]]:
    """Each form of a page with one field typed in, by each of its buttons; rows that are alike are met once."""
    values, met = typed_in(page), set()
    for form in [*forms_of(page, address), *rows_of(page)]:
        if not form.is_sent or any(part in form.action for part in NOT_FORMS) or not form.action.startswith("/admin/"):
            continue
        for name in form.fields:
            alike = re.sub(r"\d+", "#", f"{form.action} {name}")
            if name not in values or alike in met or "__prefix__" in name:  # the row of which a script makes new ones
                continue
            met.add(alike)
            for button in [None, *dict.fromkeys(button for button in form.buttons if button[0])]:
                yield form, name, form.fields | {name: [values[name]]} | ({button[0]: [button[1]]} if button else {})


def dropped(client, address: str, form: PageForm, value: str, data: dict) -> str:
    """Why what was typed in a form is nowhere after it was sent; empty when it is somewhere."""
    last = Event.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    answer = client.post(form.action, data)
    if answer.headers["Content-Type"].startswith("application/json") and answer.status_code >= 400:
        return ""  # a script: its page keeps what was typed
    if answer.status_code >= 400 or answer.status_code == 200:
        said = unescape(answer.content.decode())
        return "" if value in said else f"{answer.status_code}, and nothing of it is said"
    events = Event.objects.filter(pk__gt=last).values_list("comment", "data", "changes")
    if any(value in str(event) or value.replace(",", ".") in str(event) for event in events):
        return ""
    pages = [client.get(page).content.decode() for page in dict.fromkeys([answer.url.partition("#")[0], address])]
    return "" if any(value in unescape(page) for page in pages) else f"{answer.status_code}, and it is recorded nowhere"


@pytest.mark.parametrize("pages", PAGES, ids=lambda pages: pages.__name__)
def test_what_is_typed_in_one_field_of_a_staff_page_is_taken_or_given_back(pages):
    wrong, count = [], 0
    for person, addresses in pages():
        client = signed_in(person)
        for address in addresses:
            page = client.get(address)
            for form, name, data in sendings(page, address):
                with transaction.atomic():
                    why = dropped(client, address, form, data[name][0], data)
                    transaction.set_rollback(True)
                count += 1
                if why:
                    wrong.append(f"{form.action} {name}: {why}")
    assert not wrong, "\n".join(wrong)
    assert count


# --- what a choice does not use --------------------------------------------------------------------------------------


def under_review():
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "3000.00")
    perform(claim, "start_review", actor=house.instructor)
    return claim, house, claim.lines.get()


def test_a_reason_beside_a_line_that_is_kept_whole_again_is_emptied_not_typed():
    claim, house, line = under_review()
    certify_lines(claim, {line.pk: (line.declared_amount - 100, "Frais de bouche.")}, actor=house.instructor)
    client = signed_in(house.instructor)
    form = form_to(client.get(change(claim)), "/do/lines/")
    assert client.post(form.action, form.fields | {f"amount-{line.pk}": "3 000,00"}).status_code == 302
    form = form_to(client.get(change(claim)), "/do/lines/")
    refused = client.post(form.action, form.fields | {f"reason-{line.pk}": "Frais de bouche, encore."})
    assert refused.status_code == 422 and "Frais de bouche, encore." in unescape(refused.content.decode())
    line.refresh_from_db()
    assert (line.certified_amount, line.certified_reason) == (line.declared_amount, "")


@pytest.mark.parametrize("decision", [Decision.REJECTED, Decision.DEFERRED])
def test_an_amount_typed_with_a_decision_that_grants_nothing_is_refused(decision):
    secretary = staff(Role.COMMITTEE_SECRETARY)
    held = SessionFactory(state="in_session", members=3)
    (item,) = agenda(held, CaseFactory(state="scheduled"))
    client = signed_in(secretary)
    form = form_to(client.get(change(held)), "/decide/")
    typed = {f"{item.pk}-decision": decision, f"{item.pk}-reason": "Hors sujet."}
    refused = client.post(form.action, form.fields | typed | {f"{item.pk}-amount": "1 234,00"})
    assert refused.status_code == 422
    said = unescape(refused.content.decode())
    assert "n’accorde rien" in said and "1 234,00" in said and "Hors sujet." in said
    item.refresh_from_db()
    assert item.decision == ""
    assert client.post(form.action, form.fields | typed).status_code == 302, "the amount proposed is typed by nobody"
    item.refresh_from_db()
    assert item.decision == decision


def test_a_score_that_was_given_is_not_emptied_in_silence():
    officer = staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=officer)
    criterion = case.rules.criteria[0]
    instruction.score_criterion(case, criterion.code, criterion.max_score, actor=officer, comment="Solide.")
    client = signed_in(officer)
    form = form_to(client.get(change(case)), "/do/score/")
    refused = client.post(form.action, form.fields | {f"score-{criterion.code}": ""})
    assert refused.status_code == 422 and "ne se vide pas" in refused.content.decode()
    assert case.scores.get().score == criterion.max_score


def test_a_correction_typed_with_an_answer_that_corrects_nothing_is_refused():
    operation = OperationFactory(
        version__eligible_cost="100.00", version__eu_amount="250.00", doubt="eu_above_eligible",
        doubt__eu_amount="250.00", doubt__eligible_cost="100.00",
    )  # fmt: skip
    form = FlagAnswerForm({"answer": "confirmed", "eu_amount": "50,00"}, instance=operation.flags.get())
    assert "eu_amount" in form.errors


# --- the page has moved on -------------------------------------------------------------------------------------------


def given_back(answer, *words: str) -> None:
    """The answer says that nothing was recorded, and repeats what was typed."""
    said = unescape(answer.content.decode()).replace("\u202f", " ").replace("\xa0", " ")
    assert answer.status_code == 409
    assert [word for word in words if word not in said] == []


def test_lines_typed_while_somebody_suspends_the_claim_are_given_back():
    claim, house, line = under_review()
    client = signed_in(house.instructor)
    form = form_to(client.get(change(claim)), "/do/lines/")
    perform(claim, "suspend", actor=house.instructor, comment="Il manque une pièce.")
    typed = {f"amount-{line.pk}": "2 900,00", f"reason-{line.pk}": "Frais de bouche."}
    given_back(
        client.post(form.action, form.fields | typed), "2 900,00", "Frais de bouche.", "ligne 1", "Il manque une pièce."
    )
    line.refresh_from_db()
    assert line.certified_amount is None


def test_what_is_typed_on_a_case_that_went_on_is_given_back():
    officer = staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=officer)
    client = signed_in(officer)
    page = client.get(change(case))
    criterion = case.rules.criteria[0]
    type(case).objects.filter(pk=case.pk).update(state="instructed")
    form = form_to(page, "/do/score/")
    typed = {f"score-{criterion.code}": "1", f"comment-{criterion.code}": "Un commentaire long."}
    given_back(client.post(form.action, form.fields | typed), "Un commentaire long.", str(criterion.label))


def test_decisions_and_amounts_typed_while_the_session_is_closed_are_given_back():
    secretary = staff(Role.COMMITTEE_SECRETARY)
    held = SessionFactory(state="in_session", members=3)
    (item,) = agenda(held, CaseFactory(state="scheduled"))
    client = signed_in(secretary)
    page = client.get(change(held))
    type(held).objects.filter(pk=held.pk).update(state="convened")
    grid = form_to(page, "/decide/")
    typed = {f"{item.pk}-decision": "rejected", f"{item.pk}-amount": "", f"{item.pk}-reason": "Hors sujet."}
    given_back(client.post(grid.action, grid.fields | typed), "Hors sujet.", item.application.number)


def test_a_field_that_is_only_read_by_now_is_not_dropped():
    secretary = staff(Role.COMMITTEE_SECRETARY)
    session = SessionFactory(state="draft", members=3)
    client = signed_in(secretary)
    form = next(form for form in forms_of(client.get(change(session)), change(session)) if "title" in form.fields)
    type(session).objects.filter(pk=session.pk).update(state="convened")
    given_back(client.post(form.action, form.fields | {"title": ["Un autre titre"]}), "Un autre titre")
    assert client.post(form.action, form.fields | {"place": ["Salle 2"]}).status_code == 302
    session.refresh_from_db()
    assert session.place == "Salle 2" and session.title != "Un autre titre"
