"""EU programmes: priorities, what each fund gives to each category of region, and which scheme they co-finance."""

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from agreements.models.triggers import refuse
from core.history import tracked
from core.money import MoneyField, format_euros, sum_money
from core.triggers import never_deleted
from reporting.eu_programmes.guards import share_is_doubted
from reporting.models.guards import allocation_keeps_its_place, objective_keeps_its_place, priority_keeps_its_place
from reporting.models.localised import LabelledModel
from reporting.models.reference import CategoryOfRegion, Fund, InterventionField, ProgrammingPeriod


class Basis(models.TextChoices):
    """What the EU rate applies to (Article 112(2))."""

    TOTAL = "total", _("Total expenditure")
    PUBLIC = "public", _("Public expenditure")


@tracked
class EUProgramme(models.Model):
    """A programme adopted by the Commission. The CCI is empty for one known by its name only."""

    code = models.SlugField(_("code"), max_length=60, unique=True)
    cci = models.CharField(_("CCI"), max_length=16, blank=True)
    name = models.CharField(_("name"), max_length=300)
    period = models.CharField(_("period"), max_length=9, choices=ProgrammingPeriod.choices)
    decision = models.CharField(_("decision of the Commission"), max_length=60, blank=True)
    decided_on = models.DateField(_("date of the decision"), null=True, blank=True)

    class Meta:
        verbose_name = _("EU programme")
        verbose_name_plural = _("EU programmes")
        ordering = ["-period", "name"]
        constraints = [
            models.UniqueConstraint(fields=["cci"], condition=~Q(cci=""), name="eu_programme_cci_unique"),
            models.UniqueConstraint(fields=["period", "name"], name="eu_programme_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name


@tracked
class Priority(LabelledModel):
    """A priority of an EU programme."""

    programme = models.ForeignKey(
        EUProgramme, on_delete=models.PROTECT, related_name="priorities", verbose_name=_("EU programme")
    )
    code = models.CharField(_("code"), max_length=20)

    class Meta:
        verbose_name = _("priority")
        verbose_name_plural = _("priorities")
        ordering = ["programme", "code"]
        constraints = [models.UniqueConstraint(fields=["programme", "code"], name="priority_code_unique")]
        triggers = [priority_keeps_its_place()]

    def __str__(self) -> str:
        return f"{self.code} – {self.label}"


@tracked
class PriorityAllocation(models.Model):
    """What one fund gives to a priority in one category of region, and at which rate at most (percent)."""

    priority = models.ForeignKey(
        Priority, on_delete=models.PROTECT, related_name="allocations", verbose_name=_("priority")
    )
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="+", verbose_name=_("fund"))
    category_of_region = models.CharField(_("category of region"), max_length=16, choices=CategoryOfRegion.choices)
    basis = models.CharField(_("basis"), max_length=6, choices=Basis.choices, default=Basis.TOTAL)
    eu_rate = models.DecimalField(_("EU rate (%)"), max_digits=7, decimal_places=4)
    amount = MoneyField(_("EU amount"), null=True, blank=True)

    class Meta:
        verbose_name = _("allocation of a priority")
        verbose_name_plural = _("allocations of priorities")
        ordering = ["priority", "fund", "category_of_region"]
        constraints = [
            models.UniqueConstraint(
                fields=["priority", "fund", "category_of_region"], name="priority_allocation_unique"
            ),
            models.CheckConstraint(
                condition=Q(eu_rate__gt=0, eu_rate__lte=100),
                name="priority_rate_is_percent",
                violation_error_message=_("The rate is a percentage above 0, at most 100."),
            ),
            models.CheckConstraint(
                condition=Q(amount__isnull=True) | Q(amount__gte=0), name="priority_allocation_not_negative"
            ),
        ]
        triggers = [
            allocation_keeps_its_place(),
            share_is_doubted("a.id = NEW.id"),
            pgtrigger.Trigger(
                name="bears_its_operations",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Condition('NEW."amount" IS NOT NULL'),
                declare=[("planned", "NUMERIC")],
                func=f"""
                    SELECT coalesce(sum(v.eu_amount), 0) INTO planned FROM reporting_operationversion v
                      JOIN reporting_operation o ON o.current_id = v.id
                     WHERE v.priority_id = NEW.priority_id AND v.fund_id = NEW.fund_id
                       AND v.category_of_region = NEW.category_of_region;
                    IF planned > NEW.amount THEN
                        {refuse("% are planned on this priority and not %", "planned", "NEW.amount")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.priority.code} · {self.fund} · {self.get_category_of_region_display()}"

    def clean(self):
        """Say before the database does that the operations of the priority are borne."""
        if not (self.priority_id and self.fund_id):
            return
        known = type(self).objects.filter(pk=self.pk).first()
        if known is not None:
            self._check_place(known)
        if self.amount is None:
            return
        planned = sum_money(self._operations_of(self).values_list("current__eu_amount", flat=True))
        if planned > self.amount:
            sentence = gettext("%(planned)s are planned on operations of this priority: give at least that much.")
            raise ValidationError({"amount": sentence % {"planned": format_euros(planned)}})

    @staticmethod
    def _operations_of(allocation):
        return allocation.priority.programme.operations.filter(
            current__priority=allocation.priority,
            current__fund=allocation.fund,
            current__category_of_region=allocation.category_of_region,
        )

    def _check_place(self, known) -> None:
        """What is planned here freezes what sums group by."""
        operations = self._operations_of(known)
        names = ("priority_id", "fund_id", "category_of_region", "basis")
        moved = [name for name in names if getattr(known, name) != getattr(self, name)]
        if moved and (code := operations.values_list("code", flat=True).first()):
            sentence = gettext("%(operation)s is planned here: priority, fund, category of region and basis stay.")
            raise ValidationError({moved[0].removesuffix("_id"): sentence % {"operation": code}})


@tracked
class SpecificObjective(LabelledModel):
    """A specific objective of a priority (ESO4.8, RSO1.3…)."""

    priority = models.ForeignKey(
        Priority, on_delete=models.PROTECT, related_name="objectives", verbose_name=_("priority")
    )
    code = models.CharField(_("code"), max_length=20)

    class Meta:
        verbose_name = _("specific objective")
        verbose_name_plural = _("specific objectives")
        ordering = ["priority", "code"]
        constraints = [models.UniqueConstraint(fields=["priority", "code"], name="specific_objective_unique")]
        triggers = [objective_keeps_its_place()]

    def __str__(self) -> str:
        return f"{self.code} – {self.label}"


@tracked
class CofinancingRule(models.Model):
    """Under which objective a scheme's cases are co-financed, and at which rate: what makes an operation of an agreement.

    Without ``scheme`` the rule serves every scheme that has none of its own for the fund. ``eu_rate`` is the share of
    the eligible cost, in percent.
    """

    scheme = models.ForeignKey(
        "grants.Programme",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cofinancing_rules",
        verbose_name=_("scheme"),
        help_text=_("Empty: every scheme without a rule of its own."),
    )
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="+", verbose_name=_("fund"))
    objective = models.ForeignKey(
        SpecificObjective, on_delete=models.PROTECT, related_name="rules", verbose_name=_("specific objective")
    )
    category_of_region = models.CharField(_("category of region"), max_length=16, choices=CategoryOfRegion.choices)
    intervention_field = models.ForeignKey(
        InterventionField,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("field of intervention"),
    )
    eu_rate = models.DecimalField(_("EU rate (%)"), max_digits=7, decimal_places=4)

    class Meta:
        verbose_name = _("co-financing rule")
        verbose_name_plural = _("co-financing rules")
        ordering = ["scheme", "fund"]
        triggers = [never_deleted()]
        constraints = [
            models.UniqueConstraint(fields=["scheme", "fund"], nulls_distinct=False, name="cofinancing_rule_unique"),
            models.CheckConstraint(condition=Q(eu_rate__gt=0, eu_rate__lte=100), name="cofinancing_rate_is_percent"),
        ]

    def __str__(self) -> str:
        return f"{self.scheme or _('every scheme')} · {self.fund}"
