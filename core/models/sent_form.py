"""The forms that added something: each was taken once, however often it was sent."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class SentForm(models.Model):
    """One form as one account sent it from one page (``core.engine.once``).

    ``key`` was made with the page. ``content`` is the SHA-256 (hexadecimal) of the address and of all that was sent;
    ``answer`` is the address that the sender was led to. The row stands in the transaction of what the form added, so that a
    second one, sent in the same second, waits for it. It says nothing that the events do not say: it is forgotten after
    some days, and has no history.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("account"), on_delete=models.CASCADE, related_name="+", db_index=False
    )
    key = models.UUIDField(_("key of the page"))
    content = models.CharField(_("fingerprint of what was sent"), max_length=64)
    answer = models.TextField(_("address that followed"), blank=True)
    sent_at = models.DateTimeField(_("sent on"), db_index=True)

    class Meta:
        verbose_name = _("form that was sent")
        verbose_name_plural = _("forms that were sent")
        constraints = [models.UniqueConstraint(fields=["account", "key", "content"], name="core_sentform_once")]

    def __str__(self) -> str:
        return str(self.key)
