"""Who learns by mail that somebody may act for a body, may do more or less for it, or no longer may: nobody does it unseen."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from applicants.models import Applicant, KeptInterest
from applicants.models.people import ROLE_HELP, MemberRole
from applicants.reached import addresses_of, is_reached, warned_addresses
from applicants.represented import waits
from core.dates import end_of_day
from core.events import history
from core.models import Event, User
from core.outbox import enqueue_mail

#: For how many days who no longer acts for a body reads why its cases are gone.
SAID_FOR = timedelta(days=90)

JOINED, CHANGED, ENDED = "joined", "changed", "ended"
CLOSED, REOPENED = "closed", "reopened"


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
    """One mail to the person concerned, one to the representatives; where the service did it, to everybody who acts for the
    body and to its own address.

    ``role`` is the one that the person has now, or had; ``event`` what says it, so that each learns it once. ``answered``:
    the person reads it in the answer to what they asked.
    """
    own = actor.pk == person.pk
    by_service = not own and not applicant.memberships.filter(user=actor).exists()
    context = {"what": what, "own": own, "help": ROLE_HELP[MemberRole(role)], "reason": reason}
    context |= {"applicant": applicant, "person": person, "by": actor, "role": MemberRole(role).label}
    if is_reached(person) and not answered:
        enqueue_mail(
            to=addresses_of(person),
            template="applicants/mail/own_place",
            context=context | {"url": settings.ESSOR_SITE_URL + reverse("applicants:index")},
            subject_object=applicant,
            key=f"place-own:{event.pk}",
        )
    own_addresses = {address.lower() for address in addresses_of(person)}
    others = [*warned_addresses(applicant, everybody=by_service, but=person), applicant.email if by_service else ""]
    others = [address for address in others if address.lower() not in own_addresses]
    _tell_others(applicant, others, context, key=f"place-others:{event.pk}")


def _tell_others(applicant: Applicant, addresses: list[str], context: dict[str, Any], *, key: str) -> None:
    if any(addresses):
        enqueue_mail(
            to=addresses,
            template="applicants/mail/others_place",
            context=context | {"url": settings.ESSOR_SITE_URL + reverse("applicants:people", args=[applicant.pk])},
            subject_object=applicant,
            key=key,
        )


def tell_of_account(sender: type, instance: User, actor: User, reason: str, event: Event, **kwargs: Any) -> None:
    """Receiver of ``account_switched``: the bodies for which a person acts read that an administrator closed their account,
    or opened it again. Until when they count as represented by it is in the mail."""
    what = REOPENED if instance.is_active else CLOSED
    until = end_of_day(timezone.localdate() + waits())
    for membership in instance.memberships.select_related("applicant").order_by("applicant_id"):
        role = MemberRole(membership.role)
        context = {"what": what, "by": actor, "reason": reason, "role": role.label, "help": ROLE_HELP[role]}
        context |= {"applicant": membership.applicant, "person": instance, "own": False}
        context |= {"until": until, "represents": role == MemberRole.REPRESENTATIVE}
        others = [*warned_addresses(membership.applicant, everybody=True, but=instance), membership.applicant.email]
        _tell_others(membership.applicant, others, context, key=f"account-{what}:{event.pk}:{membership.applicant_id}")


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
