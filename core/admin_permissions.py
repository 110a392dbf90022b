"""Who may see and change what in the staff screens: by role, declared on each admin class.

Django's permissions per model are not used: a role is a job, and a job does not change when a model is added.
"""

from collections.abc import Iterable
from typing import Any

from django.db import models
from django.http import HttpRequest

from core.engine.standing import reason_interested, reason_reads_only
from core.roles import STAFF_ROLES, Role


def has_any_role(user: Any, roles: Iterable[Role | str]) -> bool:
    """True for a signed-in, active user who has one of these roles."""
    return bool(user and user.is_authenticated and user.has_role(*roles))


class AdminRolesMixin:
    """Permissions of an admin class (or inline) from its four lists of roles.

    An auditor sees everything and changes nothing, whatever the lists say; an administrator sees everything.
    """

    view_roles: Iterable[Role] = STAFF_ROLES
    add_roles: Iterable[Role] = ()
    change_roles: Iterable[Role] = ()
    delete_roles: Iterable[Role] = ()

    def has_view_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        seen_by = {*self.view_roles, *self.change_roles, *self.add_roles, Role.AUDITOR, Role.ADMINISTRATOR}
        return has_any_role(request.user, seen_by)

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_write(request, self.add_roles)

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_write(request, self.change_roles, obj)

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return self._may_write(request, self.delete_roles, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Importing (django-import-export) adds and changes: both are needed."""
        return self.has_add_permission(request) and self.has_change_permission(request)

    def has_export_permission(self, request: HttpRequest) -> bool:
        """What a person sees, they may take away as a table."""
        return self.has_view_permission(request)

    @staticmethod
    def _may_write(request: HttpRequest, roles: Iterable[Role], obj: models.Model | None = None) -> bool:
        """The role, no auditor (the restriction wins over any other role), no interest of one's own in the row."""
        if not has_any_role(request.user, set(roles) - {Role.AUDITOR}) or reason_reads_only(request.user):
            return False
        return not hasattr(obj, "interest_of") or reason_interested(request.user, obj) is None
