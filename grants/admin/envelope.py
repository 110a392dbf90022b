"""Envelopes, their commitments and their payment credits."""

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
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
from core.money import ZERO, format_euros, sum_money
from core.past_days import HasCome
from core.roles import Role
from core.site.answered import AnswerField, is_answered
from core.templatetags.essor import pill
from core.text import PastedTextMixin
from grants.admin.side_panels import meter
from grants.models import Application, Commitment, Envelope, PaymentCredit
from grants.staff_permissions import EDITS_BUDGET
from grants.workbooks import EnvelopeResource

SHOWN = 50
CLOSED = pgettext_lazy("envelope", "closed")


class PaymentCreditForm(PastedTextMixin, forms.ModelForm):
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


class EnvelopeForm(PastedTextMixin, forms.ModelForm):
    """A vote that falls short of what stands on agendas is recorded once it was read which cases count on it."""

    all_the_same = AnswerField(
        label=gettext_lazy("Lower it all the same"),
        help_text=gettext_lazy(
            "Cases on an agenda count on this envelope: lowered under them, not all can be granted."
        ),
    )

    def clean(self):
        cleaned = super().clean()
        voted, before = cleaned.get("voted_amount"), self.initial.get("voted_amount")
        if self.instance.pk is None or None in (voted, before) or voted >= before:
            return cleaned
        self.instance.voted_amount = voted
        told = self.instance.short_of_agendas()
        if told and not is_answered(self, "all_the_same", voted, told):
            self.add_error("voted_amount", told + " " + _("Tick “Lower it all the same” if it is what was voted."))
        return cleaned


class YearsFormSet(forms.BaseInlineFormSet):
    """The years beside the vote of their envelope, as the page leaves both."""

    def clean(self):
        super().clean()
        whole = self.instance.voted_amount
        for form in self.forms:
            values = getattr(form, "cleaned_data", {})
            voted = values.get("voted_amount")
            if None in (voted, whole) or values.get("DELETE") or voted <= whole:
                continue
            sentence = _("%(voted)s are voted for the whole envelope: no year takes more.")
            form.add_error("voted_amount", sentence % {"voted": format_euros(whole)})


class PaymentCreditInline(EssorTabularInline):
    """The payment credits voted for each year; what was ordered is kept by the database."""

    model = PaymentCredit
    form = PaymentCreditForm
    formset = YearsFormSet
    fields = ["year", "voted_amount", "ordered_amount"]
    readonly_fields = ["ordered_amount"]
    add_roles = change_roles = EDITS_BUDGET
    extra = 0


def proposals_panel(cases: list[Application]) -> list[Panel]:
    """The cases whose proposals count on the envelope, with the session that decides; no panel without any."""
    if not cases:
        return []
    rows = [(case, case.live_agenda_item()) for case in cases]
    total = sum_money(case.proposed_amount for case in cases)
    context = {"rows": rows, "total": total}
    return [Panel(_("Proposals that count on it"), "admin/grants/envelope/proposals.html", context, anchor="proposals")]


@admin.register(Envelope)
class EnvelopeAdmin(EssorImportExportAdmin):
    """What was voted, committed, proposed and is available. Finance officers and administrators edit."""

    form = EnvelopeForm
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
    list_filter = ["is_closed", "kind", "year", "programme"]
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

    def get_fields(self, request: HttpRequest, obj: Envelope | None = None) -> list[str]:
        """The box that lowers it under an agenda stands beside the vote where a case is on one."""
        if obj is None or not obj.on_agendas():
            return self.fields
        at = self.fields.index("voted_amount") + 1
        return [*self.fields[:at], "all_the_same", *self.fields[at:]]

    @display(description=gettext_lazy("Envelope"), ordering="code")
    def envelope_column(self, envelope: Envelope) -> SafeString:
        words = f"{envelope.label} · {envelope.get_kind_display()}"
        closed = pill(CLOSED, "idle") if envelope.is_closed else ""
        return format_html('<b>{}</b> {}<br><small class="muted">{}</small>', envelope.code, closed, words)

    def case_header(self, request: HttpRequest, obj: Envelope) -> CaseHeader:
        return CaseHeader(
            number=obj.code,
            title=obj.label,
            subtitle=f"{obj.programme} · {CLOSED}" if obj.is_closed else str(obj.programme),
            amounts=[
                (_("Voted"), obj.voted_amount),
                (_("Committed"), obj.committed_amount),
                (_("Left unused"), obj.unused_amount) if obj.is_closed else (_("Available"), obj.available_amount),
            ],
        )

    def response_change(self, request: HttpRequest, obj: Envelope) -> HttpResponse:
        """Once all is saved, say what counts on an envelope that cannot bear it any more."""
        self._say_what_counts(request, obj)
        return super().response_change(request, obj)

    def response_add(self, request: HttpRequest, obj: Envelope, post_url_continue: str | None = None) -> HttpResponse:
        self._say_what_counts(request, obj)
        return super().response_add(request, obj, post_url_continue)

    def _say_what_counts(self, request: HttpRequest, obj: Envelope) -> None:
        saved = Envelope.objects.with_figures().get(pk=obj.pk)
        waiting = sum_money(case.proposed_amount for case in saved.proposals())
        if saved.is_closed and waiting:
            sentence = _("%(amount)s are proposed on this closed envelope: the cases are listed on its page.")
            messages.warning(request, sentence % {"amount": format_euros(waiting)})
        elif saved.available_amount < ZERO:
            sentence = _("%(amount)s are proposed above what is left: the cases are listed on its page.")
            messages.warning(request, sentence % {"amount": format_euros(-saved.available_amount)})
        for call in saved.calls_taking() if saved.is_closed else ():
            sentence = _(
                "The call “%(call)s” still takes applications: nothing can be granted to them on this envelope."
            )
            messages.warning(request, sentence % {"call": call.title})

    def panels(self, request: HttpRequest, obj: Envelope) -> list[Panel]:
        proposals = obj.proposals()
        commitments = obj.commitments.select_related("application__applicant", "created_by")[:SHOWN]
        return [
            Panel(
                title=_("Use of the envelope"),
                template="admin/grants/envelope/figures.html",
                context={"envelope": obj, "meter": meter(obj)},
                anchor="figures",
            ),
            *proposals_panel(proposals),
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
