"""Who changed this amount, when, from what to what, why? Answered by the screens alone, in the reader's words."""

import re
from datetime import timedelta
from decimal import Decimal
from html import unescape

import pytest
from django.urls import reverse
from django.utils import timezone

from agreements import claims
from applicants.models import BankAccount
from core.acting import acting_as
from core.admin.changes import change_lines
from core.models import User
from core.roles import Role
from core.transitions import perform
from grants import committee, instruction
from grants.rules.schema import QuestionKind
from grants.services import drafting
from tests.factories.agreements import in_force, submitted
from tests.factories.applicants import BankAccountFactory, given
from tests.factories.core import UserFactory
from tests.factories.grants import draft, filed, open_call
from tests.factories.instruction import CaseFactory, EnvelopeFactory, SessionFactory, agenda, staff
from tests.forms import form_to

# Committed for good: an event and the lines of the row history are brought together by their transaction.
pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal
# What no reader should ever meet: a raw moment, an empty value's name, a code of the machine.
RAW = re.compile(
    r"\d{4}-\d\d-\d\dT|\+00:00|\.\d{6}|\bNone\b|search_text|submission_token|finance_officer|in_instruction"
)


def page_of(client, row, **query) -> str:
    """The history of a row as an administrator reads it: the text between the tags, spaces made plain."""
    client.force_login(
        UserFactory(administrator=True, auditor=True), backend="django.contrib.auth.backends.ModelBackend"
    )
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_history", args=[row.pk])
    content = client.get(address, query).content.decode()
    section = content[content.index('id="changes"') :] if 'id="changes"' in content else content
    text = unescape(re.sub(r"<[^>]+>", "\n", section))
    text = re.sub(r"[\u202f\xa0]", " ", text)
    assert not RAW.search(text), RAW.search(text)
    return re.sub(r"\s*\n\s*", "\n", text)


def line(row, what: str):
    """The newest change of ``row`` whose words end so."""
    return next(found for found in change_lines(row) if found.what.endswith(what))


def plain(text: str) -> str:
    return re.sub(r"[\u202f\xa0]", " ", text)


def words(found) -> tuple[str, str, str, str]:
    return plain(found.before), plain(found.after), found.who, found.why


# --- by the screens that change ----------------------------------------------------------------------------------------


def post_change(client, user: User, row, **values):
    """Open the change form as ``user`` and send it back with other values."""
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    return client.post(address, form_to(client.get(address), address).fields | values)


def test_an_envelope_changes_with_its_reason(client):
    envelope = EnvelopeFactory(voted_amount=D("480000.00"))
    finance = UserFactory(finance_officer=True)
    refused = post_change(client, finance, envelope, voted_amount="500 000,00")
    assert "Dites pourquoi" in unescape(refused.content.decode())
    envelope.refresh_from_db()
    assert envelope.voted_amount == D("480000.00")
    done = post_change(client, finance, envelope, voted_amount="500 000,00", change_reason="Décision modificative n° 2")
    assert done.status_code == 302
    assert words(line(envelope, "Montant voté")) == (
        "480 000,00 €", "500 000,00 €", str(finance), "Décision modificative n° 2",
    )  # fmt: skip
    page = page_of(client, envelope)
    for text in ("480 000,00 €", "500 000,00 €", str(finance), "Décision modificative n° 2"):
        assert text in page


def test_the_dates_of_a_call_change_with_their_reason(client):
    call = open_call()
    head = staff(Role.HEAD_OF_SERVICE)
    later = timezone.localtime(call.closes_at + timedelta(days=10))
    dates = {"closes_at_0": later.strftime("%d/%m/%Y"), "closes_at_1": "18:00:00"}
    assert "Dites pourquoi" in unescape(post_change(client, head, call, **dates).content.decode())
    assert post_change(client, head, call, **dates, change_reason="Prolongé à la demande du réseau").status_code == 302
    before, after, who, why = words(line(call, "Ferme le"))
    assert (who, why) == (str(head), "Prolongé à la demande du réseau")
    assert after.endswith("18 h 00") and str(later.year) in after and before != after


