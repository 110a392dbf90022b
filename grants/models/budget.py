"""The provisional budget of an application, on the accounts of the CERFA form."""

from decimal import Decimal

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked
from core.money import MoneyField
from grants.models.guards import kept_once_decided
from grants.rules.accounts import Account, account_of


@tracked
class BudgetLine(models.Model):
    """One line of the budget. Kind contributions (accounts 86 and 87) balance apart from the money."""

    class Side(models.TextChoices):
        CHARGE = "charge", _("Expense")
        PRODUCT = "product", _("Resource")

    class Axis(models.TextChoices):
        GENERAL = "general", pgettext_lazy("axis", "Project")
        ENGINEERING = "engineering", pgettext_lazy("axis", "Engineering")

    class FinancerStatus(models.TextChoices):
        NONE = "", _("not applicable")
        THIS_REQUEST = "this_request", _("this request")
        ASKED = "asked", pgettext_lazy("financing", "asked")
        GRANTED = "granted", pgettext_lazy("financing", "granted")
        OWN = "own", pgettext_lazy("financing", "own resources")

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="budget_lines", verbose_name=_("application")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    side = models.CharField(_("side"), max_length=10, choices=Side.choices)
    account_code = models.CharField(_("account"), max_length=20)
    label = models.CharField(_("label"), max_length=200)
    amount = MoneyField(_("amount"), default=Decimal(0))
    axis = models.CharField(_("axis"), max_length=20, choices=Axis.choices, default=Axis.GENERAL)
    eligible_amount = MoneyField(
        _("retained amount"),
        null=True,
        blank=True,
        help_text=_("What the instructor retains; empty: what the rules of the programme retain."),
    )
    retained_reason = models.CharField(_("why less is retained"), max_length=500, blank=True, default="", db_default="")
    financer_status = models.CharField(
        _("status of the financing"),
        max_length=20,
        choices=FinancerStatus.choices,
        default=FinancerStatus.NONE,
        blank=True,
    )

    class Meta:
        verbose_name = _("budget line")
        verbose_name_plural = _("budget lines")
        ordering = ["application_id", "side", "rank"]
        triggers = [kept_once_decided()]
        constraints = [
            models.UniqueConstraint(fields=["application", "side", "rank"], name="budget_line_rank_unique"),
            models.UniqueConstraint(
                fields=["application"],
                condition=models.Q(financer_status="this_request"),
                name="budget_line_one_request",
            ),
            models.CheckConstraint(condition=models.Q(amount__gte=0), name="budget_line_amount_not_negative"),
            models.CheckConstraint(
                condition=models.Q(eligible_amount__isnull=True)
                | models.Q(eligible_amount__gte=0, eligible_amount__lte=models.F("amount"), side="charge"),
                name="budget_line_retained_within_amount",
                violation_error_message=_("The retained amount is between zero and the amount of the expense."),
            ),
            models.CheckConstraint(
                condition=models.Q(eligible_amount__isnull=True)
                | models.Q(eligible_amount__gte=models.F("amount"))
                | ~models.Q(retained_reason=""),
                name="budget_line_cut_has_reason",
                violation_error_message=_("An expense is cut for a reason: write why less is retained."),
            ),
            models.CheckConstraint(
                condition=models.Q(side="product") | models.Q(financer_status=""),
                name="budget_line_status_of_products_only",
            ),
        ]

    def __str__(self):
        return f"{self.account_code} {self.label}"

    @property
    def account(self) -> Account:
        return account_of(self.account_code)
