"""In whose hand an account is: who made it, gave it a role, or chose its address or password, and who answered for it since.

Accounts that a command of the server made, or their own person, are in nobody's hand.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.models.relations import KNOWN_DAYS, known_days
from core.roles import ACTING_ROLES, STAFF_ROLES, Role
from core.triggers import declare_function

MADE, REACHED = "made", "reached"

# Whom somebody should know beside who made them: whoever decides, certifies, orders, confirms or controls.
ANSWERED_FOR = ACTING_ROLES - {Role.ADMINISTRATOR}

# Of whom, through whom, when, how: an account that another person made, its address or password that another one changed,
# a role that another one gave (by its name). The row history knows the writer of each line and the mark of the password.
_HANDS = """
    SELECT line.person, line.hand, line.at, line.kind FROM (
        SELECT pgh_obj_id AS person, (pgh_context ->> 'user')::bigint AS hand, pgh_created_at AS at,
               CASE WHEN pgh_label = 'insert' THEN 'made'
                    WHEN pgh_label = 'update' AND (email <> lag(email) OVER own
                         OR password_mark <> lag(password_mark) OVER own) THEN 'reached' END AS kind
        FROM core_userevent {of_account} WINDOW own AS (PARTITION BY pgh_obj_id ORDER BY pgh_id)) AS line
    WHERE line.kind IS NOT NULL AND line.hand <> line.person
    UNION ALL
    SELECT line.user_id, (line.pgh_context ->> 'user')::bigint, line.pgh_created_at, given.name
    FROM core_userroleevent AS line JOIN auth_group AS given ON given.id = line.group_id
    WHERE line.pgh_label = 'insert' AND (line.pgh_context ->> 'user')::bigint <> line.user_id {of_role}
"""

# Why an administrator does not answer for what another one did. As ``essor_no_second``, but who was made an administrator
# by a command of the server is a second one from their first day: a Region that begins with one has nobody else.
NO_WITNESS_FUNCTION = declare_function("""
CREATE OR REPLACE FUNCTION essor_no_witness(person bigint, other bigint, since timestamptz, until timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN told.why <> 'new' THEN told.why
        WHEN told.why = 'new' AND EXISTS (
            SELECT 1 FROM core_userroleevent AS line
            JOIN auth_group AS given ON given.id = line.group_id AND given.name = 'administrator'
            WHERE line.user_id = $1 AND line.pgh_label = 'insert' AND line.pgh_created_at > $3
              AND line.pgh_created_at <= $4 AND line.pgh_context ->> 'user' IS NOT NULL) THEN 'new'
        END FROM (SELECT essor_no_second($1, $2, $3, $4) AS why) AS told
$$
""")


def no_witness(person: str, until: str = "now()", days: str = str(KNOWN_DAYS)) -> str:
    """SQL: true where ``person`` does not answer for what the hand of the row ``held`` did. Whoever chose another address or
    password may be robbing the person: there, a second administrator is one of long standing."""
    asked = f"({person}, held.hand, held.at - interval '1 day' * {days}, {until}) IS NOT NULL"
    return f"CASE held.kind WHEN 'reached' THEN essor_no_second{asked} ELSE essor_no_witness{asked} END"


_ANSWERED = f"""EXISTS (
    SELECT 1 FROM core_userevent AS line WHERE line.pgh_obj_id = held.person AND (
        line.person_confirmed_at >= held.at AND NOT {no_witness("line.person_confirmed_by_id", "line.person_confirmed_at")}
        OR held.kind = 'reached' AND line.address_confirmed_by_id IS NOT NULL AND line.pgh_created_at >= held.at
        AND NOT {no_witness("line.address_confirmed_by_id", "line.pgh_created_at")}))"""

UNANSWERED_HANDS = f"""SELECT DISTINCT held.person, held.hand, held.at, held.kind
    FROM ({_HANDS.format(of_account="", of_role="")}) AS held WHERE NOT {_ANSWERED}"""
"""SQL: (person, hand, at, kind) of all accounts, but what an independent administrator answered for since."""

_OF_ONE = _HANDS.format(of_account="WHERE pgh_obj_id = $1", of_role="AND line.user_id = $1")
HANDS_FUNCTION = declare_function(f"""
CREATE OR REPLACE FUNCTION essor_hands(person bigint)
RETURNS TABLE (hand bigint, at timestamptz, kind text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT held.hand, held.at, held.kind FROM ({_OF_ONE}) AS held WHERE NOT {_ANSWERED}
$$
""")

_TO_ANSWER = """
    FROM core_user AS held_by CROSS JOIN LATERAL essor_hands(held_by.id) AS held
    WHERE (held.kind IN ('made', 'reached') OR held.kind = ANY(%(roles)s))
"""
HOW: dict[str, str | Promise] = {
    MADE: _("made the account"),
    REACHED: _("changed its address or password"),
    **{str(role): role.label for role in STAFF_ROLES},
}


@dataclass(frozen=True)
class Hand:
    """Through whom an account is what it is, since when, and how: :data:`HOW`."""

    hand: int
    name: str
    at: datetime
    kind: str

    @property
    def how(self) -> str:
        """What they did, in words."""
        words = str(HOW.get(self.kind, self.kind))
        return words if self.kind in (MADE, REACHED) else str(_("gave the role “%(role)s”") % {"role": words})


def hands_of(person: int) -> list[Hand]:
    """In whose hand the account is, the newest first: nobody independent of them has answered for it since."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT held.hand, coalesce(nullif(trim(who.first_name || ' ' || who.last_name), ''), who.email, '–'),"
            " held.at, held.kind FROM essor_hands(%(person)s) AS held LEFT JOIN core_user AS who ON who.id = held.hand"
            " WHERE held.kind IN ('made', 'reached') OR held.kind = ANY(%(roles)s)"
            " ORDER BY held.at DESC, held.hand, held.kind",
            {"person": person, "roles": sorted(map(str, ANSWERED_FOR))},
        )
        return [Hand(*row) for row in cursor.fetchall()]


def witnesses_for(person: int) -> list[int]:
    """The active administrators who may say today that this account is of who it says: for one of its hands at least."""
    return _asked(
        f"""SELECT DISTINCT u.id FROM core_user AS u JOIN core_user_groups AS role_of ON role_of.user_id = u.id
        JOIN auth_group AS role ON role.id = role_of.group_id AND role.name = 'administrator'
        WHERE u.is_active AND u.id <> %(person)s AND EXISTS (
            SELECT 1 {_TO_ANSWER} AND held_by.id = %(person)s AND NOT {no_witness("u.id", days="%(known)s")})
        ORDER BY u.id""",
        person=person,
    )


def wait_for(administrator: Any, days: int) -> list[int]:
    """The active accounts of the staff that somebody has had in hand for less than ``days``, for which this administrator
    may answer."""
    return _asked(
        f"""SELECT held_by.id {_TO_ANSWER} AND held.at > now() - make_interval(days => %(days)s)
            AND held_by.is_active AND held_by.id <> %(person)s
            AND EXISTS (SELECT 1 FROM core_user_groups AS role_of JOIN auth_group AS role ON role.id = role_of.group_id
                        WHERE role_of.user_id = held_by.id AND role.name = ANY(%(roles)s))
            AND NOT {no_witness("%(person)s", days="%(known)s")}
        GROUP BY held_by.id ORDER BY min(held.at), held_by.id""",
        person=administrator.pk,
        days=days,
    )


def _asked(sql: str, **values: Any) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values | {"roles": sorted(map(str, ANSWERED_FOR)), "known": known_days()})
        return [pk for (pk,) in cursor.fetchall()]
