"""How an account is opened: by who holds its mailbox. What whoever asked for it typed binds nobody else."""

from typing import Any

from django.db import models
from django.http import HttpRequest

from core.account_mail import send_activation, send_invitation
from core.events import record
from core.models.user import User
from core.roles import Role
from core.users.told import tell_of_closing

ASKED_HERE = "account_asked_here"
"""In the session of the browser where an account was asked for: its number, and the mark of the password typed there."""
GIVEN_UP = "adresse-rendue-{}@compte.invalid"
"""The address of an account that gave its own up: no mail goes to a name that ends so (RFC 2606)."""


def remember_asked_here(request: HttpRequest, user: User, *, made: bool, password: str) -> None:
    """Note in this browser's session that the password of the account was typed in it; an older note goes.

    The same form sent again says the same: it keeps its note, with its own password.
    """
    again = not made and asked_here(request, user) and user.check_password(password)
    request.session.pop(ASKED_HERE, None)
    if made or again:
        request.session[ASKED_HERE] = [user.pk, user.get_session_auth_hash()]


def asked_here(request: HttpRequest, user: User) -> bool:
    """Whether the present password of the account was typed in this very browser, by the sign-up that made it."""
    return request.session.get(ASKED_HERE) == [user.pk, user.get_session_auth_hash()] and user.has_usable_password()


def open_account(user: User, changed: list[str]) -> None:
    """Make the (locked) account active, as its person typed it. In the caller's transaction."""
    user.is_active = True
    user.save()
    record(user, "activate_account", actor=user, data={"fields": changed} if changed else None)


def given_by_administrator(request: HttpRequest, user: User, *, by: User, reason: str, was: User) -> None:
    """After an administrator saved an account: whom it is told, and the link that its person needs.

    ``was`` is the account as it stood. An account that nobody had opened has lost the password of who asked for it:
    the person gets a link to choose one. In the caller's transaction.
    """
    if was.is_unopened:
        if was.has_usable_password() and not user.has_usable_password():
            record(user, "user.password_forgotten", actor=by, comment=reason)
        if not user.has_usable_password():
            (send_invitation if user.is_active else send_activation)(request, user)
    elif was.is_active != user.is_active:
        tell_of_closing(user, by=by)
        if user.is_active and not user.has_usable_password():
            send_invitation(request, user)


def gives_up_address(email: str, *, but: User) -> User | None:
    """The account that has this address and stands for nobody: asked for, never opened, nothing hangs on it."""
    user = User.objects.filter(email=email).exclude(pk=but.pk).first()
    if user is None or not user.is_unopened or user.role_set - {Role.APPLICANT.value}:
        return None
    return None if any(_holds(relation, user) for relation in _relations()) else user


def _relations() -> list[Any]:
    """What may point to an account, its roles and the history apart."""
    found = User._meta.get_fields(include_hidden=True)
    return [
        item
        for item in found
        if item.one_to_many
        and item.auto_created
        and item.related_model is not User.groups.through
        and item.related_model._meta.concrete_model._meta.managed
        and not hasattr(item.related_model, "pgh_tracked_model")
    ]


def _holds(relation: Any, user: User) -> bool:
    model: type[models.Model] = relation.related_model
    return model._base_manager.filter(**{relation.field.name: user}).exists()


def take_address(email: str, *, by: User, reason: str, but: User) -> None:
    """Free the address of an account that stands for nobody: its links and its password open nothing any more."""
    user = gives_up_address(email, but=but)
    if user is None:
        return
    user = User.objects.select_for_update().get(pk=user.pk)
    if not user.is_unopened or user.email != email:
        return
    user.set_unusable_password()
    user.email = GIVEN_UP.format(user.pk)
    user.save(update_fields=["password", "email"])
    record(user, "user.address_given_up", actor=by, comment=reason)
