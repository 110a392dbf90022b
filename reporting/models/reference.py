"""Reference tables of the EU funds: funds, intervention fields, error types, accounting years."""

from datetime import date, timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeBoundary, RangeOperators
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.dates import AccountingPeriod, accounting_year_of
from core.history import tracked
from reporting.models.guards import GRACE_DAYS, year_in_use_keeps_its_dates
from reporting.models.localised import LabelledModel


class CategoryOfRegion(models.TextChoices):
    """Categories of Regulation (EU) 2021/1060, Articles 108(2) and 110; they set the EU's highest rate."""

    LESS_DEVELOPED = "less_developed", _("Less developed region")
    TRANSITION = "transition", _("Region in transition")
    MORE_DEVELOPED = "more_developed", _("More developed region")
    OUTERMOST = "outermost", _("Outermost region")


class ProgrammingPeriod(models.TextChoices):
    """The seven years that an EU programme belongs to."""

    P2014 = "2014-2020", "2014-2020"
    P2021 = "2021-2027", "2021-2027"


class FundQuerySet(models.QuerySet):
    """Funds are public."""

    def by_code(self) -> dict[str, "Fund"]:
        return {fund.code: fund for fund in self}


@tracked
class Fund(LabelledModel):
    """A fund of the European Union. ``code`` is the English one: ESF+, ERDF, ESF, YEI, JTF."""

    code = models.CharField(_("code"), max_length=8, unique=True)
    name_fr = models.CharField(_("full name in French"), max_length=200)
    name_en = models.CharField(_("full name in English"), max_length=200)
    period = models.CharField(_("period"), max_length=9, choices=ProgrammingPeriod.choices, blank=True)
    rank = models.PositiveSmallIntegerField(_("rank"), default=100)

    objects = FundQuerySet.as_manager()

    class Meta:
        verbose_name = _("fund")
        verbose_name_plural = _("funds")
        ordering = ["rank", "code"]

    def __str__(self) -> str:
        return self.label


@tracked
class InterventionField(LabelledModel):
    """A type of intervention: Annex I Table 1 for 2021-2027, Regulation 215/2014 Annex for 2014-2020."""

    period = models.CharField(_("period"), max_length=9, choices=ProgrammingPeriod.choices)
    code = models.CharField(_("code"), max_length=8)

    class Meta:
        verbose_name = _("field of intervention")
        verbose_name_plural = _("fields of intervention")
        ordering = ["period", "code"]
        constraints = [
            models.UniqueConstraint(fields=["period", "code"], name="intervention_field_unique"),
        ]

    def __str__(self) -> str:
        return f"{self.code} – {self.label}"


@tracked
class ErrorType(LabelledModel):
    """Why declared expenditure is not accepted."""

    code = models.CharField(_("code"), max_length=12, unique=True)
    is_active = models.BooleanField(_("offered"), default=True)

    class Meta:
        verbose_name = _("type of error")
        verbose_name_plural = _("types of error")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} – {self.label}"


class DateRangeOf(Func):
    """``daterange(first day, last day, '[]')``."""

    function = "DATERANGE"
    output_field = DateRangeField()


class AccountingYearQuerySet(models.QuerySet):
    """Accounting years are public."""

    def accepting(self, day: date):
        """The years whose payment applications are made on ``day``: the year itself, until the month after its end."""
        return self.filter(starts_on__lte=day, ends_on__gte=day - timedelta(days=GRACE_DAYS))

    def containing(self, day: date) -> "AccountingYear":
        """Return the year that ``day`` belongs to; it is created when the calendar has gone beyond the known ones."""
        known = self.filter(starts_on__lte=day, ends_on__gte=day).first()
        if known:
            return known
        period = accounting_year_of(day)
        return self.create(starts_on=period.start, ends_on=period.end)


@tracked
class AccountingYear(models.Model):
    """1 July to 30 June (the first one of a period is longer: Article 2(29))."""

    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))

    objects = AccountingYearQuerySet.as_manager()

    class Meta:
        verbose_name = _("accounting year")
        verbose_name_plural = _("accounting years")
        ordering = ["-starts_on"]
        triggers = [year_in_use_keeps_its_dates()]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")),
                name="accounting_year_dates_in_order",
                violation_error_message=_("The accounting year ends after it starts."),
            ),
            ExclusionConstraint(
                name="accounting_years_do_not_overlap",
                violation_error_message=_("Another accounting year covers some of these days already."),
                expressions=[
                    (
                        DateRangeOf("starts_on", "ends_on", RangeBoundary(inclusive_lower=True, inclusive_upper=True)),
                        RangeOperators.OVERLAPS,
                    )
                ],
            ),
        ]

    def __str__(self) -> str:
        return AccountingPeriod(self.starts_on, self.ends_on).label

    @property
    def last_day_to_apply(self) -> date:
        """31 July for a year that ends on 30 June."""
        return self.ends_on + timedelta(days=GRACE_DAYS)

    def clean(self):
        """Say before the database does that a year ends after it starts, and that one in use keeps its dates.

        The error stands on a field: a year that ends before it starts is compared with no other (it is no range).
        """
        if self.starts_on and self.ends_on and self.ends_on <= self.starts_on:
            raise ValidationError({"ends_on": gettext("The accounting year ends after it starts.")})
        known = type(self).objects.filter(pk=self.pk).first()
        if known and (known.starts_on, known.ends_on) != (self.starts_on, self.ends_on):
            if application := self.payment_applications.first():
                sentence = gettext("The payment application %(application)s was made in this year: its dates stay.")
                raise ValidationError(sentence % {"application": application})
