"""What was certified of a claim and will not be paid: who gave it up, or can no longer be paid, and why."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agreements.models.querysets import OfClaimQuerySet
from agreements.models.triggers import CASE_OF_CLAIM, refuse
from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.money import MoneyField
from core.triggers import append_only_triggers


@tracked
class GivenUpPart(models.Model):
    """Euros of a claim that are certified, and that nobody orders any more: the share of a person, or all that is left.

    What was certified stays as it was certified: only its payment is given up. Written once, with the reason that the
    beneficiary reads.
    """

    claim = models.ForeignKey(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="given_up", verbose_name=_("claim")
    )
    share = models.ForeignKey(
        "agreements.AgreementShare",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="given_up",
        verbose_name=_("share of a person"),
    )
    amount = MoneyField(_("given up"))
    reason = models.TextField(_("reason"))
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided on"), default=timezone.now)

    objects = OfClaimQuerySet.as_manager()

    class Meta:
        verbose_name = _("part given up")
        verbose_name_plural = _("parts given up")
        ordering = ["claim", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["claim", "share"], nulls_distinct=False, name="given_up_once_per_claim_and_share"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0) & ~Q(reason=""), name="given_up_says_what_and_why"),
        ]
        triggers = [
            *append_only_triggers(),
            impartial(["decided_by_id"], bodies_of_case(CASE_OF_CLAIM)),
            pgtrigger.Trigger(
                name="certified_and_not_ordered",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("its", "agreements_paymentclaim%ROWTYPE"), ("paid_to", "TEXT"), ("left_over", "NUMERIC")],
                func=f"""
                    SELECT * INTO its FROM agreements_paymentclaim WHERE id = NEW.claim_id FOR NO KEY UPDATE;
                    IF its.state NOT IN ('certified', 'ordered', 'suspended') OR its.certified_amount IS NULL THEN
                        {refuse("only what was certified and is not paid is given up")}
                    END IF;
                    SELECT payee INTO paid_to FROM agreements_agreement WHERE id = its.agreement_id;
                    IF (paid_to = 'persons') <> EXISTS (
                        SELECT 1 FROM agreements_agreementshare s
                         WHERE s.id = NEW.share_id AND s.agreement_id = its.agreement_id) THEN
                        {refuse("what is given up is of a person of the act, or of its one payee")}
                    END IF;
                    left_over := its.certified_amount - its.given_up_amount - its.ordered_amount;
                    IF NEW.amount > left_over OR EXISTS (
                        SELECT 1 FROM agreements_paymentorder o WHERE o.claim_id = its.id AND o.state <> 'cancelled'
                           AND o.share_id IS NOT DISTINCT FROM NEW.share_id) THEN
                        {refuse("of the claim % are not ordered, and % would be given up", "left_over", "NEW.amount")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="counts_on_its_claim",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                func="""
                    UPDATE agreements_paymentclaim SET given_up_amount = given_up_amount + NEW.amount
                     WHERE id = NEW.claim_id;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self):
        return f"{self.claim_id}/{self.share_id or '-'}"
