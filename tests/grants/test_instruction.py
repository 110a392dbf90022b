"""Instruction of a case: scores, aid, opinions, who may, messages, assignment, after the decision."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.de_minimis.room import assess_for
from applicants.models import Membership
from core.documents import may_read
from core.models import OutboxMessage
from core.roles import Role
from core.transitions import perform
from grants import instruction
from grants.conditions import opinions_rest_on_the_present_file
from grants.instruction import InstructionRefused
from grants.models import AidComputation, Application, BudgetLine, Note
from grants.services.snapshots import take_snapshot
from tests.factories.applicants import pdf
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
from tests.grants.refusals import refused

pytestmark = pytest.mark.django_db


# --- scoring and aid ------------------------------------------------------------------------------------------------


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


def test_an_expense_is_cut_for_a_reason(instructor):
    line = CaseFactory(state="in_instruction").budget_lines.get(account_code="604")
    with pytest.raises(instruction.InstructionRefused, match="pourquoi") as refused:
        instruction.retain_amount(line, line.amount - 1, actor=instructor, reason="  ")
    assert refused.value.field == "reason"
    line.refresh_from_db()
    assert line.eligible_amount is None
    with pytest.raises(DatabaseError, match="budget_line_cut_has_reason"), transaction.atomic():
        BudgetLine.objects.filter(pk=line.pk).update(eligible_amount=line.amount - 1)
    instruction.retain_amount(line, line.amount - 1, actor=instructor, reason="Hors période.")
    line.refresh_from_db()
    assert line.retained_reason == "Hors période."
    instruction.retain_amount(line, line.amount, actor=instructor)  # nothing is cut
    line.refresh_from_db()
    assert line.retained_reason == ""


def test_no_more_than_the_expense_is_retained(instructor):
    case = CaseFactory(state="in_instruction")
    with pytest.raises(InstructionRefused):
        instruction.retain_amount(case.budget_lines.first(), Decimal("99999999.00"), actor=instructor)


# --- opinions -------------------------------------------------------------------------------------------------------


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


def test_an_opinion_on_a_file_that_was_completed_later_is_asked_again(scop, scop_instructor, client):
    opinion = ask(scop)
    instruction.record_opinion(
        opinion, "favourable", actor=scop_instructor, given_on=timezone.localdate(), proof=pdf(), proof_name="a.pdf"
    )
    assert opinions_rest_on_the_present_file(scop, {}, scop_instructor) is None
    take_snapshot(scop, kind="completion", actor=scop.created_by, content={})
    scop = Application.objects.get(pk=scop.pk)
    assert opinions_rest_on_the_present_file(scop, {}, scop_instructor)
    client.force_login(scop_instructor)
    page = client.get(reverse("admin:grants_application_change", args=[scop.pk])).content.decode()
    assert "avant que le dossier soit complété" in page and "Demander par" in page
    instruction.record_opinion(
        ask(scop), "reserved", actor=scop_instructor, given_on=timezone.localdate(), proof=pdf(), proof_name="b.pdf"
    )
    assert opinions_rest_on_the_present_file(Application.objects.get(pk=scop.pk), {}, scop_instructor) is None


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


# --- who may --------------------------------------------------------------------------------------------------------


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


# --- notes, messages, assignment ------------------------------------------------------------------------------------


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


# --- after the decision ---------------------------------------------------------------------------------------------


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
