"""Two officers on one case, two windows on one session: nobody overwrites what they have not seen."""

import re
from decimal import Decimal

import lxml.html
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.engine import grounds, versions
from core.money import format_euros
from core.roles import Role
from grants import instruction
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff
from tests.forms import after, form_to, forms_of, rows_of
from tests.rows import never_written

pytestmark = [pytest.mark.django_db, pytest.mark.old_pages]


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def officers():
    return signed_in(staff(Role.INSTRUCTOR)), signed_in(staff(Role.INSTRUCTOR, last_name="Bernard"))


@pytest.fixture
def secretaries():
    return signed_in(staff(Role.COMMITTEE_SECRETARY)), signed_in(staff(Role.COMMITTEE_SECRETARY, last_name="Bernard"))


def page_of(case) -> str:
    return reverse("admin:grants_application_change", args=[case.pk])


def on_page(client, case, action):
    return form_to(client.get(page_of(case)), f"/do/{action}/")


# --- a case ----------------------------------------------------------------------------------------------------------


def test_two_officers_score_each_keeps_what_the_other_gave(officers):
    case = CaseFactory(state="in_instruction")
    one, two = (f"score-{criterion.code}" for criterion in case.rules.criteria[:2])
    first, second = (on_page(client, case, "score") for client in officers)
    assert officers[0].post(first.action, first.fields | {one: "3"}).status_code == 302
    assert officers[1].post(second.action, second.fields | {two: "4"}).status_code == 302
    scores = {f"score-{score.code}": score for score in case.scores.all()}
    assert (scores[one].score, scores[two].score) == (3, 4)
    assert scores[one].scored_by != scores[two].scored_by
    assert scores[two].scored_by.last_name == "Bernard"


def test_two_officers_score_the_same_criterion_and_see_both(officers):
    case = CaseFactory(state="in_instruction")
    name = f"score-{case.rules.criteria[0].code}"
    first, second = (on_page(client, case, "score") for client in officers)
    officers[0].post(first.action, first.fields | {name: "3"})
    answer = officers[1].post(second.action, second.fields | {name: "5"})
    assert answer.status_code == 409
    assert case.scores.get().score == 3
    again = form_to(answer, "/do/score/")
    assert officers[1].post(again.action, again.fields).status_code == 302
    assert case.scores.get().score == 5


def test_two_officers_retain_expenses_each_keeps_what_the_other_cut(officers):
    case = CaseFactory(state="in_instruction")
    lines = [line for line in case.budget_lines.all() if line.side == "charge"][:2]
    first, second = (on_page(client, case, "retain") for client in officers)
    officers[0].post(first.action, first.fields | {f"line-{lines[0].pk}": "1 000", "reason": "Devis."})
    officers[1].post(second.action, second.fields | {f"line-{lines[1].pk}": "2 000", "reason": "Devis."})
    kept = dict(case.budget_lines.filter(side="charge").values_list("pk", "eligible_amount"))
    assert [kept[line.pk] for line in lines] == [Decimal(1000), Decimal(2000)]
    third = officers[0].post(first.action, first.fields | {f"line-{lines[1].pk}": "3 000"})
    assert third.status_code == 409


@pytest.mark.parametrize("answer", ["yes", "no"])
def test_an_answer_to_a_check_is_not_replaced_unseen(officers, answer):
    case = CaseFactory(state="submitted")
    code = case.rules.checks_of("completeness")[0].code
    old = [form for form in forms_of(officers[1].get(page_of(case))) if form.fields.get("code") == [code]]
    instruction.answer_check(case, code, "no", actor=staff(Role.INSTRUCTOR), reason="Illisible.")
    sent = officers[1].post(old[0].action, old[0].fields | {"answer": answer, "reason": "Vu."})
    assert sent.status_code == 409
    assert case.check_answers.get(code=code).reason == "Illisible."


def test_an_answer_to_a_check_rests_on_the_fact_that_the_page_showed(officers):
    """The seat moves on the page of the applicant: no event of the case."""
    case = CaseFactory(state="submitted")
    rule = next(rule for rule in case.rules.checks if rule.automatic == "region")
    never_written(case.check_answers.filter(code=rule.code))
    old = [form for form in forms_of(officers[0].get(page_of(case))) if form.fields.get("code") == [rule.code]]
    type(case.applicant).objects.filter(pk=case.applicant_id).update(postcode="75001", city="Paris")
    sent = officers[0].post(old[0].action, old[0].fields | {"answer": "yes", "reason": ""})
    assert sent.status_code == 409 and "Paris" in sent.content.decode()
    assert not case.check_answers.filter(code=rule.code).exists()
    again = form_to(sent, "/do/check/")
    assert officers[0].post(again.action, again.fields).status_code == 302


