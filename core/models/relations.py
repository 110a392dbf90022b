"""Two administrators are two where neither made the other: who is no second one for what another has done.

Whoever makes an account, gives it the role of administrator, or gives it another address may hold it in their hand. The
row history knows the writer of each line, also of accounts and roles that are gone.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from core.triggers import ACTOR, declare_function

KNOWN_DAYS = 30
"""For so many days, at least, an administrator is known before they confirm; the database itself holds this number."""

# The person, who made them what they are, who made those, and so on: between two moments.
MAKERS_FUNCTION = declare_function("""
CREATE OR REPLACE FUNCTION essor_makers(person bigint, since timestamptz, until timestamptz)
RETURNS SETOF bigint LANGUAGE sql STABLE AS $$
    WITH RECURSIVE chain (person) AS (
        SELECT $1
        UNION
        SELECT made.maker FROM chain CROSS JOIN LATERAL (
            SELECT (line.pgh_context ->> 'user')::bigint AS maker FROM core_userevent AS line
            WHERE line.pgh_obj_id = chain.person AND line.pgh_label = 'insert'
              AND line.pgh_created_at > $2 AND line.pgh_created_at <= $3
            UNION ALL
            SELECT line.address_changed_by_id FROM core_userevent AS line
            WHERE line.pgh_obj_id = chain.person
              AND line.address_changed_at > $2 AND line.address_changed_at <= $3
            UNION ALL
            SELECT (line.pgh_context ->> 'user')::bigint FROM core_userroleevent AS line
            JOIN auth_group AS given ON given.id = line.group_id AND given.name = 'administrator'
            WHERE line.user_id = chain.person AND line.pgh_label = 'insert'
              AND line.pgh_created_at > $2 AND line.pgh_created_at <= $3) AS made
        WHERE made.maker IS NOT NULL)
    SELECT chain.person FROM chain
$$
""")

# Why a person is no second one beside the first: 'same', 'related' or 'new'; NULL where they are.
NO_SECOND_FUNCTION = declare_function("""
CREATE OR REPLACE FUNCTION essor_no_second(person bigint, other bigint, since timestamptz, until timestamptz)
RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN $1 = $2 THEN 'same'
        WHEN EXISTS (SELECT essor_makers($1, $3, $4) INTERSECT SELECT essor_makers($2, $3, $4)) THEN 'related'
        WHEN EXISTS (
            SELECT 1 FROM core_userroleevent AS line
            JOIN auth_group AS given ON given.id = line.group_id AND given.name = 'administrator'
            WHERE line.user_id = $1 AND line.pgh_label = 'insert' AND line.pgh_created_at > $3
              AND line.pgh_created_at <= $4) THEN 'new'
        END
$$
""")

ACTOR_ADMINISTERS = f"""EXISTS (SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id
                                WHERE held.user_id = {ACTOR} AND role.name = 'administrator')"""


def no_second(person: str, other: str, at: str, until: str = "now()") -> str:
    """SQL: true where ``person`` is no second administrator for what ``other`` did at that moment."""
    return f"essor_no_second({person}, {other}, {at} - interval '{KNOWN_DAYS} days', {until}) IS NOT NULL"


def known_days() -> int:
    """For how many days an administrator must have been one: the setting lengthens what the database holds."""
    return max(KNOWN_DAYS, settings.ESSOR_ADMINISTRATOR_KNOWN_DAYS)


def why_no_second(actor: Any, other: int | None, at: datetime, *, witness: bool = False) -> str | None:
    """Why this administrator does not confirm what ``other`` did at that moment, in words; None when they may.

    ``witness``: as one who says that an account is of who it says (:mod:`core.models.hands`).
    """
    asked = "essor_no_witness" if witness else "essor_no_second"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {asked}(%s, %s, %s, %s)",
            [actor.pk, other, at - timedelta(days=known_days()), timezone.now()],
        )
        (why,) = cursor.fetchone()
    words = {
        "same": _("You did this yourself: another administrator confirms it."),
        "related": _(
            "You and who did this have not been apart for %(days)s days: one made the other’s account, made them an"
            " administrator or changed their address, or a third person did so for both. Another administrator confirms it."
        ),
        "new": _(
            "You had not been an administrator for %(days)s days when this was done: one who had been confirms it."
        ),
    }
    return words[why] % {"days": known_days()} if why else None


def seconds_for(other: int | None, at: datetime) -> list[int]:
    """The active administrators who may confirm what ``other`` did at that moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT u.id FROM core_user u JOIN core_user_groups held ON held.user_id = u.id"
            " JOIN auth_group role ON role.id = held.group_id AND role.name = 'administrator'"
            " WHERE u.is_active AND essor_no_second(u.id, %s, %s, %s) IS NULL ORDER BY u.id",
            [other, at - timedelta(days=known_days()), timezone.now()],
        )
        return [pk for (pk,) in cursor.fetchall()]
