"""Who learns by mail that somebody may act for a body, may do more or less for it, or no longer may: nobody does it unseen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from applicants.bank_accounts import representatives_of
from applicants.models import Applicant, KeptInterest
from applicants.models.people import ROLE_HELP, MemberRole
from core.events import history
from core.models import Event, User
from core.outbox import enqueue_mail

#: For how many days who no longer acts for a body reads why its cases are gone.
SAID_FOR = timedelta(days=90)

JOINED, CHANGED, ENDED = "joined", "changed", "ended"


def tell_of_people(
    applicant: Applicant,
    person: User,
    what: str,
    *,
    role: str,
    event: Event,
    actor: User,
    answered: bool = False,
    reason: str = "",
) -> None:
    """One mail to the person concerned, one to the representatives, and to the body's own address where the service did it.

    ``role`` is the one that the person has now, or had; ``event`` what says it, so that each learns it once. ``answered``:
    the person reads it in the answer to what they asked.
    """
    own = actor.pk == person.pk
    by_service = not own and not applicant.memberships.filter(user=actor).exists()
    context = {
        "applicant": applicant,
        "person": person,
        "by": actor,
        "what": what,
        "own": own,
        "role": MemberRole(role).label,
        "help": ROLE_HELP[MemberRole(role)],
        "reason": reason,
    }
    site = settings.ESSOR_SITE_URL
    if person.is_active and not answered:
        enqueue_mail(
            to=[person.email],
            template="applicants/mail/own_place",
            context=context | {"url": site + reverse("applicants:index")},
            subject_object=applicant,
            key=f"place-own:{event.pk}",
        )
    others = [*representatives_of(applicant), applicant.email if by_service else ""]
    if others := [address for address in others if address and address.lower() != person.email.lower()]:
        enqueue_mail(
            to=others,
            template="applicants/mail/others_place",
            context=context | {"url": site + reverse("applicants:people", args=[applicant.pk])},
            subject_object=applicant,
            key=f"place-others:{event.pk}",
        )


@dataclass(frozen=True)
class LeftBody:
    """A body for which a person no longer acts: since when, and through whom (None: they left, or it is not known)."""

    name: str
    at: datetime
    by: User | None


def left_bodies(user: User) -> list[LeftBody]:
    """The bodies for which ``user`` acted until lately and does not any more: said where their cases were."""
    kept = (
        KeptInterest.objects.filter(user=user, tie=KeptInterest.Tie.ACTED, ended_at__gt=timezone.now() - SAID_FOR)
        .exclude(applicant__memberships__user=user)
        .select_related("applicant")
        .order_by("applicant_id", "-ended_at")
        .distinct("applicant_id")
    )
    found = []
    for tie in kept:
        events = history(tie.applicant).filter(action="leave", data__email=user.email)
        event = events.order_by("-sequence").first()
        by = event.actor if event and event.actor_id != user.pk else None
        found.append(LeftBody(tie.applicant.display_name, tie.ended_at, by))
    return found
