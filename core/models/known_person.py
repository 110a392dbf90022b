"""An account is of who it says: a second administrator called or met the person, and answers for it."""

from functools import cached_property
from typing import Any

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models.hands import REACHED, Hand, hands_of, no_witness, witnesses_for
from core.models.own_rights import HeldAddress
from core.models.relations import ACTOR_ADMINISTERS, why_no_second
from core.triggers import ACTOR

KNOWS_NOBODY = "that an account is of who it says is confirmed by an administrator independent of who has it in hand"


def person_is_known() -> pgtrigger.Trigger:
    """Who answers for an account is independent of somebody who made it, gave it a role or changed its address."""
    return pgtrigger.Trigger(
        name="person_is_known",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'INSERT' THEN
                NEW.person_confirmed_at := NULL;
                NEW.person_confirmed_by_id := NULL;
                RETURN NEW;
            END IF;
            IF ROW(NEW.person_confirmed_at, NEW.person_confirmed_by_id)
               IS NOT DISTINCT FROM ROW(OLD.person_confirmed_at, OLD.person_confirmed_by_id) THEN
                RETURN NEW;
            END IF;
            IF NEW.person_confirmed_by_id IS NULL OR NEW.person_confirmed_by_id = NEW.id
               OR NEW.person_confirmed_by_id IS DISTINCT FROM {ACTOR} OR NOT {ACTOR_ADMINISTERS}
               OR NOT EXISTS (SELECT 1 FROM essor_hands(NEW.id) AS held
                              WHERE NOT {no_witness("NEW.person_confirmed_by_id")}) THEN
                RAISE EXCEPTION '{KNOWS_NOBODY}' USING ERRCODE = 'check_violation';
            END IF;
            NEW.person_confirmed_at := now();
            RETURN NEW;
        """,
    )


def confirmed_by_another() -> models.CheckConstraint:
    """Nobody answers for themselves, and each answer has its moment."""
    return models.CheckConstraint(
        condition=Q(person_confirmed_by__isnull=True, person_confirmed_at__isnull=True)
        | (Q(person_confirmed_by__isnull=False, person_confirmed_at__isnull=False) & ~Q(person_confirmed_by=F("id"))),
        name="core_user_person_confirmed_by_another",
        violation_error_message=gettext_lazy("Another administrator says that an account is of who it says."),
    )


class KnownPerson(HeldAddress):
    """An account whose person somebody answers for beside who made it: one act, that of a changed address too."""

    person_confirmed_at = models.DateTimeField(
        gettext_lazy("person confirmed on"), null=True, blank=True, editable=False
    )
    person_confirmed_by = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=gettext_lazy("person confirmed by"),
    )

    class Meta:
        abstract = True

    @cached_property
    def hands(self) -> list[Hand]:
        """In whose hand the account is, the newest first: nobody independent has answered for it since."""
        return hands_of(self.pk)

    @cached_property
    def witnesses(self) -> list[int]:
        """The active administrators who may answer for the account today, for one of its hands at least."""
        return witnesses_for(self.pk) if self.hands else []

    @property
    def may_confirm_person(self) -> list[Any]:
        """The same, as people."""
        return list(type(self).objects.filter(pk__in=self.witnesses))

    def why_person_not_confirmed_by(self, actor: Any) -> str | None:
        """Why this administrator does not answer for the account; None when they may, for one of its hands at least."""
        if actor.pk == self.pk:
            return _("This account is yours: another administrator says that it is.")
        if not self.hands:
            return _("Nothing is to be confirmed: nobody has this account in hand, or it was confirmed since.")
        if actor.pk in self.witnesses:
            return None
        newest = self.hands[0]
        return why_no_second(actor, newest.hand, newest.at, witness=newest.kind != REACHED) or _(
            "An active administrator says it."
        )

    def why_not_confirmed_by(self, actor: Any) -> str | None:
        """Why this administrator confirms nothing of the account: neither its address while it waits, nor its person."""
        if self.address_held_until:
            return self.why_address_not_confirmed_by(actor)
        return self.why_person_not_confirmed_by(actor)

    def confirm_person(self, actor: Any, address: str, reason: str) -> bool:
        """A second administrator says that this account, at the ``address`` that they read, is of who it says.

        Gives whether that confirms a changed address too, to which links go from then on. Raises ValidationError.
        """
        if address != self.email:
            raise ValidationError(
                _("The address was changed meanwhile: it is %(email)s now. Read it, then confirm it."),
                params={"email": self.email},
                code="changed",
            )
        if not reason.strip():
            raise ValidationError(_("Say how you know: whom you called or met, and when."), code="reason")
        if refused := self.why_not_confirmed_by(actor):
            raise ValidationError(refused, code="own_hands")
        changed = {"address_confirmed_by": actor} if (of_address := bool(self.address_held_until)) else {}
        if self.why_person_not_confirmed_by(actor) is None:
            changed |= {"person_confirmed_by": actor, "person_confirmed_at": timezone.now()}
        for name, value in changed.items():
            setattr(self, name, value)
        self.save(update_fields=list(changed))
        self.refresh_from_db(fields=["person_confirmed_at"])
        return of_address
