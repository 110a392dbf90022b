"""Conditions of the transitions of this app: ``None``, or errors by field."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.translation import gettext as _

from applicants.permissions import answers_for_service
from applicants.represented import Representing, representatives, service_answers_after
from core.dates import format_date_long
from core.models.user import User
from core.transitions import precondition

if TYPE_CHECKING:
    from applicants.models import BankAccount, JoinRequest


def call_back_was_made(account: "BankAccount", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """A change of account is confirmed by telephone on a number known long before, or vouched for when there is none."""
    if not account.is_change or account.vouched_by_id:
        return None
    if not account.numbers_known_before():
        return {
            "phone": _(
                "No number was known long enough before this change: somebody else first gives another proof"
                " (“Give another proof”)."
            )
        }
    asked = _("This is a change of account: call the applicant back on a number you already had, and note it.")
    return {name: asked for name in ("phone", "person", "called_at") if not data.get(name)} or None


@precondition
def a_change_without_known_number(account: "BankAccount", data: dict, actor: User) -> dict[str, str] | None:
    """Another proof replaces the call only where no number was known long before the change."""
    if not account.is_change:
        return {"__all__": _("This account is no change: no other proof is needed.")}
    if account.vouched_by_id:
        return {"__all__": _("Another proof was given already.")}
    if account.numbers_known_before():
        return {"__all__": _("A telephone number was known before this change: call it.")}
    return None


def no_holder_doubt_left(account: "BankAccount", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """When the holder's name does not resemble the applicant's, the verifier says why it is right."""
    if account.holder_matches or data.get("note"):
        return None
    return {
        "note": _("The account holder “%(holder)s” is not “%(name)s”: say why this account is the right one.")
        % {"holder": account.holder_name, "name": account.applicant.display_name}
    }


@precondition
def requester_is_not_a_member(request: "JoinRequest", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """The person who asks does not act for the applicant yet."""
    if request.applicant.memberships.filter(user=request.user_id).exists():
        return {"__all__": _("This person already acts for the applicant.")}
    return None


@precondition
def representatives_had_their_time(request: "JoinRequest", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """Where a body has a representative, or had one until lately, the service answers only after the days that were told to
    them, or where they are all gone for as long."""
    if not answers_for_service(actor, request):
        return None
    found = representatives(request.applicant_id, but=request.user_id)
    if not found or request.service_answers_after <= timezone.now():
        return None
    if any(one.ended_at is None for one in found):
        day = format_date_long(timezone.localdate(request.service_answers_after))
        return {
            "__all__": _("Its representatives decide until %(day)s; the service may answer afterwards.") % {"day": day}
        }
    last = max(found, key=lambda one: one.ended_at)
    return {"__all__": _why_one_waits(request, last, service_answers_after(found, request.service_answers_after))}


def _why_one_waits(request: "JoinRequest", last: Representing, until: datetime) -> str:
    """The body had a representative until a short while ago, whose account may have been closed by mistake, or on purpose."""
    words = {
        "person": User.objects.get(pk=last.user_id),
        "day": format_date_long(timezone.localdate(last.ended_at)),
        "until": format_date_long(timezone.localdate(until)),
    }
    if request.applicant.memberships.filter(user=last.user_id, role="representative").exists():
        return (
            _(
                "The account of %(person)s, who represents this body, was deactivated on %(day)s: they count as its"
                " representative until %(until)s, and the service may answer afterwards."
            )
            % words
        )
    return (
        _("%(person)s represented this body until %(day)s: the service may answer after %(until)s, not at once.")
        % words
    )


def service_says_why(request: "JoinRequest", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """The service answers with a reason."""
    if data.get("reason") or not answers_for_service(actor, request):
        return None
    return {"reason": _("Say why: the representatives of the body and its address are told.")}


@precondition
def an_editor_awaits_confirmation(request: "JoinRequest", data: dict[str, Any], actor: User) -> dict[str, str] | None:
    """The person asked to represent the body, and the service let them in as editor for now."""
    if request.awaits_confirmation:
        return None
    return {"__all__": _("Nobody waits here to be confirmed as representative.")}
