"""People who act for an applicant: creating it, inviting, joining, leaving."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.interests import namings_of
from applicants.models import Applicant, Invitation, JoinRequest, KeptInterest, Membership, NoInterest
from applicants.models.people import MemberRole
from applicants.people_told import CHANGED, ENDED, JOINED, tell_of_people
from applicants.permissions import (
    may_accept_invitation,
    may_declare_no_interest,
    may_lift_interest,
    may_manage_people,
)
from applicants.reached import representatives_of, warned_addresses
from applicants.represented import representatives, service_answers_after
from core.dates import end_of_day, format_date_long
from core.events import record
from core.models import User
from core.outbox import enqueue_mail
from core.roles import STAFF_ROLES


class PeopleRefused(ValidationError):
    """Something about people that cannot be done; ``str()`` is a sentence."""

    def __str__(self) -> str:
        return str(self.message)


# --- Creating -------------------------------------------------------------------------------------------------------


@transaction.atomic
def create_applicant(applicant: Applicant, *, actor: User) -> Applicant:
    """Save a new applicant whose first representative is ``actor``."""
    applicant.created_by = actor
    applicant.full_clean()
    applicant.save()
    Membership.objects.create(user=actor, applicant=applicant, role=MemberRole.REPRESENTATIVE)
    record(applicant, "create", actor=actor, data={"identifier": applicant.identifier})
    return applicant


@transaction.atomic
def ensure_person(*, first_name: str, last_name: str, email: str, actor: User) -> Applicant:
    """The file of a natural person who is to be paid: the one that has this name and address, else a new one.

    The service opens it for the persons of a grouped case; nobody acts for them until they are invited.
    """
    names = {"first_name": first_name.strip(), "last_name": last_name.strip()}
    if email:
        same = {f"{name}__iexact": value for name, value in names.items()}
        found = Applicant.objects.filter(kind="natural", email__iexact=email, **same).order_by("pk").first()
        if found is not None:
            return found
    person = Applicant(kind="natural", email=email, created_by=actor, **names)
    person.full_clean()
    person.save()
    record(person, "create", actor=actor)
    return person


def known_applicant(*, siret: str | None = None, rna: str | None = None) -> Applicant | None:
    """The applicant that already has this number, if any."""
    if siret and (found := Applicant.objects.filter(siret=siret).first()):
        return found
    return Applicant.objects.filter(rna=rna).first() if rna else None


def service_waits_until() -> datetime:
    """Until when the representatives of a body decide alone on a request of today: the end of the day that they are told."""
    return end_of_day(timezone.localdate() + timedelta(days=settings.ESSOR_JOIN_WAITS_DAYS))


@transaction.atomic
def ask_to_join(applicant: Applicant, *, user: User, role: str, message: str = "") -> JoinRequest:
    """Ask the people of an applicant that exists already to let ``user`` in: nobody takes it over in silence.

    Its representatives are told; without any, the service decides. Asking the same twice makes one request.

    Raises:
        PeopleRefused: the person is already one of its people, or asked something else, which still waits.
    """
    if Membership.objects.filter(user=user, applicant=applicant).exists():
        raise PeopleRefused(_("You already act for “%(name)s”.") % {"name": applicant.display_name}, code="member")
    request, is_new = JoinRequest.objects.get_or_create(
        applicant=applicant,
        user=user,
        state=JoinRequest.State.PENDING,
        defaults={
            "role": MemberRole(role),
            "message": message,
            "service_waits_until": service_waits_until(),
        },
    )
    if is_new:
        record(request, "ask", actor=user, data={"role": request.role})
        _tell_of_request(request)
    elif role != request.role or message not in ("", request.message):
        raise PeopleRefused(why_one_waits_already(request), code="waits")
    return request


def why_one_waits_already(request: JoinRequest) -> str:
    """To who asks again, and otherwise: what waits, and what to do instead."""
    return _(
        "You asked on %(day)s to act for “%(name)s” as %(role)s, and your request waits for an answer: nothing new was sent."
        " To ask otherwise, withdraw it on the page “My organisation”, then ask again."
    ) % {
        "day": format_date_long(timezone.localdate(request.created_at)),
        "name": request.applicant.display_name,
        "role": request.get_role_display(),
    }


def _tell_of_request(request: JoinRequest) -> None:
    """To the representatives; where none can answer, to the service, and to those who could until lately."""
    applicant, able = request.applicant, representatives_of(request.applicant)
    site, found = settings.ESSOR_SITE_URL, representatives(applicant.pk, but=request.user_id)
    until = None if able or not found else service_answers_after(found, request.service_answers_after)
    context = {"applicant": applicant, "request": request, "person": request.user, "waits_until": until}
    if warned := warned_addresses(applicant, but=request.user):
        enqueue_mail(
            to=warned if able else [*warned, applicant.email],
            template="applicants/mail/join_request",
            context=context | {"for_staff": False, "url": site + reverse("applicants:people", args=[applicant.pk])},
            subject_object=request,
            key=f"join-request:{request.pk}",
        )
    if not able:
        page = reverse("admin:applicants_joinrequest_change", args=[request.pk])
        enqueue_mail(
            to=[settings.ESSOR_REGION["email"]],
            template="applicants/mail/join_request",
            context=context | {"for_staff": True, "url": site + page},
            subject_object=request,
            key=f"join-request-service:{request.pk}",
        )


# --- Inviting -------------------------------------------------------------------------------------------------------


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class SentInvitation:
    """An invitation and the secret of its link, which is in the mail and nowhere else."""

    invitation: Invitation
    token: str


def _not_to_be_invited(applicant: Applicant, email: str) -> str | None:
    """Why this address gets no invitation of this body: it said no."""
    if applicant.invitations.filter(email=email).exclude(declined_at=None).exists():
        return _("%(email)s declined your invitation: this person may ask to join, you do not invite them again.") % {
            "email": email
        }
    return None


def _is_of_the_staff(email: str) -> bool:
    person = User.objects.filter(email=email, is_active=True).first()
    return person is not None and person.has_role(*STAFF_ROLES)


@transaction.atomic
def invite(applicant: Applicant, *, email: str, role: str, actor: User) -> SentInvitation:
    """Invite the owner of ``email`` to act for ``applicant``. A second invitation cancels the first.

    Who works for the Region is not invited, for they ask themselves: the invitation is withheld, without a mail and
    without effect. The body reads the same of it as of any other, so nobody finds out here who is of the staff.

    Raises:
        PeopleRefused: ``actor`` may not, or the person is already one of its people.
    """
    if reason := may_manage_people(actor, applicant):
        raise PeopleRefused(reason, code="permission")
    email = email.strip().lower()
    if Membership.objects.filter(applicant=applicant, user__email=email).exists():
        raise PeopleRefused(_("%(email)s already acts for this applicant.") % {"email": email}, code="member")
    Applicant.objects.select_for_update(of=("self",), no_key=True).get(pk=applicant.pk)
    if refusal := _not_to_be_invited(applicant, email):
        raise PeopleRefused(refusal, code="not_invited")
    applicant.invitations.filter(email=email, accepted_at=None, revoked_at=None, declined_at=None).update(
        revoked_at=timezone.now()
    )
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        applicant=applicant,
        email=email,
        role=MemberRole(role),
        token_hash=_hash(token),
        invited_by=actor,
        withheld=_is_of_the_staff(email),
    )
    record(applicant, "invite", actor=actor, data={"email": email, "role": role})
    if invitation.withheld:
        return SentInvitation(invitation, token)
    enqueue_mail(
        to=[email],
        template="applicants/mail/invitation",
        context={
            "applicant": applicant,
            "invitation": invitation,
            "person": actor,
            "url": settings.ESSOR_SITE_URL + reverse("applicants:invitation", args=[token]),
        },
        subject_object=applicant,
        key=f"invitation:{invitation.pk}",
    )
    return SentInvitation(invitation, token)


def find_invitation(token: str) -> Invitation | None:
    """The invitation that the secret of a link opens, whatever its state; None when there is none."""
    return Invitation.objects.select_related("applicant", "invited_by").filter(token_hash=_hash(token)).first()


@transaction.atomic
def accept_invitation(invitation: Invitation, *, user: User) -> Membership:
    """Make ``user`` one of the applicant's people.

    Raises:
        PeopleRefused: the link is used, cancelled or too old, or was sent to another address.
    """
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if invitation.accepted_at:
        raise PeopleRefused(_("This invitation has already been used."), code="used")
    if invitation.withheld or not invitation.is_open:
        raise PeopleRefused(
            _("This invitation is no longer valid. Ask %(person)s for another one.")
            % {"person": invitation.invited_by},
            code="closed",
        )
    if reason := may_accept_invitation(user, invitation):
        raise PeopleRefused(reason, code="email")
    membership, is_new = Membership.objects.get_or_create(
        user=user, applicant=invitation.applicant, defaults={"role": invitation.role}
    )
    invitation.accepted_at = timezone.now()
    invitation.accepted_by = user
    invitation.save(update_fields=["accepted_at", "accepted_by"])
    event = record(invitation.applicant, "join", actor=user, data={"email": user.email, "role": membership.role})
    if is_new:
        tell_of_people(invitation.applicant, user, JOINED, role=membership.role, event=event, actor=user)
    return membership


@transaction.atomic
def decline_invitation(invitation: Invitation, *, user: User) -> None:
    """Say no to an invitation: the person has no part in the body. Raises PeopleRefused."""
    invitation = Invitation.objects.select_for_update(of=("self",)).get(pk=invitation.pk)
    if reason := may_accept_invitation(user, invitation):
        raise PeopleRefused(reason, code="email")
    if not invitation.is_open:
        raise PeopleRefused(_("This invitation does not wait for an answer any more."), code="closed")
    invitation.declined_at = timezone.now()
    invitation.save(update_fields=["declined_at"])
    record(invitation.applicant, "decline_invitation", actor=user, data={"email": invitation.email})


@transaction.atomic
def declare_no_interest(applicant: Applicant, reason: str, *, actor: User) -> NoInterest:
    """A person of the staff says that this body names them by mistake or without their consent.

    It answers the namings that stand now: the database writes which on the row.

    Raises:
        PeopleRefused: ``actor`` may not, acts for the body, is named nowhere or said so already, or gives no reason.
    """
    if refusal := may_declare_no_interest(actor, applicant):
        raise PeopleRefused(refusal, code="permission")
    if not reason.strip():
        raise PeopleRefused(_("Say why you have no interest in this body."), code="reason")
    Applicant.objects.select_for_update(of=("self",), no_key=True).get(pk=applicant.pk)
    if not namings_of(actor, applicant):
        if applicant.no_interests.live().filter(user=actor).exists():
            raise PeopleRefused(_("You declared already that you have no interest in this body."), code="once")
        raise PeopleRefused(_("This body names you nowhere: there is nothing to answer."), code="not_named")
    declaration = NoInterest.objects.create(user=actor, applicant=applicant, reason=reason.strip())
    declaration.refresh_from_db()
    record(applicant, "no_interest", actor=actor, data={"places": declaration.where}, comment=declaration.reason)
    return declaration


@transaction.atomic
def lift_interest(kept: KeptInterest, reason: str, *, actor: User) -> KeptInterest:
    """Say that what a person did for a body, before they left it, does not keep them from acting for the Region on it.

    Raises:
        PeopleRefused: ``actor`` may not (one's own is lifted by somebody else), gives no reason, or it was lifted already.
    """
    kept = KeptInterest.objects.select_for_update(of=("self",)).select_related("applicant", "user").get(pk=kept.pk)
    if refusal := may_lift_interest(actor, kept):
        raise PeopleRefused(refusal, code="permission")
    if kept.lifted_at:
        raise PeopleRefused(_("This interest was lifted already."), code="once")
    if not reason.strip():
        raise PeopleRefused(_("Say why this interest does not count any more."), code="reason")
    kept.lifted_by, kept.lifted_at, kept.reason = actor, timezone.now(), reason.strip()
    kept.save(update_fields=["lifted_by", "lifted_at", "reason"])
    record(kept.applicant, "lift_interest", actor=actor, data={"email": kept.user.email}, comment=kept.reason)
    return kept


@transaction.atomic
def revoke_invitation(invitation: Invitation, *, actor: User) -> None:
    """Cancel an invitation that was not answered. Raises PeopleRefused."""
    if reason := may_manage_people(actor, invitation.applicant):
        raise PeopleRefused(reason, code="permission")
    Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None, declined_at=None).update(
        revoked_at=timezone.now()
    )
    record(invitation.applicant, "revoke_invitation", actor=actor, data={"email": invitation.email})


# --- Changing and leaving -------------------------------------------------------------------------------------------


def _locked(membership: Membership) -> Membership:
    """The membership, the others of its applicant held still meanwhile."""
    Applicant.objects.select_for_update(of=("self",), no_key=True).get(pk=membership.applicant_id)
    return Membership.objects.select_related("applicant", "user").get(pk=membership.pk)


def _refuse_last(membership: Membership) -> None:
    others = Membership.objects.filter(
        applicant=membership.applicant_id, role=MemberRole.REPRESENTATIVE, user__is_active=True
    ).exclude(pk=membership.pk)
    if membership.role == MemberRole.REPRESENTATIVE and not others.exists():
        raise PeopleRefused(_("This is the only representative: name another one first."), code="last_representative")


@transaction.atomic
def change_role(membership: Membership, role: str, *, actor: User) -> Membership:
    """Give a person another role. Raises PeopleRefused (also for the last representative)."""
    membership = _locked(membership)
    if reason := may_manage_people(actor, membership.applicant):
        raise PeopleRefused(reason, code="permission")
    if role == membership.role:
        return membership
    _refuse_last(membership)
    before, membership.role = membership.role, MemberRole(role)
    membership.save(update_fields=["role"])
    event = record(
        membership.applicant,
        "change_role",
        actor=actor,
        data={"email": membership.user.email},
        changes={"role": [before, membership.role]},
    )
    tell_of_people(membership.applicant, membership.user, CHANGED, role=membership.role, event=event, actor=actor)
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, actor: User) -> None:
    """End a person's right to act; one may always leave. Raises PeopleRefused (also for the last representative)."""
    membership = _locked(membership)
    if membership.user_id != actor.pk and (reason := may_manage_people(actor, membership.applicant)):
        raise PeopleRefused(reason, code="permission")
    _refuse_last(membership)
    event = record(
        membership.applicant,
        "leave",
        actor=actor,
        data={"email": membership.user.email, "role": membership.role},
    )
    membership.delete()
    tell_of_people(membership.applicant, membership.user, ENDED, role=membership.role, event=event, actor=actor)
