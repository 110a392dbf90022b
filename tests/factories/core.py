"""People for the tests: one trait per role."""

from collections.abc import Iterable
from datetime import timedelta

import factory
import pgtrigger
from django.contrib.auth.models import Group
from django.db import connection, models
from django.utils import timezone

from core.acting import acting_as
from core.history import history_model_of, key_of
from core.models.user import User, UserRole
from core.roles import STAFF_ROLES, Role

GIVE = "INSERT INTO core_user_groups (user_id, group_id) SELECT %s, id FROM auth_group WHERE name = %s"


def hold_in_breach(user: User, *roles: Role) -> User:
    """Give roles that do not go together, as an account may hold them from before the rule."""
    groups = [Group.objects.get_or_create(name=str(role))[0] for role in roles]
    with pgtrigger.ignore("core.UserRole:roles_go_together", "core.UserRole:not_to_oneself"):
        user.groups.set(groups)
    return user


def recorded_earlier(row: models.Model, days: int = 90) -> None:
    """Let the history know of a row as it is now since that many days: nothing else can be made older."""
    events, long_ago = history_model_of(type(row)), timezone.now() - timedelta(days=days)
    with pgtrigger.ignore(), acting_as(label="test"):
        events.objects.filter(**{key_of(type(row)): row.pk}).update(pgh_created_at=long_ago)


class UserFactory(factory.django.DjangoModelFactory):
    """``UserFactory(instructor=True)``, or ``UserFactory(roles=[Role.AUDITOR])``."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        applicant = factory.Trait(roles=[Role.APPLICANT])
        instructor = factory.Trait(roles=[Role.INSTRUCTOR])
        head_of_service = factory.Trait(roles=[Role.HEAD_OF_SERVICE])
        committee_secretary = factory.Trait(roles=[Role.COMMITTEE_SECRETARY])
        finance_officer = factory.Trait(roles=[Role.FINANCE_OFFICER])
        eu_controller = factory.Trait(roles=[Role.EU_CONTROLLER])
        auditor = factory.Trait(roles=[Role.AUDITOR])
        administrator = factory.Trait(roles=[Role.ADMINISTRATOR])

    email = factory.Sequence(lambda number: f"person{number}@example.org")
    first_name = "Camille"
    last_name = factory.Sequence(lambda number: f"Martin {number}")
    password = "un mot de passe assez long"
    roles = ()

    @classmethod
    def _create(cls, model_class, *args, roles: Iterable[Role] = (), **kwargs):
        """One role as ``create_user`` gives it, with its own statements put together: every test makes people."""
        roles = [Role(role) for role in roles]
        if len(roles) != 1:
            return hold_in_breach(model_class.objects.create_user(*args, **kwargs), *roles)
        user = model_class.objects.create_user(*args, **kwargs | {"is_staff": roles[0] in STAFF_ROLES})
        with connection.cursor() as cursor:
            cursor.execute(GIVE, [user.pk, roles[0].value])
            return user if cursor.rowcount else hold_in_breach(user, *roles)


def known_for_long(user: User, days: int = 90) -> User:
    """An account, with its roles, of so many days ago."""
    recorded_earlier(user, days)
    for role in UserRole.objects.filter(user=user):
        recorded_earlier(role, days)
    return user
