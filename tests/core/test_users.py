"""People: one account per address, roles by groups."""

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import IntegrityError, transaction

from core.history import history_rows
from core.models.user import User
from core.roles import STAFF_ROLES, Role
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


def test_the_groups_of_the_roles_exist():
    assert set(Group.objects.values_list("name", flat=True)) >= set(Role.values)


def test_the_address_is_kept_in_lower_case_and_found_in_any():
    user = User.objects.create_user("Camille.MARTIN@Example.org", "un mot de passe assez long")
    assert user.email == "camille.martin@example.org"
    found = authenticate(None, username="CAMILLE.martin@EXAMPLE.org", password="un mot de passe assez long")
    assert found == user


def test_one_account_per_address():
    UserFactory(email="a@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("A@Example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="B@example.org")])


def test_an_account_needs_an_address():
    with pytest.raises(ValueError, match="address"):
        User.objects.create_user(" ")


@pytest.mark.parametrize("role", Role)
def test_roles(role, django_assert_num_queries):
    user = User.objects.get(pk=UserFactory(roles=[role]).pk)
    with django_assert_num_queries(1):
        assert user.role_set == {role}
        assert user.has_role(role)
    assert user.is_staff == (role in STAFF_ROLES)
    assert user.sees_everything == (role in (Role.AUDITOR, Role.ADMINISTRATOR))


def test_the_right_to_enter_the_staff_screens_follows_the_roles():
    user = UserFactory(instructor=True)
    user.set_roles([Role.APPLICANT])
    assert not user.is_staff
    Group.objects.get(name=Role.AUDITOR).user_set.add(user)
    user.refresh_from_db()
    assert user.is_staff
    assert user.role_set == {Role.APPLICANT, Role.AUDITOR}


def test_a_disabled_account_has_no_role():
    user = UserFactory(instructor=True, is_active=False)
    assert not user.has_role(Role.INSTRUCTOR)


def test_createsuperuser_makes_an_administrator(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", "un mot de passe assez long")
    call_command(
        "createsuperuser", email="Root@example.org", first_name="A", last_name="B", interactive=False, verbosity=0
    )
    user = User.objects.get(email="root@example.org")
    assert user.is_superuser
    assert user.has_role(Role.ADMINISTRATOR)
    assert history_rows(user).first().pgh_context == {"user": None, "label": "command createsuperuser"}


def test_neither_the_password_nor_the_last_login_is_in_the_history():
    names = {field.name for field in history_rows(UserFactory()).model._meta.fields}
    assert not names & {"password", "last_login"}
    assert "email" in names


def test_names():
    assert str(UserFactory(first_name="Ada", last_name="Lovelace")) == "Ada Lovelace"
    assert str(UserFactory(first_name="", last_name="", email="x@example.org")) == "x@example.org"
