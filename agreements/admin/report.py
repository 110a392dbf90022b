"""Yearly reports of multi-year agreements: the list, and the page where one is read and decided."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import display

from agreements.admin.base import CasePageAdmin
from agreements.admin.filters import ReportProgrammeFilter, ReportQueueFilter
from agreements.models import TrancheReport
from core.admin import CaseHeader, Panel, date_display, money_display


@admin.register(TrancheReport)
class TrancheReportAdmin(CasePageAdmin):
    """Reports are filed by beneficiaries; an instructor accepts one or asks for more."""

    list_display = [
        "report_column",
        "beneficiary_column",
        "state_column",
        money_display("spent_amount", gettext_lazy("Spent")),
        date_display("filed_at", pgettext_lazy("feminine", "Filed")),
        date_display("decided_at", gettext_lazy("Decided")),
    ]
    list_display_links = ["report_column"]
    list_filter = [ReportQueueFilter, ReportProgrammeFilter, "state"]
    search_fields = ["tranche__agreement__number", "tranche__agreement__title"]
    ordering = ["-filed_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        joined = ["tranche__agreement__beneficiary", "tranche__agreement__application__programme_version__programme"]
        return super().get_queryset(request).select_related(*joined, "document__file", "filed_by", "decided_by")

    @display(description=pgettext_lazy("tranche", "Report"), ordering="tranche__agreement__number")
    def report_column(self, report: TrancheReport) -> str:
        return f"{report.agreement.number} · {report.tranche.label}"

    @display(description=gettext_lazy("Beneficiary"), ordering="tranche__agreement__beneficiary__sort_name")
    def beneficiary_column(self, report: TrancheReport) -> str:
        return report.agreement.beneficiary.display_name

    def case_header(self, request: HttpRequest, obj: TrancheReport) -> CaseHeader:
        return CaseHeader(
            number=f"{obj.agreement.number} · {obj.tranche.label}",
            title=obj.agreement.title,
            subtitle=f"{obj.agreement.beneficiary.display_name} · {obj.agreement.programme.name}",
            amounts=[
                (_("Tranche"), obj.tranche.amount),
                (_("Spent in the year"), obj.spent_amount),
                (_("Accepted on its claims"), obj.tranche.accepted_expenditure()),
            ],
        )

    def panels(self, request: HttpRequest, obj: TrancheReport) -> list[Panel]:
        return [Panel(_("The report"), "admin/agreements/tranchereport/report.html", anchor="report")]
