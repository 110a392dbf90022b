"""From the filing to the instruction: checks, admissibility, the clock of the silence."""

from datetime import date, timedelta
from functools import partial

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import override

from core.dates import format_date_long
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.transitions import available_transitions, perform
from grants import instruction
from grants.case_page import tasks_of
from grants.instruction import InstructionRefused
from grants.models import Application, CheckAnswer, PieceRequest
from grants.work import with_request_date
from tests.factories.applicants import MembershipFactory
from tests.factories.grants import incomplete
from tests.factories.instruction import (
    CaseFactory,
    answer_all,
)
from tests.grants.portal import plain
from tests.grants.refusals import refused

pytestmark = pytest.mark.django_db


# --- checks ---------------------------------------------------------------------------------------------------------


def test_a_check_is_answered_with_who_and_when(instructor):
    case = CaseFactory()
    answer = instruction.answer_check(case, "complete_pieces", "yes", actor=instructor)
    assert (answer.answer, answer.answered_by, answer.is_automatic) == ("yes", instructor, False)
    assert case.events.get(action="check").data["check"] == "complete_pieces"


@pytest.mark.parametrize("answer", ["no", "na"])
def test_anything_but_yes_needs_a_reason(instructor, answer):
    case = CaseFactory()
    with pytest.raises(InstructionRefused) as refusal:
        instruction.answer_check(case, "complete_pieces", answer, actor=instructor, reason=" ")
    assert refusal.value.field == "reason"
    with pytest.raises(IntegrityError, match="check_refusal_has_reason"), transaction.atomic():
        CheckAnswer.objects.create(application=case, code="x", stage="completeness", answer=answer, is_automatic=True)


def test_a_later_answer_replaces_the_earlier_one_and_the_history_keeps_both(instructor):
    case = CaseFactory()
    instruction.answer_check(case, "complete_pieces", "no", actor=instructor, reason="Statuts manquants.")
    instruction.answer_check(case, "complete_pieces", "yes", actor=instructor)
    answer = case.check_answers.get()
    assert answer.answer == "yes"
    assert answer.history_rows.count() == 2
    assert case.events.filter(action="check").count() == 2


def test_admissibility_is_settled_before_instruction(instructor):
    case = CaseFactory(state="in_instruction")
    with pytest.raises(InstructionRefused):
        instruction.answer_check(case, "territory", "no", actor=instructor, reason="Trop tard.")
    instruction.answer_check(case, "experimental", "yes", actor=instructor)


def test_an_unknown_check_is_refused(instructor):
    with pytest.raises(InstructionRefused):
        instruction.answer_check(CaseFactory(), "inconnu", "yes", actor=instructor)


def test_automatic_checks_come_with_their_reason():
    case = CaseFactory()
    instruction.answer_automatic_checks(case)
    found = {item.code: item for item in case.check_answers.all()}
    assert (found["complete_pieces"].answer, found["complete_pieces"].is_automatic) == ("no", True)
    assert "Statuts" in found["complete_pieces"].reason
    assert found["early_start"].answer == "yes"
    assert found["cer"].answer == "yes"
    assert found["renewed_once"].answer == "yes"
    assert found["de_minimis"].answer == "yes"
    assert "territory" not in found  # where the project takes place is for the instructor


def test_a_person_s_answer_is_not_overwritten(instructor):
    case = CaseFactory()
    instruction.answer_check(case, "early_start", "no", actor=instructor, reason="Le bail a déjà été signé.")
    instruction.answer_automatic_checks(case)
    assert case.check_answers.get(code="early_start").answer == "no"


def test_unchanged_facts_write_nothing():
    case = CaseFactory()
    assert instruction.answer_automatic_checks(case)
    assert instruction.answer_automatic_checks(case) == []


def test_a_start_before_filing_is_a_no_and_a_reason_is_left_to_the_instructor():
    early = {"project_start": timezone.localdate() - timedelta(days=40)}
    without, with_reason = CaseFactory(**early), CaseFactory(**early, early_start_reason="Urgence sanitaire.")
    for case in (without, with_reason):
        instruction.answer_automatic_checks(case)
    assert without.check_answers.get(code="early_start").answer == "no"
    assert not with_reason.check_answers.filter(code="early_start").exists()


# --- admissibility --------------------------------------------------------------------------------------------------


def test_a_case_is_admissible_when_every_check_is_fine(instructor):
    case = CaseFactory()
    refusal = refused(case, "declare_admissible", instructor)
    assert refusal.code == "conditions"
    answer_all(case, "completeness", "admissibility")
    perform(case, "declare_admissible", actor=instructor)
    assert case.state == "admissible"
    assert case.received_complete_on == timezone.localdate()
    assert OutboxMessage.objects.get(template="grants/mail/admissible").to


def test_a_no_keeps_a_case_from_being_admissible(instructor):
    case = CaseFactory()
    answer_all(case, "completeness")
    answer_all(case, "admissibility", answer="no")
    assert "Champagne-Ardenne" in str(refused(case, "declare_admissible", instructor))


def test_the_reason_of_a_disabled_button_is_shown(instructor):
    (option,) = [
        item for item in available_transitions(CaseFactory(), instructor) if item.spec.name == "declare_admissible"
    ]
    assert not option.allowed
    assert option.reason


