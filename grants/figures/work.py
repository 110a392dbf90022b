"""Every open case stands in the work list of a person who can do something about it."""

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.figures.invariants import Invariant, Severity, Unit, register
from core.roles import Role
from core.text import listed
from grants.models import Application

NAMED = 3
# By state, the role of those whose list shows the case (grants.work.to_do); an instructor has his own cases alone.
WHO = {
    "submitted": Role.INSTRUCTOR, "admissible": Role.INSTRUCTOR, "in_instruction": Role.INSTRUCTOR,
    "incomplete": Role.INSTRUCTOR, "instructed": Role.HEAD_OF_SERVICE, "ready_for_committee": Role.COMMITTEE_SECRETARY,
    "scheduled": Role.COMMITTEE_SECRETARY, "approved": Role.INSTRUCTOR,
}  # fmt: skip

# Without the people in ``gone`` in their roles ``lost``, in one programme or (NULL) in all.
NOBODYS = """
    SELECT app.id, app.number AS label, w.role AS expected, instructor.email AS found
    FROM grants_application app
    JOIN grants_programmeversion v ON v.id = app.programme_version_id
    JOIN unnest(%(states)s::text[], %(roles)s::text[]) AS w(state, role) ON w.state = app.state
    LEFT JOIN core_user instructor ON instructor.id = app.instructor_id
    WHERE NOT EXISTS (
        SELECT 1 FROM core_user u
        JOIN core_user_groups r ON r.user_id = u.id JOIN auth_group g ON g.id = r.group_id
        JOIN grants_programmeassignment a ON a.user_id = u.id AND a.programme_id = v.programme_id
        WHERE u.is_active
            AND NOT (u.id = ANY(%(gone)s::bigint[]) AND g.name = ANY(%(lost)s::text[])
                     AND coalesce(a.programme_id = %(programme)s::bigint, TRUE))
            AND ((g.name = w.role AND (w.role <> 'instructor' OR app.instructor_id IS NULL OR app.instructor_id = u.id))
              OR (g.name = 'head_of_service' AND (app.instructor_id IS NULL OR app.instructor_id = u.id)
                  AND app.state IN ('submitted', 'admissible', 'in_instruction'))
        ))
    ORDER BY app.id
"""


def _parameters(gone: Collection[int] = (), lost: Collection[str] = (), programme: int | None = None) -> dict[str, Any]:
    states = {"states": list(WHO), "roles": [role.value for role in WHO.values()]}
    return states | {"gone": list(gone), "lost": [str(role) for role in lost], "programme": programme}


def stranded_cases(gone: Collection[int], lost: Collection[str], programme: int | None = None) -> list[str]:
    """The numbers of the open cases that would stand in nobody's list any more without these people in these roles."""
    with connection.cursor() as cursor:
        cursor.execute(NOBODYS, _parameters())
        before = {number for _pk, number, *_rest in cursor.fetchall()}
        cursor.execute(NOBODYS, _parameters(gone, lost, programme))
        return [number for _pk, number, *_rest in cursor.fetchall() if number not in before]


def told(numbers: Collection[str]) -> list[str]:
    """The sentence about cases that would be nobody's; [] without any."""
    if not numbers:
        return []
    shown = listed([*numbers][:NAMED] + (["…"] if len(numbers) > NAMED else []))
    return [_("cases that would be in nobody's list (%(count)s): %(cases)s") % {"count": len(numbers), "cases": shown}]


def stranded_without(user, lost: Collection[str]) -> list[str]:
    """For :func:`core.users.last_person.register_stranded`."""
    return told(stranded_cases([user.pk], lost))


register(
    Invariant(
        code="grants.open-case-is-somebodys",
        name=gettext_lazy("Cases in a work list"),
        sentence=gettext_lazy(
            "Every open case stands in the work list of an active person of its programme: its instructor, "
            "or whoever has the role that its state waits for."
        ),
        source=gettext_lazy(
            "Code of relations between the public and the administration, Article L231-4: silence has effects."
        ),
        subject=Application,
        sql=NOBODYS,
        parameters=_parameters,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    )
)
