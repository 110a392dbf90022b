"""Who may act for the Region at all, whatever their role: nobody with an interest in the case, and no auditor.

One pair of questions, asked by the transition runner, by the services and by the screens alike. Who has an interest in
a row is said by the row itself (``interest_of``): the engine knows neither applicants nor cases.
"""

from typing import Any, Protocol

from django.utils.translation import gettext as _

from core.roles import Role


class Concerned(Protocol):
    """A row that concerns somebody: it says which interest a person has in it, or None."""

    pk: Any

    def interest_of(self, user: Any) -> str | None: ...


def reason_reads_only(user: Any) -> str | None:
    """An auditor changes nothing, whatever other roles they hold: who checks the work does none of it."""
    if getattr(user, "is_authenticated", False) and user.has_role(Role.AUDITOR):
        return _("An auditor reads everything and changes nothing.")
    return None


def reason_interested(user: Any, row: Concerned) -> str | None:
    """Why this person may not act for the Region on this row: their own interest in it; None without one.

    The answer is kept on the instance until it is read again: a page asks for each of its buttons.
    """
    if row.pk is None or not getattr(user, "is_authenticated", False):
        return None
    known = row.__dict__.setdefault("_interests", {})
    if user.pk not in known:
        known[user.pk] = row.interest_of(user)
    return str(known[user.pk]) if known[user.pk] else None


def know_interest(user: Any, row: Concerned, interest: str | None) -> None:
    """Keep what a page has read already of a person's interest in a row."""
    row.__dict__.setdefault("_interests", {})[user.pk] = interest


def reason_not_impartial(user: Any, row: Concerned) -> str | None:
    """Both questions, for a service on one row."""
    return reason_reads_only(user) or reason_interested(user, row)