def test_a_computation_is_not_asked_from_an_old_page(officers):
    case = CaseFactory(state="in_instruction")
    old = on_page(officers[1], case, "compute")
    line = case.budget_lines.filter(side="charge").first()
    instruction.retain_amount(line, Decimal(10), actor=staff(Role.INSTRUCTOR), reason="Devis.")
    assert officers[1].post(old.action, old.fields).status_code == 409


def test_sending_back_from_an_old_page_does_not_undo_a_visa_given_meanwhile():
    case = CaseFactory(state="instructed")
    heads = [signed_in(staff(Role.HEAD_OF_SERVICE)), signed_in(staff(Role.HEAD_OF_SERVICE))]
    address = "admin:grants_application_transition"
    send_back = form_to(heads[1].get(reverse(address, args=[case.pk, "send_back"])), "/send_back/")
    visa = form_to(heads[0].get(reverse(address, args=[case.pk, "give_visa"])), "/give_visa/")
    assert heads[0].post(visa.action, visa.fields).status_code == 302
    assert heads[1].post(send_back.action, send_back.fields | {"comment": "À revoir."}).status_code == 409
    case.refresh_from_db()
    assert case.state == "ready_for_committee"
    assert case.live_proposal().visa_by_id


def test_a_note_or_a_message_is_written_whatever_happened_meanwhile(officers):
    case = CaseFactory(state="in_instruction")
    note = on_page(officers[0], case, "note")
    instruction.add_note(case, "Une autre.", actor=staff(Role.INSTRUCTOR))
    assert officers[0].post(note.action, note.fields | {"body": "La mienne."}).status_code == 302
    assert case.notes.count() == 2


# --- a session -------------------------------------------------------------------------------------------------------


@pytest.fixture
def session():
    session = SessionFactory(state="in_session", members=3)
    first = CaseFactory(state="scheduled")
    agenda(session, first, CaseFactory(state="scheduled", call=first.call))
    return session


def grid(client, session):
    return form_to(client.get(reverse("admin:grants_committeesession_change", args=[session.pk])), "/decide/")


def test_two_windows_on_a_session_keep_the_decisions_of_both(secretaries, session):
    first, second = (grid(client, session) for client in secretaries)
    one, two = session.items.order_by("rank")
    secretaries[0].post(first.action, first.fields | {f"{one.pk}-decision": "granted"})
    secretaries[1].post(second.action, second.fields | {f"{two.pk}-decision": "granted"})
    assert [item.decision for item in session.items.order_by("rank")] == ["granted", "granted"]


def test_the_second_decision_on_a_case_says_what_the_first_was(secretaries, session):
    first, second = (grid(client, session) for client in secretaries)
    item = session.items.order_by("rank").first()
    secretaries[0].post(first.action, first.fields | {f"{item.pk}-decision": "granted"})
    rejected = {f"{item.pk}-decision": "rejected", f"{item.pk}-amount": "", f"{item.pk}-reason": "Hors champ."}
    answer = secretaries[1].post(second.action, second.fields | rejected)
    assert answer.status_code == 422
    item.refresh_from_db()
    assert item.decision == "granted"
    assert str(item.decided_by) in answer.content.decode()
    again = form_to(answer, "/decide/", second.action)
    assert secretaries[1].post(again.action, again.fields).status_code == 302
    item.refresh_from_db()
    assert item.decision == "rejected"


def test_a_row_sent_by_keyboard_is_compared_too(secretaries, session):
    old = grid(secretaries[1], session)
    item = session.items.order_by("rank").first()
    address = reverse("admin:grants_committeesession_decide-row", args=[session.pk, item.pk])
    row = {name: value for name, value in old.fields.items() if name.startswith(f"{item.pk}-")}
    granted = row | {f"{item.pk}-decision": "granted"}
    done = secretaries[0].post(address, granted)
    assert done.status_code == 200
    deferred = row | {f"{item.pk}-decision": "deferred", f"{item.pk}-reason": "Attente."}
    refused = secretaries[1].post(address, deferred)
    assert refused.status_code == 422
    item.refresh_from_db()
    assert item.decision == "granted"
    assert secretaries[1].post(address, deferred | {f"{item.pk}-shown": refused.json()["shown"]}).status_code == 200
    item.refresh_from_db()
    assert item.decision == "deferred"


