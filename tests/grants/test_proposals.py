"""Proposal and visa: on what they rest, who gives them, what does not change."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from core.roles import Role
from core.transitions import perform
from grants import instruction
from grants.instruction import InstructionRefused
from grants.models import Proposal
from grants.staff_forms import ProposeForm
from tests.factories.applicants import DeMinimisAidFactory
from tests.factories.core import hold_in_breach
from tests.factories.instruction import (
    CaseFactory,
    answer_all,
    compute,
    consulted,
    score_all,
    staff,
)
from tests.grants.refusals import refused
from tests.rows import never_written

pytestmark = pytest.mark.django_db


# --- proposal and visa ----------------------------------------------------------------------------------------------


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
        (lambda case: never_written(case.check_answers.filter(stage="eligibility")), "expérimentation"),
        (lambda case: never_written(case.scores.filter(code="jobs")), "emplois"),
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
    form = ProposeForm(instance=ready, actor=instructor)  # what was typed is there again, to be corrected
    shown = {name: form.get_initial_for_field(field, name) for name, field in form.fields.items()}
    assert (shown["proposed_amount"], shown["reasons"]) == (Decimal("26000.00"), PROPOSAL["reasons"])
    assert shown["register_sector"] == ready.proposals.get().register_sector != ""
    assert shown["register_reference"] and shown["register_consulted_on"]
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


def test_what_may_be_compulsory_is_never_called_optional(client, ready, instructor):
    client.force_login(instructor, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:grants_application_transition", args=[ready.pk, "propose"])).content.decode()
    for name in ("register_consulted_on", "register_reference", "register_sector", "proposed_amount"):
        assert "facultatif" not in page.split(f'for="id_{name}"')[1].split("</label>")[0], name
