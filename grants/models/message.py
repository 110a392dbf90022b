"""The conversation between the applicant and the service."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.triggers import never_deleted


class MessageQuerySet(models.QuerySet):
    def unread_by_applicant(self):
        return self.filter(from_staff=True, read_at__isnull=True)

    def unread_by_staff(self):
        return self.filter(from_staff=False, read_at__isnull=True)


@tracked(personal=["body"], retired=["key"])
class Message(models.Model):
    """One message; ``read_at`` is set when somebody of the other side opens it."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="messages", verbose_name=_("application")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("author")
    )
    body = models.TextField(_("message"), max_length=5000)
    from_staff = models.BooleanField(_("from the service"))
    sent_at = models.DateTimeField(_("sent on"), auto_now_add=True)
    read_at = models.DateTimeField(_("read on"), null=True, blank=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["sent_at", "pk"]
        triggers = [never_deleted()]
        indexes = [
            models.Index(fields=["application", "sent_at"], name="message_application_sent_idx"),
            models.Index(
                fields=["application", "from_staff"],
                condition=models.Q(read_at__isnull=True),
                name="message_unread_idx",
            ),
        ]

    def __str__(self):
        return self.body[:60]
