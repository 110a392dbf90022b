"""Who may do what for an applicant. ``None`` means allowed; a sentence says why not."""

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from applicants.represented import representatives
from core.engine.standing import reason_interested, reason_not_impartial, reason_reads_only
from core.roles import STAFF_ROLES, Role

if TYPE_CHECKING:
    from applicants.models import Applicant, BankAccount, Invitation, JoinRequest, KeptInterest
    from core.models import User


def role_for(user: "User", applicant: "Applicant") -> str | None:
    """The role of ``user`` for ``applicant``: "representative", "editor", or None."""
    if not user.is_authenticated or not user.is_active:
        return None
    return applicant.memberships.filter(user=user).values_list("role", flat=True).first()


def may_view_applicant(user: "User", applicant: "Applicant") -> str | None:
    """Its people, and the Region's staff."""
    if user.is_authenticated and user.is_active and user.has_role(*STAFF_ROLES):
        return None
    return may_act_for(user, applicant)


def may_act_for(user: "User", applicant: "Applicant") -> str | None:
    """Write applications, claims and reports: any of its people."""
    if role_for(user, applicant):
        return reason_reads_only(user)
    return _("You do not act for “%(name)s”.") % {"name": applicant.display_name}


def may_submit_for(user: "User", applicant: "Applicant") -> str | None:
    """Submit and sign: a representative."""
    role = role_for(user, applicant)
    if role == "representative":
        return reason_reads_only(user)
    if role:
        return _("Only a representative of “%(name)s” may submit or sign. Ask one of them.") % {
            "name": applicant.display_name
        }
    return may_act_for(user, applicant)


def may_manage_people(user: "User", applicant: "Applicant") -> str | None:
    """Invite and remove people: a representative."""
    role = role_for(user, applicant)
    if role == "representative":
        return reason_reads_only(user)
    if role:
        return _("Only a representative of “%(name)s” manages its people and bank details.") % {
            "name": applicant.display_name
        }
    return may_act_for(user, applicant)


def may_answer_on_undertaking(user: "User", applicant: "Applicant") -> str | None:
    """Answer for the service on linked enterprises: an instructor or a head of service who acts for none of them."""
    if not user.is_authenticated or not user.is_active or not user.has_role(Role.INSTRUCTOR, Role.HEAD_OF_SERVICE):
        return _("An instructor or a head of service answers this question.")
    if user.has_role(Role.AUDITOR):
        return _("An auditor reads and changes nothing.")
    return reason_interested(user, applicant)


def may_enter_bank_account(user: "User", applicant: "Applicant") -> str | None:
    """Enter bank details: a representative, or an instructor who received them on paper."""
    if user.is_authenticated and user.is_active and user.has_role(Role.INSTRUCTOR):
        if not reason_not_impartial(user, applicant):
            return None
    return may_manage_people(user, applicant)


def may_verify_bank_account(user: "User", account: "BankAccount") -> str | None:
    """Verify or reject bank details: not the person who entered them, nor who gave another proof for them."""
    if user.pk == account.entered_by_id:
        return _("You entered this account: another person verifies it.")
    if user.pk == account.vouched_by_id:
        return _("You gave the other proof of this account: another person verifies it.")
    return None


def may_vouch_for_bank_account(user: "User", account: "BankAccount") -> str | None:
    """Give another proof of a change: not the person who entered it."""
    if user.pk == account.entered_by_id:
        return _("You entered this account: another person gives the proof.")
    return None


def may_decide_on_request(user: "User", request: "JoinRequest") -> str | None:
    """Answer a request to join: a representative of the applicant, or an instructor; never the one who asks."""
    if user.pk == request.user_id:
        return _("Another person answers your request.")
    if user.is_active and user.has_role(Role.INSTRUCTOR) and not reason_not_impartial(user, request.applicant):
        return None
    return may_manage_people(user, request.applicant)


def has_representative(applicant: "Applicant", *, but: "User") -> bool:
    """Whether somebody else than ``but`` represents the applicant, or did until lately: they decide first who acts for it."""
    return bool(representatives(applicant.pk, but=but.pk))


def answers_for_service(user: "User", request: "JoinRequest") -> bool:
    """Whether ``user`` answers a request in the name of the service: they represent the applicant themselves else."""
    return role_for(user, request.applicant) != "representative"


def may_confirm_representative(user: "User", request: "JoinRequest") -> str | None:
    """Confirm as representative whom the service let in: not the officer who did, nor who has an interest."""
    if user.pk == request.decided_by_id:
        return _("You accepted this request: another person confirms the role.")
    return reason_not_impartial(user, request.applicant)


def may_withdraw_request(user: "User", request: "JoinRequest") -> str | None:
    """Take a request back: the one who asked."""
    return None if user.pk == request.user_id else _("Only the person who asked may withdraw the request.")


def may_accept_invitation(user: "User", invitation: "Invitation") -> str | None:
    """Take up an invitation: the owner of the address it was sent to."""
    if user.email.lower() == invitation.email.lower():
        return reason_reads_only(user)
    return _(
        "This invitation was sent to another e-mail address. Sign in with that address, or ask for an invitation"
        " to %(email)s."
    ) % {"email": user.email}


def may_declare_no_interest(user: "User", applicant: "Applicant") -> str | None:
    """Answer a body that names them: the Region's staff, who do not act for it."""
    if not user.is_authenticated or not user.is_active or not user.has_role(*STAFF_ROLES):
        return _("The Region’s staff declare here that they have no interest in a body.")
    if role_for(user, applicant):
        return _("You act for “%(name)s”: leave it first.") % {"name": applicant.display_name}
    if applicant.join_requests.filter(user=user, state="pending").exists():
        return _("You ask to act for “%(name)s”: this is no mistake of its own.") % {"name": applicant.display_name}
    if applicant.kept_interests.live().own_acts().filter(user=user).exists():
        return _("You acted for “%(name)s”, or asked to: another person of the service lifts it, not you.") % {
            "name": applicant.display_name
        }
    return reason_reads_only(user)


def may_lift_interest(user: "User", kept: "KeptInterest") -> str | None:
    """Lift an interest that stays: a head of service or an administrator, who has none in the body themselves."""
    if not user.is_authenticated or not user.is_active or not user.has_role(Role.HEAD_OF_SERVICE, Role.ADMINISTRATOR):
        return _("A head of service or an administrator lifts an interest.")
    return reason_not_impartial(user, kept)


def may_read_documents_of(user: "User", applicant: "Applicant") -> str | None:
    """Read an applicant's own documents (bank details, statutes)."""
    return may_view_applicant(user, applicant)
