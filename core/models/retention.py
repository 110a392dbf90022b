"""How long what belongs to a case is kept: one row a rule, written by the event that starts it."""

import pgtrigger
from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked
from core.models.indexes import for_lists


class RetentionQuerySet(models.QuerySet):
    """Retentions."""

    def of(self, subject: models.Model) -> "RetentionQuerySet":
        """Those of one subject, the longest first."""
        kind = ContentType.objects.get_for_model(subject, for_concrete_model=True)
        return self.filter(content_type=kind, object_id=subject.pk).order_by("-until", "pk")

    def decisive(self) -> "RetentionQuerySet":
        """For each subject the one that keeps it the longest."""
        longer = self.model.objects.filter(
            Q(until__gt=OuterRef("until")) | Q(until=OuterRef("until"), pk__lt=OuterRef("pk")),
            content_type=OuterRef("content_type"),
            object_id=OuterRef("object_id"),
        )
        return self.filter(~Exists(longer))

    def over(self) -> "RetentionQuerySet":
        """Those whose last day is past."""
        return self.filter(until__lt=timezone.localdate())


@tracked
class Retention(models.Model):
    """Until when one rule (``core.retention``) keeps a subject. ``starts_on`` is the day of the event that started it.

    A later event of the same kind (another payment) moves both dates later, never earlier.
    """

    content_type = models.ForeignKey(ContentType, models.PROTECT, related_name="+")
    object_id = models.BigIntegerField()
    subject = GenericForeignKey("content_type", "object_id")
    rule = models.CharField(_("rule"), max_length=40)
    starts_on = models.DateField(pgettext_lazy("retention", "from"))
    until = models.DateField(_("keep until"))

    objects = RetentionQuerySet.as_manager()

    class Meta:
        verbose_name = _("retention")
        verbose_name_plural = _("archiving list")
        ordering = ["until", "pk"]
        indexes = for_lists("retention", "until", "rule", "starts_on")
        constraints = [
            models.UniqueConstraint(fields=["content_type", "object_id", "rule"], name="retention_once_a_rule"),
            models.CheckConstraint(condition=Q(until__gte=F("starts_on")), name="retention_dates_in_order"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="only_moves_later",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func="""
                    IF ROW(NEW.content_type_id, NEW.object_id, NEW.rule)
                       IS DISTINCT FROM ROW(OLD.content_type_id, OLD.object_id, OLD.rule)
                       OR NEW.until < OLD.until THEN
                        RAISE EXCEPTION 'what is kept until % is not kept for less', OLD.until
                            USING ERRCODE = 'check_violation';
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.until:%d/%m/%Y}"

    @property
    def is_over(self) -> bool:
        """Whether the last day is past."""
        return self.until < timezone.localdate()
