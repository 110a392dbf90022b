"""Accounts that somebody else had in hand: two persons are not two where one of them may be, or become, the other."""

from typing import Any

from django.conf import settings

from core.figures.invariants import ANOTHER, Invariant, Severity, Unit
from core.models.hands import UNANSWERED_HANDS
from core.models.relations import KNOWN_DAYS

# Each account that is in hand, with whoever may hold that hand: who did it, and who made them what they are by then.
_HELD = f"""
    SELECT taken.person, taken.hand, taken.at, taken.kind, maker.person AS maker
    FROM ({UNANSWERED_HANDS}) AS taken CROSS JOIN LATERAL essor_makers(
        taken.hand, taken.at - interval '{KNOWN_DAYS} days', taken.at + make_interval(days => %(held_days)s)) AS maker (person)
"""  # noqa: S608 - fragments of our own
_ONLY_ADDRESSES = "one.kind = 'reached' AND two.kind = 'reached'"


def _in_hand(held: str, whose: str, until: str) -> str:
    """SQL: true where that person's account, or the role that they used, was in hand at the step."""
    return f"""{held}.person = step.{whose}
        AND {held}.at BETWEEN step.first_at - make_interval(days => %(held_days)s) AND step.{until}
        AND ({held}.kind IN ('made', 'reached') OR {held}.kind = ANY(step.{whose}_roles))"""


def _both(which: str) -> str:
    return f"""
        SELECT step.id, step.label, two.hand FROM step
        JOIN held AS one ON {_in_hand("one", "first", "first_at")}
        JOIN held AS two ON {_in_hand("two", "second", "second_at")} AND two.maker = one.maker
        WHERE step.first <> step.second AND one.maker NOT IN (step.first, step.second) AND {which}"""  # noqa: S608 - fragments of our own


def _broken(steps: str, found: str) -> str:
    return f"""
        WITH step AS MATERIALIZED ({steps}), held AS MATERIALIZED ({_HELD})
        SELECT DISTINCT found.id, found.label, 'another' AS expected, coalesce(u.email, 'nobody') AS found
        FROM ({found}) AS found LEFT JOIN core_user u ON u.id = found.hand ORDER BY found.id, 2, 4
    """  # noqa: S608 - fragments of our own


def steps_in_one_hand(steps: str) -> str:
    """SQL of an invariant: the steps of which one was taken by an account that the person of the other had in hand.

    ``steps`` selects ``id, label, first, first_at, first_roles, second, second_at, second_roles``: who took the two, and
    by which roles (text[]). An account is in hand from ``held_days`` before the first step until the step that it takes:
    made by somebody else, its address or password chosen by them, the very role used given by them, or by whom they made
    an administrator; likewise where a third person chose the addresses or passwords of both. A second administrator who
    confirmed the person since, at any time, answers for it.
    """
    return _broken(
        steps,
        f"""
        SELECT step.id, step.label, held.hand FROM step
        JOIN held ON {_in_hand("held", "second", "second_at")} AND held.maker = step.first WHERE step.first <> step.second
        UNION
        SELECT step.id, step.label, held.hand FROM step
        JOIN held ON {_in_hand("held", "first", "first_at")} AND held.maker = step.second WHERE step.first <> step.second
        UNION {_both(_ONLY_ADDRESSES)}""",  # noqa: S608 - fragments of our own
    )


def steps_of_one_maker(steps: str) -> str:
    """SQL of an invariant: the steps that were taken by two accounts of one maker, whom nobody else knows to be two.

    As :func:`steps_in_one_hand`, of a third person, or of some who made one another: they made the accounts, or gave the
    roles used.
    """
    return _broken(steps, _both(f"NOT ({_ONLY_ADDRESSES})"))


def held_days() -> dict[str, Any]:
    """The parameters of :func:`steps_in_one_hand` and :func:`steps_of_one_maker`."""
    return {"held_days": settings.ESSOR_ADDRESS_HELD_DAYS}


def in_one_hand(steps: str, **declared: Any) -> Invariant:
    """The figure of :func:`steps_in_one_hand`."""
    return Invariant(
        sql=steps_in_one_hand(steps), parameters=held_days, unit=Unit.TEXT, words=ANOTHER, relation="", **declared
    )


def of_one_maker(steps: str, **declared: Any) -> Invariant:
    """The figure of :func:`steps_of_one_maker`: nothing is blocked, an independent administrator answers for an account."""
    return Invariant(
        sql=steps_of_one_maker(steps),
        parameters=held_days,
        unit=Unit.TEXT,
        words=ANOTHER,
        relation="",
        severity=Severity.FOLLOW_UP,
        **declared,
    )
