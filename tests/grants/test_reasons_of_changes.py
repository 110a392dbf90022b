"""The reason and the person on a history page are those of the very row: never a neighbour's of the same transaction."""

import re
from decimal import Decimal

import pytest
from django.db import connection, transaction

from agreements import claims
from core.admin.changes import change_lines, counted_fields
from core.admin.events import lines
from core.events import history, record
from core.history import tracked_models
from core.models import Event
from core.roles import Role
from core.transitions import perform
from grants import committee, instruction
from reporting.models import Priority
from tests.factories.agreements import in_force, submitted
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, EnvelopeFactory, SessionFactory, agenda, staff
from tests.factories.reporting import EUProgrammeFactory

# Committed for good: an event and the lines of the row history are brought together by their transaction.
pytestmark = pytest.mark.django_db(transaction=True)
D = Decimal


def reasons(row, code: str) -> dict[str, tuple[str, str]]:
    """{what changed: (who, why)} of one field of a row's parts, the newest change of each."""
    found: dict[str, tuple[str, str]] = {}
    for line in change_lines(row):
        if line.code == code:
            found.setdefault(line.what, (line.who, line.why))
    return found


def test_two_scores_saved_by_one_form_have_each_its_reason():
    case, instructor = CaseFactory(state="in_instruction"), staff(Role.INSTRUCTOR)
    first, second = case.rules.criteria[:2]
    with transaction.atomic():
        instruction.score_criterion(case, first.code, D(2), actor=instructor, comment="Ancrage faible")
        instruction.score_criterion(case, second.code, D(3), actor=instructor, comment="Équipe solide")
    with transaction.atomic():  # one of them alone has a reason
        instruction.score_criterion(case, first.code, D(1), actor=instructor, comment="")
        instruction.score_criterion(case, second.code, D(4), actor=instructor, comment="Après la visite")
    found = reasons(case, "score.score")
    why = {
        str(rule.label): next(value for what, value in found.items() if str(rule.label) in what)
        for rule in (first, second)
    }
    assert why == {str(first.label): (str(instructor), ""), str(second.label): (str(instructor), "Après la visite")}
    older = [line.why for line in change_lines(case) if line.code == "score.score" and line.before == "–"]
    assert sorted(older) == ["Ancrage faible", "Équipe solide"]


def test_two_checks_and_two_cut_expenses_of_one_transaction():
    case, instructor = CaseFactory(state="in_instruction"), staff(Role.INSTRUCTOR)
    one, two = case.budget_lines.filter(side="charge").order_by("rank")[:2]
    with transaction.atomic():
        instruction.retain_amount(one, D(10), actor=instructor, reason="Frais de bouche")
        instruction.retain_amount(two, D(20), actor=instructor, reason="Hors période")
    found = reasons(case, "budgetline.eligible_amount")
    assert {re.search(r" (\w.*) ·", what)[1]: why for what, (_who, why) in found.items()} and set(found.values()) == {
        (str(instructor), "Frais de bouche"), (str(instructor), "Hors période"),
    }  # fmt: skip


def test_two_decisions_of_one_transaction():
    secretary, session = staff(Role.COMMITTEE_SECRETARY), SessionFactory(state="in_session")
    one, two = agenda(session, CaseFactory(state="ready_for_committee"), CaseFactory(state="ready_for_committee"))
    with transaction.atomic():
        committee.record_decision(one, "rejected", actor=secretary, reason="Hors du champ")
        committee.record_decision(two, "deferred", actor=secretary, reason="Avis attendu")
    found = reasons(session, "agendaitem.decision")
    by_case = {number: why for number in (one.application.number, two.application.number)
               for what, why in found.items() if number in what}  # fmt: skip
    assert by_case == {
        one.application.number: (str(secretary), "Hors du champ"),
        two.application.number: (str(secretary), "Avis attendu"),
    }


def test_two_lines_cut_by_one_form():
    agreement, house = in_force()
    claim = submitted(agreement, house, "balance", "9000.00")
    perform(claim, "start_review", actor=house.instructor)
    (row,) = claim.lines.all()
    with transaction.atomic():
        claims.certify_lines(claim, {row.pk: (D("8000.00"), "Repas non éligibles")}, actor=house.instructor)
        record(claim, "note", actor=house.instructor, comment="Appelé le trésorier")
    (found,) = reasons(claim, "expenditureline.certified_amount").values()
    assert found == (str(house.instructor), "Repas non éligibles")


def test_a_line_that_names_nobody_is_given_nobody_of_an_unrelated_event():
    envelope, other = EnvelopeFactory(voted_amount=D(100)), EnvelopeFactory()
    finance = UserFactory(finance_officer=True)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE grants_envelope SET voted_amount = 200 WHERE id = %s", [envelope.pk])
        record(other, "change", actor=finance, comment="Autre chose", changes={"year": [2025, 2026]})
    found = next(line for line in change_lines(envelope) if line.code == "envelope.voted_amount")
    assert (found.who, found.why, found.action) == ("personne n’est nommé", "", "")


def test_the_first_line_of_a_row_is_its_values_at_entry():
    envelope = EnvelopeFactory(voted_amount=D("480000.00"))
    found = next(line for line in change_lines(envelope) if line.code == "envelope.voted_amount")
    assert found.before == "–" and found.after.startswith("480")


SECRET = re.compile(r"password|secret|token|salt|hash|digest|session_key|_mark$|^key$|_key$|sha256|fingerprint")


def test_no_history_shows_nor_offers_a_mark_or_a_secret():
    """Of every table that keeps its history: marks of passwords and of mails, hashes, keys, salts."""
    shown = {
        (model._meta.label, name) for model in tracked_models() for name in counted_fields(model) if SECRET.search(name)
    }
    assert shown == set()
    person = UserFactory(finance_officer=True)
    with transaction.atomic():
        person.set_password("un mot de passe")
        person.save()
        record(person, "edit_account", actor=person, changes={"password_mark": ["a", "b"], "phone": ["", "06"]})
    assert not any("mark" in line.code or "mark" in line.what.lower() for line in change_lines(person))
    (event,) = [event for event in lines(person, list(history(person))) if event.event.action == "edit_account"]
    assert [name for name, _before, _after in event.changes] == ["Téléphone"]


def test_the_history_of_a_row_says_of_an_event_about_another_what_became_of_the_row():
    """A programme and a priority renamed by one form: the page of the priority says the label, not the programme's name."""
    programme = EUProgrammeFactory()
    priority = Priority.objects.create(programme=programme, code="P9", label_fr="Emploi")
    finance = UserFactory(finance_officer=True)
    with transaction.atomic():
        Priority.objects.filter(pk=priority.pk).update(label_fr="Emploi et métiers")
        parts = [{"action": "change", "row": priority, "changes": {"label_fr": ["Emploi", "Emploi et métiers"]}}]
        changes = {"name": [programme.name, "Autre nom"]}
        record(programme, "change", actor=finance, comment="Décision", changes=changes, data={"parts": parts})
    priority.refresh_from_db()
    event = Event.objects.get(action="change", object_id=programme.pk, comment="Décision")
    (line,) = lines(priority, [event])
    assert line.changes == [("Libellé en français", "Emploi", "Emploi et métiers")]
    assert line.label.casefold().endswith(f"(programme européen {programme})".casefold())
    (own,) = lines(programme, [event])
    assert (own.changes[0][1:], own.label) == ((programme.name, "Autre nom"), "Modifié")
