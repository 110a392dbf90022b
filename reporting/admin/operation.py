"""Operations: what they are, who finances them, what was spent, and the way down to each proof."""

from django.contrib import admin
from django.db.models import Count, Exists, OuterRef, Sum
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin import CaseHeader, EssorModelAdmin, Panel, date_display, money_display
from core.roles import Role
from core.templatetags.essor import pill
from reporting.admin import pages
from reporting.admin.base import EU_STAFF, ReadOnlyAdmin
from reporting.admin.filters import DoubtFilter, EUProgrammeFilter, FundFilter, OriginFilter
from reporting.asked import suspended_of
from reporting.models import (
    EUBeneficiary,
    Operation,
    OperationFlag,
    OperationImport,
    PaymentApplication,
    PaymentApplicationEntry,
)
from reporting.reconciliation import with_total

SHOWN = 50


@admin.register(Operation)
class OperationAdmin(ReadOnlyAdmin):
    """The operations that one may see, and the pages of reports and imports."""

    list_display = [
        "code",
        "name_column",
        "programme",
        "fund_column",
        "beneficiary_column",
        money_display("current.eligible_cost", gettext_lazy("Eligible cost")),
        money_display("current.eu_amount", gettext_lazy("EU amount")),
        "doubt_column",
    ]
    list_filter = [FundFilter, EUProgrammeFilter, OriginFilter, DoubtFilter]
    search_fields = ["code"]
    search_help_text = gettext_lazy("Code, name, beneficiary or agreement")
    ordering = ["-created_at", "-pk"]

    def get_queryset(self, request: HttpRequest):
        doubt = Exists(OperationFlag.objects.open().filter(operation=OuterRef("pk")))
        asked = Exists(PaymentApplicationEntry.objects.in_doubt().filter(certificate__operation=OuterRef("pk")))
        return super().get_queryset(request).with_facts().annotate(has_doubt=doubt, asked_in_doubt=asked)

    def get_search_results(self, request: HttpRequest, queryset, search_term: str):
        return self.search_words(request, queryset, search_term), False

    @admin.display(description=gettext_lazy("Name"), ordering="current__name")
    def name_column(self, operation: Operation) -> str:
        return operation.current.name

    @admin.display(description=gettext_lazy("Fund"), ordering="current__fund__rank")
    def fund_column(self, operation: Operation) -> str:
        return operation.current.fund.label if operation.current.fund else _("not stated")

    @admin.display(description=gettext_lazy("Beneficiary"), ordering="current__beneficiary__name")
    def beneficiary_column(self, operation: Operation) -> str:
        return operation.current.beneficiary.name

    @admin.display(description=gettext_lazy("Doubt"))
    def doubt_column(self, operation: Operation) -> SafeString | str:
        pills = [pill(_("to be answered"), "act")] if operation.has_doubt else []
        if operation.asked_in_doubt:
            pills.append(pill(_("asked while a claim is suspended"), "no"))
        return format_html_join(" ", "{}", ((shown,) for shown in pills)) if pills else "–"

    def case_header(self, request: HttpRequest, obj: Operation) -> CaseHeader:
        version = obj.current
        return CaseHeader(
            number=obj.code,
            title=version.name,
            subtitle=" · ".join(
                str(part)
                for part in (version.beneficiary.name, obj.programme, version.fund or _("fund not stated"))
                if part
            ),
            amounts=[(_("Eligible cost"), version.eligible_cost), (_("EU amount"), version.eu_amount)],
        )

    def panels(self, request: HttpRequest, obj: Operation) -> list[Panel]:
        template = "admin/reporting/operation/{}.html".format
        declarations = obj.declarations.select_related("claim", "controller").annotate(
            declared=Sum("items__declared_amount"), retained=Sum("items__retained_amount"),
            rejected=Sum("items__rejected_amount"), item_count=Count("items"),
        )  # fmt: skip
        entries = PaymentApplicationEntry.objects.filter(certificate__operation=obj).select_related(
            "certificate", "line__application__programme", "line__application__fund",
            "line__application__accounting_year",
        )  # fmt: skip
        entries = list(entries)
        PaymentApplication.name_together(entry.line.application for entry in entries)
        flags = obj.flags.select_related("answered_by").order_by("state", "-raised_at")
        answers = request.user.has_role(*OperationFlag.answer_flag.transition_spec.roles)
        return [
            Panel(
                _("Doubts"),
                template("flags"),
                {"flags": flags, "answers": answers, "suspended": suspended_of(obj)},
                anchor="doubts",
            ),
            Panel(_("Facts"), template("facts"), {"version": obj.current}, anchor="facts"),
            Panel(_("Financing plan"), template("financing"), pages.financing_of(obj), anchor="financing"),
            Panel(_("Expenditure"), template("declarations"), {"declarations": declarations}, anchor="expenditure"),
            Panel(_("Payment applications"), template("entries"), {"entries": entries}, anchor="applications"),
            Panel(
                _("Versions"),
                template("versions"),
                {"versions": obj.versions.select_related("recorded_by", "fund").order_by("-number")[:SHOWN]},
                side=True,
            ),
        ]

    def essor_urls(self):
        view = self.admin_site.admin_view
        return [
            path("reports/", view(pages.ReportsPage(self)), name="reporting_reports"),
            path("import/", view(pages.ImportPage(self)), name="reporting_import"),
        ]


@admin.register(EUBeneficiary)
class EUBeneficiaryAdmin(EssorModelAdmin):
    """Beneficiaries of operations; whether one is a natural person decides what is published."""

    view_roles = EU_STAFF
    change_roles = (Role.EU_CONTROLLER, Role.ADMINISTRATOR)
    list_display = ["name", "kind", "postcode", "city", "applicant"]
    list_filter = ["kind"]
    list_select_related = ["applicant"]
    search_fields = ["name"]
    fields = ["name", "kind", "first_name", "surname", "postcode", "city", "country", "nuts2", "applicant"]
    readonly_fields = ["applicant"]


@admin.register(OperationImport)
class OperationImportAdmin(ReadOnlyAdmin):
    """The files that were imported, each with its account per fund."""

    view_roles = EU_STAFF
    list_display = [
        "file_name",
        date_display("imported_at", gettext_lazy("Imported on")),
        "imported_by",
        "rows",
        "created",
        "changed",
        "refused",
    ]
    list_select_related = ["imported_by"]
    ordering = ["-imported_at"]

    def case_header(self, request: HttpRequest, obj: OperationImport) -> CaseHeader:
        return CaseHeader(number=obj.file_name, subtitle=obj.file_sha256)

    def panels(self, request: HttpRequest, obj: OperationImport) -> list[Panel]:
        template = "admin/reporting/import_account.html"
        return [Panel(_("Reconciliation per fund"), template, {"import": obj, "lines": with_total(obj.reconciliation)})]
