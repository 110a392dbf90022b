"""Who enters the staff screens is who has a role of the staff."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, Unit, register
from core.models.user import User
from core.roles import STAFF_ROLES


def _roles() -> dict[str, Any]:
    return {"roles": [role.value for role in STAFF_ROLES]}


register(
    Invariant(
        code="core.staff-follows-roles",
        name=_("Access to the staff screens"),
        sentence=_("A person enters the staff screens exactly when they have a role of the staff."),
        source=_("Rule 4 of the domain: what a person may do comes from their roles."),
        subject=User,
        sql="""
            SELECT id, email AS label, expected, found FROM (
                SELECT u.id, u.email, u.is_staff AS found, u.is_superuser OR EXISTS (
                    SELECT 1 FROM core_user_groups r JOIN auth_group g ON g.id = r.group_id
                    WHERE r.user_id = u.id AND g.name = ANY(%(roles)s)) AS expected
                FROM core_user u) AS person
            WHERE expected <> found ORDER BY id
        """,
        parameters=_roles,
        unit=Unit.NUMBER,
    )
)
