"""Who learns by mail that what a person may do, or where they are written to, changed: nobody does it unseen."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from core.models.user import User
from core.outbox import enqueue_mail
from core.roles import Role

ROLES_GIVEN = gettext_lazy("%(by)s gave %(person)s: %(roles)s.")
ADDRESS_CHANGED = gettext_lazy(
    "%(by)s changed the e-mail address of %(person)s. No link to choose a password goes there until another administrator "
    "confirms it on the page of the account, or until %(day)s."
)
PAIR_CHANGED = gettext_lazy("%(by)s changed the rule that nobody holds together: %(pair)s. In force: %(enforced)s.")

ADDRESS_CONFIRMED = gettext_lazy(
    "%(by)s confirmed the e-mail address of %(person)s, which %(changed_by)s had changed. Links to choose a password go there"
    " from now on."
)
PERSON_CONFIRMED = gettext_lazy(
    "%(by)s confirmed that the account of %(person)s, which another person made, changed or gave a role, is of who it says."
)
LOOSENING_ASKED = gettext_lazy(
    "%(by)s asks that this rule no longer be enforced, that nobody holds together: %(pair)s. It stays in force until another"
    " administrator confirms."
)
LOOSENED = gettext_lazy(
    "%(by)s confirmed what %(asked_by)s had asked: this rule is no longer in force, that nobody holds together: %(pair)s."
)
KEPT_IN_FORCE = gettext_lazy(
    "%(by)s refused, or took back, what was asked. Nobody holds together, as before: %(pair)s."
)


def holders(*roles: Role | str) -> models.QuerySet:
    """The active people who hold one of these roles."""
    names = [str(role) for role in roles]
    return User.objects.filter(is_active=True, groups__name__in=names).distinct().order_by("pk")


def tell_others(
    sentence: Promise, words: dict[str, Any], *, by: User, about: models.Model, reason: str, roles: Iterable[Role | str]
) -> None:
    """One mail to every other administrator and holder of these roles, but who is concerned: what changed, through whom, why.

    ``sentence`` is translated for each reader; ``words`` fill it, and are called where they differ by language.
    """
    concerned = [by.pk, about.pk] if isinstance(about, User) else [by.pk]
    link = settings.ESSOR_SITE_URL + reverse(
        f"admin:{about._meta.label_lower.replace('.', '_')}_change", args=[about.pk]
    )
    for person in holders(Role.ADMINISTRATOR, *roles).exclude(pk__in=concerned):
        with translation.override(person.language):
            filled = {name: word() if callable(word) else word for name, word in words.items()}
            told = str(sentence) % ({"by": by} | filled)
        enqueue_mail(
            to=[person.email],
            template="essor/mail/rights_changed",
            context={"user": person, "told": told, "reason": reason, "link": link},
            subject_object=about,
            key=f"rights.{person.pk}.{uuid4().hex}",
            language=person.language,
        )


def tell_old_address(user: User, old: str, *, by: User) -> None:
    """To the address that an account had: which one took its place, through whom, what to do if it was not asked for.

    Where that address was itself changed by somebody else, the person’s own one before it is told too.
    """
    context = {"by": by, "held": user.address_held_until, "days": settings.ESSOR_ADDRESS_HELD_DAYS}
    for address in dict.fromkeys([old, user.own_address_before or old]):
        _tell_address(user, address, "address_changed", context)


def tell_of_confirmation(user: User, *, by: User) -> None:
    """To the address that was the person’s: through whom the new one was changed, and confirmed."""
    if old := user.own_address_before:
        _tell_address(user, old, "address_confirmed", {"by": by, "changed_by": user.address_changed_by})


def tell_of_closing(user: User, *, by: User) -> None:
    """To the person: their account was deactivated, or is open again, through whom, and whom to ask.

    Where somebody else changed their address lately, the one that was theirs is told too.
    """
    context = {"by": by, "url": settings.ESSOR_SITE_URL + reverse("core:login")}
    own = user.own_address_before if user.address_held_until else ""
    for address in dict.fromkeys([user.email, own or user.email]):
        if user.is_active:
            _tell_address(user, address, "account_reopened", context)
        else:
            _tell_address(user, address, "account_deactivated", context)


def _tell_address(user: User, address: str, name: str, context: dict[str, Any]) -> None:
    enqueue_mail(
        to=[address],
        template=f"essor/mail/{name}",
        context={"user": user} | context,
        subject_object=user,
        key=f"address.{user.pk}.{uuid4().hex}",
        language=user.language,
    )
