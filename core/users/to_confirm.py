"""Accounts that wait for a second administrator's word: in the work list of whoever may give it."""

from collections.abc import Iterable
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from core.models.hands import wait_for
from core.models.relations import known_days
from core.models.user import User
from core.navigation import WorkItem
from core.roles import Role

SHOWN = 50


def accounts_to_confirm(user: Any) -> Iterable[WorkItem]:
    """The accounts of the staff that another administrator made, gave a role or reached lately; the oldest first.

    For as many days as make an administrator a second one; the page of the account takes the answer later too.
    """
    if not user.has_role(Role.ADMINISTRATOR):
        return []
    waiting = wait_for(user, known_days())[:SHOWN]
    return [
        WorkItem(
            due=None,
            title=person.get_full_name(),
            why=_("Another administrator made this account, gave it a role or changed it: is it of who it says?"),
            url=reverse("admin:core_user_change", args=[person.pk]),
            action=_("Confirm"),
        )
        for person in sorted(User.objects.filter(pk__in=waiting), key=lambda person: waiting.index(person.pk))
    ]
