"""Every open case stands in the work list of a person who can do something about it."""

from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Invariant, Severity, Unit, register
from core.roles import Role
from grants.models import Application

# By state, the role of those whose list shows the case (grants.work.to_do); an instructor has his own cases alone.
WHO = {
    "submitted": Role.INSTRUCTOR, "admissible": Role.INSTRUCTOR, "in_instruction": Role.INSTRUCTOR,
    "incomplete": Role.INSTRUCTOR, "instructed": Role.HEAD_OF_SERVICE, "ready_for_committee": Role.COMMITTEE_SECRETARY,
    "scheduled": Role.COMMITTEE_SECRETARY, "approved": Role.INSTRUCTOR,
}  # fmt: skip

register(
    Invariant(
        code="grants.open-case-is-somebodys",
        name=_("Cases in a work list"),
        sentence=_(
            "Every open case stands in the work list of an active person of its programme: its instructor, "
            "or whoever has the role that its state waits for."
        ),
        source=_("Code of relations between the public and the administration, Article L231-4: silence has effects."),
        subject=Application,
        sql="""
            SELECT app.id, app.number AS label, w.role AS expected, instructor.email AS found
            FROM grants_application app
            JOIN grants_programmeversion v ON v.id = app.programme_version_id
            JOIN unnest(%(states)s::text[], %(roles)s::text[]) AS w(state, role) ON w.state = app.state
            LEFT JOIN core_user instructor ON instructor.id = app.instructor_id
            WHERE NOT EXISTS (
                SELECT 1 FROM core_user u
                JOIN core_user_groups r ON r.user_id = u.id JOIN auth_group g ON g.id = r.group_id
                JOIN grants_programmeassignment a ON a.user_id = u.id AND a.programme_id = v.programme_id
                WHERE u.is_active AND (
                    (g.name = w.role AND (w.role <> 'instructor' OR app.instructor_id IS NULL OR app.instructor_id = u.id))
                    OR (g.name = 'head_of_service' AND app.instructor_id IS NULL AND app.state IN ('submitted', 'admissible'))
                ))
            ORDER BY app.id
        """,
        parameters=lambda: {"states": list(WHO), "roles": [role.value for role in WHO.values()]},
        unit=Unit.TEXT,
        words=dict(Role.choices),
        severity=Severity.FOLLOW_UP,
    )
)
