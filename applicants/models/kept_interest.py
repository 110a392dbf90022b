"""The interest that stays with who left a body or took back a request to join it, and how long it stays."""

from typing import TYPE_CHECKING

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models.applicant import Applicant
from applicants.models.triggers import MONTHS_IF_UNSET
from core.history import tracked
from core.triggers import never_deleted, no_truncate

if TYPE_CHECKING:
    from core.models.user import User


@tracked
class InterestPeriod(models.Model):
    """How many months an interest stays after a person acted for a body: one row, which the administrator changes.

    No text gives a Region's officer this number: three years is that of Article 432-13 of the penal code, for who leaves
    the administration for a body that they watched over. It holds for those who leave from then on.
    """

    only = models.BooleanField(default=True, unique=True, editable=False)
    months = models.PositiveSmallIntegerField(
        _("months"),
        default=MONTHS_IF_UNSET,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text=_("Who acted for a body acts on none of its cases for the Region during these months."),
    )
    source = models.CharField(_("source"), max_length=200)

    class Meta:
        verbose_name = _("period of an interest")
        verbose_name_plural = _("period of an interest")
        triggers = [never_deleted()]
        constraints = [
            models.CheckConstraint(condition=Q(only=True), name="interest_period_is_one"),
            models.CheckConstraint(condition=Q(months__gte=1, months__lte=120), name="interest_period_months"),
        ]

    def __str__(self) -> str:
        return str(_("%(months)s months") % {"months": self.months})


class KeptInterestQuerySet(models.QuerySet):
    """Interests that stay."""

    def live(self) -> "KeptInterestQuerySet":
        """Those that count: their months have not passed, and nobody lifted them."""
        return self.filter(lifted_at=None, counts_until__gt=Now())

    def own_acts(self) -> "KeptInterestQuerySet":
        """Those of what the person did: another person lifts them. The others are answered by themselves."""
        return self.exclude(tie=KeptInterest.Tie.NAMED)


@tracked(personal=["reason"])
class KeptInterest(models.Model):
    """A person acted for a body, or asked to: that stays an interest until a day, or until somebody else lifts it.

    So does a naming that the other side took off before the officer answered it (:class:`applicants.models.NoInterest`
    does). Triggers write both (``interest_stays``, ``naming_stays``), whatever the door. Code of relations between the
    public and the administration, Article L100-2; law 2013-907, Article 2.
    """

    class Tie(models.TextChoices):
        ACTED = "acted", pgettext_lazy("interest that stays", "acted for the body")
        ASKED = "asked", pgettext_lazy("interest that stays", "asked to act for the body")
        NAMED = "named", pgettext_lazy("interest that stays", "named by the body, which took it off")

    user = models.ForeignKey("core.User", models.PROTECT, related_name="kept_interests", verbose_name=_("person"))
    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="kept_interests", verbose_name=_("applicant"))
    tie = models.CharField(_("interest"), max_length=5, choices=Tie.choices)
    began_at = models.DateTimeField(_("since"), editable=False)
    ended_at = models.DateTimeField(_("ended at"), editable=False)
    counts_until = models.DateTimeField(_("counts until"), editable=False)
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True, editable=False)
    lifted_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("lifted by")
    )
    reason = models.TextField(_("reason"), max_length=1000, default="")

    objects = KeptInterestQuerySet.as_manager()

    class Meta:
        verbose_name = _("interest that stays")
        verbose_name_plural = _("interests that stay")
        ordering = ["-ended_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(tie__in=["acted", "asked", "named"]), name="kept_interest_tie"),
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True, reason="")
                | Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(reason=""),
                name="kept_interest_lifted_by_someone_for_a_reason",
            ),
            models.CheckConstraint(
                condition=Q(lifted_by__isnull=True) | ~Q(lifted_by=F("user")), name="kept_interest_lifted_by_another"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="kept", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="lifted_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("""
                    OLD.lifted_at IS NOT NULL
                    AND (OLD.lifted_at, OLD.lifted_by_id) IS DISTINCT FROM (NEW.lifted_at, NEW.lifted_by_id)
                    OR (OLD.user_id, OLD.applicant_id, OLD.tie, OLD.began_at, OLD.ended_at, OLD.counts_until)
                    IS DISTINCT FROM (NEW.user_id, NEW.applicant_id, NEW.tie, NEW.began_at, NEW.ended_at, NEW.counts_until)
                """),
                func="""
                    RAISE EXCEPTION 'an interest that stays is lifted once, and not changed'
                        USING ERRCODE = 'check_violation';
                """,
            ),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.applicant}"

    def interest_of(self, user: "User") -> str | None:
        """Whose it is, and who has an interest in the body themselves."""
        return _("This is your own interest.") if user.pk == self.user_id else self.applicant.interest_of(user)
