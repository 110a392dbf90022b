"""Nobody makes themselves another person: what the database refuses of roles and of the addresses of accounts."""

from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models.relations import ACTOR_ADMINISTERS, no_second, seconds_for, why_no_second
from core.triggers import ACTOR

GIVES_THEMSELVES = "nobody gives themselves a role or a programme"
APPROVES_OWN = "an address is confirmed by an administrator independent of who changed it"


def not_to_oneself(name: str = "not_to_oneself") -> pgtrigger.Trigger:
    """A row that gives ``user_id`` a right is not written by that very person. Giving one up is free."""
    return pgtrigger.Trigger(
        name=name,
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF NEW.user_id = {ACTOR} THEN
                RAISE EXCEPTION '{GIVES_THEMSELVES}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


def address_is_held() -> pgtrigger.Trigger:
    """An address that somebody else changed waits: the database writes down when and through whom.

    An account that nobody ever opened has nobody who could be robbed of it, and its address may be a slip of the pen.
    """
    return pgtrigger.Trigger(
        name="address_is_held",
        operation=pgtrigger.Update,
        when=pgtrigger.Before,
        condition=pgtrigger.Condition(
            "ROW(OLD.email, OLD.address_changed_at, OLD.address_changed_by_id, OLD.address_confirmed_by_id) IS DISTINCT FROM"
            " ROW(NEW.email, NEW.address_changed_at, NEW.address_changed_by_id, NEW.address_confirmed_by_id)"
        ),
        func=f"""
            IF NEW.email IS DISTINCT FROM OLD.email THEN
                NEW.address_changed_at := NULL;
                NEW.address_changed_by_id := NULL;
                NEW.address_confirmed_by_id := NULL;
                IF {ACTOR} IS DISTINCT FROM NEW.id AND (OLD.last_login IS NOT NULL OR left(OLD.password, 1) <> '!') THEN
                    NEW.address_changed_at := now();
                    NEW.address_changed_by_id := {ACTOR};
                END IF;
                RETURN NEW;
            END IF;
            NEW.address_changed_at := OLD.address_changed_at;
            NEW.address_changed_by_id := OLD.address_changed_by_id;
            IF NEW.address_confirmed_by_id IS NOT NULL
               AND NEW.address_confirmed_by_id IS DISTINCT FROM OLD.address_confirmed_by_id AND (
                NEW.address_confirmed_by_id IN (NEW.id, NEW.address_changed_by_id)
                OR NEW.address_confirmed_by_id IS DISTINCT FROM {ACTOR}
                OR NOT {ACTOR_ADMINISTERS}
                OR {no_second("NEW.address_confirmed_by_id", "NEW.address_changed_by_id", "NEW.address_changed_at")}) THEN
                RAISE EXCEPTION '{APPROVES_OWN}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


class HeldAddress(models.Model):
    """The address of an account, when somebody else changed it: no link to choose a password goes there at once."""

    address_changed_at = models.DateTimeField(gettext_lazy("address changed on"), null=True, blank=True, editable=False)
    address_changed_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=gettext_lazy("address changed by"),
    )
    address_confirmed_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=gettext_lazy("address confirmed by"),
    )

    class Meta:
        abstract = True

    @property
    def address_held_until(self) -> datetime | None:
        """Until when no link to choose a password goes to the address (``ESSOR_ADDRESS_HELD_DAYS``); None: it may."""
        if self.address_changed_at is None or self.address_confirmed_by_id is not None:
            return None
        until = self.address_changed_at + timedelta(days=settings.ESSOR_ADDRESS_HELD_DAYS)
        return until if until > timezone.now() else None

    def why_address_not_confirmed_by(self, actor: Any) -> str | None:
        """Why this administrator does not confirm the address; None when they may."""
        if self.address_held_until is None:
            return _("Nothing is to be confirmed: links go to this address already.")
        if actor.pk in (self.pk, self.address_changed_by_id):
            return _("You changed this address, or it is yours: another administrator confirms it.")
        return why_no_second(actor, self.address_changed_by_id, self.address_changed_at)

    @property
    def may_confirm_address(self) -> list[Any]:
        """The active administrators who may confirm the address now."""
        if self.address_held_until is None:
            return []
        found = seconds_for(self.address_changed_by_id, self.address_changed_at)
        return list(type(self).objects.filter(pk__in=found).exclude(pk=self.pk))

    @property
    def own_address_before(self) -> str:
        """The last address that was the person’s without a doubt, before the present one; "" where there is none.

        Not just the one before: who changes an address twice would have the first change tell the second.
        """
        lines = self.history_rows.filter(email__contains="@").exclude(email=self.email)
        certain = Q(address_changed_at=None) | Q(address_confirmed_by__isnull=False)
        return lines.filter(certain).order_by("-pgh_id").values_list("email", flat=True).first() or ""
