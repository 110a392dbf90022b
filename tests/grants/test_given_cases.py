"""To whom a case is given: an active instructor of its programme, no auditor, without an interest; and whose list it is in."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from applicants.models import Membership
from core.models import User
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants.admin.forms import AssignForm
from grants.figures.work import stranded_cases
from grants.instruction import InstructionRefused, assign_instructor
from grants.models import Application, Message
from grants.staff_forms import instructors_of
from grants.who_is_there import INSTRUCTS, Without
from grants.work import queue, work_on_cases
from tests.factories.core import hold_in_breach
from tests.factories.instruction import CaseFactory, ask, staff
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
    assert case in queue(User.objects.get(pk=once.pk)) and case not in queue(chief)
    # Once nobody is left who instructs it, whoever else does the same work has it in sight; the last one strands it.
    others = User.objects.filter(groups__name__in=INSTRUCTS).exclude(pk=once.pk).values_list("pk", flat=True)
    assert stranded_cases(Without([once.pk], [Role.HEAD_OF_SERVICE])) == []
    assert case.number in stranded_cases(Without([once.pk, *others], INSTRUCTS))
    assert stranded_cases(Without([once.pk, *others], INSTRUCTS, programme=0)) == []
    once.groups.clear()
    assert case in queue(chief)


def what_waits(person: User) -> int:
    return len(list(work_on_cases(User.objects.get(pk=person.pk))))


LEAVES = {
    "account closed": lambda person: User.objects.filter(pk=person.pk).update(is_active=False),
    "role taken": lambda person: person.groups.clear(),
    "programme taken": lambda person: person.programme_assignments.all().delete(),
    "auditor now": lambda person: hold_in_breach(person, Role.INSTRUCTOR, Role.AUDITOR),
}


@pytest.mark.parametrize("leaves", LEAVES.values(), ids=LEAVES)
def test_what_an_instructor_leaves_is_in_the_list_of_each_colleague(leaves):
    """The case, an opinion that is late, a message of the applicant; the head, who instructs nothing, gives it to somebody."""
    case, left, colleague, chief = CaseFactory(state="admissible"), *(staff(Role.INSTRUCTOR) for _ in range(2)), head()
    Application.objects.filter(pk=case.pk).update(instructor=left)
    ask(case, due_on=timezone.localdate() - timedelta(days=3))
    Message.objects.create(application=case, author=case.created_by, from_staff=False, body="Où en est mon dossier ?")
    assert what_waits(left) == 3 and what_waits(colleague) == what_waits(chief) == 0
    leaves(left)
    assert what_waits(colleague) == 3
    (line,) = work_on_cases(chief)
    assert line.action == "Confier"


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
