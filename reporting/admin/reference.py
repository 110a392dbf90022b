"""Reference tables of the EU funds."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from core.admin import EssorModelAdmin, EssorTabularInline
from core.importexport import EssorImportExportAdmin, EssorResource
from core.lib.planned_days import Planned, periods
from core.past_days import HasCome
from core.roles import Role
from core.workbooks import Column
from reporting.admin.base import EU_STAFF
from reporting.models import (
    AccountingYear,
    CofinancingRule,
    ErrorType,
    EUProgramme,
    Fund,
    InterventionField,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
from reporting.permissions import KEEPS_REFERENCE


class InterventionFieldResource(EssorResource):
    """Fields of intervention by period and code."""

    columns = (
        Column("period", _("Period"), required=True),
        Column("code", _("Code"), required=True, max_length=8),
        Column("label_fr", _("Label in French"), required=True, max_length=500, width=60),
        Column("label_en", _("Label in English"), max_length=500, width=60),
    )
    told_together = True

    class Meta(EssorResource.Meta):
        model = InterventionField
        import_id_fields = ("period", "code")


class ErrorTypeResource(EssorResource):
    """Types of error by code."""

    columns = (
        Column("code", _("Code"), required=True, max_length=12),
        Column("label_fr", _("Label in French"), required=True, max_length=500, width=60),
        Column("label_en", _("Label in English"), max_length=500, width=60),
        Column("is_active", _("Offered"), "boolean"),
    )

    class Meta(EssorResource.Meta):
        model = ErrorType
        import_id_fields = ("code",)


class _Kept(EssorModelAdmin):
    """Read by the EU staff, changed by those who keep the reference tables."""

    view_roles = EU_STAFF
    add_roles = change_roles = KEEPS_REFERENCE


@admin.register(Fund)
class FundAdmin(EssorModelAdmin):
    """The EU's funds come with the product."""

    view_roles = EU_STAFF
    change_roles = (Role.ADMINISTRATOR,)
    list_display = ["code", "label_fr", "name_fr", "period", "rank"]
    fields = ["code", "label_fr", "label_en", "name_fr", "name_en", "period", "rank"]
    readonly_fields = ["code"]


@admin.register(InterventionField)
class InterventionFieldAdmin(EssorImportExportAdmin):
    view_roles = EU_STAFF
    add_roles = change_roles = KEEPS_REFERENCE
    resource_classes = [InterventionFieldResource]
    list_display = ["period", "code", "label_fr"]
    list_display_links = ["code"]
    list_filter = ["period"]
    search_fields = ["code", "label_fr", "label_en"]


@admin.register(ErrorType)
class ErrorTypeAdmin(EssorImportExportAdmin):
    view_roles = EU_STAFF
    add_roles = change_roles = KEEPS_REFERENCE
    resource_classes = [ErrorTypeResource]
    list_display = ["code", "label_fr", "is_active"]
    list_filter = ["is_active"]
    search_fields = ["code", "label_fr"]


@admin.register(AccountingYear)
class AccountingYearAdmin(_Kept):
    list_display = ["__str__", "starts_on", "ends_on"]
    days = dict.fromkeys(("starts_on", "ends_on"), Planned(periods, may_be_past=True))


class PriorityInline(EssorTabularInline):
    model = Priority
    fields = ["code", "label_fr", "label_en"]
    add_roles = change_roles = KEEPS_REFERENCE
    show_change_link = True


class AllocationInline(EssorTabularInline):
    model = PriorityAllocation
    fields = ["fund", "category_of_region", "basis", "eu_rate", "amount"]
    add_roles = change_roles = KEEPS_REFERENCE


class ObjectiveInline(EssorTabularInline):
    model = SpecificObjective
    fields = ["code", "label_fr", "label_en"]
    add_roles = change_roles = KEEPS_REFERENCE


@admin.register(EUProgramme)
class EUProgrammeAdmin(_Kept):
    list_display = ["code", "name", "period", "cci"]
    list_filter = ["period"]
    search_fields = ["code", "name", "cci"]
    fields = ["code", "cci", "name", "period", "decision", "decided_on"]
    days = {"decided_on": HasCome()}
    inlines = [PriorityInline]


@admin.register(Priority)
class PriorityAdmin(_Kept):
    list_display = ["code", "label_fr", "programme"]
    list_select_related = ["programme"]
    search_fields = ["code", "label_fr"]
    fields = ["programme", "code", "label_fr", "label_en"]
    inlines = [AllocationInline, ObjectiveInline]


@admin.register(SpecificObjective)
class SpecificObjectiveAdmin(_Kept):
    list_display = ["code", "label_fr", "priority"]
    list_select_related = ["priority"]
    search_fields = ["code", "label_fr"]
    fields = ["priority", "code", "label_fr", "label_en"]


@admin.register(CofinancingRule)
class CofinancingRuleAdmin(_Kept):
    list_display = ["scheme", "fund", "objective", "category_of_region", "eu_rate"]
    list_display_links = ["scheme", "fund"]
    list_select_related = ["scheme", "fund", "objective"]
    list_filter = ["fund"]
    fields = ["scheme", "fund", "objective", "category_of_region", "intervention_field", "eu_rate"]
    autocomplete_fields = ["objective", "intervention_field"]
