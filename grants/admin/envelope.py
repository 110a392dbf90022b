"""Envelopes, their commitments and their payment credits."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from core.admin import (
    CaseHeader,
    EssorModelAdmin,
    EssorTabularInline,
    Panel,
    date_display,
    money_display,
    plain_display,
)
from core.importexport import EssorImportExportAdmin
from core.money import format_euros
from core.past_days import HasCome
from core.roles import Role
from grants.admin.side_panels import meter
from grants.models import Commitment, Envelope, PaymentCredit
from grants.staff_permissions import EDITS_BUDGET
from grants.workbooks import EnvelopeResource

SHOWN = 50


class PaymentCreditForm(forms.ModelForm):
    """Credits are never voted below what is ordered on them; once an order has used them they keep their year."""

    def clean_year(self):
        year, before = self.cleaned_data["year"], self.initial.get("year")
        if self.instance.pk and year != before and self.instance.uses.exists():
            sentence = _(
                "Orders have used the credits of %(year)s: enter those of another year on a line of their own."
            )
            raise forms.ValidationError(sentence % {"year": before})
        return year

    def clean_voted_amount(self):
        voted, used = self.cleaned_data["voted_amount"], self.instance.ordered_amount
        if voted < used:
            sentence = _("%(used)s are ordered already: vote at least that much.")
            raise forms.ValidationError(sentence % {"used": format_euros(used)})
        return voted


class PaymentCreditInline(EssorTabularInline):
    """The payment credits voted for each year; what was ordered is kept by the database."""

    model = PaymentCredit
    form = PaymentCreditForm
    fields = ["year", "voted_amount", "ordered_amount"]
    readonly_fields = ["ordered_amount"]
    add_roles = change_roles = EDITS_BUDGET
    extra = 0


@admin.register(Envelope)
class EnvelopeAdmin(EssorImportExportAdmin):
    """What was voted, committed, proposed and is available. Finance officers and administrators edit."""

    resource_classes = [EnvelopeResource]
    days = {"voted_on": HasCome()}
    add_roles = change_roles = EDITS_BUDGET
    list_display = [
        "envelope_column",
        "programme",
        plain_display("year", gettext_lazy("Year")),
        money_display("voted_amount", gettext_lazy("Voted")),
        money_display("committed_amount", gettext_lazy("Committed")),
        money_display("awaiting_amount", gettext_lazy("Granted, to be committed"), ordering="committed_amount"),
        money_display("proposed_total", gettext_lazy("Proposed"), ordering="committed_amount"),
        money_display("available_amount", gettext_lazy("Available"), ordering="committed_amount"),
    ]
    list_display_links = ["envelope_column"]
    list_select_related = ["programme"]
    list_filter = ["kind", "year", "programme"]
    search_fields = ["code", "label"]
    ordering = ["-year", "code"]
    inlines = [PaymentCreditInline]
    fields = [
        "code",
        "label",
        "programme",
        "kind",
        "year",
        "budget_chapter",
        "budget_account",
        "voted_amount",
        "voted_on",
        "deliberation",
        "is_closed",
    ]

    class Media:
        css = {"all": ["grants/staff.css"]}

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_figures()

    @display(description=gettext_lazy("Envelope"), ordering="code")
    def envelope_column(self, envelope: Envelope) -> SafeString:
        words = f"{envelope.label} · {envelope.get_kind_display()}"
        return format_html('<b>{}</b><br><small class="muted">{}</small>', envelope.code, words)

    def case_header(self, request: HttpRequest, obj: Envelope) -> CaseHeader:
        return CaseHeader(
            number=obj.code,
            title=obj.label,
            subtitle=str(obj.programme),
            amounts=[
                (_("Voted"), obj.voted_amount),
                (_("Committed"), obj.committed_amount),
                (_("Available"), obj.available_amount),
            ],
        )

    def panels(self, request: HttpRequest, obj: Envelope) -> list[Panel]:
        commitments = obj.commitments.select_related("application__applicant", "created_by")[:SHOWN]
        return [
            Panel(
                title=_("Use of the envelope"),
                template="admin/grants/envelope/figures.html",
                context={"envelope": obj, "meter": meter(obj)},
                anchor="figures",
            ),
            Panel(
                title=_("Commitments"),
                template="admin/grants/envelope/commitments.html",
                context={"commitments": commitments, "shown": SHOWN},
                anchor="commitments",
            ),
        ]


@admin.register(Commitment)
class CommitmentAdmin(EssorModelAdmin):
    """Money reserved on envelopes: read only, made by agreements."""

    view_roles = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER]
    list_display = [
        "reference",
        "case_column",
        "envelope",
        money_display("amount", gettext_lazy("Committed")),
        money_display("released_amount", gettext_lazy("Released")),
        date_display("created_at", gettext_lazy("On")),
    ]
    list_select_related = ["application", "envelope"]
    list_filter = ["envelope"]
    search_fields = ["reference", "application__number"]
    ordering = ["-created_at", "-id"]
    fields = ["reference", "case_column", "envelope", "amount", "released_amount", "release_reason", "created_by"]
    readonly_fields = fields

    @display(description=gettext_lazy("Case"))
    def case_column(self, commitment: Commitment) -> SafeString:
        url = reverse("admin:grants_application_change", args=[commitment.application_id])
        return format_html('<a href="{}">{}</a>', url, commitment.application.number)

    def has_delete_permission(self, request: HttpRequest, obj: Commitment | None = None) -> bool:
        return False
