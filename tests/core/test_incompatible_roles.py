"""Roles that nobody holds together: data, held by the database, shown where somebody holds both all the same."""

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from core.admin.people import AccountForm
from core.events import history
from core.models import IncompatibleRoles, User
from core.models.incompatible import SEPARATED
from core.roles import ACTING_ROLES, Role
from demo.people import STAFF
from tests.factories.core import UserFactory, hold_in_breach

pytestmark = pytest.mark.django_db
LIST = "/admin/core/incompatibleroles/"


@pytest.mark.parametrize("pair", SEPARATED, ids=lambda pair: f"{pair[0]} and {pair[1]}")
def test_no_door_gives_two_roles_that_do_not_go_together(pair):
    first, second = pair[0], pair[1]
    user = UserFactory(roles=[first])
    with pytest.raises(ValidationError):
        user.set_roles([first, second])
    with pytest.raises(IntegrityError, match="not held together"), transaction.atomic():
        Group.objects.get(name=second).user_set.add(user)
    with pytest.raises(IntegrityError, match="not held together"), transaction.atomic():
        User.groups.through.objects.create(user=user, group=Group.objects.get(name=second))
    assert User.objects.get(pk=user.pk).role_set == {first}
    with pytest.raises(ValidationError), transaction.atomic():
        User.objects.create_user("deux@example.org", roles=[second, first])


def test_an_auditor_goes_with_no_acting_role_and_others_may_be_held_together():
    assert {second for first, second, *_rest in SEPARATED if first == Role.AUDITOR} == ACTING_ROLES
    UserFactory().set_roles([Role.INSTRUCTOR, Role.HEAD_OF_SERVICE])
    UserFactory().set_roles([Role.AUDITOR, Role.APPLICANT])


def test_the_form_says_why_and_lets_a_breach_be_ended():
    data = {"first_name": "A", "last_name": "B", "email": "a@example.org", "language": "fr", "is_active": "on"}
    form = AccountForm(data | {"roles": ["auditor", "instructor"]})
    assert "roles" in form.errors
    held = hold_in_breach(UserFactory(), Role.AUDITOR, Role.INSTRUCTOR)
    data["email"] = held.email
    assert "roles" not in AccountForm(data | {"roles": ["auditor", "instructor"]}, instance=held).errors
    assert "roles" not in AccountForm(data | {"roles": ["auditor"]}, instance=held).errors
    assert "roles" in AccountForm(data | {"roles": ["auditor", "finance_officer"]}, instance=held).errors


def test_administrators_see_the_breaches_and_add_pairs(client: Client):
    held = hold_in_breach(UserFactory(), Role.AUDITOR, Role.INSTRUCTOR)
    client.force_login(UserFactory(administrator=True))
    page = client.get(LIST).content.decode()
    assert held.email in page
    typed = {"first": "head_of_service", "second": "finance_officer", "reason": "Qui vise n’ordonnance pas."}
    assert client.post(f"{LIST}add/", typed | {"enforced": "on"}).status_code == 302
    pair = IncompatibleRoles.objects.get(first="finance_officer", second="head_of_service")
    assert history(pair).get().action == "create"
    with pytest.raises(ValidationError):
        UserFactory(finance_officer=True).set_roles([Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE])
    client.post(f"{LIST}{pair.pk}/change/", {"reason": pair.reason, "change_reason": "Contrôle interne"})
    UserFactory(finance_officer=True).set_roles([Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE])


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.ADMINISTRATOR, Role.AUDITOR)])
def test_nobody_else_reads_or_writes_them(client: Client, role):
    client.force_login(UserFactory(roles=[role]))
    assert client.get(LIST).status_code in (302, 403)
    assert client.post(f"{LIST}add/", {}).status_code in (302, 403)


def test_the_people_of_the_demonstration_hold_one_role_each():
    assert all(isinstance(colleague.role, Role) for colleague in STAFF)
