"""People who sign in: by e-mail, with roles."""

from collections.abc import Iterable
from functools import cached_property

import pgtrigger
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import Group, PermissionsMixin
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import models, transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.acting import acting_as, current, current_actor
from core.history import tracked
from core.lib.names import WEB_ADDRESS, validate_person_name
from core.models.incompatible import ROLES_GO_TOGETHER, reason_incompatible
from core.models.indexes import for_lists
from core.models.known_person import KnownPerson, confirmed_by_another, person_is_known
from core.models.opening import Opening, no_strangers_password, opened_by_its_mailbox
from core.models.own_rights import address_is_held, not_to_oneself
from core.roles import SEES_EVERYTHING, STAFF_ROLES, Role
from core.triggers import Digest, mark_trigger

# Nobody else could give a role again: whoever leaves, one active administrator stays. Two who leave at once wait for
# one another.
LAST_ADMINISTRATOR_STAYS = """
    PERFORM pg_advisory_xact_lock(hashtext('core_last_administrator'));
    IF EXISTS (
        SELECT 1 FROM core_user_groups held JOIN auth_group role ON role.id = held.group_id
        WHERE role.name = 'administrator' AND held.user_id = {person}
    ) AND NOT EXISTS (
        SELECT 1 FROM core_user other
            JOIN core_user_groups held ON held.user_id = other.id JOIN auth_group role ON role.id = held.group_id
        WHERE role.name = 'administrator' AND other.is_active AND other.id <> {person}
    ) THEN
        RAISE EXCEPTION 'the last active administrator stays' USING ERRCODE = 'check_violation';
    END IF;
    RETURN {row};
"""


class UserManager(BaseUserManager):
    use_in_migrations = True

    @classmethod
    def normalize_email(cls, email: str | None) -> str:
        return (email or "").strip().lower()

    def get_by_natural_key(self, username: str):
        return self.get(email=self.normalize_email(username))

    def _create(self, email: str, password: str | None, roles: Iterable[Role | str], **extra):
        if not self.normalize_email(email):
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email), **extra)
        user.set_password(password)
        with transaction.atomic():
            user.save(using=self._db)
            user.set_roles(roles)
        return user

    def create_user(self, email: str, password: str | None = None, *, roles: Iterable[Role | str] = (), **extra):
        """A user with these roles; staff roles open the staff screens."""
        extra.setdefault("is_superuser", False)
        return self._create(email, password, roles, **extra)

    def create_superuser(self, email: str, password: str | None = None, **extra):
        extra |= {"is_superuser": True, "is_staff": True}
        if current():
            return self._create(email, password, [Role.ADMINISTRATOR], **extra)
        with acting_as(label="command createsuperuser"):
            return self._create(email, password, [Role.ADMINISTRATOR], **extra)


