"""An account is opened by who holds its mailbox, and opened again by an administrator only: the database says so first."""

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy

from core.models.relations import ACTOR_ADMINISTERS
from core.triggers import ACTOR

OPENS_AGAIN = "an account that was deactivated is opened again by an administrator"
OPENS_STRANGERS = "the password of an account that nobody opened is not kept by who opens it"

# Before somebody else makes anything of it: an account whose mailbox was never proved, with the password of who asked for it.
_STRANGERS = "left({user}.password, 1) <> '!' AND NOT {user}.is_active AND {user}.deactivated_at IS NULL"


def opened_by_its_mailbox() -> pgtrigger.Trigger:
    """The database writes down when an account was deactivated; who may open it again, and with which password.

    An account that an administrator adds closed was never anybody's: it is theirs to open too.
    """
    return pgtrigger.Trigger(
        name="opened_by_its_mailbox",
        operation=pgtrigger.Insert | pgtrigger.Update,
        when=pgtrigger.Before,
        func=f"""
            IF TG_OP = 'INSERT' THEN
                NEW.deactivated_at := CASE WHEN NOT NEW.is_active AND {ACTOR} IS NOT NULL THEN now() END;
                RETURN NEW;
            END IF;
            NEW.deactivated_at := CASE WHEN OLD.is_active AND NOT NEW.is_active THEN now() ELSE OLD.deactivated_at END;
            IF NEW.is_active AND NOT OLD.is_active THEN
                IF OLD.deactivated_at IS NOT NULL AND ({ACTOR} IS NULL OR {ACTOR} = NEW.id OR NOT {ACTOR_ADMINISTERS}) THEN
                    RAISE EXCEPTION '{OPENS_AGAIN}' USING ERRCODE = 'check_violation';
                END IF;
                IF {_STRANGERS.format(user="OLD")} AND {ACTOR} IS DISTINCT FROM NEW.id AND left(NEW.password, 1) <> '!' THEN
                    RAISE EXCEPTION '{OPENS_STRANGERS}' USING ERRCODE = 'check_violation';
                END IF;
            END IF;
            RETURN NEW;
        """,
    )


def no_strangers_password() -> pgtrigger.Trigger:
    """A role that somebody gives to an account is not one for whoever typed its password, when nobody proved its mailbox."""
    return pgtrigger.Trigger(
        name="no_strangers_password",
        operation=pgtrigger.Insert,
        when=pgtrigger.Before,
        func=f"""
            IF {ACTOR} IS NOT NULL AND EXISTS (
                SELECT 1 FROM core_user person WHERE person.id = NEW.user_id AND {_STRANGERS.format(user="person")}) THEN
                RAISE EXCEPTION '{OPENS_STRANGERS}' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


class Opening(models.Model):
    """Whether anybody proved that they read the mail of an account, and whether the account was deactivated."""

    deactivated_at = models.DateTimeField(gettext_lazy("deactivated on"), null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    @property
    def is_unopened(self) -> bool:
        """Somebody asked for the account, and nobody ever opened it: its link may open it, and only its link."""
        return not self.is_active and self.deactivated_at is None

    @property
    def is_closed(self) -> bool:
        """Deactivated: only an administrator opens it again."""
        return not self.is_active and self.deactivated_at is not None

    def forget_strangers_password(self) -> bool:
        """Make the password unusable that whoever asked for the account typed; whether there was one to forget."""
        if not self.is_unopened or not self.has_usable_password():
            return False
        self.set_unusable_password()
        self.save(update_fields=["password"])
        return True

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's, which a deactivation changes for good: a session of before does not live again with the account."""
        known = super()._get_session_auth_hash(secret)
        return f"{known}.{self.deactivated_at.timestamp()}" if self.deactivated_at else known
