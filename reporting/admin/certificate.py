"""Certificates: what was certified and who bears it."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import CaseHeader, Panel, date_display, money_display
from reporting.admin.base import ReadOnlyAdmin, link
from reporting.admin.filters import OfOperationFundFilter, OfOperationProgrammeFilter
from reporting.models import Certificate


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    """Read only: a certificate is issued by the end of a control."""

    list_display = [
        "number", "operation_column", "declaration_column", money_display("total", gettext_lazy("Certified")),
        date_display("issued_at", gettext_lazy("Issued on")), "issued_by",
    ]  # fmt: skip
    list_filter = [OfOperationFundFilter, OfOperationProgrammeFilter]
    list_select_related = ["operation", "declaration", "issued_by"]
    search_fields = ["number", "operation__code", "declaration__number"]
    ordering = ["-issued_at", "-pk"]

    @admin.display(description=gettext_lazy("Operation"), ordering="operation__code")
    def operation_column(self, certificate: Certificate) -> SafeString | str:
        return link("reporting_operation", certificate.operation_id, certificate.operation.code)

    @admin.display(description=gettext_lazy("Declaration"), ordering="declaration__number")
    def declaration_column(self, certificate: Certificate) -> SafeString | str:
        return link("reporting_expendituredeclaration", certificate.declaration_id, certificate.declaration.number)

    def case_header(self, request: HttpRequest, obj: Certificate) -> CaseHeader:
        return CaseHeader(
            number=obj.number,
            title=obj.version.name,  # the plan on which it was issued
            subtitle=obj.declaration.number,
            amounts=[(_("Certified"), obj.total)],
        )

    def panels(self, request: HttpRequest, obj: Certificate) -> list[Panel]:
        context = {"certificate": obj, "allocations": obj.allocations.select_related("source")}
        return [Panel(_("Who bears it"), "admin/reporting/certificate.html", context)]
