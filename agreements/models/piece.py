"""Documents joined to a claim that prove no single line of it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from agreements.models.claim import PaymentClaim
from agreements.models.querysets import OfClaimQuerySet
from agreements.models.triggers import while_claim_is_written
from core.history import tracked


@tracked
class ClaimPiece(models.Model):
    """A document joined to a claim that proves no single line: a Kbis, a report, signed statutes."""

    claim = models.ForeignKey(PaymentClaim, on_delete=models.PROTECT, related_name="pieces", verbose_name=_("claim"))
    code = models.CharField(_("piece"), max_length=40)
    label = models.CharField(_("label"), max_length=200)
    document = models.ForeignKey(
        "core.Document", on_delete=models.PROTECT, related_name="+", verbose_name=_("document")
    )

    objects = OfClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("piece of a claim")
        verbose_name_plural = _("pieces of claims")
        ordering = ["claim", "code", "pk"]
        triggers = [while_claim_is_written("the pieces")]

    def __str__(self):
        return self.label