@tracked(exclude=["password", "last_login"], personal=["email", "first_name", "last_name", "phone"])
class User(KnownPerson, Opening, AbstractBaseUser, PermissionsMixin):
    """A person. What they may do comes from their roles, never from Django's permissions per model.

    ``password_mark`` is made of the password's own hash by the database: the history keeps it, and so tells when a
    password changed, and through whom, without holding it.
    """

    email = models.EmailField(
        _("E-mail address"),
        unique=True,
        error_messages={"unique": _("An account already uses this e-mail address.")},
    )
    first_name = models.CharField(_("First name"), max_length=150, blank=True, validators=[validate_person_name])
    last_name = models.CharField(_("Last name"), max_length=150, blank=True, validators=[validate_person_name])
    phone = models.CharField(_("Telephone"), max_length=30, blank=True)
    language = models.CharField(_("Language"), max_length=8, choices=settings.LANGUAGES, default="fr")
    is_active = models.BooleanField(_("Active"), default=True)
    is_staff = models.BooleanField(_("Enters the staff screens"), default=False)
    password_mark = models.CharField(max_length=64, blank=True, db_default="", editable=False)
    date_joined = models.DateTimeField(_("Joined on"), default=timezone.now)

    objects = UserManager()

    OPEN_TO_ITSELF = frozenset({"activate_account", "change_password", "edit_account"})
    """What everybody does on their own account, an auditor too: actions of events whose subject is the actor."""

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS = ["first_name", "last_name"]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["last_name", "first_name", "id"]
        indexes = for_lists("user", "last_name", "last_login", "is_active")
        constraints = [
            models.CheckConstraint(condition=models.Q(email=Lower("email")), name="core_user_email_lower"),
            models.CheckConstraint(
                condition=~models.Q(first_name__iregex=WEB_ADDRESS) & ~models.Q(last_name__iregex=WEB_ADDRESS),
                name="core_user_names_are_no_addresses",
                violation_error_message=_("The name of a person holds no web address."),
            ),
            models.CheckConstraint(
                condition=models.Q(password_mark=Digest("password")), name="core_user_password_is_marked"
            ),
            models.CheckConstraint(
                condition=models.Q(address_confirmed_by__isnull=True)
                | (
                    ~models.Q(address_confirmed_by=models.F("id"))
                    & ~models.Q(address_confirmed_by=models.F("address_changed_by"))
                ),
                name="core_user_address_confirmed_by_another",
                violation_error_message=_("An address is confirmed by an administrator who did not change it."),
            ),
            confirmed_by_another(),
        ]
        triggers = [
            mark_trigger("password_mark", "NEW.password"),
            address_is_held(),
            opened_by_its_mailbox(),
            person_is_known(),
            pgtrigger.Trigger(
                name="last_administrator_stays",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Condition('OLD."is_active" AND NOT NEW."is_active"'),
                func=LAST_ADMINISTRATOR_STAYS.format(person="OLD.id", row="NEW"),
            ),
        ]

    def __str__(self) -> str:
        return self.get_full_name()

    def save(self, *args, **kwargs):
        self.email = type(self).objects.normalize_email(self.email)
        super().save(*args, **kwargs)

    def clean(self):
        super().clean()
        self.email = type(self).objects.normalize_email(self.email)

    def refresh_from_db(self, *args, **kwargs):
        super().refresh_from_db(*args, **kwargs)
        for kept in ("role_set", "hands", "witnesses"):
            self.__dict__.pop(kept, None)

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email

    def get_short_name(self) -> str:
        return self.first_name or self.email

    def email_user(self, subject: str, message: str, from_email: str | None = None, **kwargs) -> None:
        send_mail(subject, message, from_email, [self.email], **kwargs)

    @cached_property
    def role_set(self) -> frozenset[str]:
        """The values of this user's roles: one query, kept for the life of the instance."""
        if self.pk is None:
            return frozenset()
        names = {group.name for group in self.groups.all()}
        return frozenset(names & set(Role.values))

    def has_role(self, *roles: Role | str) -> bool:
        """True for an active user who has one of these roles. A superuser has no role of its own."""
        return self.is_active and any(str(role) in self.role_set for role in roles)

    @property
    def is_staff_member(self) -> bool:
        return self.has_role(*STAFF_ROLES)

    @property
    def sees_everything(self) -> bool:
        """Auditors and administrators read every case, whatever the programmes."""
        return self.has_role(*SEES_EVERYTHING)

    def set_roles(self, roles: Iterable[Role | str]) -> None:
        """Replace this user's roles; the right to enter the staff screens follows.

        A role that somebody else gives leaves an account that nobody opened without the password of who asked for it.
        Raises ValidationError for roles that are not held together, and for one that somebody gives themselves.
        """
        wanted = {Role(role) for role in roles}
        actor = current_actor()
        if actor is not None and actor.pk == self.pk and wanted - self.role_set:
            raise ValidationError(
                gettext("Nobody gives themselves a role: another administrator does."), code="own_role"
            )
        if len(wanted) > 1 and (reason := reason_incompatible(wanted)):
            raise ValidationError(reason, code="incompatible_roles")
        groups = {name: Group.objects.get_or_create(name=name)[0] for name in sorted(role.value for role in wanted)}
        with transaction.atomic():
            if actor is not None and actor.pk != self.pk and wanted - self.role_set:
                self.forget_strangers_password()
            self.groups.set(groups.values())


@tracked
class UserRole(User.groups.through):
    """A user's role, as a row: giving oneself a role by SQL leaves a trace."""

    class Meta:
        proxy = True
        triggers = [
            not_to_oneself(),
            no_strangers_password(),
            pgtrigger.Trigger(
                name="roles_go_together", when=pgtrigger.After, operation=pgtrigger.Insert, func=ROLES_GO_TOGETHER
            ),
            pgtrigger.Trigger(
                name="last_administrator_stays",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=f"""
                    IF NOT EXISTS (SELECT 1 FROM auth_group WHERE id = OLD.group_id AND name = 'administrator')
                        OR NOT EXISTS (SELECT 1 FROM core_user WHERE id = OLD.user_id AND is_active) THEN
                        RETURN OLD;
                    END IF;
                    {LAST_ADMINISTRATOR_STAYS.format(person="OLD.user_id", row="OLD")}
                """,
            ),
        ]
        verbose_name = _("role of a user")
        verbose_name_plural = _("roles of users")

    def __str__(self) -> str:
        return f"{self.user_id}: {self.group_id}"


@tracked
class RoleGroup(Group):
    """The group that stands for a role: a group that changes its name changes what everybody in it may do."""

    class Meta:
        proxy = True
        verbose_name = _("group of a role")
        verbose_name_plural = _("groups of roles")


def follow_roles(sender, instance, action: str, reverse: bool, pk_set, **kwargs) -> None:
    """m2m_changed receiver: ``is_staff`` says whether the user has a staff role."""
    if not action.startswith("post_"):
        return
    users = User.objects.filter(pk__in=pk_set or []) if reverse else [instance]
    for user in users:
        user.__dict__.pop("role_set", None)
        is_staff = user.is_superuser or any(role in user.role_set for role in STAFF_ROLES)
        if user.is_staff != is_staff:
            user.is_staff = is_staff
            user.save(update_fields=["is_staff"])


models.signals.m2m_changed.connect(follow_roles, sender=User.groups.through, dispatch_uid="core_follow_roles")
