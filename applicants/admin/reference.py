"""Reference tables, kept by the administrator."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, pgettext_lazy

from applicants.models import DeMinimisCeiling, Department, InterestPeriod, LegalCategory
from applicants.workbooks import DeMinimisCeilingResource, DepartmentResource, LegalCategoryResource
from core.admin import EssorModelAdmin, money_display
from core.admin.values import register_reader
from core.importexport import EssorImportExportAdmin
from core.lib.planned_days import Planned, periods
from core.roles import Role

FAMILIES = {
    "SCOP": "SCOP",
    "association": pgettext_lazy("legal forms", "association"),
    "company": pgettext_lazy("legal forms", "company"),
    "cooperative": pgettext_lazy("legal forms", "cooperative"),
    "cooperative bank": pgettext_lazy("legal forms", "cooperative bank"),
    "farm cooperative": pgettext_lazy("legal forms", "farm cooperative"),
    "foundation": pgettext_lazy("legal forms", "foundation"),
    "mutual society": pgettext_lazy("legal forms", "mutual society"),
    "person": pgettext_lazy("legal forms", "person"),
    "public body": pgettext_lazy("legal forms", "public body"),
    "works council": pgettext_lazy("legal forms", "works council"),
}
"""What the families of legal forms are called; the files that come with the product name them in English."""


def family_words(family: str) -> str:
    """A family in words; as it is written where an administrator added another one."""
    return str(FAMILIES.get(family, family))


register_reader("applicants.LegalCategory", "family", family_words)


class FamilyFilter(admin.AllValuesFieldListFilter):
    """Legal forms by their family, in words."""

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, Any]]:
        for choice in super().choices(changelist):
            yield choice | {"display": family_words(choice["display"])}


class ReferenceAdmin(EssorImportExportAdmin):
    """Read by all the staff, changed by the administrator."""

    add_roles = (Role.ADMINISTRATOR,)
    change_roles = (Role.ADMINISTRATOR,)


@admin.register(LegalCategory)
class LegalCategoryAdmin(ReferenceAdmin):
    """INSEE legal categories."""

    resource_classes = [LegalCategoryResource]
    list_display = ["code", "label", "family_column", "ess"]
    list_display_links = ["code", "label"]
    list_filter = [("family", FamilyFilter), "ess"]
    search_fields = ["code", "label"]

    @admin.display(description=gettext_lazy("family"), ordering="family")
    def family_column(self, category: LegalCategory) -> str:
        return family_words(category.family) or "–"


@admin.register(Department)
class DepartmentAdmin(ReferenceAdmin):
    """Departments, their region and NUTS 2 area."""

    resource_classes = [DepartmentResource]
    list_display = ["code", "name", "region_name", "nuts2", "nuts2_name"]
    list_display_links = ["code", "name"]
    list_filter = ["region_name"]
    search_fields = ["code", "name", "region_name"]


@admin.register(DeMinimisCeiling)
class DeMinimisCeilingAdmin(ReferenceAdmin):
    """What the regulations allow, by regime and date."""

    resource_classes = [DeMinimisCeilingResource]
    list_display = ["regime", money_display("amount", gettext_lazy("Ceiling")), "window", "valid_from", "valid_until"]
    list_filter = ["regime"]
    days = dict.fromkeys(("valid_from", "valid_until"), Planned(periods, may_be_past=True))

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Changed one by one, each with its source."""
        return False


@admin.register(InterestPeriod)
class InterestPeriodAdmin(EssorModelAdmin):
    """How long who left a body acts on none of its cases: one row, changed by the administrator with its reason."""

    change_roles = (Role.ADMINISTRATOR,)
    list_display = ["__str__", "source"]
    fields = ["months", "source"]
