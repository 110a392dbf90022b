"""Money of an envelope that is held for a case (AE/AP)."""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from core.history import tracked
from core.models.indexes import for_lists
from core.money import ZERO, MoneyField
from core.roles import Role
from grants.models.envelope import Envelope
from grants.models.totals import keep_total, own_total


class CommitmentQuerySet(models.QuerySet):
    """Commitments."""

    def for_user(self, user):
        """Commitments on the envelopes that the user may see."""
        if user.has_role(Role.AUDITOR, Role.ADMINISTRATOR, Role.FINANCE_OFFICER):
            return self
        return self.filter(envelope__programme__assignments__user=user).distinct()


@tracked
class Commitment(models.Model):
    """Money of an envelope reserved for one case. Never edited; what is not used is released.

    ``ordered_amount`` is what payment orders have drawn on it, counted by the database: no more is drawn than is held,
    nothing is released that was drawn.
    """

    envelope = models.ForeignKey(
        Envelope, on_delete=models.PROTECT, related_name="commitments", verbose_name=_("envelope")
    )
    application = models.ForeignKey(
        "grants.Application", on_delete=models.PROTECT, related_name="commitments", verbose_name=_("application")
    )
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    amount = MoneyField(_("amount"))
    released_amount = MoneyField(_("released amount"), default=ZERO)
    release_reason = models.CharField(_("reason of the release"), max_length=255, blank=True)
    ordered_amount = MoneyField(_("ordered"), default=ZERO, db_default=ZERO, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("committed by"),
    )  # fmt: skip
    created_at = models.DateTimeField(_("committed at"), auto_now_add=True)

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("commitment")
        verbose_name_plural = _("commitments")
        ordering = ["-created_at", "-id"]
        indexes = [
            *for_lists("commitment", "amount", "released_amount"),
            models.Index(fields=["-created_at"], name="commitment_recent"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="commitment_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_amount__gte=0) & Q(released_amount__lte=F("amount")),
                name="commitment_released_within_amount",
                violation_error_message=_("More would be released than what was committed."),
            ),
            models.CheckConstraint(
                condition=Q(released_amount=0) | ~Q(release_reason=""), name="commitment_release_has_reason"
            ),
            models.CheckConstraint(
                condition=Q(ordered_amount__gte=0) & Q(ordered_amount__lte=F("amount") - F("released_amount")),
                name="commitment_spent_within_held",
                violation_error_message=_("More would be ordered than what is committed."),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="commitment_ordered_is_kept",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.Before,
                func=own_total("ordered_amount"),
            ),
            pgtrigger.Trigger(
                name="commitment_counts_on_envelope",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                func=keep_total("grants_envelope", "committed_amount", "envelope_id"),
            ),
            pgtrigger.ReadOnly(
                name="commitment_is_not_edited",
                fields=["envelope", "application", "reference", "amount", "created_by", "created_at"],
            ),
            pgtrigger.Protect(name="commitment_is_not_deleted", operation=pgtrigger.Delete),
        ]

    def __str__(self):
        return self.reference

    @property
    def net_amount(self):
        """Euros still held on the envelope."""
        return self.amount - self.released_amount

    def release(self, amount: Decimal, *, reason: str) -> None:
        """Give ``amount`` back to the envelope; nothing happens for zero. The database refuses more than is held."""
        if amount == 0:
            return
        self.released_amount = self.released_amount + amount
        self.release_reason = reason[:255]
        self.save(update_fields=["released_amount", "release_reason"])
