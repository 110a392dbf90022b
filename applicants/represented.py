"""Who represents a body, or did until lately: every rule that lets its representatives decide first asks this.

Whoever closes the account of the only representative for a moment, or ends or lowers their right, would else find the body
without any and decide alone meanwhile.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from core.dates import end_of_day

#: What the database holds: who represented a body counts for these days after the end, or for those of the setting
#: ``ESSOR_JOIN_WAITS_DAYS`` where they are more. A request that does not say until when one waits leaves as many.
WAITS_AT_LEAST = timedelta(days=15)

# The first line of the history of an account ``u`` after it was open for the last time.
CLOSED_AT = """(SELECT min(shut.pgh_created_at) FROM core_userevent shut
              WHERE shut.pgh_obj_id = u.id AND NOT shut.is_active AND shut.pgh_id > (
                    SELECT max(open.pgh_id) FROM core_userevent open WHERE open.pgh_obj_id = u.id AND open.is_active))"""


def representing(body: str, since: str) -> str:
    """SQL of who represents a body (``user_id``), with ``ended_at``: NULL, or a moment after ``since`` (SQL) at which their
    account was closed, or their right ended or was lowered. ``body``: SQL of its id."""
    return f"""
        SELECT been.user_id, least(been.until, held.closed_at) AS ended_at FROM (
            SELECT m.user_id, NULL::timestamptz AS until FROM applicants_membership m
             WHERE m.applicant_id = {body} AND m.role = 'representative'
            UNION ALL
            SELECT gone.user_id, gone.pgh_created_at FROM applicants_membershipevent gone
             WHERE gone.applicant_id = {body} AND gone.pgh_created_at > {since}
               AND CASE gone.pgh_label WHEN 'delete' THEN gone.role ELSE (
                    SELECT CASE WHEN gone.role <> 'representative' THEN earlier.role END FROM applicants_membershipevent earlier
                     WHERE earlier.pgh_obj_id = gone.pgh_obj_id AND earlier.pgh_id < gone.pgh_id
                     ORDER BY earlier.pgh_id DESC LIMIT 1) END = 'representative') AS been
        JOIN core_user u ON u.id = been.user_id
        CROSS JOIN LATERAL (
            SELECT CASE WHEN NOT u.is_active THEN coalesce({CLOSED_AT}, '-infinity') END AS closed_at) AS held
        WHERE coalesce(least(been.until, held.closed_at), 'infinity') > {since}"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class Representing:
    """A person who represents a body, or did until ``ended_at``."""

    user_id: int
    ended_at: datetime | None

    @property
    def counts_until(self) -> datetime | None:
        """Until when they count as a representative of the body; None: they are one."""
        return self.ended_at and end_of_day(timezone.localdate(self.ended_at) + waits())


def waits() -> timedelta:
    """For how long who represented a body counts after the end."""
    return max(WAITS_AT_LEAST, timedelta(days=settings.ESSOR_JOIN_WAITS_DAYS))


def representatives(body: int, *, but: int | None = None) -> list[Representing]:
    """Those of a body (its id), without the person ``but``: whoever asks for a place does not decide on it."""
    since = timezone.now() - waits() - timedelta(days=1)
    sql = f"SELECT user_id, ended_at FROM ({representing('%(body)s', '%(since)s')}) AS found ORDER BY user_id, ended_at"  # noqa: S608 - constants
    with connection.cursor() as cursor:
        cursor.execute(sql, {"body": body, "since": since})
        found = [Representing(*row) for row in cursor.fetchall()]
    return [one for one in found if one.user_id != but and (one.ended_at is None or one.counts_until > timezone.now())]


def service_answers_after(found: list[Representing], waits_until: datetime) -> datetime:
    """From when on the service decides: once those who represent the body had their time, or nobody does for as long."""
    if any(one.ended_at is None for one in found):
        return waits_until
    return min(waits_until, max(one.counts_until for one in found)) if found else timezone.now()


def closed_lately(user_id: int) -> bool:
    """Whether an account that is closed was open less than these days ago."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {CLOSED_AT} FROM core_user u WHERE u.id = %s AND NOT u.is_active", [user_id])  # noqa: S608 - constants
        found = cursor.fetchone()
    return bool(found and found[0]) and found[0] + waits() > timezone.now()
