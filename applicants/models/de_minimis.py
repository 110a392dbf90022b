"""The register of de minimis aid, and the ceilings that the regulations set."""

from datetime import date
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from applicants.models.applicant import Applicant
from applicants.models.people import OfApplicantQuerySet
from applicants.rules.de_minimis import Aid, Ceiling
from core.history import tracked
from core.models.indexes import for_lists
from core.money import MoneyField

if TYPE_CHECKING:
    from collections.abc import Iterable


class Regime(models.TextChoices):
    """The regulations under which an aid may be de minimis."""

    GENERAL = "general", _("general (Regulation 2023/2831)")
    SGEI = "sgei", _("services of general economic interest (Regulation 2023/2832)")
    AGRICULTURE = "agriculture", _("agriculture (Regulation 1408/2013)")
    FISHERY = "fishery", _("fishery (Regulation 717/2014)")


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


class DeMinimisAidQuerySet(OfApplicantQuerySet):
    """De minimis aids."""

    def of_undertaking(self, applicant: Applicant) -> "DeMinimisAidQuerySet":
        """Those of ``applicant`` and of every member of its single undertaking."""
        if applicant.undertaking_id:
            return self.filter(applicant__undertaking_id=applicant.undertaking_id)
        return self.filter(applicant=applicant)

    def as_rules(self) -> "Iterable[Aid]":
        """The rows as the pure rules take them."""
        return [row.as_rule() for row in self.order_by("granted_on", "pk")]


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
            *for_lists("aid", "granted_on", "amount", "authority", "origin", "regime"),
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
                fields=["applicant", "reference"], condition=Q(origin="granted"), name="de_minimis_granted_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.applicant} · {self.granted_on:%d/%m/%Y}"

    def as_rule(self) -> Aid:
        """The row as the pure rules take it."""
        return Aid(granted_on=self.granted_on, amount=self.amount, regime=self.regime, label=self.authority)
