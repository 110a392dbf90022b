"""The settlement of an agreement that ends: what is still paid, what is refused, what goes back to the envelope."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agreements.models.querysets import OfAgreementQuerySet, ScopedQuerySet
from agreements.models.triggers import CASE_OF_AGREEMENT, frozen, refuse
from agreements.settlements.services import still_paid_on
from agreements.settlements.triggers import asks_back_what_nothing_justifies
from applicants.models.triggers import bodies_of_case, impartial
from core.history import tracked
from core.money import MoneyField
from core.triggers import append_only_triggers, no_truncate


class Outcome(models.TextChoices):
    """What becomes of a claim that was under way."""

    PAY = "pay", _("It goes on and may be paid")
    REFUSE = "refuse", _("It is refused")


@tracked
class Settlement(models.Model):
    """What was decided when an agreement in force ended. Amounts are euros; it is written once, but for what is to be asked
    back, which follows the claims that go on.

    ``granted = paid + kept + freed``: ``kept`` is held for the claims that go on, ``freed`` was given back to the
    envelope on that day. What a kept claim does not use is given back when it ends. ``unjustified`` is, of what is paid
    and kept, what no certified expenditure makes due; ``unjustified_paid`` of what is paid today: it alone is asked back.
    """

    agreement = models.OneToOneField(
        "agreements.Agreement", on_delete=models.PROTECT, related_name="settlement", verbose_name=_("agreement")
    )
    target = models.CharField(_("end"), max_length=12)
    granted_amount = MoneyField(_("granted"))
    paid_amount = MoneyField(_("paid"))
    kept_amount = MoneyField(_("still to be paid"))
    freed_amount = MoneyField(_("given up"))
    unjustified_amount = MoneyField(_("paid or still to be paid, and justified by no expenditure"), default=0)
    unjustified_paid_amount = MoneyField(_("paid and justified by no expenditure, to be asked back"), default=0)
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided on"), default=timezone.now)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("settlement")
        verbose_name_plural = _("settlements")
        constraints = [
            models.CheckConstraint(
                condition=Q(granted_amount=F("paid_amount") + F("kept_amount") + F("freed_amount")),
                name="settlement_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(paid_amount__gte=0, kept_amount__gte=0, freed_amount__gte=0),
                name="settlement_amounts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(unjustified_amount__gte=0, unjustified_amount__lte=F("paid_amount") + F("kept_amount")),
                name="settlement_asks_back_what_is_paid",
            ),
            models.CheckConstraint(
                condition=Q(unjustified_paid_amount__gte=0, unjustified_paid_amount__lte=F("unjustified_amount")),
                name="settlement_asks_back_no_more",
            ),
            models.CheckConstraint(
                condition=Q(target__in=["completed", "terminated", "lapsed"]), name="settlement_of_an_end"
            ),
            models.CheckConstraint(
                condition=Q(freed_amount=0) | ~Q(reason=""), name="settlement_gives_up_for_a_reason"
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="never_removed", operation=pgtrigger.Delete),
            no_truncate(),
            frozen(
                "written_once",
                [
                    *("id", "agreement_id", "target", "reason", "decided_by_id", "decided_at"),
                    *("granted_amount", "paid_amount", "kept_amount", "freed_amount"),
                ],
                "a settlement is written once",
            ),
            impartial(["decided_by_id"], bodies_of_case(CASE_OF_AGREEMENT)),
            asks_back_what_nothing_justifies(),
            pgtrigger.Trigger(
                name="while_in_force",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("its", "agreements_agreement%ROWTYPE")],
                func=f"""
                    SELECT * INTO its FROM agreements_agreement WHERE id = NEW.agreement_id FOR NO KEY UPDATE;
                    IF its.state <> 'in_force' OR its.granted_amount <> NEW.granted_amount
                       OR its.paid_amount <> NEW.paid_amount THEN
                        {refuse("a settlement says what an agreement in force granted and paid")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self):
        return str(_("Settlement of %(number)s") % {"number": self.agreement.number})


class OfSettlementQuerySet(ScopedQuerySet):
    """Rows that hang on a settlement."""

    agreement_path = "settlement__agreement__"


@tracked
class SettlementLine(models.Model):
    """What was decided of one claim that was under way; ``amount`` is the most that may still be paid on it."""

    Outcome = Outcome

    settlement = models.ForeignKey(
        Settlement, on_delete=models.PROTECT, related_name="lines", verbose_name=_("settlement")
    )
    claim = models.OneToOneField(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="settlement_line", verbose_name=_("claim")
    )
    claim_state = models.CharField(pgettext_lazy("claim", "state before"), max_length=12)
    outcome = models.CharField(_("decision"), max_length=6, choices=Outcome.choices)
    amount = MoneyField(_("at most"))

    objects = OfSettlementQuerySet.as_manager()

    class Meta:
        verbose_name = _("claim of a settlement")
        verbose_name_plural = _("claims of settlements")
        ordering = ["settlement", "claim"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="refuse", amount=0) | Q(outcome="pay", amount__gte=0),
                name="settlement_line_says_amount",
            ),
        ]
        triggers = [
            *append_only_triggers(),
            pgtrigger.Trigger(
                name="while_in_force",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("at_stake", "NUMERIC")],
                func=f"""
                    IF NOT EXISTS (
                        SELECT 1 FROM agreements_settlement s
                          JOIN agreements_agreement a ON a.id = s.agreement_id
                          JOIN agreements_paymentclaim c ON c.agreement_id = a.id
                         WHERE s.id = NEW.settlement_id AND c.id = NEW.claim_id AND a.state = 'in_force') THEN
                        {refuse("a settlement names the claims of its agreement before it ends")}
                    END IF;
                    SELECT coalesce(certified_amount - given_up_amount, claimed_amount) INTO at_stake FROM agreements_paymentclaim
                     WHERE id = NEW.claim_id;
                    IF NEW.amount > at_stake THEN
                        {refuse("a settlement keeps at most the % at stake on a claim", "at_stake")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self):
        return f"{self.settlement_id}/{self.claim_id}"

    @property
    def still_paid(self):
        """What is still paid on its claim, as it stands now."""
        return still_paid_on(self)
