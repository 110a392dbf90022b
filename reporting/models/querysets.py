"""Who sees what in reporting: deny by default.

The staff of a scheme see the operations of its cases. EU controllers and finance officers also see what no case
stands behind: operations taken over from an official list. Auditors and administrators see everything.
"""

from django.db import models
from django.db.models import Q

from core.roles import Role
from grants.permissions import programmes_of

EU_STAFF = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.AUDITOR, Role.ADMINISTRATOR)


def operations_q(user, prefix: str = "") -> Q | None:
    """Return the condition on the operations that ``user`` may see; None when there are none.

    ``prefix`` is the path from the filtered model to the operation (``"operation__"``).
    """
    if user is None or not user.is_authenticated or not user.is_active:
        return None
    if user.sees_everything:
        return Q()
    own = Q(**{f"{prefix}agreement__application__programme_version__programme__in": programmes_of(user)})
    if user.has_role(*EU_STAFF):
        return own | Q(**{f"{prefix}agreement__isnull": True})
    return own if user.has_role(Role.INSTRUCTOR, Role.HEAD_OF_SERVICE) else None


class OfOperationQuerySet(models.QuerySet):
    """A queryset that knows the way from its model to the operation."""

    operation_path = "operation__"

    def for_user(self, user):
        """Keep the rows whose operation ``user`` may see (none for strangers)."""
        condition = operations_q(user, self.operation_path)
        return self.none() if condition is None else self.filter(condition)


class EUStaffQuerySet(models.QuerySet):
    """Rows about all operations together: for those who answer to the Commission, and their auditors."""

    def for_user(self, user):
        if user is None or not user.is_authenticated or not user.is_active or not user.has_role(*EU_STAFF):
            return self.none()
        return self
