"""Doubts about operations, to be answered."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from core.admin import CaseHeader, Panel, date_display
from core.roles import Role
from reporting.admin.base import ReadOnlyAdmin, link
from reporting.admin.filters import OfOperationFundFilter, OfOperationProgrammeFilter
from reporting.models import OperationFlag


@admin.register(OperationFlag)
class OperationFlagAdmin(ReadOnlyAdmin):
    """One line a doubt; answering is a transition."""

    view_roles = (Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE)
    list_display = ["kind", "state_column", "operation_column", "name_column", "found_column",
                    date_display("raised_at", gettext_lazy("Raised on")), "answered_by"]  # fmt: skip
    list_filter = ["state", "kind", OfOperationFundFilter, OfOperationProgrammeFilter]
    list_select_related = ["operation__current", "answered_by"]
    search_fields = ["operation__code"]
    ordering = ["-raised_at", "-pk"]

    @admin.display(description=gettext_lazy("Operation"), ordering="operation__code")
    def operation_column(self, flag: OperationFlag) -> SafeString | str:
        return link("reporting_operation", flag.operation_id, flag.operation.code)

    @admin.display(description=gettext_lazy("Name"))
    def name_column(self, flag: OperationFlag) -> str:
        return flag.operation.current.name

    @admin.display(description=gettext_lazy("What was found"))
    def found_column(self, flag: OperationFlag) -> str:
        return flag.found

    def case_header(self, request: HttpRequest, obj: OperationFlag) -> CaseHeader:
        version = obj.operation.current
        return CaseHeader(
            number=obj.operation.code,
            title=obj.get_kind_display(),
            subtitle=obj.found,
            amounts=[(_("Eligible cost"), version.eligible_cost), (_("EU amount"), version.eu_amount)],
        )

    def panels(self, request: HttpRequest, obj: OperationFlag) -> list[Panel]:
        return [
            Panel(pgettext("noun", "Answer"), "admin/reporting/operation/answer.html", {"flag": obj}),
            Panel(
                _("Operation"),
                "admin/reporting/operation/facts.html",
                {"version": obj.operation.current, "linked": True},
            ),
        ]
