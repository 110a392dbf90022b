"""What follows a transition: the people concerned are told by mail."""

from typing import Any

from django.conf import settings
from django.urls import reverse

from applicants.models import BankAccount, JoinRequest
from applicants.models.people import MemberRole
from applicants.people_told import CHANGED, JOINED, tell_of_people
from applicants.reached import warned_addresses
from core.outbox import enqueue_mail


def tell_requester(sender: type, instance: JoinRequest, name: str, comment: str, event: Any, **kwargs: Any) -> None:
    """Receiver of ``transitioned``: the person who asked to join reads the answer; the representatives, whom it let in."""
    if name == "confirm":
        tell_of_people(
            instance.applicant,
            instance.user,
            CHANGED,
            role=instance.role,
            event=event,
            actor=instance.confirmed_by,
            reason=comment,
        )
    if name not in {"accept", "refuse"}:
        return
    role = MemberRole(instance.role)
    if name == "accept":
        role = MemberRole(instance.applicant.memberships.get(user=instance.user).role)
    enqueue_mail(
        to=[instance.user.email],
        template="applicants/mail/join_answer",
        context={
            "applicant": instance.applicant,
            "accepted": name == "accept",
            "role": role.label,
            "for_now": role != instance.role,
            "comment": comment or (instance.reason if name == "refuse" else ""),
            "url": settings.ESSOR_SITE_URL + reverse("applicants:index"),
        },
        subject_object=instance,
        key=f"join-answer:{event.pk}",
    )
    if name == "accept":
        tell_of_people(
            instance.applicant,
            instance.user,
            JOINED,
            role=role,
            event=event,
            actor=instance.decided_by,
            answered=True,
            reason=instance.reason,
        )


def tell_representatives(sender: type, instance: BankAccount, name: str, event: Any, **kwargs: Any) -> None:
    """Receiver of ``transitioned``: the representatives read that their bank details are verified or rejected."""
    recipients = warned_addresses(instance.applicant)
    if name not in {"verify", "reject"} or not recipients:
        return
    enqueue_mail(
        to=recipients,
        template="applicants/mail/bank_account_answer",
        context={
            "applicant": instance.applicant,
            "account": instance,
            "verified": name == "verify",
            "url": settings.ESSOR_SITE_URL + reverse("applicants:bank_accounts", args=[instance.applicant_id]),
        },
        subject_object=instance,
        key=f"bank-account-answer:{event.pk}",
    )
