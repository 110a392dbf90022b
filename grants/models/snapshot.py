"""What was filed, frozen: nothing rewrites it; a correction is a new snapshot."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked


@tracked(personal=["content"])
class Snapshot(models.Model):
    """Answers, identity of the applicant, budget and SHA-256 of every document, on the day they were filed."""

    class Kind(models.TextChoices):
        SUBMISSION = "submission", pgettext_lazy("snapshot", "Filing")
        COMPLETION = "completion", pgettext_lazy("snapshot", "Answer to a request for pieces")

    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="snapshots", verbose_name=_("application")
    )
    number = models.PositiveSmallIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices)
    content = models.JSONField(_("content"))
    sha256 = models.CharField(_("fingerprint of the content"), max_length=64)
    taken_at = models.DateTimeField(_("taken on"))
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("taken by")
    )
    receipt = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("receipt"),
    )

    class Meta:
        verbose_name = _("snapshot")
        verbose_name_plural = _("snapshots")
        ordering = ["application_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="snapshot_number_unique"),
        ]
        triggers = [
            pgtrigger.Protect(name="snapshot_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        ]

    def __str__(self):
        return f"{self.application} – {self.number}"
