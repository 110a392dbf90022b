"""What a person of the Region's staff answers when a body names them: that they have no interest in it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from applicants.models.applicant import Applicant
from core.history import tracked


class NoInterestQuerySet(models.QuerySet):
    """Declarations of no interest."""

    def live(self) -> "NoInterestQuerySet":
        """Those that count: the person did not join the body since."""
        return self.filter(void_at=None)


@tracked(personal=["reason"])
class NoInterest(models.Model):
    """A person declares that a body names them (their address, an invitation) by mistake or without their consent.

    It lifts what rests on addresses alone, never a membership. It is void from the day on which the person joins
    (trigger ``ends_declarations`` of the memberships). Code of relations between the public and the administration,
    Article L100-2; law 2013-907, Article 2.
    """

    user = models.ForeignKey("core.User", models.PROTECT, related_name="no_interests", verbose_name=_("person"))
    applicant = models.ForeignKey(Applicant, models.PROTECT, related_name="no_interests", verbose_name=_("applicant"))
    reason = models.TextField(_("reason"), max_length=1000)
    declared_at = models.DateTimeField(_("declared at"), default=timezone.now, editable=False)
    void_at = models.DateTimeField(_("void since"), null=True, blank=True, editable=False)

    objects = NoInterestQuerySet.as_manager()

    class Meta:
        verbose_name = _("declaration of no interest")
        verbose_name_plural = _("declarations of no interest")
        ordering = ["-declared_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="no_interest_has_its_reason"),
            models.UniqueConstraint(
                fields=["user", "applicant"], condition=Q(void_at__isnull=True), name="no_interest_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.applicant}"
