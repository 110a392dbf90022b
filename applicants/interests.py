"""What ties a person to bodies.

The whole rule of an interest is SQL, written once for screens and database: :mod:`applicants.models.triggers`.
"""

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Lower

from applicants.models import Applicant, Invitation, JoinRequest, KeptInterest, Membership, NoInterest
from applicants.models.triggers import namings

ADDRESS, INVITATION, CASE, KEPT = "address", "invitation", "case:", "kept:"
"""The places where a body names somebody: see :func:`applicants.models.triggers.namings`."""

#: SQL of the places that a person (%s: their id) has not answered, of a body (%s: its id).
NAMINGS = f"""
    SELECT naming.place FROM (SELECT %s::bigint, %s::bigint) AS asked(who, body),
           LATERAL ({namings("asked.who", "asked.body")}) AS naming"""  # noqa: S608 - constants


def answers(user, place: str | Combinable) -> QuerySet:
    """The declarations of ``user`` that answer a naming at this place by the address of their account."""
    return NoInterest.objects.live().filter(user=user, address=user.email, places__contains=[place]).order_by()


def answers_in_case(user, body: str, case: str) -> QuerySet:
    """Those that answer the address of a person of a case of a body; ``body`` and ``case`` name fields of the outer query."""
    return answers(user, _place(CASE, case)).filter(applicant=OuterRef(body))


def _place(kind: str, key: str) -> Concat:
    return Concat(Value(kind), Cast(OuterRef(key), TextField()), output_field=TextField())


def unanswered_invitations(user) -> QuerySet:
    """The invitations to which ``user`` said neither yes nor no, whether their link still works or not."""
    return (
        Invitation.objects.sent()
        .filter(accepted_at=None, declined_at=None)
        .alias(address=Lower("email"))
        .filter(address=user.email)
    )


def kept_namings(user) -> QuerySet:
    """The namings of ``user`` that the other side took off before they answered."""
    kept = KeptInterest.objects.live().filter(user=user, tie=KeptInterest.Tie.NAMED).order_by()
    return kept.exclude(Exists(answers(user, _place(KEPT, "pk")).filter(applicant=OuterRef("applicant_id"))))


def namings_of(user, applicant: Applicant) -> list[str]:
    """The places where a body names ``user``, and which they have not answered."""
    with connection.cursor() as cursor:
        cursor.execute(NAMINGS, [user.pk, applicant.pk])
        return [place for (place,) in cursor.fetchall()]


def tied_to(user) -> QuerySet:
    """Ids of the applicants for which ``user`` acts, acted not long ago, asks to act or asked to: what a person did themselves."""
    ties = (
        Membership.objects.all(),
        KeptInterest.objects.live().own_acts(),
        JoinRequest.objects.filter(state=JoinRequest.State.PENDING),
    )
    first, *others = (rows.filter(user=user).order_by().values("applicant_id") for rows in ties)
    return first.union(*others, all=True)
