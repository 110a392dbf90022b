"""Reference tables, kept by the administrator."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from applicants.models import DeMinimisCeiling, Department, LegalCategory
from applicants.workbooks import DeMinimisCeilingResource, DepartmentResource, LegalCategoryResource
from core.admin import money_display
from core.importexport import EssorImportExportAdmin
from core.roles import Role


class ReferenceAdmin(EssorImportExportAdmin):
    """Read by all the staff, changed by the administrator."""

    add_roles = (Role.ADMINISTRATOR,)
    change_roles = (Role.ADMINISTRATOR,)


@admin.register(LegalCategory)
class LegalCategoryAdmin(ReferenceAdmin):
    """INSEE legal categories."""

    resource_classes = [LegalCategoryResource]
    list_display = ["code", "label", "family", "ess"]
    list_display_links = ["code", "label"]
    list_filter = ["family", "ess"]
    search_fields = ["code", "label"]


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

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Changed one by one, each with its source."""
        return False