def test_a_role_is_said_in_words(client):
    administrator, officer = UserFactory(administrator=True), staff(Role.INSTRUCTOR)
    roles = [Role.INSTRUCTOR.value, Role.COMMITTEE_SECRETARY.value]
    assert "Dites pourquoi" in unescape(post_change(client, administrator, officer, roles=roles).content.decode())
    assert post_change(client, administrator, officer, roles=roles, change_reason="Remplace Zoé").status_code == 302
    found = change_lines(officer)[0]
    assert (found.after, found.who, found.why) == (
        str(Role.COMMITTEE_SECRETARY.label), str(administrator), "Remplace Zoé",
    )  # fmt: skip
    page_of(client, officer)


# --- by the functions of the screens -------------------------------------------------------------------------------------


def test_a_score_that_was_changed(client):
    case, instructor = CaseFactory(state="in_instruction"), staff(Role.INSTRUCTOR)
    criterion = case.rules.criteria[0]
    instruction.score_criterion(case, criterion.code, D(2), actor=instructor, comment="Première lecture")
    instruction.score_criterion(case, criterion.code, D("3.50"), actor=instructor, comment="Après la visite")
    changes = [found for found in change_lines(case) if str(criterion.label) in found.what and "Note" in found.what]
    assert [words(found) for found in changes] == [
        ("2", "3,5", str(instructor), "Après la visite"),
        ("–", "2", str(instructor), "Première lecture"),
    ]
    assert "Après la visite" in page_of(client, case)


def test_a_decision_names_the_case_on_the_page_of_the_session(client):
    secretary = staff(Role.COMMITTEE_SECRETARY)
    session = SessionFactory(state="in_session")
    (item,) = agenda(session, CaseFactory(state="ready_for_committee"))
    committee.record_decision(item, "granted", actor=secretary)
    item.refresh_from_db()
    committee.record_decision(item, "granted", actor=secretary, amount=item.proposed_amount - 100, reason="Enveloppe")
    found = line(session, "Montant décidé")
    assert item.application.number in found.what
    assert words(found)[2:] == (str(secretary), "Enveloppe")
    assert found.before != found.after and "€" in found.before and "€" in found.after
    assert item.application.number in page_of(client, session)
    assert "Enveloppe" in page_of(client, item.application)


def test_a_line_that_was_cut(client):
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "9000.00")
    perform(claim, "start_review", actor=house.instructor)
    (row,) = claim.lines.all()
    claims.certify_lines(claim, {row.pk: (D("8000.00"), "Repas non éligibles")}, actor=house.instructor)
    found = next(item for item in change_lines(claim) if item.code == "expenditureline.certified_amount")
    assert words(found)[:3] == ("–", "8 000,00 €", str(house.instructor))
    page = page_of(client, claim, what="expenditureline.certified_reason")
    assert "Repas non éligibles" in page and "8 000,00 €" not in page.split("Historique")[0]


def test_answers_are_read_in_the_words_of_the_form(client):
    """Both values in words, and who typed them."""
    application = draft()
    question = next(item for item in application.rules.questions.values() if item.kind == QuestionKind.YES_NO)
    colleague = UserFactory(applicant=True)
    given(user=colleague, applicant=application.applicant, role="editor")
    for person, typed in ((application.created_by, "yes"), (colleague, "no")):
        with acting_as(person):
            drafting.save_answers(application, user=person, typed={question.code: typed})
    found = line(application, str(question.label))
    assert found.code == "application.answers"
    assert words(found)[:3] == ("Oui", "Non", str(colleague))
    page_of(client, filed())


def test_typing_again_and_again_is_one_change(client):
    application = draft()
    for title in ("F", "Fil", "Filière", "Filière textile"):
        application.title = title
        application.save()
    titles = [found for found in change_lines(application) if found.code == "application.title"]
    assert [(found.before, found.after) for found in titles] == [("–", "Filière textile")]


def test_an_account(client):
    """Who entered it, who verified it and when it ended, never the whole number."""
    account: BankAccount = BankAccountFactory()
    officer = UserFactory(finance_officer=True)
    perform(account, "verify", actor=officer, data={"proof_dated": timezone.localdate()})
    assert words(line(account, "État"))[:3] == ("à vérifier", "vérifié", str(officer))
    page_of(client, account)
    page = page_of(client, account.applicant)
    assert f"…{account.iban[-4:]}" in page and account.iban not in page
    assert str(officer) in page
