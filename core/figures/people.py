"""Who enters the staff screens is who has a role of the staff."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.figures.invariants import ANOTHER, Broken, Invariant, Severity, Unit, register
from core.figures.names import action_words
from core.models.incompatible import SEPARATED, IncompatibleRoles
from core.models.user import User
from core.roles import STAFF_ROLES, Role
from core.users.last_person import waiting_for_nobody


def _roles() -> dict[str, Any]:
    return {"roles": [role.value for role in STAFF_ROLES]}


def _separated() -> dict[str, Any]:
    pairs = [sorted((str(first), str(second))) for first, second, *_more in SEPARATED]
    return {"first": [first for first, _second in pairs], "second": [second for _first, second in pairs]}


def _nobodys() -> Iterator[Broken]:
    """The open work that nobody active may take on: the first row of each kind stands for all."""
    for work in waiting_for_nobody():
        roles = ", ".join(sorted(str(role.label) for role in work.spec.roles))
        yield Broken(work.first, work.words, expected=roles, found="", subject=work.model)


register(
    Invariant(
        code="core.staff-follows-roles",
        name=_("Access to the staff screens"),
        sentence=_(
            "A person enters the staff screens exactly when they have a role of the staff; who has every right is an administrator."
        ),
        source=_("Rule 4 of the domain: what a person may do comes from their roles."),
        subject=User,
        sql="""
            SELECT id, email AS label, CASE WHEN has_role THEN 'enters' ELSE 'stays' END AS expected,
                   CASE WHEN is_superuser AND NOT is_administrator THEN 'superuser' WHEN is_staff THEN 'enters' ELSE 'stays' END AS found
            FROM (
                SELECT u.id, u.email, u.is_staff, u.is_superuser, EXISTS (
                    SELECT 1 FROM core_user_groups r JOIN auth_group g ON g.id = r.group_id
                    WHERE r.user_id = u.id AND g.name = ANY(%(roles)s)) AS has_role, EXISTS (
                    SELECT 1 FROM core_user_groups r JOIN auth_group g ON g.id = r.group_id
                    WHERE r.user_id = u.id AND g.name = 'administrator') AS is_administrator
                FROM core_user u) AS person
            WHERE has_role <> is_staff OR is_superuser AND NOT is_administrator ORDER BY id
        """,
        parameters=_roles,
        unit=Unit.TEXT,
        words={
            "enters": _("access to the staff screens"),
            "stays": _("no access to the staff screens"),
            "superuser": _("every right of the staff, without the role of administrator"),
        },
    ),
    Invariant(
        code="core.roles-go-together",
        name=_("Roles that do not go together"),
        sentence=_("Nobody holds two roles of a pair that the Region keeps apart."),
        source=_("Regulation (EU) 2021/1060, Articles 71(4) and 74(3): separation of functions; rule 4 of the domain."),
        subject=User,
        sql="""
            SELECT u.id, u.email AS label, pair.first AS expected, pair.second AS found
            FROM core_incompatibleroles pair
            JOIN auth_group one ON one.name = pair.first JOIN auth_group other ON other.name = pair.second
            JOIN core_user_groups mine ON mine.group_id = one.id
            JOIN core_user_groups too ON too.group_id = other.id AND too.user_id = mine.user_id
            JOIN core_user u ON u.id = mine.user_id WHERE pair.enforced ORDER BY u.id, pair.id
        """,
        unit=Unit.TEXT,
        words=dict(Role.choices),
        relation="",
    ),
    Invariant(
        code="core.separated-roles-are-enforced",
        name=_("Rules on incompatible roles"),
        sentence=_("No pair of roles that every installation keeps apart is missing, or is no longer enforced."),
        source=_("Regulation (EU) 2021/1060, Articles 71(4) and 74(3): separation of functions; rule 4 of the domain."),
        subject=IncompatibleRoles,
        sql="""
            SELECT coalesce(pair.id, 0) AS id, law.first || ' · ' || law.second AS label, 'enforced' AS expected,
                   CASE WHEN pair.id IS NULL THEN 'missing' ELSE 'stopped' END AS found
            FROM unnest(%(first)s::text[], %(second)s::text[]) AS law (first, second)
            LEFT JOIN core_incompatibleroles pair ON pair.first = law.first AND pair.second = law.second
            WHERE pair.enforced IS DISTINCT FROM TRUE ORDER BY law.first, law.second
        """,
        parameters=_separated,
        unit=Unit.TEXT,
        words={"enforced": _("the rule in force"), "stopped": _("the rule not enforced"), "missing": _("no such rule")},
        label_words=dict(Role.choices),
        relation="",
    ),
    Invariant(
        code="core.auditors-change-nothing",
        name=_("Acts of auditors"),
        sentence=_("Nobody did anything on the work of others since they became an auditor, but ask for reports."),
        source=_("Rule 4 of the domain: who audits the work does none of it."),
        subject=User,
        sql=f"""
            SELECT u.id, u.email || ' · ' || max(e.action) AS label, {day_of("since.day")} AS expected, {day_of("max(e.created_at)")} AS found
            FROM core_user u JOIN core_user_groups r ON r.user_id = u.id
            JOIN auth_group g ON g.id = r.group_id AND g.name = 'auditor'
            JOIN LATERAL (SELECT max(pgh_created_at) AS day FROM core_userroleevent
                          WHERE user_id = u.id AND group_id = g.id AND pgh_label = 'insert') AS since ON TRUE
            JOIN core_event e ON e.actor_id = u.id AND e.created_at > coalesce(since.day, '-infinity')
            JOIN django_content_type kind ON kind.id = e.content_type_id
            WHERE (kind.app_label, kind.model) <> ('core', 'job')
              AND NOT (kind.app_label = 'core' AND kind.model = 'user' AND e.object_id = u.id)
            GROUP BY u.id, since.day ORDER BY u.id
        """,  # noqa: S608 - the day of a moment
        unit=Unit.DAY,
        label_words=action_words,
        relation="",
    ),
    Invariant(
        code="core.closed-accounts-are-opened-by-another",
        name=_("Accounts that were opened again"),
        sentence=_(
            "Every account that is active again after it was deactivated was opened by an administrator, and nobody opened "
            "their own."
        ),
        source=_("Rule 4 of the domain: what a person may do comes from their roles."),
        subject=User,
        sql="""
            SELECT u.id, u.email AS label, 'another' AS expected, coalesce(who.email, 'nobody') AS found
            FROM (SELECT DISTINCT ON (person) * FROM (
                    SELECT pgh_obj_id AS person, pgh_id AS number, pgh_created_at AS at,
                           (pgh_context ->> 'user')::bigint AS hand, is_active AND NOT lag(is_active) OVER own AS opens,
                           coalesce(bool_or(is_active) OVER before, FALSE) AS was_open
                    FROM core_userevent
                    WINDOW own AS (PARTITION BY pgh_obj_id ORDER BY pgh_id),
                           before AS (PARTITION BY pgh_obj_id ORDER BY pgh_id
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS step
                  WHERE step.opens ORDER BY person, number DESC) AS line
            JOIN core_user u ON u.id = line.person AND u.is_active LEFT JOIN core_user who ON who.id = line.hand
            WHERE line.was_open AND (line.hand = line.person OR NOT EXISTS (
                SELECT 1 FROM core_userroleevent AS given
                JOIN auth_group AS role ON role.id = given.group_id AND role.name = 'administrator'
                WHERE given.user_id = line.hand AND given.pgh_label = 'insert' AND given.pgh_created_at <= line.at))
            ORDER BY u.id
        """,
        unit=Unit.TEXT,
        words=ANOTHER,
        relation="",
    ),
    Invariant(
        code="core.open-work-has-its-role",
        name=_("Roles that open work waits for"),
        sentence=_("Every role that open work waits for (to sign, to certify, to pay…) is held by an active person."),
        source=_("Rule 4 of the domain: what one person does, another one checks; there must be both."),
        subject=User,
        rows=_nobodys,
        unit=Unit.TEXT,
        severity=Severity.FOLLOW_UP,
        relation="",
    ),
)