def test_a_row_without_a_version_decides_nothing(secretaries, session):
    item = session.items.order_by("rank").first()
    address = reverse("admin:grants_committeesession_decide-row", args=[session.pk, item.pk])
    assert secretaries[0].post(address, {f"{item.pk}-decision": "granted"}).status_code == 422
    item.refresh_from_db()
    assert item.decision == ""


def by_keyboard(client, row, **typed):
    (name,) = [name for name in row.fields if name.endswith("-decision")]
    values = {name: "granted"} | {name.replace("decision", key): value for key, value in typed.items()}
    answer = client.post(row.action, row.fields | values)
    assert answer.status_code == 200
    return answer


def test_a_session_is_not_closed_from_an_older_window_of_the_same_person(secretaries, session):
    """186,900 shown, 179,700 closed: the second window had not seen what was decided in the first."""
    client, address = secretaries[0], reverse("admin:grants_committeesession_change", args=[session.pk])
    for row in rows_of(client.get(address)):
        by_keyboard(client, row)
    first, second = client.get(address), client.get(address)
    one, two = rows_of(first)
    closing = {page: button_of(page, "/close_session/") for page in (first, second)}
    done = by_keyboard(client, one, amount="900", reason="Moins.")
    last = by_keyboard(client, two, amount="1000", reason="Moins.")
    row, before, number = last.headers["Essor-Reached"].split()
    assert done.headers["Essor-Reached"].split()[2] == before and row == f"grants.committeesession:{session.pk}"
    typed = {"deliberation_number": "26.CP.77", "deliberation_on": timezone.localdate(session.held_at).isoformat()}
    step = form_to(client.get(closing[second]), "/transition/close_session/")
    refused = client.post(step.action, step.fields | typed)
    assert refused.status_code == 409 and "vous-même" in refused.content.decode()
    session.refresh_from_db()
    assert session.state == "in_session"
    reached = re.sub(r"seen=\d+", f"seen={number}", closing[first])
    step = form_to(client.get(reached), "/transition/close_session/")
    assert client.post(step.action, step.fields | typed).status_code in (302, 422)


def button_of(page, ending: str) -> str:
    found = lxml.html.fromstring(page.content.decode()).xpath("//a[@data-row]/@href")
    return next(address for address in found if ending in address)


def test_decisions_by_keyboard_leave_the_other_forms_of_the_page_in_use(secretaries, session):
    page = secretaries[0].get(reverse("admin:grants_committeesession_change", args=[session.pk]))
    item = session.items.order_by("rank").first()
    interest = form_to(page, f"/recuse/{item.pk}/")
    for row in rows_of(page):
        interest = after(interest, by_keyboard(secretaries[0], row))
    assert secretaries[0].post(interest.action, interest.fields | {"reason": "Trésorière."}).status_code == 302
    assert item.recusals.get().reason == "Trésorière."


def test_a_decision_by_somebody_else_makes_the_page_old(secretaries, session):
    old = secretaries[1].get(reverse("admin:grants_committeesession_change", args=[session.pk]))
    item = session.items.order_by("rank").first()
    row = next(row for row in rows_of(old) if f"{item.pk}-decision" in row.fields)
    assert secretaries[0].post(row.action, row.fields | {f"{item.pk}-decision": "granted"}).status_code == 200
    interest = form_to(old, f"/recuse/{item.pk}/")
    assert secretaries[1].post(interest.action, interest.fields).status_code == 409
    assert not item.recusals.exists()


def test_an_interest_declared_meanwhile_is_seen_before_another(secretaries, session):
    item = session.items.order_by("rank").first()
    address = reverse("admin:grants_committeesession_change", args=[session.pk])
    first, second = (form_to(client.get(address), f"/recuse/{item.pk}/") for client in secretaries)
    assert secretaries[0].post(first.action, first.fields | {"reason": "Trésorière."}).status_code == 302
    other = str(session.members.last().pk)
    late = second.fields | {"member": [other], "reason": "Conjoint."}
    assert secretaries[1].post(second.action, late).status_code == 409
    assert item.recusals.get().reason == "Trésorière."


