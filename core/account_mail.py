"""The mails that open an account: activation, invitation, a new password. Each holds one link that works once."""

import hashlib
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from core.models.user import User
from core.outbox import enqueue_mail


class ActivationTokens(PasswordResetTokenGenerator):
    """A token that works until the account is active, at the address that it went to, and no longer than a password's."""

    key_salt = "core.account_mail.ActivationTokens"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}{user.is_active}{user.email}{user.password}{timestamp}"


activation_tokens = ActivationTokens()
reset_tokens = PasswordResetTokenGenerator()


def with_target(path: str, target: str) -> str:
    """The address with the page to open afterwards; whoever opens it checks that the page is one of this site."""
    return f"{path}?{urlencode({REDIRECT_FIELD_NAME: target})}" if target else path


def send_way_in(request: HttpRequest, user: User, target: str = "", *, forgotten: bool = False) -> None:
    """The mail that fits the account when somebody asks for it by its address: the link that opens it, the way in when it
    is open (``forgotten``: the link to another password), or that it is closed. It leads on to ``target``."""
    if user.is_closed:
        _say_closed(user)
    elif user.is_unopened:
        send_activation(request, user, target)
    elif forgotten:
        send_password_reset(request, user, target)
    else:
        send_known_address(request, user, target)


def send_activation(request: HttpRequest, user: User, target: str = "") -> None:
    """The link that makes a new account active, then opens ``target``: the mail may be read on another device.

    It repeats nothing that was typed for the account: whoever typed it need not be who reads the mail.
    """
    if user.address_held_until:
        _say_held(user)
        return
    token = activation_tokens.make_token(user)
    path = reverse("core:activate", args=[_uid(user), token])
    _mail(request, user, "activation", with_target(path, target), token)


def send_known_address(request: HttpRequest, user: User, target: str = "") -> None:
    """To somebody who signs up with an address that has an account: how to get in."""
    path = with_target(reverse("core:login"), target)
    _mail(request, user, "known_address", path, reset_tokens.make_token(user))


def send_password_reset(request: HttpRequest, user: User, target: str = "") -> None:
    """The link to choose a new password, then to sign in and open ``target``; the way to it, where the address waits."""
    if user.address_held_until:
        _say_held(user)
        return
    token = reset_tokens.make_token(user)
    path = reverse("core:password_reset_confirm", args=[_uid(user), token])
    _mail(request, user, "password_reset", with_target(path, target), token)


def send_invitation(request: HttpRequest, user: User) -> None:
    """To somebody whose account an administrator made: the link to choose a password; none to an address that waits."""
    if user.address_held_until:
        _say_held(user)
        return
    token = reset_tokens.make_token(user)
    _mail(request, user, "invitation", reverse("core:password_reset_confirm", args=[_uid(user), token]), token)


def _say_closed(user: User) -> None:
    """To the person whose account was deactivated, once a day: no link opens it, and who does."""
    enqueue_mail(
        to=[user.email],
        template="essor/mail/account_closed",
        context={"user": user, "since": user.deactivated_at},
        subject_object=user,
        key=f"account_closed:{user.pk}:{timezone.localdate():%Y%m%d}",
        language=user.language,
    )


def _say_held(user: User) -> None:
    """No link goes to an address that somebody else has just given this account: once a day, what to do is told."""
    enqueue_mail(
        to=[user.email],
        template="essor/mail/address_held",
        context={"user": user, "until": user.address_held_until},
        subject_object=user,
        key=f"address_held:{user.pk}:{timezone.localdate():%Y%m%d}:{hashlib.sha256(user.email.encode()).hexdigest()[:16]}",
        language=user.language,
    )


def _mail(request: HttpRequest, user: User, name: str, path: str, token: str) -> None:
    enqueue_mail(
        to=[user.email],
        template=f"essor/mail/{name}",
        context={
            "user": user,
            "url": request.build_absolute_uri(path),
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
        },
        subject_object=user,
        key=f"{name}:{user.pk}:{hashlib.sha256(token.encode()).hexdigest()[:32]}",
        language=user.language,
    )


def _uid(user: User) -> str:
    return urlsafe_base64_encode(force_bytes(user.pk))
