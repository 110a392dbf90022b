"""A rule that binds people is tightened at once, and loosened by two administrators: one asks, another one confirms."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models.relations import ACTOR_ADMINISTERS, no_second, seconds_for, why_no_second
from core.triggers import ACTOR

LOOSENED_ALONE = "a rule on roles is loosened by two administrators"
PAIR_STAYS = "the roles of a pair stay"
BEGINS_IN_FORCE = "a pair of roles begins in force"


def loosened_by_two() -> pgtrigger.Trigger:
    """The database writes down who asks to loosen a rule, and when; another one confirms, who is independent of them."""
    refuse = "RAISE EXCEPTION '{}' USING ERRCODE = 'check_violation';"
    return pgtrigger.Trigger(
        name="loosened_by_two",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'INSERT' THEN
                IF NOT NEW.enforced THEN
                    {refuse.format(BEGINS_IN_FORCE)}
                END IF;
                NEW.loosening_asked_by_id := NULL;
            ELSE
                IF (OLD.first, OLD.second) IS DISTINCT FROM (NEW.first, NEW.second) THEN
                    {refuse.format(PAIR_STAYS)}
                END IF;
                IF NOT NEW.enforced THEN
                    IF NOT OLD.enforced THEN
                        NEW.loosened_by_id := OLD.loosened_by_id;
                    ELSIF OLD.loosening_asked_by_id IS NULL OR NEW.loosened_by_id IS NULL
                        OR NEW.loosened_by_id IS DISTINCT FROM {ACTOR} OR NOT {ACTOR_ADMINISTERS}
                        OR {no_second("NEW.loosened_by_id", "OLD.loosening_asked_by_id", "OLD.loosening_asked_at")} THEN
                        {refuse.format(LOOSENED_ALONE)}
                    END IF;
                    NEW.loosening_asked_by_id := OLD.loosening_asked_by_id;
                    NEW.loosening_asked_at := OLD.loosening_asked_at;
                    NEW.loosening_reason := OLD.loosening_reason;
                    RETURN NEW;
                END IF;
                IF NOT OLD.enforced THEN
                    NEW.loosening_asked_by_id := NULL;
                ELSIF NEW.loosening_asked_by_id IS NOT NULL
                    AND (NEW.loosening_asked_by_id, NEW.loosening_asked_at, NEW.loosening_reason) IS DISTINCT FROM
                        (OLD.loosening_asked_by_id, OLD.loosening_asked_at, OLD.loosening_reason) THEN
                    IF NEW.loosening_asked_by_id IS DISTINCT FROM {ACTOR} OR NOT {ACTOR_ADMINISTERS} THEN
                        {refuse.format(LOOSENED_ALONE)}
                    END IF;
                    NEW.loosening_asked_at := now();
                END IF;
            END IF;
            NEW.loosened_by_id := NULL;
            IF NEW.loosening_asked_by_id IS NULL THEN
                NEW.loosening_asked_at := NULL;
                NEW.loosening_reason := '';
            END IF;
            RETURN NEW;
        """,
    )


class Loosening(models.Model):
    """A rule that one administrator asks to loosen, and another one loosens."""

    loosening_asked_at = models.DateTimeField(gettext_lazy("loosening asked on"), null=True, blank=True, editable=False)
    loosening_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=gettext_lazy("loosening asked by"),
    )
    loosening_reason = models.CharField(
        gettext_lazy("reason of the loosening"), max_length=1000, blank=True, db_default="", editable=False
    )
    loosened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=gettext_lazy("loosened by"),
    )

    class Meta:
        abstract = True

    @property
    def asked_to_loosen(self) -> bool:
        """Whether the rule is in force, and an administrator asked that it no longer be."""
        return self.enforced and self.loosening_asked_by_id is not None

    @property
    def request_read(self) -> str:
        """What was asked, as a page carries it: by whom, when and why."""
        asked_at = self.loosening_asked_at.isoformat() if self.loosening_asked_at else ""
        return f"{self.loosening_asked_by_id}|{asked_at}|{self.loosening_reason}"

    @property
    def may_loosen(self) -> list[int]:
        """The active administrators who may confirm what was asked."""
        return seconds_for(self.loosening_asked_by_id, self.loosening_asked_at) if self.asked_to_loosen else []

    def why_not_loosened_by(self, actor: Any) -> str | None:
        """Why this administrator does not confirm what was asked; None when they may."""
        if not self.asked_to_loosen:
            return _("Nobody asks to loosen this rule any more: read the page again.")
        return why_no_second(actor, self.loosening_asked_by_id, self.loosening_asked_at)

    def ask_to_loosen(self, actor: Any, reason: str) -> None:
        """One administrator asks, and says why. Raises ValidationError."""
        if self.binds_administrators:
            raise ValidationError(_("What binds administrators is never loosened."), code="binding")
        if not self.enforced or self.asked_to_loosen:
            raise ValidationError(
                _("This was asked already, or is no longer in force: read the page again."), code="asked"
            )
        if not (reason := reason.strip()):
            raise ValidationError(_("Say why this rule should be loosened."), code="reason")
        self.loosening_asked_by, self.loosening_reason = actor, reason[:1000]
        self.save(update_fields=["loosening_asked_by", "loosening_reason"])
        self.refresh_from_db()

    def loosen(self, actor: Any, read: str) -> None:
        """Another administrator confirms the request that they ``read``. Raises ValidationError."""
        if reason := self.why_not_loosened_by(actor):
            raise ValidationError(reason, code="own_hands")
        if read != self.request_read:
            raise ValidationError(_("Something else is asked meanwhile: read it, then confirm it."), code="changed")
        self.enforced, self.loosened_by = False, actor
        self.save(update_fields=["enforced", "loosened_by"])

    def keep_in_force(self) -> None:
        """What was asked is withdrawn, or refused. Raises ValidationError."""
        if not self.asked_to_loosen:
            raise ValidationError(_("Nobody asks to loosen this rule any more: read the page again."), code="asked")
        self.loosening_asked_by = None
        self.save(update_fields=["loosening_asked_by"])
        self.refresh_from_db()
