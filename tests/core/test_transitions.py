"""The transition runner: each step refuses in its own way, and nothing is ever half done."""

from decimal import Decimal

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django_fsm import ConcurrentTransition

from core.models.event import Event
from core.models.user import User
from core.roles import Role
from core.signals import transitioned
from core.transitions import (
    TransitionRefused,
    available_transitions,
    perform,
    spec_of,
    transitions_of,
    workflow_transition,
)
from tests.core.sample.models import Case, CaseState
from tests.factories.core import UserFactory


@pytest.fixture
def submitted(case: Case, applicant: User) -> Case:
    return perform(case, "submit", actor=applicant)


def refused(instance, name, **options) -> TransitionRefused:
    before = Event.objects.count()
    with pytest.raises(TransitionRefused) as caught:
        perform(instance, name, **options)
    assert Event.objects.count() == before
    return caught.value


# --- what happens ---------------------------------------------------------------------------------------------------


def test_a_transition_changes_the_state_and_leaves_one_event(case, applicant):
    returned = perform(case, "submit", actor=applicant, comment="Here it is.")
    assert returned is case
    assert case.state == CaseState.SUBMITTED
    assert case.runs == 1
    event = case.events.get()
    assert (event.action, event.from_state, event.to_state) == ("submit", "draft", "submitted")
    assert event.actor == applicant
    assert event.comment == "Here it is."
    assert event.changes == {"state": ["draft", "submitted"], "runs": [0, 1]}


def test_the_form_cleans_the_input_and_the_event_keeps_it_as_json(submitted, instructor):
    proof = SimpleUploadedFile("proof.pdf", b"%PDF-1.7 a proof")
    perform(
        submitted,
        "accept",
        actor=instructor,
        data={"amount": "500.50", "note": "fine", "unknown": "dropped"},
        files={"proof": proof},
    )
    submitted.refresh_from_db()
    assert submitted.amount == Decimal("500.50")
    data = submitted.events.last().data
    assert data["amount"] == "500.50"
    assert data["note"] == "fine"
    assert data["proof"]["name"] == "proof.pdf"
    assert len(data["proof"]["sha256"]) == 64
    assert "unknown" not in data


def test_a_request_user_that_is_lazy_can_act(client, case, applicant, rf):
    request = rf.get("/")
    client.force_login(applicant, backend="django.contrib.auth.backends.ModelBackend")
    request.user = applicant
    perform(case, "submit", actor=request.user)
    assert case.events.get().actor_id == applicant.pk


# --- what is refused ------------------------------------------------------------------------------------------------


def test_a_state_that_does_not_lead_there(case, instructor):
    error = refused(case, "refuse", actor=instructor, comment="no")
    assert error.code == "state"
    assert "Draft" in str(error)


def test_a_role_that_may_not(submitted, applicant):
    error = refused(submitted, "accept", actor=applicant, data={"amount": "1"})
    assert error.code == "permission"
    assert list(error.errors) == ["__all__"]


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE)])
def test_every_other_role_is_refused(submitted, role):
    assert refused(submitted, "accept", actor=UserFactory(roles=[role]), data={"amount": "1"}).code == "permission"


def test_a_superuser_has_no_role_of_its_own(submitted):
    root = UserFactory(is_superuser=True, is_staff=True)
    assert refused(submitted, "accept", actor=root, data={"amount": "1"}).code == "permission"


def test_a_predicate_that_says_no(case):
    stranger = UserFactory(applicant=True)
    error = refused(case, "submit", actor=stranger)
    assert (error.code, str(error)) == ("permission", "Only the owner submits this case.")


def test_nobody_and_a_disabled_account(case, applicant):
    assert refused(case, "submit", actor=None).code == "permission"
    applicant.is_active = False
    assert refused(case, "submit", actor=applicant).code == "permission"


def test_input_errors_come_by_field(submitted, instructor):
    error = refused(submitted, "accept", actor=instructor, data={"amount": "a lot"})
    assert error.code == "input"
    assert list(error.errors) == ["amount"]


def test_a_compulsory_comment(submitted, instructor):
    error = refused(submitted, "refuse", actor=instructor, comment="  ")
    assert error.code == "input"
    assert list(error.errors) == ["comment"]


def test_a_condition_that_fails(submitted, instructor):
    error = refused(submitted, "accept", actor=instructor, data={"amount": "900"})
    assert (error.code, error.errors) == ("conditions", {"amount": ["More than what was asked."]})


def test_a_validation_error_of_the_body_is_told_by_field(case, instructor):
    error = refused(case, "invalidate", actor=instructor)
    assert (error.code, error.errors) == ("conditions", {"title": ["This title is taken."]})


def test_a_database_constraint_is_told_in_its_own_words(submitted, instructor):
    Case.objects.update(asked=5000)
    error = refused(submitted, "accept", actor=instructor, data={"amount": "2000"})
    assert (error.code, str(error)) == ("conditions", "The database allows at most 1,000.")
    submitted.refresh_from_db()
    assert submitted.state == CaseState.SUBMITTED


def test_a_row_that_is_gone(case, applicant):
    copy = Case.objects.get(pk=case.pk)
    case.delete()
    assert refused(copy, "submit", actor=applicant).code == "state"