def test_inadmissible_needs_a_reason_and_tells_the_applicant(instructor):
    case = CaseFactory()
    assert refused(case, "declare_inadmissible", instructor).errors.keys() == {"comment"}
    perform(case, "declare_inadmissible", actor=instructor, comment="Le siège est hors de la région.")
    mail = OutboxMessage.objects.get(template="grants/mail/inadmissible")
    assert "Le siège est hors de la région." in mail.body
    assert "telerecours" in mail.body


# --- the clock ------------------------------------------------------------------------------------------------------


def ask_for_pieces(case, actor, days=15):
    deadline = timezone.localdate() + timedelta(days=days)
    data = {"pieces": ["statutes"], "message": "Il manque les statuts signés.", "deadline": deadline.isoformat()}
    return perform(case, "request_pieces", actor=actor, data=data)


def test_asking_for_pieces_stops_the_clock_and_tells_what_happens(instructor):
    case = CaseFactory()
    piece = case.rules.pieces[0].code
    deadline = timezone.localdate() + timedelta(days=15)
    perform(
        case, "request_pieces", actor=instructor,
        data={"pieces": [piece], "message": "Il manque une signature.", "deadline": deadline.isoformat()},
    )  # fmt: skip
    assert case.state == "incomplete"
    assert case.clock_suspended_at
    request = case.open_piece_request()
    assert (request.pieces, request.due_on, request.requested_by) == ([piece], deadline, instructor)
    mail = OutboxMessage.objects.get(template="grants/mail/piece_request")
    assert "Il manque une signature." in mail.body
    assert str(case.rules.pieces[0].label) in mail.body
    # The page of the applicant says the same of what follows without an answer.
    with override("fr"):
        (task,) = tasks_of(case)
        assert request.without_answer in task.text and request.without_answer in mail.body
        assert "irrecevable" in request.without_answer and "sans suite" not in task.text + mail.body


def test_the_date_given_leaves_time_to_answer(instructor):
    case = CaseFactory()
    data = {"pieces": [], "message": "Vite.", "deadline": timezone.localdate().isoformat()}
    assert "deadline" in refused(case, "request_pieces", instructor, data=data).errors


def suspended(days: int, due: int) -> tuple[Application, date]:
    """A case whose clock was suspended ``days`` ago until ``due`` days from today, and its limit before."""
    case = CaseFactory(state="incomplete")
    limit = case.decision_due_on
    with time_machine.travel(timezone.now() - timedelta(days=days)):
        case.suspend_clock(timezone.localdate() + timedelta(days=days + due))
    return case, limit


def test_the_clock_runs_again_with_the_days_waited():
    case, limit = suspended(10, 5)
    case.resume_clock(timezone.localdate() + timedelta(days=5))
    assert case.decision_due_on == limit + timedelta(days=10)
    assert case.clock_suspended_at is None


def test_a_late_answer_puts_the_limit_off_only_until_the_date_given():
    case, limit = suspended(10, -4)
    case.resume_clock(timezone.localdate() - timedelta(days=4))
    assert case.decision_due_on == limit + timedelta(days=6)


@pytest.mark.parametrize(
    ("asked", "due", "put_off", "still"), [(10, 5, 15, True), (10, 0, 10, False), (10, -4, 6, False)]
)
def test_the_date_of_the_refusal_is_true_while_pieces_are_awaited(asked, due, put_off, still, instructor, signed_in):
    """Days ago that the pieces were asked for, days until the date given: what is stored, and so what every page, list
    and filter says, is true on each day without an answer; an answer before the date given brings it forward."""
    case, limit = suspended(asked, due)
    case.save()
    today = timezone.localdate()
    PieceRequest.objects.create(
        application=case, pieces=[], message="…", due_on=today + timedelta(days=due), requested_by=instructor
    )
    assert case.decision_due_on == limit + timedelta(days=put_off)
    assert case.clock_stands_still is still
    assert with_request_date(Application.objects.filter(pk=case.pk)).get().clock_stands_still is still
    MembershipFactory(user=case.created_by, applicant=case.applicant)
    page = plain(signed_in(case.created_by).get(case.get_absolute_url()))
    with override("fr"):
        assert f"Sans décision écrite, refus le {format_date_long(case.decision_due_on)}" in page
    assert ("le délai est suspendu jusqu’au" in page) is still
    assert ("tant que vous ne l’avez pas fait" in page) is (due < 0)
    case.resume_clock(today + timedelta(days=due))
    assert case.decision_due_on == limit + timedelta(days=min(asked, put_off))


def test_an_incomplete_case_is_closed_only_after_the_date_given(instructor):
    case = CaseFactory(state="incomplete")
    request = PieceRequest.objects.create(
        application=case, pieces=[], message="…", due_on=timezone.localdate(), requested_by=instructor
    )
    refusal = refused(case, "declare_inadmissible", instructor, comment="Sans réponse.")
    assert refusal.code == "conditions"
    PieceRequest.objects.filter(pk=request.pk).update(due_on=timezone.localdate() - timedelta(days=1))
    perform(case, "declare_inadmissible", actor=instructor, comment="Sans réponse.")
    assert case.state == "inadmissible"


def test_the_figures_work_the_date_of_the_refusal_out_again(instructor):
    case = incomplete(pieces=())
    with time_machine.travel(timezone.now() + timedelta(days=4)):
        perform(case, "complete", actor=case.created_by)
    look = partial(look_at, invariant_of("grants.silence-has-its-date"))
    assert look().holds
    Application.objects.filter(pk=case.pk).update(decision_due_on=case.decision_due_on + timedelta(days=1))
    assert [row.pk for row in look().rows] == [case.pk]
