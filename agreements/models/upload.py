"""The workbooks in which the expenditure of a claim came."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agreements.models.querysets import OfClaimQuerySet
from agreements.models.triggers import never_deleted
from core.history import tracked


class UploadState(models.TextChoices):
    """What became of an uploaded workbook."""

    PREVIEWED = "previewed", pgettext_lazy("workbook", "Read, not yet taken in")
    TAKEN = "taken", pgettext_lazy("workbook", "Taken in")


@tracked
class ExpenditureUpload(models.Model):
    """A workbook of expenditure: read once for the preview, taken in once however often it is sent."""

    State = UploadState

    claim = models.ForeignKey(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="uploads", verbose_name=_("claim")
    )
    document = models.ForeignKey(
        "core.Document", on_delete=models.PROTECT, related_name="+", verbose_name=_("workbook")
    )
    rejected = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("refused rows"),
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=UploadState.choices, default=UploadState.PREVIEWED)
    rows_read = models.PositiveIntegerField(_("rows read"), default=0)
    rows_added = models.PositiveIntegerField(_("rows added"), default=0)
    rows_changed = models.PositiveIntegerField(_("rows changed"), default=0)
    rows_known = models.PositiveIntegerField(_("rows already known"), default=0)
    rows_refused = models.PositiveIntegerField(_("rows refused"), default=0)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("sent by")
    )
    uploaded_at = models.DateTimeField(_("sent on"), default=timezone.now)
    taken_at = models.DateTimeField(_("taken in on"), null=True, blank=True)

    objects = OfClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("expenditure workbook")
        verbose_name_plural = _("expenditure workbooks")
        ordering = ["-uploaded_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "sha256"], condition=Q(state="taken"), name="expenditure_upload_taken_once"
            ),
            models.CheckConstraint(
                condition=Q(state="previewed", taken_at__isnull=True) | Q(state="taken", taken_at__isnull=False),
                name="expenditure_upload_taken_is_dated",
            ),
        ]
        triggers = [never_deleted(pgtrigger.Q(old__state="taken"))]

    def __str__(self):
        return str(self.document_id)
