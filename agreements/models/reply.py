"""What a beneficiary answers while its claim is suspended."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agreements.models.claim import PaymentClaim
from agreements.models.querysets import OfClaimQuerySet
from agreements.models.triggers import refuse
from core.history import tracked
from core.triggers import append_only_triggers


@tracked
class ClaimReply(models.Model):
    """An answer on a suspended claim: a text, with or without a document. It is written once."""

    claim = models.ForeignKey(PaymentClaim, on_delete=models.PROTECT, related_name="replies", verbose_name=_("claim"))
    text = models.TextField(_("answer"))
    document = models.ForeignKey(
        "core.Document", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("document")
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("written by")
    )
    created_at = models.DateTimeField(_("written on"), default=timezone.now)

    objects = OfClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("answer on a suspended claim")
        verbose_name_plural = _("answers on suspended claims")
        ordering = ["claim", "pk"]
        constraints = [models.CheckConstraint(condition=~Q(text=""), name="claim_reply_says_something")]
        triggers = [
            *append_only_triggers(),
            pgtrigger.Trigger(
                name="while_suspended",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"""
                    IF NOT EXISTS (SELECT 1 FROM agreements_paymentclaim
                                   WHERE id = NEW.claim_id AND state = 'suspended') THEN
                        {refuse("one answers while the claim is suspended")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self):
        return f"{self.claim_id}/{self.pk}"
