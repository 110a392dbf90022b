"""The register of de minimis aid, and the ceilings that the regulations set."""

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery, TextField
from django.db.models.functions import Cast, JSONObject
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models.applicant import Applicant
from applicants.models.people import OfApplicantQuerySet
from applicants.rules.de_minimis import Aid, Ceiling, Regime
from core.dates import add_working_days
from core.history import history_model_of, tracked
from core.models.indexes import for_lists
from core.money import MoneyField
from core.triggers import never_deleted, no_truncate

if TYPE_CHECKING:
    from core.models.user import User


ENTRY_WORKING_DAYS = 20
NACE = r"^\d{2}\.\d{2}$"
"""A class of the statistical nomenclature of activities (Regulation 1893/2006), with its dot."""


@tracked
class DeMinimisCeiling(models.Model):
    """What one undertaking may receive under a regime, for aids granted between two dates.

    Loaded from ``applicants/data/de_minimis_ceilings.csv``; a new regulation is a new row.
    """

    class Window(models.TextChoices):
        ROLLING = "rolling", _("three years that end on the day of the grant")
        FISCAL = "fiscal", _("the fiscal year and the two before")

    regime = models.CharField(_("regime"), max_length=12, choices=Regime.choices)
    amount = MoneyField(_("ceiling"))
    years = models.PositiveSmallIntegerField(_("years"), default=3)
    window = models.CharField(_("window"), max_length=8, choices=Window.choices, default=Window.ROLLING)
    counts = models.JSONField(
        _("regimes that count"), default=list, help_text=_("The regimes whose aids are added up against this ceiling.")
    )
    valid_from = models.DateField(_("applies from"))
    valid_until = models.DateField(_("applies until"), null=True, blank=True)
    source = models.CharField(_("source"), max_length=200)

    class Meta:
        verbose_name = _("de minimis ceiling")
        verbose_name_plural = _("de minimis ceilings")
        ordering = ["regime", "valid_from"]
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["regime", "valid_from"], name="de_minimis_ceiling_once"),
            models.CheckConstraint(condition=Q(amount__gt=0, years__gt=0), name="de_minimis_ceiling_positive"),
            models.CheckConstraint(condition=Q(regime__in=Regime.values), name="de_minimis_ceiling_regime"),
            models.CheckConstraint(
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                name="de_minimis_ceiling_dates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_regime_display()} · {self.valid_from:%Y}"

    def as_rule(self) -> Ceiling:
        """The row as the pure rules take it."""
        return Ceiling(
            regime=self.regime,
            amount=self.amount,
            years=self.years,
            window=self.window,
            counts=frozenset(self.counts or [self.regime]),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )


class Instrument(models.TextChoices):
    """How an aid is given, as the central register asks (Regulation 2023/2831, Art. 6(1))."""

    GRANT = "grant", pgettext_lazy("aid instrument", "grant")
    INTEREST = "interest", pgettext_lazy("aid instrument", "interest rate subsidy")
    LOAN = "loan", pgettext_lazy("aid instrument", "loan or recoverable advance")
    GUARANTEE = "guarantee", pgettext_lazy("aid instrument", "guarantee")
    EQUITY = "equity", pgettext_lazy("aid instrument", "capital injection")
    OTHER = "other", pgettext_lazy("aid instrument", "other")


class DeMinimisAidQuerySet(OfApplicantQuerySet):
    """De minimis aids."""

    def of_undertaking(self, applicant: Applicant) -> "DeMinimisAidQuerySet":
        """Those of every establishment of the enterprise, and of the enterprises linked with it."""
        return self.filter(applicant__in=Applicant.objects.of_undertaking(applicant).values("pk"))

    def counted(self) -> "DeMinimisAidQuerySet":
        """Those that count against a ceiling: not the grants that were lost."""
        return self.filter(withdrawn_on=None)

    def granted(self) -> "DeMinimisAidQuerySet":
        """Those that the Region granted, lost ones included."""
        return self.filter(origin="granted")

    def with_change(self) -> "DeMinimisAidQuerySet":
        """With ``changed_at``: when a grant first became another than the central register knows, since it was entered."""
        since = history_model_of(self.model).objects.filter(
            pgh_obj=OuterRef("pk"), entered_on=OuterRef("entered_on"), entered_amount=OuterRef("entered_amount")
        )
        other = since.filter(
            Q(withdrawn_on=None) & ~Q(amount=F("entered_amount")) | Q(withdrawn_on__isnull=False) & ~Q(entered_amount=0)
        )
        return self.annotate(changed_at=Subquery(other.order_by("pgh_id").values("pgh_created_at")[:1]))

    def to_be_entered(self) -> "DeMinimisAidQuerySet":
        """Grants that the central register does not know as they are: new, changed or withdrawn since."""
        never = Q(entered_on=None, withdrawn_on=None)
        changed = Q(entered_on__isnull=False, withdrawn_on=None) & ~Q(entered_amount=F("amount"))
        withdrawn = Q(entered_on__isnull=False, withdrawn_on__isnull=False) & ~Q(entered_amount=0)
        since = settings.ESSOR_DE_MINIMIS_REGISTER_SINCE
        return self.granted().filter(never | changed | withdrawn, granted_on__gte=since).with_change()

    def told(self) -> "DeMinimisAidQuerySet":
        """What the pure rules take of each row, for a column of another query (:func:`aid_told`)."""
        told = JSONObject(
            granted_on="granted_on", amount=Cast("amount", TextField()), regime="regime", label="authority"
        )
        return self.order_by("granted_on", "pk").values(told=told)


def aid_told(told: dict[str, str]) -> Aid:
    """A row of ``DeMinimisAidQuerySet.told`` as the pure rules take it."""
    return Aid(
        granted_on=date.fromisoformat(told["granted_on"]),
        amount=Decimal(told["amount"]),
        regime=told["regime"],
        label=told["label"],
    )


@tracked
class DeMinimisAid(models.Model):
    """An aid that an undertaking received, or was granted here, under a de minimis regulation.

    The date is the day the right to the aid arose, whenever it is paid (Regulation 2023/2831, Art. 3(3)); the
    amount is gross, before tax.
    """

    class Origin(models.TextChoices):
        DECLARED = "declared", pgettext_lazy("de minimis aid", "declared by the beneficiary")
        GRANTED = "granted", pgettext_lazy("de minimis aid", "granted by the Region")

    applicant = models.ForeignKey(
        Applicant, models.PROTECT, related_name="de_minimis_aids", verbose_name=_("applicant")
    )
    regime = models.CharField(_("regime"), max_length=12, choices=Regime.choices, default=Regime.GENERAL)
    granted_on = models.DateField(_("granted on"))
    amount = MoneyField(_("amount"))
    authority = models.CharField(_("granted by"), max_length=200)
    reference = models.CharField(_("reference"), max_length=120, blank=True)
    case_number = models.CharField(
        _("case"), max_length=30, blank=True, default="", db_default="", editable=False,
        help_text=_("Of a grant of the Region: the vote and the agreement share it."),
    )  # fmt: skip
    instrument = models.CharField(
        _("aid instrument"), max_length=9, choices=Instrument.choices, blank=True, default="", db_default=""
    )
    sector = models.CharField(
        _("sector (NACE)"), max_length=7, blank=True, default="", db_default="",
        help_text=_("The NACE class of the activity that is aided, like 94.99."),
    )  # fmt: skip
    withdrawn_on = models.DateField(_("withdrawn on"), null=True, blank=True, editable=False)
    # What the central register of the Union or of the State was told last
    entered_on = models.DateField(_("entered in the central register on"), null=True, blank=True, editable=False)
    entered_amount = MoneyField(_("amount entered"), null=True, blank=True, editable=False)
    entered_reference = models.CharField(
        _("number in the central register"), max_length=60, blank=True, default="", db_default="", editable=False
    )
    entered_by = models.ForeignKey(
        "core.User",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        editable=False,
        verbose_name=_("entered by"),
    )
    origin = models.CharField(_("origin"), max_length=8, choices=Origin.choices)
    recorded_by = models.ForeignKey(
        "core.User", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("recorded by")
    )
    recorded_at = models.DateTimeField(_("recorded at"), default=timezone.now, editable=False)

    objects = DeMinimisAidQuerySet.as_manager()

    class Meta:
        verbose_name = _("de minimis aid")
        verbose_name_plural = _("de minimis aids")
        ordering = ["-granted_on", "-pk"]
        indexes = [
            *for_lists("aid", "granted_on", "amount", "authority", "origin", "regime", "entered_on", "withdrawn_on"),
            models.Index(fields=["applicant", "granted_on"], name="de_minimis_window"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0),
                name="de_minimis_aid_positive",
                violation_error_message=_("The amount must be more than zero."),
            ),
            models.CheckConstraint(condition=Q(regime__in=Regime.values), name="de_minimis_aid_regime"),
            models.CheckConstraint(condition=Q(origin__in=["declared", "granted"]), name="de_minimis_aid_origin"),
            models.CheckConstraint(
                condition=Q(granted_on__gte=date(2000, 1, 1)),
                name="de_minimis_aid_date",
                violation_error_message=_("This date is too old: check the year."),
            ),
            models.CheckConstraint(
                condition=Q(origin="declared") | ~Q(reference=""), name="de_minimis_granted_has_reference"
            ),
            models.UniqueConstraint(
                fields=["case_number"], condition=Q(origin="granted"), name="de_minimis_once_a_case"
            ),
            models.CheckConstraint(
                condition=Q(origin="granted") & ~Q(case_number="")
                | Q(origin="declared", case_number="", withdrawn_on__isnull=True, entered_on__isnull=True),
                name="de_minimis_granted_has_case",
            ),
            models.CheckConstraint(
                condition=Q(entered_on__isnull=True, entered_by__isnull=True, entered_amount__isnull=True)
                | Q(entered_on__gte=F("granted_on"), entered_by__isnull=False, entered_amount__gte=0),
                name="de_minimis_entry_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(sector="") | Q(sector__regex=NACE), name="de_minimis_sector",
                violation_error_message=_("A NACE class is four digits, like 94.99."),
            ),
            models.CheckConstraint(
                condition=Q(instrument__in=Instrument.values) | Q(origin="declared", instrument=""),
                name="de_minimis_instrument",
            ),
        ]  # fmt: skip
        triggers = [
            pgtrigger.Protect(
                name="grant_stays", operation=pgtrigger.Delete, condition=pgtrigger.Q(old__origin="granted")
            ),
            pgtrigger.Protect(
                name="grant_keeps_identity",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.origin = 'granted' AND (OLD.applicant_id, OLD.case_number, OLD.origin, OLD.granted_on,"
                    " OLD.regime, OLD.authority) IS DISTINCT FROM (NEW.applicant_id, NEW.case_number, NEW.origin,"
                    " NEW.granted_on, NEW.regime, NEW.authority)"
                ),
            ),
            no_truncate(),
        ]

    def __str__(self) -> str:
        return f"{self.applicant} · {self.granted_on:%d/%m/%Y}"

    @property
    def enter_by(self) -> date:
        """The last day to enter the grant in the central register (Art. 6(2)): twenty working days after the grant; of one
        that stands there, after the change that it does not know."""
        since = self.granted_on
        if self.entered_on is not None and self.is_to_be_entered:
            known = self if "changed_at" in self.__dict__ else type(self).objects.with_change().get(pk=self.pk)
            since = timezone.localdate(known.changed_at) if known.changed_at else since
        return add_working_days(since, ENTRY_WORKING_DAYS)

    @property
    def amount_in_force(self) -> Decimal:
        """Euros that count against the ceiling today."""
        return Decimal("0.00") if self.withdrawn_on else self.amount

    @property
    def is_to_be_entered(self) -> bool:
        """Whether the central register does not know this grant as it is."""
        if self.origin != self.Origin.GRANTED or (self.entered_on is None and self.withdrawn_on):
            return False
        if self.granted_on < settings.ESSOR_DE_MINIMIS_REGISTER_SINCE:
            return False
        return self.entered_amount != self.amount_in_force

    def interest_of(self, user: "User") -> str | None:
        """Why this person may not act for the Region on the aid: their interest in the enterprise."""
        return self.applicant.interest_of(user)

    def as_rule(self) -> Aid:
        """The row as the pure rules take it."""
        return Aid(granted_on=self.granted_on, amount=self.amount, regime=self.regime, label=self.authority)
