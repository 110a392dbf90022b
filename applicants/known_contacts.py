"""How an applicant could be reached before a given moment, by the recorded history: what was changed since proves nothing.

Whoever takes hold of an account changes the telephone number and the address first, then the bank details
(``france.md`` B8: call back on the number known before, never on the one of the request).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import ValidationError
from django.db import models

from applicants.known_days import days_known
from applicants.models.applicant import Applicant
from applicants.models.people import MemberRole, Membership
from core.history import history_model_of
from core.lib.telephones import normal_number
from core.models.user import User

#: Who joins a body within this time of its entry here came with it.
FOUNDERS_COME_WITHIN = timedelta(hours=1)


@dataclass(frozen=True)
class KnownNumber:
    """A number that was on file at the time, whose it was, and since when."""

    number: str
    shown: str
    whose: str
    since: datetime


@dataclass(frozen=True)
class Contact:
    """The telephone and the address of one row of the history, and since when the telephone stood there."""

    whose: str
    phone: str
    email: str
    since: datetime


def long_before(moment: datetime) -> datetime:
    """The moment before which a contact counts as known: ``days_known`` earlier."""
    return moment - timedelta(days=days_known())


def joined_lately(user: User, applicant: Applicant, *, at: datetime) -> bool:
    """Whether ``user`` is one of the people of a body that was here before them, and has been so for a short while only."""
    new_since = long_before(at)
    return applicant.memberships.filter(
        user=user, created_at__gt=max(new_since, applicant.created_at + FOUNDERS_COME_WITHIN)
    ).exists()


def known_numbers(applicant: Applicant, *, at: datetime) -> list[KnownNumber]:
    """The numbers on file at this moment: the applicant's own, and those of its representatives of the time."""
    found: dict[str, KnownNumber] = {}
    for contact in _contacts(applicant, at):
        try:
            number = normal_number(contact.phone)
        except ValidationError:
            continue
        found.setdefault(number, KnownNumber(number, contact.phone, contact.whose, contact.since))
    return list(found.values())


def known_addresses(applicant: Applicant, *, at: datetime) -> list[str]:
    """The e-mail addresses on file at this moment, of the applicant and of its representatives of the time."""
    return list(dict.fromkeys(contact.email for contact in _contacts(applicant, at) if contact.email))


def _contacts(applicant: Applicant, at: datetime) -> list[Contact]:
    own = _contact_at(Applicant, applicant.pk, at, applicant.display_name)
    people = [_contact_at(User, user_id, at) for user_id in _representatives_at(applicant, at)]
    return [contact for contact in (own, *people) if contact is not None]


def _contact_at(model: type[models.Model], pk: int, at: datetime, whose: str = "") -> Contact | None:
    rows = list(
        history_model_of(model)
        .objects.filter(pgh_obj_id=pk, pgh_created_at__lte=at)
        .order_by("-pgh_id")
        .values("phone", "email", "first_name", "last_name", "pgh_created_at")
    )
    if not rows:
        return None
    last, since = rows[0], rows[0]["pgh_created_at"]
    for row in rows:
        if row["phone"] != last["phone"]:
            break
        since = row["pgh_created_at"]
    name = whose or f"{last['first_name']} {last['last_name']}".strip() or last["email"]
    return Contact(name, last["phone"], last["email"], since)


def _representatives_at(applicant: Applicant, at: datetime) -> list[int]:
    rows = (
        history_model_of(Membership)
        .objects.filter(applicant_id=applicant.pk, pgh_created_at__lte=at)
        .order_by("pgh_id")
        .values_list("user_id", "role", "pgh_label")
    )
    roles: dict[int, str] = {}
    for user_id, role, label in rows:
        roles[user_id] = "" if label == "delete" else role
    return [user_id for user_id, role in roles.items() if role == MemberRole.REPRESENTATIVE]