def test_an_unknown_transition_is_a_programming_error(case, applicant):
    with pytest.raises(LookupError):
        perform(case, "vanish", actor=applicant)


def test_a_second_click_is_refused(case, applicant):
    stale = Case.objects.get(pk=case.pk)
    perform(case, "submit", actor=applicant)
    assert refused(stale, "submit", actor=applicant).code == "state"
    assert Case.objects.get(pk=case.pk).runs == 1


# --- the system -----------------------------------------------------------------------------------------------------


def test_a_system_transition_is_for_the_system_alone(submitted, instructor):
    perform(submitted, "refuse", actor=instructor, comment="no")
    assert refused(submitted, "archive", actor=instructor).code == "permission"
    perform(submitted, "archive", actor=None, system=True)
    assert submitted.state == CaseState.ARCHIVED
    assert submitted.events.last().actor is None


def test_the_system_does_not_take_a_persons_transition(case):
    assert refused(case, "submit", actor=None, system=True).code == "permission"


# --- protection -----------------------------------------------------------------------------------------------------


def test_the_state_cannot_be_assigned(case):
    with pytest.raises(AttributeError):
        case.state = CaseState.ACCEPTED


def test_the_body_cannot_be_called_directly(case, applicant):
    with pytest.raises(RuntimeError, match="perform"):
        case.submit(actor=applicant, data={}, comment="")
    assert case.state == CaseState.DRAFT


def test_a_stale_save_is_refused(case, applicant):
    stale = Case.objects.get(pk=case.pk)
    perform(case, "submit", actor=applicant)
    stale.title = "Another title"
    with pytest.raises(ConcurrentTransition), transaction.atomic():
        stale.save()
    stale.refresh_from_db()
    stale.title = "Another title"
    stale.save()
    assert Case.objects.get(pk=case.pk).title == "Another title"


def test_refresh_keeps_the_protection(case):
    pk = case.pk
    case.refresh_from_db()
    case.refresh_from_db(fields=["title"])
    case.refresh_from_db(fields=["state"])
    with pytest.raises(AttributeError):
        case.state = CaseState.ACCEPTED
    copy = Case.objects.get(pk=pk)
    Case.objects.filter(pk=pk).delete()
    with pytest.raises(Case.DoesNotExist):
        copy.refresh_from_db()
    assert copy.state == CaseState.DRAFT
    with pytest.raises(AttributeError):
        copy.state = CaseState.ACCEPTED


def test_a_deferred_state_costs_no_query_until_it_is_read(case, django_assert_num_queries):
    with django_assert_num_queries(1):
        light = list(Case.objects.only("title"))[0]
    with django_assert_num_queries(1):
        assert light.state == CaseState.DRAFT
    light.title = "Lighter"
    light.save()


def test_full_clean_works_with_a_protected_state(case):
    case.full_clean()
    assert case.state == CaseState.DRAFT


# --- signal ---------------------------------------------------------------------------------------------------------


def test_the_signal_is_sent_in_the_transaction_and_its_failure_undoes_everything(case, applicant):
    seen = []

    def listen(sender, instance, name, event, **kwargs):
        seen.append((sender, instance.state, name, event.action, transaction.get_connection().in_atomic_block))
        raise RuntimeError("the receiver fails")

    transitioned.connect(listen, sender=Case)
    try:
        with pytest.raises(RuntimeError, match="the receiver fails"):
            perform(case, "submit", actor=applicant)
    finally:
        transitioned.disconnect(listen, sender=Case)
    assert seen == [(Case, "submitted", "submit", "submit", True)]
    case.refresh_from_db()
    assert (case.state, case.runs) == (CaseState.DRAFT, 0)
    assert not case.events.exists()


# --- what screens show ----------------------------------------------------------------------------------------------


def options(case, user) -> dict[str, tuple[bool, str]]:
    return {option.spec.name: (option.allowed, option.reason) for option in available_transitions(case, user)}


def test_each_person_sees_what_concerns_them(case, applicant, instructor):
    assert options(case, applicant) == {"submit": (True, "")}
    assert options(case, instructor) == {"invalidate": (True, "")}
    assert options(case, UserFactory(auditor=True)) == {}  # reads everything, changes nothing


def test_a_precondition_explains_a_button_beforehand(case, applicant):
    case.title = ""
    case.save()
    assert options(case, applicant) == {"submit": (False, "Give the case a title.")}


def test_only_the_present_state_counts(submitted, instructor):
    assert set(options(submitted, instructor)) == {"accept", "refuse", "invalidate"}


def test_transitions_are_listed_in_order():
    assert [spec.name for spec in transitions_of(Case)] == ["submit", "accept", "refuse", "archive", "invalidate"]
    spec = spec_of(Case, "submit")
    assert spec.label_for("applicant") == "Send"
    assert spec.label_for("staff") == "Submit"
    assert spec.doc == "The applicant sends the case."


def test_a_staff_transition_without_roles_is_refused_when_it_is_declared():
    with pytest.raises(ImproperlyConfigured):
        workflow_transition(field="state", source="draft", target="submitted", label="Whoever")


def test_labels_of_states(submitted):
    assert submitted.state_label() == "Submitted"
    assert submitted.state_label("applicant") == "Received"
    assert Case.state_label_of("draft", "applicant") == "Draft"
