"""What ties a person to bodies.

The whole rule of an interest is SQL, written once for screens and database: :mod:`applicants.models.triggers`.
"""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from applicants.models import Invitation, JoinRequest, KeptInterest, Membership, NoInterest


def declared_by(user) -> QuerySet:
    """Ids of the applicants in which ``user`` has declared to have no interest, and which they did not join since."""
    return NoInterest.objects.live().filter(user=user).order_by().values("applicant_id")


def open_invitations(user) -> QuerySet:
    """The invitations that wait for the answer of ``user``."""
    return Invitation.objects.open().alias(address=Lower("email")).filter(address=user.email)


def tied_to(user) -> QuerySet:
    """Ids of the applicants for which ``user`` acts, acted not long ago, asks to act or asked to: what a person did themselves."""
    ties = (
        Membership.objects.all(),
        KeptInterest.objects.live(),
        JoinRequest.objects.filter(state=JoinRequest.State.PENDING),
    )
    first, *others = (rows.filter(user=user).order_by().values("applicant_id") for rows in ties)
    return first.union(*others, all=True)
