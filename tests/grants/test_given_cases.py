"""To whom a case is given: an active instructor of its programme, no auditor, without an interest; and whose list it is in."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from applicants.models import Membership
from core.models import User
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.admin.forms import AssignForm
from grants.figures.work import stranded_cases
from grants.instruction import InstructionRefused, assign_instructor
from grants.models import Application
from grants.staff_forms import instructors_of
from grants.work import queue
from tests.factories.core import hold_in_breach
from tests.factories.instruction import CaseFactory, staff
from tests.forms import forms_of

pytestmark = pytest.mark.django_db
LIST = "admin:grants_application_changelist"


def head() -> User:
    return staff(Role.HEAD_OF_SERVICE)


def member(case: Application) -> User:
    person = staff(Role.INSTRUCTOR)
    Membership.objects.create(user=person, applicant=case.applicant, role="editor")
    return person


WRONG = {
    "a head of service who does not instruct": lambda case: head(),
    "of another programme": lambda case: staff(Role.INSTRUCTOR, "CPO"),
    "closed account": lambda case: staff(Role.INSTRUCTOR, is_active=False),
    "auditor besides": lambda case: hold_in_breach(staff(Role.INSTRUCTOR), Role.INSTRUCTOR, Role.AUDITOR),
    "acts for the body": member,
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_who_is_given_no_case(make):
    """By the service, by the step of the instruction, by the bulk action, in the database."""
    case = CaseFactory(state="admissible")
    giver, person = head(), make(case)
    with pytest.raises(InstructionRefused):
        assign_instructor(case, person, actor=giver)
    with pytest.raises(TransitionRefused):
        perform(case, "start_instruction", actor=giver, data={"instructor": person.pk})
    client = Client()
    client.force_login(giver, backend="django.contrib.auth.backends.ModelBackend")
    posted = client.post(reverse(LIST), {"action": "assign_to", "_selected_action": [case.pk]})
    form = next(item for item in forms_of(posted, reverse(LIST)) if f"shown-{case.pk}" in item.fields)
    client.post(reverse(LIST), form.fields | {"instructor": person.pk})
    with pytest.raises(IntegrityError), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(instructor=person)
    case.refresh_from_db()
    assert case.instructor is None
    if Membership.objects.filter(user=person).exists():
        return  # one of the list, refused for this case
    for people in (
        instructors_of(case.programme_version.programme_id),
        AssignForm(cases=[case]).fields["instructor"].queryset,
    ):
        assert person not in people


def test_a_head_of_service_starts_the_instruction_for_an_instructor():
    case, giver, instructor = CaseFactory(state="admissible"), head(), staff(Role.INSTRUCTOR)
    with pytest.raises(TransitionRefused, match="instru"):
        perform(case, "start_instruction", actor=giver)
    perform(case, "start_instruction", actor=giver, data={"instructor": instructor.pk})
    assert case.instructor == instructor


@pytest.mark.parametrize("state", ["submitted", "admissible", "in_instruction"])
def test_the_list_of_the_head_has_theirs_and_nobodys(state: str):
    """Whoever instructed and became head of service keeps the case in sight."""
    case, other = CaseFactory(state=state), staff(Role.INSTRUCTOR)
    chief = staff(Role.HEAD_OF_SERVICE)
    Application.objects.filter(pk=case.pk).update(instructor=other)
    assert case not in queue(chief)
    Application.objects.filter(pk=case.pk).update(instructor=None)
    assert case in queue(chief)
    once = staff(Role.INSTRUCTOR)
    Application.objects.filter(pk=case.pk).update(instructor=once)
    once.groups.set(chief.groups.all())
    assert case in queue(User.objects.get(pk=once.pk))
    assert case.number not in stranded_cases([], [])
    assert stranded_cases([once.pk], [Role.HEAD_OF_SERVICE]) == [case.number]


@pytest.mark.old_pages
def test_the_bulk_action_without_what_it_showed_asks_again_and_then_does_it():
    """No page of ours posts so; it gets the page that asks, with every case, and the second press goes through."""
    chief, taker, cases = head(), staff(Role.INSTRUCTOR), [CaseFactory(state="submitted") for _ in range(2)]
    client, address = Client(), reverse(LIST)
    client.force_login(chief, backend="django.contrib.auth.backends.ModelBackend")
    data = {"action": "assign_to", "_selected_action": [case.pk for case in cases], "instructor": taker.pk}
    asked = client.post(address, data)
    assert asked.status_code == 200
    form = next(item for item in forms_of(asked, address) if f"shown-{cases[0].pk}" in item.fields)
    assert form.fields["instructor"] == [str(taker.pk)]
    assert client.post(address, form.fields | {"_selected_action": data["_selected_action"]}).status_code == 302
    assert set(Application.objects.values_list("instructor", flat=True)) == {taker.pk}
