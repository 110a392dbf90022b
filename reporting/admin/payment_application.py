"""Payment applications: opened, filled with what is certified, closed, sent."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.admin import CaseHeader, Panel, date_display
from core.admin.base import EssorChangeList
from core.engine.once import once
from core.money import sum_money
from core.templatetags.essor import pill
from core.transitions import perform
from reporting.admin.base import EU_STAFF, ReadOnlyAdmin
from reporting.asked import applications_beyond, asks_in_doubt, beyond_of, doubt_of, plans_in_doubt
from reporting.effects import CERTIFIED
from reporting.eu_programmes.not_asked import left_out, waiting_for
from reporting.models import (
    AccountingYear,
    EUProgramme,
    Fund,
    PaymentApplication,
    PaymentApplicationState,
    PriorityAllocation,
)
from reporting.payment_applications import open_application
from reporting.permissions import may_open_payment_application


class OpenApplicationForm(forms.Form):
    """Of which programme, fund and year."""

    programme = forms.ModelChoiceField(EUProgramme.objects.all(), label=gettext_lazy("EU programme"))
    fund = forms.ModelChoiceField(Fund.objects.all(), label=gettext_lazy("Fund"))
    accounting_year = forms.ModelChoiceField(
        AccountingYear.objects.all(), label=gettext_lazy("Accounting year"), required=False,
        empty_label=gettext_lazy("The present one"),
    )  # fmt: skip

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["accounting_year"].queryset = AccountingYear.objects.accepting(timezone.localdate())
        self.fields["fund"].queryset = Fund.objects.filter(pk__in=PriorityAllocation.objects.order_by().values("fund"))


class NamedChangeList(EssorChangeList):
    """The list: what was sent is called as it was then."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        PaymentApplication.name_together(self.result_list)


@admin.register(PaymentApplication)
class PaymentApplicationAdmin(ReadOnlyAdmin):
    """One application at a time per programme, fund and accounting year; frozen once closed."""

    view_roles = EU_STAFF
    list_display = [
        "title_column", "programme_column", "fund_column", "accounting_year", "number", "state_column",
        "doubt_column", date_display("closed_at", pgettext_lazy("feminine", "Closed on")), date_display("sent_on", gettext_lazy("Sent on")),
    ]  # fmt: skip
    list_filter = ["state", "fund", "accounting_year"]
    list_select_related = ["programme", "fund", "accounting_year"]
    search_fields = ["programme__code", "programme__name", "national_reference", "commission_reference"]
    ordering = ["-opened_at", "-pk"]
    change_list_template = "admin/reporting/payment_application/list.html"

    def get_queryset(self, request: HttpRequest):
        found = super().get_queryset(request).select_related(*self.list_select_related, "closed_by", "sent_by")
        return found.select_related("withdrawn_by").annotate(asks_in_doubt=asks_in_doubt())

    @admin.display(description=gettext_lazy("Payment application"))
    def title_column(self, application: PaymentApplication) -> str:
        return str(application)

    @admin.display(description=gettext_lazy("Doubt"))
    def doubt_column(self, application: PaymentApplication) -> SafeString | str:
        return pill(_("asks for a suspended claim"), "no") if application.asks_in_doubt else "–"

    @admin.display(description=gettext_lazy("EU programme"), ordering="programme")
    def programme_column(self, application: PaymentApplication) -> str:
        return str(application.names.of(application.programme))

    @admin.display(description=gettext_lazy("Fund"), ordering="fund")
    def fund_column(self, application: PaymentApplication) -> str:
        return str(application.names.of(application.fund))

    def get_changelist(self, request: HttpRequest, **kwargs) -> type[EssorChangeList]:
        return NamedChangeList

    def changelist_view(self, request: HttpRequest, extra_context=None) -> HttpResponse:
        may_open = may_open_payment_application(request.user) is None
        return super().changelist_view(request, {"may_open": may_open, **(extra_context or {})})

    def essor_urls(self):
        return [path("open/", self.admin_site.admin_view(self.open_page), name="reporting_paymentapplication_open")]

    @method_decorator(once)
    def open_page(self, request: HttpRequest) -> HttpResponse:
        """Open the next application of a programme, fund and year, and take in what waits."""
        if refusal := may_open_payment_application(request.user):
            raise PermissionDenied(refusal)
        form = OpenApplicationForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                application = open_application(
                    given["programme"], given["fund"], actor=request.user, accounting_year=given["accounting_year"]
                )
                perform(application, "collect", actor=request.user)
                messages.success(request, _("The payment application is open."))
                return redirect(self.change_url(application))
            except ValidationError as error:
                form.add_error(None, error)
        return self.page(
            request, "admin/reporting/payment_application/open.html", _("Open a payment application"), form=form
        )

    def case_header(self, request: HttpRequest, obj: PaymentApplication) -> CaseHeader:
        lines = list(obj.lines.all())
        subtitle = _("Accounting year %(year)s, application %(number)d") % {
            "year": obj.accounting_year, "number": obj.number,
        }  # fmt: skip
        if obj.name_today != str(obj):
            subtitle += " · " + _("called %(name)s today") % {"name": obj.name_today}
        return CaseHeader(
            number=str(obj),
            title=obj.names.of(obj.programme).name,
            subtitle=subtitle,
            amounts=[
                (_("Eligible expenditure"), sum_money(line.eligible_amount for line in lines)),
                (_("Union contribution"), sum_money(line.union_amount for line in lines)),
            ],
        )

    def panels(self, request: HttpRequest, obj: PaymentApplication) -> list[Panel]:
        lines = obj.lines.select_related("priority").prefetch_related(
            "entries__certificate__operation", "entries__certificate__declaration__claim"
        )
        for line in lines:  # in memory: the page of what was sent says it in the words of that day
            line.priority_named = obj.names.of(line.priority)
        waiting = waiting_for(obj)
        left = left_out(obj, waiting)
        beyond = applications_beyond([obj.pk]).get(obj.pk, {})
        doubts = [doubt_of(obj) if obj.asks_in_doubt else "", beyond_of(obj, beyond)]
        panels = [
            Panel(
                _("Expenditure by priority and category of region"),
                "admin/reporting/payment_application/lines.html",
                {
                    "lines": lines,
                    "doubts": list(filter(None, doubts)),
                    "plans": plans_in_doubt(obj),
                    "certified": CERTIFIED,
                },
            )
        ]
        if left:
            panels.append(
                Panel(
                    _("Certified and not taken in"),
                    "admin/reporting/payment_application/left_out.html",
                    {"left": left},
                    anchor="left-out",
                )
            )
        if obj.closed_at:
            context = {"application": obj}
            panels.append(Panel(_("Follow-up"), "admin/reporting/payment_application/facts.html", context, side=True))
        if obj.state == PaymentApplicationState.OPEN:
            out = {item.certificate.pk for item in left}
            waiting = [certificate for certificate in waiting if certificate.is_taken and certificate.pk not in out]
            context = {
                "count": len(waiting),
                "left": len(left),
                "total": sum_money(certificate.total for certificate in waiting),
            }
            panels.append(
                Panel(_("To be taken in"), "admin/reporting/payment_application/waiting.html", context, side=True)
            )
        return panels
