"""Yearly payment credits (CP) of an envelope, and what payment orders take of them."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.money import ZERO, MoneyField
from core.roles import Role
from core.triggers import never_deleted
from grants.models.envelope import Envelope
from grants.models.envelope_guards import year_within_the_vote
from grants.models.guards import used_credit_keeps_its_year
from grants.models.totals import keep_total, own_total


class PaymentCreditQuerySet(models.QuerySet):
    """Payment credits."""

    def for_user(self, user):
        """Credits of the envelopes that the user may see."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(envelope__programme__assignments__user=user).distinct()


@tracked
class PaymentCredit(models.Model):
    """The payment credits (CP) of an envelope for one budget year; the ceiling of what may be ordered in it."""

    envelope = models.ForeignKey(
        Envelope, on_delete=models.PROTECT, related_name="payment_credits", verbose_name=_("envelope")
    )
    year = models.PositiveSmallIntegerField(_("budget year"))
    voted_amount = MoneyField(_("voted amount"))
    ordered_amount = MoneyField(_("ordered amount"), default=ZERO, editable=False)

    objects = PaymentCreditQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment credit")
        verbose_name_plural = _("payment credits")
        ordering = ["-year", "envelope__code"]
        constraints = [
            models.UniqueConstraint(fields=["envelope", "year"], name="payment_credit_once_a_year"),
            models.CheckConstraint(
                condition=Q(ordered_amount__gte=0) & Q(ordered_amount__lte=F("voted_amount")),
                name="payment_credit_ordered_within_voted",
                violation_error_message=_("More would be ordered than the payment credits of the year."),
            ),
            models.CheckConstraint(
                condition=Q(year__gte=2000) & Q(year__lte=2100), name="payment_credit_year_plausible"
            ),
        ]
        triggers = [
            never_deleted(),
            pgtrigger.Trigger(
                name="payment_credit_total_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("ordered_amount"),
            ),
            used_credit_keeps_its_year(),
            year_within_the_vote(),
        ]

    def __str__(self):
        return f"{self.envelope.code} · {self.year}"


@tracked
class CreditUse(models.Model):
    """Payment credits taken by one payment order. Never edited; a cancelled order releases them."""

    credit = models.ForeignKey(
        PaymentCredit, on_delete=models.PROTECT, related_name="uses", verbose_name=_("payment credit")
    )
    reference = models.CharField(_("reference of the order"), max_length=60, unique=True)
    amount = MoneyField(_("amount"))
    released_amount = MoneyField(_("released amount"), default=ZERO)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("ordered by"),
    )  # fmt: skip
    created_at = models.DateTimeField(_("ordered at"), auto_now_add=True)

    class Meta:
        verbose_name = _("use of payment credits")
        verbose_name_plural = _("uses of payment credits")
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_use_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_amount__gte=0) & Q(released_amount__lte=F("amount")),
                name="credit_use_released_within_amount",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="credit_use_counts_on_credit",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func=keep_total("grants_paymentcredit", "ordered_amount", "credit_id"),
            ),
            pgtrigger.ReadOnly(
                name="credit_use_is_not_edited", fields=["credit", "reference", "amount", "created_by", "created_at"]
            ),
            pgtrigger.Protect(name="credit_use_is_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self):
        return self.reference
