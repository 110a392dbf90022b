"""The mails that open an account: activation, invitation, a new password. Each holds one link that works once."""

import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.http import HttpRequest
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from core.models.user import User
from core.outbox import enqueue_mail


class ActivationTokens(PasswordResetTokenGenerator):
    """A token that works until the account is active, and no longer than a password's."""

    key_salt = "core.account_mail.ActivationTokens"

    def _make_hash_value(self, user: Any, timestamp: int) -> str:
        return f"{user.pk}{user.is_active}{user.password}{timestamp}"


activation_tokens = ActivationTokens()
reset_tokens = PasswordResetTokenGenerator()


def send_activation(request: HttpRequest, user: User) -> None:
    """The link that makes a new account active."""
    token = activation_tokens.make_token(user)
    _mail(request, user, "activation", reverse("core:activate", args=[_uid(user), token]), token)


def send_known_address(request: HttpRequest, user: User) -> None:
    """To somebody who signs up with an address that has an account: how to get in."""
    _mail(request, user, "known_address", reverse("core:login"), reset_tokens.make_token(user))


def send_password_reset(request: HttpRequest, user: User) -> None:
    """The link to choose a new password."""
    token = reset_tokens.make_token(user)
    _mail(request, user, "password_reset", reverse("core:password_reset_confirm", args=[_uid(user), token]), token)


def send_invitation(request: HttpRequest, user: User) -> None:
    """To somebody whose account an administrator made: the link to choose a password."""
    token = reset_tokens.make_token(user)
    _mail(request, user, "invitation", reverse("core:password_reset_confirm", args=[_uid(user), token]), token)


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
