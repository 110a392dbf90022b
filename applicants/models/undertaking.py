"""What people answered on the enterprises with which an applicant is one single undertaking."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models.applicant import Applicant, SingleUndertaking
from applicants.models.people import OfApplicantQuerySet
from core.history import tracked
from core.triggers import append_only_triggers


@tracked
class UndertakingAnswer(models.Model):
    """An answer to "is this enterprise linked with others?", asked when a second establishment of it appears.

    Establishments of one enterprise (SIREN) share their de minimis room whatever is answered; the answer says whether
    other enterprises share it too (Regulation 2023/2831, Art. 2(2)). ``establishments`` are the SIRET numbers that the
    person saw: one more asks the question again. Append-only.
    """

    class Side(models.TextChoices):
        APPLICANT = "applicant", _("the applicant")
        SERVICE = "service", _("the service")

    class Answer(models.TextChoices):
        ALONE = "alone", pgettext_lazy("single undertaking", "no other enterprise is linked with this one")
        LINKED = "linked", pgettext_lazy("single undertaking", "other enterprises are linked with this one")

    applicant = models.ForeignKey(
        Applicant, models.PROTECT, related_name="undertaking_answers", verbose_name=_("applicant")
    )
    siren = models.CharField(_("SIREN number"), max_length=9)
    establishments = models.JSONField(_("establishments known"), default=list)
    side = models.CharField(_("answered for"), max_length=9, choices=Side.choices)
    answer = models.CharField(_("answer"), max_length=6, choices=Answer.choices)
    explanation = models.TextField(_("explanation"), blank=True)
    undertaking = models.ForeignKey(
        SingleUndertaking, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("single undertaking")
    )
    answered_by = models.ForeignKey("core.User", models.PROTECT, related_name="+", verbose_name=_("answered by"))
    answered_at = models.DateTimeField(_("answered at"), default=timezone.now, editable=False)

    objects = OfApplicantQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer on linked enterprises")
        verbose_name_plural = _("answers on linked enterprises")
        ordering = ["-answered_at", "-pk"]
        indexes = [models.Index(fields=["siren", "side"], name="undertaking_answer_siren")]
        constraints = [
            models.CheckConstraint(condition=Q(siren__regex=r"^\d{9}$"), name="undertaking_answer_has_siren"),
            models.CheckConstraint(
                condition=Q(side__in=["applicant", "service"]) & Q(answer__in=["alone", "linked"]),
                name="undertaking_answer_known",
            ),
            models.CheckConstraint(
                condition=Q(side="applicant", answer="alone") | ~Q(explanation=""),
                name="undertaking_answer_is_explained",
                violation_error_message=_("Say which enterprises are linked, or what shows that none is."),
            ),
            models.CheckConstraint(
                condition=Q(side="service", answer="linked", undertaking__isnull=False)
                | (Q(undertaking__isnull=True) & ~Q(side="service", answer="linked")),
                name="undertaking_answer_names_it",
                violation_error_message=_("Choose the single undertaking to which the linked enterprises belong."),
            ),
        ]
        triggers = append_only_triggers()

    def __str__(self) -> str:
        return f"{self.siren} · {self.get_answer_display()}"
