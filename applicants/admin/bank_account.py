"""Verifying bank accounts: a queue, a page with the proof and the doubts, two buttons."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.bank_accounts import enter_account
from applicants.forms.bank_account import BankAccountForm
from applicants.models import Applicant, BankAccount
from applicants.permissions import may_enter_bank_account
from applicants.views.access import add_refusal
from core.admin import CaseHeader, EssorModelAdmin, Panel
from core.documents import DocumentRefused
from core.engine.once import once
from core.roles import Role
from core.text import is_number
from core.transitions import TransitionRefused


@admin.register(BankAccount)
class BankAccountAdmin(EssorModelAdmin):
    """Bank accounts. Nothing of an account can be changed: it is verified, rejected or replaced."""

    add_roles = (Role.INSTRUCTOR,)
    show_form = False
    list_display = [
        "state_column",
        "applicant",
        "account_column",
        "holder_name",
        "is_change",
        "entered_at",
        "entered_by",
    ]
    list_display_links = ["applicant", "account_column"]
    list_filter = ["state", "is_change"]
    list_select_related = ["applicant", "entered_by"]
    search_fields = ["holder_name", "applicant__sort_name", "iban"]
    ordering = ["-entered_at", "-pk"]
    fields = ["applicant", "holder_name", "iban", "bic", "proof", "state"]
    readonly_fields = fields

    @admin.display(description=gettext_lazy("Account"))
    def account_column(self, obj: BankAccount) -> str:
        return obj.masked_iban

    def case_header(self, request: HttpRequest, obj: BankAccount) -> CaseHeader:
        """The account and whose it is."""
        return CaseHeader(
            number=obj.masked_iban,
            title=obj.applicant.display_name,
            subtitle=_("change of account") if obj.is_change else _("first account"),
        )

    def panels(self, request: HttpRequest, obj: BankAccount) -> list[Panel]:
        """What to look at before saying yes."""
        others = obj.applicant.bank_accounts.exclude(pk=obj.pk).select_related("verified_by")
        return [
            Panel(
                _("Account"),
                "applicants/admin/account_panel.html",
                {
                    "account": obj,
                    "known": obj.numbers_known_before() if obj.is_change else [],
                    "before": obj.in_place_of(),
                    "after": obj.taken_over_by(),
                },
            ),
            Panel(
                _("Telephone calls"),
                "applicants/admin/calls_panel.html",
                {"calls": obj.call_backs.select_related("called_by")},
            ),
            Panel(_("Other accounts"), "applicants/admin/other_accounts_panel.html", {"accounts": others}, side=True),
        ]

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        """An account is entered from the page of its applicant, by whoever may for that one: no list, and no page of
        another account, offers it."""
        if not super().has_add_permission(request, obj) or not is_number(request.GET.get("applicant")):
            return False
        applicant = Applicant.objects.for_user(request.user).filter(pk=request.GET["applicant"]).first()
        return applicant is not None and not may_enter_bank_account(request.user, applicant)

    @method_decorator(once)
    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: dict | None = None) -> HttpResponse:
        """Enter an account for an applicant (``?applicant=``), received on paper."""
        if not super().has_add_permission(request):
            raise PermissionDenied
        if not is_number(request.GET.get("applicant")):
            messages.info(request, _("Choose the applicant first, then “Enter a bank account” on its page."))
            return redirect("admin:applicants_applicant_changelist")
        applicant = get_object_or_404(Applicant.objects.for_user(request.user), pk=request.GET["applicant"])
        if may_enter_bank_account(request.user, applicant):
            raise PermissionDenied
        form = BankAccountForm(
            request.POST or None, request.FILES or None, initial={"holder_name": applicant.display_name}
        )
        if request.method == "POST" and form.is_valid():
            try:
                account = enter_account(applicant, actor=request.user, **form.cleaned_data)
            except DocumentRefused as error:
                form.add_error("proof", str(error))
            except (ValidationError, TransitionRefused) as error:
                add_refusal(form, error)
            else:
                messages.success(request, _("The account is entered. Another person verifies it."))
                return redirect(self.change_url(account))
        return self.page(
            request, "applicants/admin/enter_account.html", _("Enter a bank account"), form=form, applicant=applicant
        )
