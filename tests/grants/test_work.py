"""What waits for whom: the queues of the staff side and the first page."""

from datetime import timedelta

import pgtrigger
import pytest
from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone

from core.models import User
from core.navigation import menu_items, work_for
from core.roles import Role
from grants.models import Application
from grants.who_is_there import FOLLOWS_UP, INSTRUCTS, nobody_instructs, there
from grants.work import queue
from tests.factories.core import hold_in_breach
from tests.factories.instruction import CaseFactory, staff

pytestmark = pytest.mark.django_db


def test_a_granted_case_waits_for_its_act_and_not_for_a_decision():
    """The date of the implied refusal has no meaning once the committee has granted."""
    CaseFactory(state="approved", decision_due_on=timezone.localdate() - timedelta(days=300))
    finance = staff(Role.FINANCE_OFFICER)
    assert not queue(finance).exists()
    assert not any(item.is_late for item in work_for(finance))


def test_finance_has_no_queue_of_cases_in_its_menu():
    def queues(role) -> list[str]:
        return [item.query for item in menu_items(staff(role)) if item.query.startswith("queue=")]

    assert "queue=todo" in queues(Role.INSTRUCTOR)
    assert "queue=todo" not in queues(Role.FINANCE_OFFICER)
    assert "queue=order" in queues(Role.FINANCE_OFFICER)


def test_the_head_of_service_assigns_what_the_instructor_checks():
    CaseFactory()
    head, instructor = staff(Role.HEAD_OF_SERVICE), staff(Role.INSTRUCTOR)
    assert [str(item.action) for item in work_for(head)] == ["Confier"]
    assert [str(item.action) for item in work_for(instructor)] == ["Vérifier"]


def test_the_queue_begins_with_what_is_due_and_ends_with_what_is_decided(client):
    today = timezone.localdate()
    decided = CaseFactory(state="rejected", decision_due_on=today - timedelta(days=400))
    later = CaseFactory(call=decided.call, decision_due_on=today + timedelta(days=30))
    soon = CaseFactory(call=decided.call, decision_due_on=today + timedelta(days=3))
    assert list(Application.objects.order_by(Application.due_first(), "pk")) == [soon, later, decided]
    client.force_login(staff(Role.INSTRUCTOR), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:grants_application_changelist"))
    assert [case.pk for case in page.context["cl"].result_list] == [soon.pk, later.pk, decided.pk]


@pytest.mark.parametrize("roles", [INSTRUCTS, FOLLOWS_UP])
def test_who_instructs_is_there_as_the_figures_say(roles):
    """The condition of the lists, written in SQL, beside the one of the figures: each way to be there, or no longer."""
    case = CaseFactory()
    people = [None, *(staff(role) for role in (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER))]
    gone, elsewhere, audits = (staff(Role.INSTRUCTOR) for _each in range(3))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    elsewhere.programme_assignments.all().delete()
    hold_in_breach(audits, Role.INSTRUCTOR, Role.AUDITOR)
    told = set()
    for person in [*people, gone, elsewhere, audits]:
        with pgtrigger.ignore():  # or they were, once
            Application.objects.filter(pk=case.pk).update(instructor=person)
        this = Application.objects.filter(pk=case.pk)
        nobody = this.filter(nobody_instructs(roles=roles)).exists()
        assert nobody is this.filter(~Exists(there(roles).filter(user=OuterRef("instructor")))).exists(), person
        told.add(nobody)
    assert told == {True, False}
