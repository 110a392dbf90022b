"""Which files operations came from."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.triggers import append_only_triggers
from reporting.models.querysets import EUStaffQuerySet


@tracked
class OperationImport(models.Model):
    """One file that brought or changed operations, with its reconciliation (amounts per fund, as texts)."""

    file_name = models.CharField(_("file"), max_length=300)
    file_sha256 = models.CharField(_("SHA-256"), max_length=64, db_index=True)
    imported_at = models.DateTimeField(_("imported on"), default=timezone.now)
    imported_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("imported by"),
    )  # fmt: skip
    rows = models.PositiveIntegerField(_("rows"))
    created = models.PositiveIntegerField(_("new operations"))
    changed = models.PositiveIntegerField(_("changed operations"))
    unchanged = models.PositiveIntegerField(_("unchanged operations"))
    repaired = models.PositiveIntegerField(_("repaired rows"))
    flagged = models.PositiveIntegerField(_("rows with a doubt"))
    refused = models.PositiveIntegerField(_("refused rows"))
    reconciliation = models.JSONField(_("reconciliation"), default=list)

    objects = EUStaffQuerySet.as_manager()

    class Meta:
        verbose_name = _("import of operations")
        verbose_name_plural = _("imports of operations")
        ordering = ["-imported_at", "-pk"]
        triggers = append_only_triggers()

    def __str__(self) -> str:
        return self.file_name
