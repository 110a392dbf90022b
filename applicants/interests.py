"""The bodies in which a person has an interest: those for which they act, are invited to act, or which they are."""

from django.db.models import QuerySet
from django.db.models.functions import Lower

from applicants.models import Applicant, Invitation, Membership


def bodies_of(user) -> QuerySet:
    """Ids of the applicants in which ``user`` has an interest: one query, of three look-ups by index.

    Those whose member they are (whatever the role), those that invited them and wait for the answer, and the person
    (or the body) whose own address is that of the account.
    """
    members = Membership.objects.filter(user=user).order_by().values("applicant_id")
    invited = (Invitation.objects.open().alias(address=Lower("email")).filter(address=user.email).order_by()).values(
        "applicant_id"
    )
    own = Applicant.objects.alias(address=Lower("email")).filter(address=user.email).order_by().values("pk")
    return members.union(invited, own, all=True)
