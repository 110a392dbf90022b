"""Roles that one person may not hold together: data that administrators read and add to, held by the database."""

from collections.abc import Iterable

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.history import tracked
from core.models.indexes import for_lists
from core.models.loosening import Loosening, loosened_by_two
from core.roles import ACTING_ROLES, Role
from core.triggers import never_deleted

EU_SOURCE = "Regulation (EU) 2021/1060, Article 74(3)"
AUDIT = "Who audits the work does none of it."
CONTROL = "Who managed or paid an operation does not control its expenditure."
ACCOUNTS = "Who opens accounts and gives roles could act as anybody: they decide, certify and pay nothing."
PAYMENT = "Who certifies that a service was performed does not order its payment."

# Whoever decides, certifies, orders or confirms.
DECIDING_ROLES = ACTING_ROLES - {Role.ADMINISTRATOR}

#: The pairs of every installation: (role, role, reason, source). Reasons are kept in English and shown translated.
SEPARATED = (
    *((Role.AUDITOR, role, AUDIT, "") for role in sorted(ACTING_ROLES)),
    *((Role.ADMINISTRATOR, role, ACCOUNTS, "") for role in sorted(DECIDING_ROLES)),
    (Role.EU_CONTROLLER, Role.INSTRUCTOR, CONTROL, EU_SOURCE),
    (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, CONTROL, EU_SOURCE),
    (Role.FINANCE_OFFICER, Role.INSTRUCTOR, PAYMENT, ""),
)

# Texts of SEPARATED, for the catalogue.
REASONS = {
    AUDIT: gettext_lazy("Who audits the work does none of it."),
    ACCOUNTS: gettext_lazy(
        "Who opens accounts and gives roles could act as anybody: they decide, certify and pay nothing."
    ),
    CONTROL: gettext_lazy("Who managed or paid an operation does not control its expenditure."),
    PAYMENT: gettext_lazy("Who certifies that a service was performed does not order its payment."),
}


class IncompatibleRolesQuerySet(models.QuerySet):
    """Pairs of roles."""

    def broken_by(self, roles: Iterable[str]) -> "IncompatibleRolesQuerySet":
        """The enforced pairs of which both roles are among these."""
        held = [str(role) for role in roles]
        return self.filter(enforced=True, first__in=held, second__in=held)


@tracked
class IncompatibleRoles(Loosening):
    """Two roles that nobody holds together. A pair is not deleted: two administrators stop enforcing it, and it shows."""

    first = models.CharField(gettext_lazy("role"), max_length=30, choices=Role.choices)
    second = models.CharField(gettext_lazy("other role"), max_length=30, choices=Role.choices)
    reason = models.CharField(gettext_lazy("reason"), max_length=300)
    source = models.CharField(gettext_lazy("source"), max_length=200, blank=True)
    enforced = models.BooleanField(
        gettext_lazy("enforced"),
        default=True,
        help_text=gettext_lazy("Whoever holds both already keeps them until somebody takes one away: they are listed."),
    )

    objects = IncompatibleRolesQuerySet.as_manager()

    class Meta:
        verbose_name = gettext_lazy("pair of incompatible roles")
        verbose_name_plural = gettext_lazy("incompatible roles")
        ordering = ["first", "second"]
        indexes = for_lists("incompatible", "enforced", "source")
        constraints = [
            models.CheckConstraint(
                condition=Q(first__lt=F("second"), first__in=Role.values, second__in=Role.values),
                name="incompatible_roles_are_two",
                violation_error_message=gettext_lazy("Choose two different roles."),
            ),
            models.UniqueConstraint(
                fields=["first", "second"],
                name="incompatible_roles_once",
                violation_error_message=gettext_lazy("This pair is there already."),
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="incompatible_roles_have_a_reason"),
            models.CheckConstraint(
                condition=Q(enforced=True) | ~(Q(first=Role.ADMINISTRATOR) | Q(second=Role.ADMINISTRATOR)),
                name="incompatible_roles_of_administrators_stay",
                violation_error_message=gettext_lazy("What binds administrators is never loosened."),
            ),
        ]
        triggers = [loosened_by_two(), never_deleted()]

    def __str__(self) -> str:
        return f"{self.get_first_display()} × {self.get_second_display()}"

    def clean(self) -> None:
        """In alphabetical order: a pair is the same whichever role is named first."""
        if self.first and self.second and self.first > self.second:
            self.first, self.second = self.second, self.first

    @property
    def binds_administrators(self) -> bool:
        """Whether the pair names the administrator’s role: then it is never loosened."""
        return Role.ADMINISTRATOR in (self.first, self.second)

    @property
    def reason_in_words(self) -> str:
        """The reason in the reader's language, where it is one of the product's."""
        return str(REASONS.get(self.reason, self.reason))


def reason_incompatible(roles: Iterable[str]) -> str | None:
    """Why nobody holds these roles together; None when they go together."""
    pairs = IncompatibleRoles.objects.broken_by(roles)
    told = [_("%(pair)s: %(reason)s") % {"pair": pair, "reason": pair.reason_in_words} for pair in pairs]
    return _("These roles are not held together. %(pairs)s") % {"pairs": " ".join(told)} if told else None


# Fires for each role given, whoever gives it; two that are given at once wait for one another on the person's row.
ROLES_GO_TOGETHER = """
    PERFORM 1 FROM core_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
    IF EXISTS (
        SELECT 1 FROM core_user_groups held
            JOIN auth_group old_role ON old_role.id = held.group_id
            JOIN auth_group new_role ON new_role.id = NEW.group_id
            JOIN core_incompatibleroles pair ON pair.enforced
                AND pair.first = LEAST(old_role.name, new_role.name)
                AND pair.second = GREATEST(old_role.name, new_role.name)
        WHERE held.user_id = NEW.user_id
    ) THEN
        RAISE EXCEPTION 'this role is not held together with another one of the person' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""
