"""More time to claim: a dated and reasoned fact beside the act, which keeps its own last day."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agreements.models.querysets import OfAgreementQuerySet
from agreements.models.triggers import CASE_OF_AGREEMENT, refuse
from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.lib.planned_days import MOST_PLAN_DAYS, within
from core.triggers import append_only_triggers


@tracked
class ClaimExtension(models.Model):
    """Until when claims are taken although the act says an earlier day. Written once; a later one goes further."""

    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.PROTECT, related_name="extensions", verbose_name=_("agreement")
    )
    until = models.DateField(_("claims are taken until"))
    reason = models.TextField(_("reason"))
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=pgettext_lazy("more time", "granted by"),
    )
    granted_at = models.DateTimeField(pgettext_lazy("more time", "granted on"), default=timezone.now, editable=False)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("extension of the time to claim")
        verbose_name_plural = _("extensions of the time to claim")
        ordering = ["agreement", "until"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "until"], name="claim_extension_once"),
            models.CheckConstraint(
                condition=~Q(reason=""),
                name="claim_extension_has_a_reason",
                violation_error_message=_("Say why more time is given: the beneficiary reads it."),
            ),
            models.CheckConstraint(
                condition=within("until", "granted_at", MOST_PLAN_DAYS),
                name="claim_extension_plausible",
                violation_error_message=_("Ten years at most are given to claim."),
            ),
        ]
        triggers = [
            *append_only_triggers(),
            impartial(["granted_by_id"], bodies_of_case(CASE_OF_AGREEMENT)),
            pgtrigger.Trigger(
                name="gives_more_time",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("its", "agreements_agreement%ROWTYPE")],
                func=f"""
                    SELECT * INTO its FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
                    IF its.state <> 'in_force' THEN
                        {refuse("more time to claim is given while the agreement is in force")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_claimextension e
                               WHERE e.agreement_id = NEW.agreement_id AND e.until >= NEW.until) THEN
                        {refuse("an extension goes further than the one before it")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self):
        return str(_("Claims taken until %(day)s") % {"day": f"{self.until:%d/%m/%Y}"})
