"""Accounts that somebody else had in hand: two persons are not two where one of them may become the other."""

from typing import Any

from django.conf import settings

from core.models.relations import KNOWN_DAYS, no_second

# Of whom, through whom, when: an address or a password that another person changed, a role that another person gave. The
# row history says so, which knows the writer of each line and the mark of the password.
_TAKEN = """
    SELECT line.person, line.hand, line.at, TRUE AS of_address, line.number FROM (
        SELECT pgh_obj_id AS person, (pgh_context ->> 'user')::bigint AS hand, pgh_created_at AS at, pgh_id AS number,
               pgh_label = 'update' AND (email <> lag(email) OVER own OR password_mark <> lag(password_mark) OVER own) AS differs
        FROM core_userevent WINDOW own AS (PARTITION BY pgh_obj_id ORDER BY pgh_id)) AS line
    WHERE line.differs AND line.hand <> line.person
    UNION ALL
    SELECT user_id, (pgh_context ->> 'user')::bigint, pgh_created_at, FALSE, NULL FROM core_userroleevent
    WHERE pgh_label = 'insert' AND (pgh_context ->> 'user')::bigint <> user_id
"""


def steps_in_one_hand(steps: str) -> str:
    """SQL of an invariant: the steps of which the second was taken by an account that the first person had in hand.

    ``steps`` selects ``id, label, first, first_at, second, second_at``. An account is in hand from ``held_days`` before the
    first step until the second; likewise where a third person changed the addresses or passwords of both, unless a second
    administrator confirmed the address.
    """
    during = "BETWEEN step.first_at - make_interval(days => %(held_days)s) AND step.second_at"
    known = f"taken.at - interval '{KNOWN_DAYS} days', step.second_at"
    return f"""
        WITH taken AS MATERIALIZED ({_TAKEN}), step AS ({steps})
        SELECT DISTINCT step.id, step.label, 'another' AS expected, u.email AS found
        FROM step JOIN taken ON taken.person = step.second AND taken.at {during}
        JOIN core_user u ON u.id = taken.hand
        WHERE step.first IN (SELECT essor_makers(taken.hand, {known})) OR (
            taken.of_address
            AND EXISTS (SELECT 1 FROM taken AS too WHERE too.of_address AND too.person = step.first AND too.at {during}
                           AND EXISTS (SELECT essor_makers(too.hand, {known}) INTERSECT SELECT essor_makers(taken.hand, {known})))
            AND NOT EXISTS (SELECT 1 FROM core_userevent AS line WHERE line.pgh_obj_id = taken.person
                               AND line.pgh_id > taken.number AND line.address_confirmed_by_id IS NOT NULL
                               AND NOT {no_second("line.address_confirmed_by_id", "taken.hand", "taken.at", "line.pgh_created_at")}))
        ORDER BY step.id
    """  # noqa: S608 - fragments of our own


def held_days() -> dict[str, Any]:
    """The parameters of :func:`steps_in_one_hand`."""
    return {"held_days": settings.ESSOR_ADDRESS_HELD_DAYS}
