"""The bodies in which a person has an interest: those for which they act, acted, ask or are invited to act, or which they are."""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from applicants.models import Applicant, Invitation, JoinRequest, KeptInterest, Membership, NoInterest


def declared_by(user) -> QuerySet:
    """Ids of the applicants in which ``user`` has declared to have no interest, and which they did not join since."""
    return NoInterest.objects.live().filter(user=user).order_by().values("applicant_id")


def bodies_of(user) -> QuerySet:
    """Ids of the applicants in which ``user`` has an interest: one query, of look-ups by index.

    Those whose member they are (whatever the role) or were, or ask to be or asked, those that invited them and wait for
    the answer, and the person (or the body) whose own address is that of the account. What the other side alone wrote
    counts until the person answers it: a declaration of no interest lifts it, and never what the person did.
    """
    answered = declared_by(user)
    own = Applicant.objects.alias(address=Lower("email")).filter(address=user.email)
    invited = open_invitations(user).exclude(applicant__in=answered).order_by().values("applicant_id")
    own = own.exclude(pk__in=answered).order_by().values("pk")
    return tied_to(user).union(invited, own, all=True)


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