# --- several cases of a list -----------------------------------------------------------------------------------------


def row_numbers(form) -> list[str]:
    return [name for name, value in form.fields.items() if name.endswith("-id") and name[-4].isdigit() and value[0]]


def test_a_row_removed_meanwhile_is_said_and_what_was_typed_is_kept(secretaries):
    session = SessionFactory(members=3)
    page = reverse("admin:grants_committeesession_change", args=[session.pk])
    form = form_to(secretaries[0].get(page), "/change/")
    number = row_numbers(form)[0]
    session.members.get(pk=form.fields[number][0]).delete()
    answer = secretaries[0].post(form.action, form.fields)
    assert answer.status_code == 409
    assert "retiré" in answer.content.decode()


@pytest.mark.parametrize("number", ["typed", "-1", "9" * 30, "other"])
def test_a_row_that_no_page_gave_is_refused_without_a_word_of_it(secretaries, number):
    session, other = SessionFactory(members=3), SessionFactory(members=3)
    page = reverse("admin:grants_committeesession_change", args=[session.pk])
    form = form_to(secretaries[0].get(page), "/change/")
    number = str(other.members.first().pk) if number == "other" else number
    answer = secretaries[0].post(form.action, form.fields | {row_numbers(form)[0]: number})
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "retiré" not in text and "n’était pas la nôtre" in text
    assert (session.members.count(), other.members.count()) == (3, 3)


def test_assigning_from_an_old_list_does_not_take_a_case_from_somebody_else():
    head, taker, other = staff(Role.HEAD_OF_SERVICE), staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    client, case = signed_in(head), CaseFactory(state="submitted")
    address = reverse("admin:grants_application_changelist")
    asked = client.post(address, {"action": "assign_to", "_selected_action": [case.pk]})
    form = next(item for item in forms_of(asked, address) if f"shown-{case.pk}" in item.fields)
    instruction.assign_instructor(case, taker, actor=head)
    client.post(address, form.fields | {"instructor": other.pk, "confirm": "1"})
    case.refresh_from_db()
    assert case.instructor == taker
    again = client.post(address, {"action": "assign_to", "_selected_action": [case.pk]})
    form = next(item for item in forms_of(again, address) if f"shown-{case.pk}" in item.fields)
    client.post(address, form.fields | {"instructor": other.pk, "confirm": "1"})
    case.refresh_from_db()
    assert case.instructor == other


def on_page_of_before(form, case, amount: str) -> dict:
    """The form of a page that was read when a case was proposed at another amount."""
    label, number, values = versions.signing.loads(form.fields[versions.FIELD][0], salt=versions._SALT)
    said = {key: amount if key.startswith(case.number) else words for key, words in grounds.read(values).items()}
    return form.fields | {versions.FIELD: [versions.Shown(label, number, values | grounds.written(said)).token()]}


def test_a_case_is_put_on_the_agenda_at_the_amount_that_the_page_showed(secretaries):
    """A proposal that is made again is no event of the session."""
    session, client = SessionFactory(members=3), secretaries[0]
    case = CaseFactory(state="ready_for_committee")
    other = CaseFactory(state="ready_for_committee", call=case.call)
    page = form_to(client.get(reverse("admin:grants_committeesession_change", args=[session.pk])), "/add-cases/")
    old = on_page_of_before(page, case, "20 000,00 €")
    sent = client.post(page.action, old | {"cases": [case.pk, other.pk]})
    assert sent.status_code == 409 and not session.items.exists()
    (changed,) = sent.context["sums"]  # of the other one, there is nothing to say
    assert case.number in changed[0] and changed[1:] == ("20 000,00 €", format_euros(case.proposed_amount))
    again = form_to(sent, "/add-cases/")
    assert client.post(again.action, again.fields).status_code == 302
    assert session.items.get(application=case).proposed_amount == case.proposed_amount
    assert session.items.count() == 2


def test_a_case_that_is_not_picked_decides_nothing(secretaries):
    session, client = SessionFactory(members=3), secretaries[0]
    case = CaseFactory(state="ready_for_committee")
    other = CaseFactory(state="ready_for_committee", call=case.call)
    page = form_to(client.get(reverse("admin:grants_committeesession_change", args=[session.pk])), "/add-cases/")
    old = on_page_of_before(page, case, "20 000,00 €")
    assert client.post(page.action, old | {"cases": [other.pk]}).status_code == 302
    assert session.items.get().application == other
