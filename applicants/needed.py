"""For what accounts, invitations and requests are still needed, and what becomes of an account that the law had erased."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from applicants.models import BankAccount, Invitation, JoinRequest
from core.engine.needs import register_farewell, register_need
from core.transitions import perform


def _account(account: BankAccount) -> Iterator[str]:
    if account.state == BankAccount.State.ENTERED:
        yield _("The bank account of “%(name)s” waits to be verified: verify or reject it first.") % {
            "name": account.applicant.display_name
        }


def _invitation(invitation: Invitation) -> Iterator[str]:
    if invitation.is_open:
        yield _("The invitation of %(email)s waits for its answer: cancel it first.") % {"email": invitation.email}


def _request(request: JoinRequest) -> Iterator[str]:
    if request.state == JoinRequest.State.PENDING:
        yield _("The request of %(person)s to act for “%(name)s” waits for its answer: answer it first.") % {
            "person": request.user, "name": request.applicant.display_name
        }  # fmt: skip


def _is_paid_no_more(account: BankAccount, actor: Any) -> None:
    """Of an account without a number, nobody says that it is verified."""
    if account.state == BankAccount.State.VERIFIED:
        perform(account, "erase_by_law", actor=actor, system=True)


def register() -> None:
    """Called once, when the app is ready."""
    register_need(BankAccount, _account)
    register_need(Invitation, _invitation)
    register_need(JoinRequest, _request)
    register_farewell(BankAccount, _is_paid_no_more)
