"""Agreements: the list, the cases to contract, and the page of one act with its terms, payments and reports."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from agreements import work
from agreements.admin.base import CasePageAdmin
from agreements.admin.filters import AgreementQueueFilter, ProgrammeFilter
from agreements.admin.forms import FundForm
from agreements.agreement_page import payments_of, years_of
from agreements.drafting import DraftingRefused, choose_fund, draft_agreement, write_act
from agreements.models import Agreement, Instalment, PaymentClaim, Tranche, TrancheReport
from agreements.schedule.services import extensions_of
from agreements.settlements.services import closed_above, overpaid_of, settlement_of, standing_of
from applicants.models import Applicant
from core.admin import CaseHeader, Panel, date_display, is_list, money_display
from core.admin_permissions import has_any_role
from core.dates import format_moment
from core.engine import versions
from core.money import sum_money
from core.text import is_number
from grants.staff_permissions import may_work_on
from grants.work import NOT_IN_A_LIST


def write_again(agreement: Agreement, request: HttpRequest):
    """Write the documents of a draft again."""
    form = FundForm({"eu_fund": agreement.eu_fund})
    form.full_clean()
    try:
        write_act(agreement, actor=request.user)
    except DraftingRefused as refusal:
        form.add_error(None, str(refusal))
        return form, "documents", None
    return form, "documents", _("The act is written again.")


def change_fund(agreement: Agreement, request: HttpRequest):
    """Choose the European fund of a draft."""
    form = FundForm(request.POST, initial={"eu_fund": agreement.eu_fund})
    versions.settle(form, agreement, request.page_shown)
    if form.is_valid() and form.cleaned_data["eu_fund"] == agreement.eu_fund:
        return form, "terms", _("This European fund is the one of the act already: nothing was changed.")
    if form.is_valid():
        try:
            choose_fund(agreement, form.cleaned_data["eu_fund"], actor=request.user)
        except DraftingRefused as refusal:
            form.add_error("eu_fund", str(refusal))
        else:
            return form, "terms", _("European fund recorded; the act is written again.")
    return form, "terms", None


@admin.register(Agreement)
class AgreementAdmin(CasePageAdmin):
    """Everything about one act on one page. Acts are drawn up from approved cases, never typed."""

    actions_of_page = {"write": write_again, "fund": change_fund}
    settled_actions = frozenset({"fund"})
    list_display = [
        "number_column",
        "beneficiary_column",
        "programme_column",
        "kind",
        "state_column",
        "eu_fund",
        money_display("granted_amount", gettext_lazy("Granted")),
        money_display("ordered_amount", gettext_lazy("Ordered")),
        money_display("paid_amount", gettext_lazy("Paid")),
        date_display("notified_on", gettext_lazy("Notified")),
    ]
    list_display_links = ["number_column"]
    list_filter = [AgreementQueueFilter, ProgrammeFilter, "state", "kind", "eu_fund"]
    list_select_related = ["beneficiary", "application__programme_version__programme"]
    search_fields = ["number"]
    search_help_text = gettext_lazy("Number, title or beneficiary")
    ordering = ["-created_at", "-id"]

    # --- the list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        return self.search_words(request, queryset, search_term), False

    @display(description=gettext_lazy("Agreement"), ordering="number")
    def number_column(self, agreement: Agreement) -> SafeString:
        return format_html("<b>{}</b><br>{}", agreement.number, agreement.title)

    @display(description=gettext_lazy("Beneficiary"), ordering="beneficiary__sort_name")
    def beneficiary_column(self, agreement: Agreement) -> str:
        return agreement.beneficiary.display_name

    @display(description=gettext_lazy("Programme"))
    def programme_column(self, agreement: Agreement) -> str:
        return agreement.programme.name

    # --- drawing up -------------------------------------------------------------------------------------------------

    def essor_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.to_draft_page)
        return [path("to-draft/", view, name=self.url_name("to-draft")), *super().essor_urls()]

    def to_draft_page(self, request: HttpRequest) -> HttpResponse:
        """The approved cases that have no act; the button draws one up."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        prefetch_related_objects([request.user], "programme_assignments")
        cases = work.cases_to_contract(request.user)
        if request.method == "POST":
            return self._draw_up(request, cases)
        listed = cases.select_related("applicant", "programme_version__programme", "instructor").order_by("pk")
        drafts = has_any_role(request.user, work.DRAFTERS)
        rows = [(case, may_work_on(request.user, case) if drafts else _("Not for your role.")) for case in listed[:200]]
        template = "admin/agreements/agreement/to_draft.html"
        return self.page(request, template, _("Cases to contract"), rows=rows)

    def _draw_up(self, request: HttpRequest, cases: QuerySet) -> HttpResponse:
        if not has_any_role(request.user, work.DRAFTERS):
            raise PermissionDenied
        chosen = request.POST.get("application", "")
        pk = int(chosen) if is_number(chosen) else 0
        drawn = Agreement.objects.for_user(request.user).filter(application=pk).select_related("drafted_by").first()
        if drawn is not None:
            return self._drawn_already(request, drawn)
        case = get_object_or_404(cases, pk=pk)
        try:
            agreement = draft_agreement(case, actor=request.user)
        except DraftingRefused as refusal:
            messages.error(request, f"{case.number}: {refusal}")
            return HttpResponseRedirect(request.path)
        messages.success(request, _("The act %(number)s is drawn up. Read it, then send it.") % {"number": agreement})
        return HttpResponseRedirect(self.change_url(agreement))

    def _drawn_already(self, request: HttpRequest, agreement: Agreement) -> HttpResponse:
        """The button of an old page: the act is there, and who drew it up."""
        words = {
            "number": agreement.number,
            "person": agreement.drafted_by,
            "when": format_moment(agreement.created_at),
        }
        messages.warning(request, _("The act %(number)s was already drawn up by %(person)s on %(when)s.") % words)
        return HttpResponseRedirect(self.change_url(agreement))

    # --- the page ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        queryset = super().get_queryset(request)
        if is_list(request, self):
            return queryset.defer("terms", "search_text", *(f"application__{name}" for name in NOT_IN_A_LIST))
        joined = ["application__call", "application__instructor", "drafted_by", "entered_by", "commitment__envelope"]
        files = ["document_pdf__file", "document_docx__file", "signed_document__file", "confirmed_by"]
        return queryset.select_related(*self.list_select_related, *joined, *files)

    def case_header(self, request: HttpRequest, obj: Agreement) -> CaseHeader:
        return CaseHeader(
            number=obj.number,
            title=obj.title,
            subtitle=f"{obj.beneficiary.display_name} · {obj.programme.name}",
            amounts=[
                (_("Granted"), obj.granted_amount),
                (_("Ordered"), obj.ordered_amount),
                (_("Paid"), obj.paid_amount),
            ],
        )

    def case_context(self, request: HttpRequest, obj: Agreement) -> dict:
        prefetch_related_objects(
            [obj],
            Prefetch("instalments", Instalment.objects.select_related("tranche").order_by("rank")),
            Prefetch("claims", PaymentClaim.objects.order_by("opened_at", "pk")),
            Prefetch("tranches", Tranche.objects.order_by("rank")),
            Prefetch("tranches__reports", TrancheReport.objects.select_related("document__file")),
            "shares__applicant__bank_accounts",
            "budget_lines",
        )
        return super().case_context(request, obj)

    def panels(self, request: HttpRequest, obj: Agreement) -> list[Panel]:
        folder = "admin/agreements/agreement"
        is_draft = obj.state == Agreement.State.DRAFT
        writes = (
            is_draft
            and has_any_role(request.user, work.DRAFTERS)
            and may_work_on(request.user, obj.application) is None
        )
        fund_form = self.refused(request, "fund") or FundForm(initial={"eu_fund": obj.eu_fund})
        terms = {"writes": writes, "fund_form": fund_form, "extensions": extensions_of(obj)}
        payments = _payments(obj)
        panels = [
            Panel(_("Terms"), f"{folder}/terms.html", terms, anchor="terms"),
            Panel(_("Payments"), f"{folder}/payments.html", payments, anchor="payments"),
        ]
        settlement = settlement_of(obj) if obj.ended_on else None
        if settlement is not None:
            lines = settlement.lines.select_related("claim__instalment")
            context = {
                "settlement": settlement,
                "settlement_lines": lines,
                "standing": standing_of(obj),
            }
            panels.insert(0, Panel(_("Settlement"), f"{folder}/settlement.html", context, anchor="settlement"))
        if years := years_of(obj):
            panels.append(Panel(_("Years and reports"), f"{folder}/years.html", {"years": years}, anchor="years"))
        if shares := list(obj.shares.all()):
            rows = [(share, account_state(share.applicant)) for share in shares]
            panels.append(Panel(_("Persons"), f"{folder}/shares.html", {"rows": rows}, anchor="shares"))
        if obj.budget_lines.all():
            panels.append(Panel(_("Annexed budget"), f"{folder}/budget.html", anchor="budget"))
        panels.append(
            Panel(_("Documents"), f"{folder}/documents.html", {"writes": writes}, side=True, anchor="documents")
        )
        panels.append(Panel(_("Signatures"), f"{folder}/signatures.html", side=True, anchor="signatures"))
        return panels


def _payments(agreement: Agreement) -> dict:
    """The payments of an act, what of them is to be asked back and why, and what was certified and is not paid any more."""
    overpaid, above = overpaid_of(agreement), closed_above(agreement)
    return {
        "payments": payments_of(agreement),
        "overpaid": overpaid,
        "closed_above": above,
        "unjustified": overpaid - above,
        "given_up": sum_money(claim.given_up_amount for claim in agreement.claims.all()),
    }


def account_state(person: Applicant | None) -> tuple[str, str]:
    """Whether a person may be paid: words and tone, from the accounts that were read with the page."""
    if person is None:
        return _("no file of their own"), "no"
    states = {account.state for account in person.bank_accounts.all()}
    if "entered" in states:
        return _("account to be verified"), "act"
    return (_("account verified"), "ok") if "verified" in states else (_("no bank account"), "act")
