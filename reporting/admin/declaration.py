"""Declarations with their control grid, and the page of one expenditure item: proof above, decision below."""

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from agreements.models import DuplicateWarning
from core.admin import CaseHeader, Panel, date_display, money_display
from core.dates import add_months
from core.engine import versions
from core.text import is_number
from core.transitions import Option
from reporting.admin.base import ReadOnlyAdmin, link
from reporting.admin.control_grid import ControlGrid
from reporting.admin.filters import OfOperationFundFilter, OfOperationProgrammeFilter
from reporting.asked import asked_from
from reporting.menu import CONTROL_MONTHS
from reporting.models import DeclarationState, ExpenditureDeclaration, ExpenditureItem
from reporting.permissions import may_decide_on_item
from reporting.querysets import with_sums


@admin.register(ExpenditureDeclaration)
class ExpenditureDeclarationAdmin(ReadOnlyAdmin):
    """The expenditure of one claim; every item decided in one grid."""

    list_display = [
        "number", "state_column", "operation_column", "claim_column", "controller",
        date_display("submitted_at", gettext_lazy("Declared on")),
        money_display("declared", gettext_lazy("Declared")), money_display("retained", gettext_lazy("Retained")),
    ]  # fmt: skip
    list_filter = ["state", OfOperationFundFilter, OfOperationProgrammeFilter]
    list_select_related = ["operation", "claim", "controller"]
    search_fields = ["number", "claim__number", "operation__code"]
    ordering = ["-opened_at", "-pk"]

    def get_queryset(self, request: HttpRequest):
        return with_sums(super().get_queryset(request)).select_related(*self.list_select_related)

    @admin.display(description=gettext_lazy("Operation"), ordering="operation__code")
    def operation_column(self, declaration: ExpenditureDeclaration) -> SafeString | str:
        return link("reporting_operation", declaration.operation_id, declaration.operation.code)

    @admin.display(description=gettext_lazy("Claim"), ordering="claim__number")
    def claim_column(self, declaration: ExpenditureDeclaration) -> SafeString | str:
        return link("agreements_paymentclaim", declaration.claim_id, declaration.claim.number)

    def case_header(self, request: HttpRequest, obj: ExpenditureDeclaration) -> CaseHeader:
        clock = ""
        if obj.state in (DeclarationState.SUBMITTED, DeclarationState.UNDER_CONTROL):
            due = add_months(timezone.localdate(obj.submitted_at), CONTROL_MONTHS)
            clock = _("Control expected by %(date)s") % {"date": f"{due:%d/%m/%Y}"}
        return CaseHeader(
            number=obj.number,
            title=(obj.read_version or obj.operation.current).name,  # the plan on which it was controlled
            subtitle=_("Claim %(claim)s") % {"claim": obj.claim.number},
            amounts=[
                (_("Declared"), obj.declared),
                (_("Retained"), obj.retained),
                (_("Rejected"), obj.rejected),
                (_("Parked"), obj.parked),
            ],
            clock=clock,
        )

    def panels(self, request: HttpRequest, obj: ExpenditureDeclaration) -> list[Panel]:
        certificate = getattr(obj, "certificate", None)
        # A grid that was refused is shown again as it was typed.
        grid = getattr(request, "control_grid", None) or ControlGrid(obj, request)
        return [
            Panel(_("Control"), "admin/reporting/declaration/grid.html", {"grid": grid}),
            Panel(
                _("People"), "admin/reporting/declaration/people.html", {"declaration": obj}, side=True,
            ),
            Panel(
                _("Certificate"), "admin/reporting/declaration/certificate.html", {"certificate": certificate}, side=True,
            ),
        ]  # fmt: skip

    def essor_urls(self):
        return [self.posted("<int:object_id>/decide/", self.decide, "decide")]

    def decide(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """Take the decisions of the grid, each by its own transition; what is refused comes back as it was typed."""
        declaration = self.object_or_404(request, object_id)
        page = self.change_url(declaration)
        grid = ControlGrid(declaration, request)
        taken = grid.take()
        if taken:
            text = ngettext("%(count)d decision recorded.", "%(count)d decisions recorded.", taken) % {"count": taken}
            messages.success(request, text)
        if grid.has_errors and not grid.decides:
            versions.gone_on(request, declaration, grid.why_not, grid.form)
        if grid.has_errors:
            messages.error(request, _("Some decisions were not recorded: see the reasons in the grid."))
            request.control_grid = grid
            return self.shown_again(request, declaration)
        if not taken:
            messages.info(request, _("Choose a decision for at least one item."))
        number = request.POST.get("page", "")
        return redirect(f"{page}?page={number}" if is_number(number) else page)


WAY = (
    "declaration__operation__agreement__application",
    "declaration__claim",
    "declaration__certificate",
    "expenditure_line__proof",
    "error_type",
    "decided_by",
)


@admin.register(ExpenditureItem)
class ExpenditureItemAdmin(ReadOnlyAdmin):
    """One item: the line of the claim, its proof, the decision, and where it went."""

    list_display = [
        "item_column", "state_column", "operation_column", "supplier_column",
        money_display("declared_amount", gettext_lazy("Declared")),
        money_display("retained_amount", gettext_lazy("Retained")),
        money_display("rejected_amount", gettext_lazy("Rejected")),
        "error_type", "decided_by",
    ]  # fmt: skip
    list_filter = ["state", "error_type"]
    list_select_related = [
        "declaration__operation__current", "declaration__claim", "expenditure_line__proof", "error_type", "decided_by",
    ]  # fmt: skip
    search_fields = ["declaration__number", "expenditure_line__supplier_name", "expenditure_line__invoice_number"]
    ordering = ["-pk"]

    def get_object(self, request: HttpRequest, object_id: str, from_field=None) -> ExpenditureItem | None:
        """The item with the whole way from the case to the payment application."""
        found = self.get_queryset(request).select_related(*WAY).prefetch_related(asked_from("declaration__certificate"))
        found = found.filter(pk=object_id if is_number(object_id) else None)
        return found.first()

    @admin.display(description=gettext_lazy("Item"), ordering="pk")
    def item_column(self, item: ExpenditureItem) -> str:
        return str(item)

    @admin.display(description=gettext_lazy("Operation"), ordering="declaration__operation__code")
    def operation_column(self, item: ExpenditureItem) -> SafeString | str:
        return link("reporting_operation", item.declaration.operation_id, item.declaration.operation.code)

    @admin.display(description=gettext_lazy("Supplier"), ordering="expenditure_line__supplier_name")
    def supplier_column(self, item: ExpenditureItem) -> str:
        return item.expenditure_line.supplier_name

    def transition_options(self, request: HttpRequest, obj: ExpenditureItem) -> list[Option]:
        """The decisions, for the controller while the control lasts; nobody else is told four times why not."""
        if may_decide_on_item(request.user, obj):
            return []
        return super().transition_options(request, obj)

    def case_header(self, request: HttpRequest, obj: ExpenditureItem) -> CaseHeader:
        line = obj.expenditure_line
        return CaseHeader(
            number=str(obj),
            title=line.description,
            subtitle=f"{line.supplier_name} · {line.invoice_number}",
            amounts=[
                (_("Declared"), obj.declared_amount),
                (_("Retained"), obj.retained_amount),
                (_("Rejected"), obj.rejected_amount),
                (_("Parked"), obj.parked_amount),
            ],
        )

    def panels(self, request: HttpRequest, obj: ExpenditureItem) -> list[Panel]:
        certificate = getattr(obj.declaration, "certificate", None)
        entry = getattr(certificate, "entry", None)
        line = obj.expenditure_line
        warnings = DuplicateWarning.objects.filter(Q(line=line) | Q(other_line=line)).select_related(
            "line__claim", "other_line__claim", "answered_by"
        )
        context = {"item": obj, "line": line, "certificate": certificate, "entry": entry, "warnings": warnings}
        return [
            Panel(_("The line and its proof"), "admin/reporting/declaration/item.html", context),
            Panel(
                _("Where it comes from, where it goes"), "admin/reporting/declaration/item_way.html", context, side=True
            ),
        ]
