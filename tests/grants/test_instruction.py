"""Instruction of a case: checks, scores, aid, opinions, proposal and visa, clock, messages, assignment."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from applicants.de_minimis.room import assess_for
from applicants.models import Membership
from core.documents import may_read
from core.models import OutboxMessage
from core.roles import Role
from core.transitions import TransitionRefused, available_transitions, perform
from grants import instruction
from grants.instruction import InstructionRefused
from grants.models import AidComputation, Application, CheckAnswer, Note, PieceRequest, Proposal
from tests.factories.applicants import DeMinimisAidFactory, pdf
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.instruction import (
    CaseFactory,
    answer_all,
    ask,
    compute,
    consulted,
    programme_of,
    score_all,
    staff,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def instructor():
    return staff(Role.INSTRUCTOR)


@pytest.fixture
def head():
    return staff(Role.HEAD_OF_SERVICE)


def refused(case, name, actor, **kwargs) -> TransitionRefused:
    with pytest.raises(TransitionRefused) as caught:
        perform(case, name, actor=actor, **kwargs)
    return caught.value


# --- checks --------------------------------------------------------------------------------------------------


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


# --- admissibility -------------------------------------------------------------------------------------------


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


# --- the clock -----------------------------------------------------------------------------------------------


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


def test_the_date_given_leaves_time_to_answer(instructor):
    case = CaseFactory()
    data = {"pieces": [], "message": "Vite.", "deadline": timezone.localdate().isoformat()}
    assert "deadline" in refused(case, "request_pieces", instructor, data=data).errors


def test_the_clock_runs_again_with_the_days_waited():
    case = CaseFactory(state="incomplete", clock_suspended_at=timezone.now() - timedelta(days=10))
    limit = case.decision_due_on
    case.resume_clock(due_on=timezone.localdate() + timedelta(days=5))
    assert case.decision_due_on == limit + timedelta(days=10)
    assert case.clock_suspended_at is None


def test_a_late_answer_puts_the_limit_off_only_until_the_date_given():
    case = CaseFactory(state="incomplete", clock_suspended_at=timezone.now() - timedelta(days=10))
    limit = case.decision_due_on
    case.resume_clock(due_on=timezone.localdate() - timedelta(days=4))
    assert case.decision_due_on == limit + timedelta(days=6)


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


# --- scoring and aid -----------------------------------------------------------------------------------------


def test_scores_stay_on_their_scale(instructor):
    case = CaseFactory(state="in_instruction")
    instruction.score_criterion(case, "jobs", Decimal("4.5"), actor=instructor, comment="4 ETP à trois ans.")
    with pytest.raises(InstructionRefused):
        instruction.score_criterion(case, "jobs", Decimal("5.01"), actor=instructor)
    with pytest.raises(IntegrityError, match="score_within_scale"), transaction.atomic():
        case.scores.update(score=Decimal("5.01"))


def test_starting_the_instruction_takes_the_case_and_computes_the_aid(instructor):
    case = CaseFactory(state="admissible")
    perform(case, "start_instruction", actor=instructor, data={})
    assert case.instructor == instructor
    computation = case.latest_computation()
    assert computation.amount == case.computed_amount
    assert computation.lines


def test_the_aid_is_computed_anew_when_an_expense_is_cut(instructor):
    """Worked case of france.md G: 80 % of the eligible base; 28,400 euros, then less once an expense is cut."""
    case = CaseFactory(state="in_instruction")
    first = instruction.compute_aid(case, actor=instructor)
    line = case.budget_lines.get(account_code="604")
    instruction.retain_amount(line, Decimal("15000.00"), actor=instructor, reason="Devis trop élevé.")
    second = instruction.compute_aid(case, actor=instructor)
    assert (first.number, second.number) == (1, 2)
    assert first.eligible_base - second.eligible_base == Decimal("10000.00")
    assert first.amount - second.amount == Decimal("8000.00")
    assert case.computed_amount == second.amount
    assert case.requested_amount == Decimal("28400.00")


def test_a_computation_is_never_edited():
    computation = compute(CaseFactory(state="in_instruction"))
    for change in (
        lambda: AidComputation.objects.filter(pk=computation.pk).update(amount=1),
        lambda: AidComputation.objects.filter(pk=computation.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_no_more_than_the_expense_is_retained(instructor):
    case = CaseFactory(state="in_instruction")
    with pytest.raises(InstructionRefused):
        instruction.retain_amount(case.budget_lines.first(), Decimal("99999999.00"), actor=instructor)


# --- opinions ------------------------------------------------------------------------------------------------


@pytest.fixture
def scop():
    return CaseFactory(
        state="in_instruction", programme_code="CAPITAL-SCOP", persons=[3200, 7500], budget=False,
        requested_amount=Decimal("8200.00"), computed_amount=Decimal("8200.00"),
    )  # fmt: skip


@pytest.fixture
def scop_instructor():
    return staff(Role.INSTRUCTOR, "CAPITAL-SCOP")


def test_an_opinion_is_asked_by_mail_and_recorded_with_its_proof(scop, scop_instructor):
    due_on = timezone.localdate() + timedelta(days=20)
    opinion = instruction.ask_opinion(scop, "urscop", actor=scop_instructor, email="avis@urscop.example", due_on=due_on)
    mail = OutboxMessage.objects.get(template="grants/mail/opinion_request")
    assert mail.to == ["avis@urscop.example"]
    instruction.record_opinion(
        opinion, "favourable", actor=scop_instructor, given_on=timezone.localdate(), proof=pdf(), proof_name="avis.pdf"
    )
    opinion = scop.opinions.get()
    assert (opinion.result, opinion.recorded_by) == ("favourable", scop_instructor)
    assert opinion.document.name == "avis.pdf"


def test_the_proof_of_an_opinion_is_for_the_service(scop, scop_instructor):
    opinion = ask(scop)
    instruction.record_opinion(
        opinion, "reserved", actor=scop_instructor, given_on=timezone.localdate(), proof=pdf(), proof_name="avis.pdf"
    )
    document = scop.opinions.get().document
    applicant = UserFactory(applicant=True)
    Membership.objects.create(user=applicant, applicant=scop.applicant, role="representative")
    assert may_read(scop_instructor, document) is None
    assert may_read(applicant, document)
    assert may_read(staff(Role.INSTRUCTOR, "CPO"), document)


def test_an_opinion_is_asked_once_at_a_time(scop, scop_instructor):
    ask(scop)
    with pytest.raises(InstructionRefused):
        instruction.ask_opinion(
            scop, "urscop", actor=scop_instructor, email="a@b.example", due_on=timezone.localdate() + timedelta(days=9)
        )


def test_the_database_wants_the_proof_of_an_opinion(scop):
    opinion = ask(scop)
    with pytest.raises(IntegrityError, match="opinion_given_with_date_and_proof"), transaction.atomic():
        type(opinion).objects.filter(pk=opinion.pk).update(
            result="favourable", given_on=timezone.localdate(), recorded_by=opinion.asked_by
        )


def test_a_required_opinion_is_awaited_before_the_proposal(scop, scop_instructor):
    answer_all(scop, "eligibility")
    score_all(scop)
    instruction.compute_aid(scop, actor=scop_instructor)
    data = {"proposed_amount": "8200,00", "reasons": "Projet solide."} | consulted()
    assert "URSCOP" in str(refused(scop, "propose", scop_instructor, data=data)) or "SCOP" in str(
        refused(scop, "propose", scop_instructor, data=data)
    )
    opinion = ask(scop)
    instruction.record_opinion(
        opinion, "favourable", actor=scop_instructor, given_on=timezone.localdate(), proof=pdf(), proof_name="a.pdf"
    )
    perform(scop, "propose", actor=scop_instructor, data=data)
    assert scop.proposed_amount == Decimal("8200.00")


def test_the_aid_of_a_grouped_case_is_the_sum_of_its_persons(scop, scop_instructor):
    """Worked case of france.md G: 3,200 gives 3,200 and 7,500 gives 5,000."""
    computation = instruction.compute_aid(scop, actor=scop_instructor)
    assert computation.amount == Decimal("8200.00")
    assert list(scop.persons.order_by("rank").values_list("computed_amount", flat=True)) == [
        Decimal("3200.00"),
        Decimal("5000.00"),
    ]
    answer_all(scop, "eligibility")
    score_all(scop)
    data = {"proposed_amount": "8000", "reasons": "Moins."} | consulted()
    assert "proposed_amount" in refused(scop, "propose", scop_instructor, data=data).errors


# --- proposal and visa ---------------------------------------------------------------------------------------


@pytest.fixture
def ready(instructor):
    """A case whose instruction is finished, with 28,400 euros computed."""
    case = CaseFactory(state="in_instruction", instructor=instructor)
    answer_all(case, "eligibility")
    score_all(case)
    compute(case)
    return case


PROPOSAL = {"proposed_amount": "26 000,00", "reasons": "Le rôle de la commune reste à préciser."} | consulted()


def test_a_proposal_keeps_amount_base_score_and_reasons(ready, instructor):
    perform(ready, "propose", actor=instructor, data=PROPOSAL)
    proposal = ready.live_proposal()
    assert (proposal.amount, proposal.eligible_base) == (Decimal("26000.00"), Decimal("35500.00"))
    assert proposal.score == Decimal("16.00")
    assert (ready.state, ready.proposed_amount) == ("instructed", Decimal("26000.00"))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda case: case.check_answers.filter(stage="eligibility").delete(), "expérimentation"),
        (lambda case: case.scores.filter(code="jobs").delete(), "emplois"),
    ],
    ids=["check", "score"],
)
def test_a_proposal_waits_for_everything(ready, instructor, spoil, word):
    spoil(ready)
    assert word in str(refused(ready, "propose", instructor, data=PROPOSAL))


def test_a_proposal_is_at_most_the_computed_aid(ready, instructor):
    refusal = refused(ready, "propose", instructor, data=PROPOSAL | {"proposed_amount": "28400,01"})
    assert list(refusal.errors) == ["proposed_amount"]


def test_a_proposal_respects_the_de_minimis_ceiling(ready, instructor):
    DeMinimisAidFactory(
        applicant=ready.applicant, amount=Decimal("280000.00"), granted_on=timezone.localdate() - timedelta(days=30)
    )
    assert "proposed_amount" in refused(ready, "propose", instructor, data=PROPOSAL).errors


def test_a_failed_check_allows_only_a_proposal_against(ready, instructor):
    ready.check_answers.filter(code="experimental").update(answer="no", reason="Activité ordinaire.")
    assert "favourable" in refused(ready, "propose", instructor, data=PROPOSAL).errors
    perform(ready, "propose", actor=instructor, data={"favourable": "no", "reasons": "Hors règlement."})
    assert (ready.live_proposal().favourable, ready.proposed_amount) == (False, Decimal("0.00"))


def test_the_visa_is_given_by_someone_else(ready, instructor, head):
    both = staff(Role.INSTRUCTOR)
    hold_in_breach(both, Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
    both.refresh_from_db()
    perform(ready, "propose", actor=both, data=PROPOSAL)
    assert refused(ready, "give_visa", both).code == "permission"
    hold_in_breach(instructor, Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)
    instructor.refresh_from_db()
    assert refused(ready, "give_visa", instructor).code == "permission"
    perform(ready, "give_visa", actor=head)
    assert ready.state == "ready_for_committee"
    assert ready.live_proposal().visa_by == head


def test_the_database_refuses_a_visa_by_the_author(ready, instructor):
    perform(ready, "propose", actor=instructor, data=PROPOSAL)
    with pytest.raises(IntegrityError, match="proposal_visa_by_someone_else"), transaction.atomic():
        ready.proposals.update(visa_by=instructor, visa_at=timezone.now())


def test_a_proposal_is_sent_back_with_the_reason_and_another_is_made(ready, instructor, head):
    perform(ready, "propose", actor=instructor, data=PROPOSAL)
    assert "comment" in refused(ready, "send_back", head).errors
    perform(ready, "send_back", actor=head, comment="Préciser le rôle de la commune.")
    assert (ready.state, ready.proposed_amount, ready.live_proposal()) == ("in_instruction", None, None)
    perform(ready, "propose", actor=instructor, data=PROPOSAL | {"proposed_amount": "25000"})
    assert ready.proposals.count() == 2
    assert ready.live_proposal().amount == Decimal("25000.00")


@pytest.mark.parametrize("change", [{"amount": 1}, {"reasons": "Autre."}, {"eligible_base": 1}])
def test_the_terms_of_a_proposal_do_not_change(ready, instructor, change):
    perform(ready, "propose", actor=instructor, data=PROPOSAL)
    with pytest.raises(DatabaseError), transaction.atomic():
        Proposal.objects.update(**change)


def test_instruction_stands_still_once_proposed(ready, instructor):
    perform(ready, "propose", actor=instructor, data=PROPOSAL)
    for work in (
        lambda: instruction.answer_check(ready, "experimental", "yes", actor=instructor),
        lambda: instruction.score_criterion(ready, "jobs", Decimal(1), actor=instructor),
        lambda: instruction.compute_aid(ready, actor=instructor),
    ):
        with pytest.raises(InstructionRefused):
            work()


# --- who may -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "person",
    [
        lambda: staff(Role.FINANCE_OFFICER),
        lambda: staff(Role.COMMITTEE_SECRETARY),
        lambda: staff(Role.AUDITOR),
        lambda: staff(Role.EU_CONTROLLER),
        lambda: staff(Role.INSTRUCTOR, "CPO"),
        lambda: UserFactory(applicant=True),
    ],
    ids=["finance", "secretary", "auditor", "controller", "other programme", "applicant"],
)
def test_others_do_not_instruct(person):
    case, user = CaseFactory(state="in_instruction"), person()
    for work in (
        lambda: instruction.answer_check(case, "experimental", "yes", actor=user),
        lambda: instruction.score_criterion(case, "jobs", Decimal(1), actor=user),
        lambda: instruction.compute_aid(case, actor=user),
    ):
        with pytest.raises(InstructionRefused):
            work()
    assert not case.events.exists()


def test_nobody_instructs_a_case_they_filed(instructor):
    case = CaseFactory(created_by=instructor)
    assert refused(case, "request_pieces", instructor, data={}).code == "permission"


def test_an_auditor_with_another_role_still_changes_nothing(instructor):
    hold_in_breach(instructor, Role.INSTRUCTOR, Role.AUDITOR)
    instructor.refresh_from_db()
    case = CaseFactory()
    with pytest.raises(InstructionRefused):
        instruction.add_note(case, "Une note.", actor=instructor)


# --- notes, messages, assignment -------------------------------------------------------------------------------


def test_a_message_leaves_a_mail_without_its_content(instructor):
    case = CaseFactory(state="in_instruction")
    instruction.write_to_applicant(case, "Votre budget nous pose question.", actor=instructor)
    mail = OutboxMessage.objects.get(template="grants/mail/message")
    assert "budget" not in mail.body
    assert case.number in mail.subject_line


def test_an_internal_note_is_not_edited(instructor):
    note = instruction.add_note(CaseFactory(), "Appeler la commune.", actor=instructor)
    with pytest.raises(DatabaseError), transaction.atomic():
        Note.objects.filter(pk=note.pk).update(body="Autre.")


def test_a_case_is_assigned_to_an_instructor_of_its_programme(instructor, head):
    case = CaseFactory()
    instruction.assign_instructor(case, instructor, actor=head)
    assert case.instructor == instructor
    with pytest.raises(InstructionRefused):
        instruction.assign_instructor(case, staff(Role.INSTRUCTOR, "CPO"), actor=head)


# --- after the decision ----------------------------------------------------------------------------------------


def test_a_grant_lapses_with_a_reason_and_leaves_the_register(head):
    case = CaseFactory(state="approved")
    aid = case.applicant.de_minimis_aids.get(case_number=case.number)
    assert assess_for(case.applicant, Decimal(0), timezone.localdate()).before == aid.amount
    perform(case, "lapse", actor=head, comment="Aucune nouvelle depuis un an.")
    assert case.state == "lapsed"
    aid.refresh_from_db()
    assert aid.withdrawn_on == timezone.localdate()
    assert assess_for(case.applicant, Decimal(0), timezone.localdate()).before == 0
    assert OutboxMessage.objects.filter(template="grants/mail/lapsed").exists()


def test_a_case_under_agreement_lapses_with_its_agreement_only(head):
    case = CaseFactory(state="contracted")
    assert refused(case, "lapse", head, comment="Non.").code == "permission"
    perform(case, "lapse", actor=None, system=True, comment="La convention est caduque.")
    assert case.state == "lapsed"


def test_the_staff_of_a_programme_see_its_cases_only(instructor):
    mine, other = CaseFactory(), CaseFactory(programme_code="CPO", budget=False)
    assert list(Application.objects.for_user(instructor)) == [mine]
    assert set(Application.objects.for_user(staff(Role.AUDITOR))) == {mine, other}
    assert programme_of("CPO") != programme_of()
