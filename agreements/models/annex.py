"""What is annexed to an agreement: its budget, and the shares of the persons it helps."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from agreements.models.agreement import Agreement
from agreements.models.querysets import OfAgreementQuerySet
from agreements.models.triggers import follows_agreement, refuse, sums_up
from core.history import tracked
from core.money import MoneyField, format_euros


@tracked
class AgreementBudgetLine(models.Model):
    """One line of the annexed budget, copied from the case; expenditure is claimed against it.

    The line of the grant bears what is granted and remembers what was asked; what is missing is to be found by the
    beneficiary, on a line of its own. Acts of before 2026-11-29 keep the lines that were signed, without these marks.
    """

    class Financing(models.TextChoices):
        """What a resource is to this act."""

        OTHER = "", pgettext_lazy("financing", "other")
        GRANT = "grant", _("this grant")
        TO_FIND = "to_find", _("to be found by the beneficiary")

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="budget_lines")
    rank = models.PositiveSmallIntegerField(_("rank"))
    side = models.CharField(_("side"), max_length=8, choices=[("charge", _("Charges")), ("product", _("Products"))])
    account_code = models.CharField(_("account"), max_length=20)
    label = models.CharField(_("label"), max_length=200)
    axis = models.CharField(_("axis"), max_length=20, blank=True)
    amount = MoneyField(_("amount"))
    eligible_amount = MoneyField(_("eligible amount"), null=True, blank=True)
    financing = models.CharField(
        _("financing"), max_length=8, choices=Financing.choices, blank=True, default="", db_default=""
    )
    asked_amount = MoneyField(_("amount asked of the Region"), null=True, blank=True)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("budget line")
        verbose_name_plural = _("budget lines")
        ordering = ["agreement", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "rank"], name="agreement_budget_rank_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="agreement_budget_not_negative"),
            models.CheckConstraint(
                condition=Q(eligible_amount__isnull=True) | Q(eligible_amount__gte=0, eligible_amount__lte=F("amount")),
                name="agreement_budget_eligible_within_amount",
            ),
            models.UniqueConstraint(
                fields=["agreement", "financing"],
                condition=Q(financing__in=["grant", "to_find"]),
                name="agreement_budget_one_grant",
            ),
            models.CheckConstraint(
                condition=Q(financing="grant", asked_amount__isnull=False) | Q(asked_amount__isnull=True),
                name="agreement_budget_grant_was_asked",
            ),
            models.CheckConstraint(
                condition=Q(financing="") | Q(side="product"), name="agreement_budget_financing_of_products"
            ),
        ]
        triggers = [
            follows_agreement(
                "the budget lines",
                [
                    "agreement_id",
                    "rank",
                    "side",
                    "account_code",
                    "amount",
                    "eligible_amount",
                    "financing",
                    "asked_amount",
                ],
            )
        ]

    def __str__(self):
        return f"{self.account_code} {self.label}"

    @property
    def counts_less(self) -> bool:
        """Whether less than all of an expense counts for the aid."""
        return self.side == "charge" and self.eligible_amount is not None and self.eligible_amount < self.amount

    @property
    def in_the_act(self) -> str:
        """As the act says it, which has no column for it: of an expense that does not count whole for the aid, what does."""
        if self.counts_less:
            return _("%(label)s (retained for the aid: %(amount)s)") % {
                "label": self.label,
                "amount": format_euros(self.eligible_amount),
            }
        return self.in_words

    @property
    def in_words(self) -> str:
        """The label; of a grant of another amount than was asked, what was asked too."""
        if self.asked_amount is None or self.asked_amount == self.amount:
            return self.label
        asked = _("granted, of %(asked)s asked") % {"asked": format_euros(self.asked_amount)}
        return f"{self.label} ({asked})"


#: SQL: the persons to whom a case grants something, each at the place that is the rank of their share.
GRANTED_PERSONS = """
    SELECT application_id, applicant_id, granted_amount,
           row_number() OVER (PARTITION BY application_id ORDER BY rank) AS place
    FROM grants_personline WHERE granted_amount > 0"""


def _of_the_person_of_the_case() -> pgtrigger.Trigger:
    """The share of an act is of the person of the case who is granted it; nobody else is paid by it."""
    return pgtrigger.Trigger(
        name="of_the_person_of_the_case",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
            IF TG_OP = 'UPDATE' AND ROW(NEW.applicant_id, NEW.agreement_id, NEW.rank)
               IS NOT DISTINCT FROM ROW(OLD.applicant_id, OLD.agreement_id, OLD.rank) THEN RETURN NEW; END IF;
            IF NEW.applicant_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM ({GRANTED_PERSONS}) granted JOIN agreements_agreement a ON a.application_id = granted.application_id
                 WHERE a.id = NEW.agreement_id AND granted.place = NEW.rank AND granted.applicant_id = NEW.applicant_id) THEN
                {refuse("the share is of another person than the one of the case")}
            END IF;
            RETURN NEW;
        """,
    )


@tracked(personal=["person_name"])
class AgreementShare(models.Model):
    """What one natural person gets of an agreement (one line of a Capital SCOP file), for what contribution of theirs."""

    agreement = models.ForeignKey(Agreement, on_delete=models.CASCADE, related_name="shares")
    rank = models.PositiveSmallIntegerField(_("rank"))
    applicant = models.ForeignKey(
        "applicants.Applicant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="agreement_shares",
        verbose_name=_("person"),
    )
    person_name = models.CharField(_("name"), max_length=200)
    amount = MoneyField(_("amount"))
    cost = MoneyField(_("own contribution"))

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("share of a person")
        verbose_name_plural = _("shares of persons")
        ordering = ["agreement", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "rank"], name="agreement_share_rank_unique"),
            models.UniqueConstraint(
                fields=["agreement", "applicant"],
                condition=Q(applicant__isnull=False),
                name="agreement_share_person_once",
            ),
            models.CheckConstraint(condition=Q(amount__gt=0, cost__gt=0), name="agreement_share_positive"),
        ]
        triggers = [
            sums_up("shares_sum_up", "agreements_agreementshare", "the shares"),
            follows_agreement("the shares", ["agreement_id", "rank", "applicant_id", "person_name", "amount", "cost"]),
            _of_the_person_of_the_case(),
        ]

    def __str__(self):
        return self.person_name
