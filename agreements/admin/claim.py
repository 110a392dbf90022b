"""Payment claims: the queue, and the page where a claim is checked line by line beside its proofs."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from unfold.decorators import display

from agreements.account_waits import waiting_among
from agreements.admin.base import CasePageAdmin
from agreements.admin.filters import ClaimProgrammeFilter, ClaimQueueFilter
from agreements.admin.forms import LinesForm, WarningForm
from agreements.budget_accounts import spent_of
from agreements.changed_since import changed_among
from agreements.claims import ClaimRefused, certify_lines
from agreements.costs import costs_as_filed, told_by_the_final_claim
from agreements.credit_notes import notes_by_line
from agreements.due import asked_back_of, due_once_checked, ordered_above_of
from agreements.duplicates import answer_warning, grounds_of, on_the_same_file, open_warnings, warnings_of
from agreements.models import ExpenditureLine, PaymentClaim
from agreements.order_parts import to_order
from agreements.permissions import may_review
from agreements.settlements.falling import kept_for_staff, owed_on_the_act
from agreements.still_due import told_of_what_is_lost, what_changed, what_is_ordered_above
from core.admin import CaseHeader, Panel, date_display, money_display
from core.admin.base import EssorChangeList
from core.engine import versions
from core.engine.readable import refuse_other_rows
from core.money import format_euros
from core.roles import Role
from core.text import is_number
from core.transitions import Option

State = PaymentClaim.State
FOLDER = "admin/agreements/paymentclaim"


def keep_lines(claim: PaymentClaim, request: HttpRequest):
    """Record what is kept of every line, in one go."""
    form = LinesForm(request.POST, lines=claim.lines.all())
    touched = versions.settle(form, claim, request.page_shown)
    refuse_other_rows(request.POST, "(amount|reason)-.*", form.fields)
    form.refuse_idle_reasons(touched)
    if form.is_valid():
        try:
            certify_lines(claim, form.kept(), actor=request.user)
        except ClaimRefused as refusal:
            for name, text in refusal.errors.items():
                form.add_error(name if name in form.fields else None, text)
            if not refusal.errors:
                form.add_error(None, str(refusal))
        else:
            return form, "lines", _("Lines recorded.")
    return form, "lines", None


def answer(claim: PaymentClaim, request: HttpRequest):
    """Answer one invoice declared twice, or all that one file asks about."""
    asked = warnings_of(claim).select_related("line__claim", "other_line")
    number = request.POST.get("warning", "")
    warning = get_object_or_404(asked, pk=number if is_number(number) else 0)
    others = on_the_same_file(claim, warning, open_warnings(claim).select_related("line__claim", "other_line"))
    versions.verify_grounds(claim, request.page_shown, grounds_of(warning))
    form = WarningForm(request.POST, others=len(others))
    if form.is_valid():
        data = form.cleaned_data
        if refusal := may_review(request.user, claim):
            form.add_error(None, refusal)
        else:
            questions = [warning, *(others if data.get("whole_file") else ())]
            try:
                with transaction.atomic():
                    for question in questions:
                        answer_warning(question, answer=data["answer"], comment=data["comment"], actor=request.user)
            except ValueError as error:
                form.add_error("answer", str(error))
            else:
                told = ngettext("Answer recorded.", "%(count)s answers recorded.", len(questions))
                return form, "duplicates", told % {"count": len(questions)}
    return form, "duplicates", None


class ClaimList(EssorChangeList):
    """The list: of the claims of a page of which somebody waits for an account, how much of each does; of those of which
    nothing is due, what was paid above. Asked of the rows of the page alone: few of them wait for anything."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        waiting, changed = waiting_among(self.result_list), changed_among(self.result_list)
        parts = to_order(claim for claim in self.result_list if claim.pk in waiting)
        for claim in self.result_list:
            claim.to_order, claim.changed = parts.get(claim.pk), claim.pk in changed
            above = asked_back_of(claim)
            claim.to_ask_back = above - ordered_above_of(claim, above)


@admin.register(PaymentClaim)
class PaymentClaimAdmin(CasePageAdmin):
    """Claims are filed by beneficiaries; the staff check, certify and order them here."""

    actions_of_page = {"lines": keep_lines, "duplicate": answer}
    settled_actions = frozenset({"lines"})
    action_roles = (Role.INSTRUCTOR,)
    list_display = [
        "number_column",
        "beneficiary_column",
        "instalment_column",
        "state_column",
        money_display("claimed_amount", gettext_lazy("Asked")),
        money_display("declared_total", gettext_lazy("Expenditure")),
        money_display("certified_amount", gettext_lazy("Certified")),
        "to_order_column",
        date_display("submitted_at", pgettext_lazy("feminine", "Filed")),
        date_display("paid_on", gettext_lazy("Paid")),
    ]
    list_display_links = ["number_column"]
    list_filter = [ClaimQueueFilter, ClaimProgrammeFilter, "state", "instalment__kind"]
    list_select_related = ["instalment", "agreement__beneficiary"]
    search_fields = ["number"]
    search_help_text = gettext_lazy("Number of the claim or of the agreement, title or beneficiary")
    ordering = ["-opened_at", "-id"]

    # --- the list ---------------------------------------------------------------------------------------------------

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        agreements = self.search_words(request, self.agreements(request), search_term).values("pk")
        return queryset.filter(Q(number__iexact=search_term.strip()) | Q(agreement__in=agreements)), False

    @staticmethod
    def agreements(request: HttpRequest) -> QuerySet:
        """The agreements in which a search looks."""
        return PaymentClaim._meta.get_field("agreement").related_model.objects.for_user(request.user)

    @display(description=gettext_lazy("Claim"), ordering="number")
    def number_column(self, claim: PaymentClaim) -> SafeString:
        return format_html("<b>{}</b><br>{}", claim.number, claim.agreement.title)

    @display(description=gettext_lazy("Beneficiary"), ordering="agreement__beneficiary__sort_name")
    def beneficiary_column(self, claim: PaymentClaim) -> str:
        return claim.agreement.beneficiary.display_name

    @display(description=gettext_lazy("Payment"))
    def instalment_column(self, claim: PaymentClaim) -> str:
        return claim.instalment.label

    @display(description=gettext_lazy("To be ordered"))
    def to_order_column(self, claim: PaymentClaim) -> str | SafeString:
        """What can be ordered now, apart from what waits."""
        parts = claim.to_order
        if claim.changed:
            words = _("to be certified again first")
            left = format_euros(claim.to_order_amount or None) or "–"
            return format_html('{}<br><small class="es-warn">{}</small>', left, words)
        if parts is None:
            left = format_euros(claim.to_order_amount or None) or "–"
            if not claim.to_ask_back:
                return left
            words = _("%(amount)s to be asked back") % {"amount": format_euros(claim.to_ask_back)}
            return format_html('{}<br><small class="es-warn">{}</small>', left, words)
        if not parts.now:
            words = _("waits for a bank account")
            return format_html('{}<br><small class="es-warn">{}</small>', format_euros(parts.waiting), words)
        words = _("and %(amount)s that waits for a bank account") % {"amount": format_euros(parts.waiting)}
        return format_html('{}<br><small class="es-warn">{}</small>', format_euros(parts.now), words)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[EssorChangeList]:
        return ClaimList

    # --- the page ---------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        queryset = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.url_name == self.url_name("changelist"):
            return queryset
        joined = ["instalment__tranche", "agreement__beneficiary", "certified_by", "ordered_by", "submitted_by"]
        return queryset.select_related(*joined, "agreement__application__programme_version__programme")

    def case_header(self, request: HttpRequest, obj: PaymentClaim) -> CaseHeader:
        return CaseHeader(
            number=obj.number,
            title=obj.instalment.label,
            subtitle=f"{obj.agreement.beneficiary.display_name} · {obj.agreement.number}",
            amounts=[
                (_("Asked"), obj.claimed_amount),
                (_("Expenditure"), obj.declared_total),
                (_("Kept"), obj.certified_total),
                (_("Certified"), obj.certified_amount),
                (_("Paid"), obj.paid_amount),
                *([(_("Given up"), obj.given_up_amount)] if obj.given_up_amount else []),
            ],
        )

    def transition_options(self, request: HttpRequest, obj: PaymentClaim) -> list[Option]:
        never = "order" if obj.owes_nothing else "close_without_payment"
        options = [option for option in super().transition_options(request, obj) if option.spec.name != never]
        return sorted(options, key=lambda option: option.spec.order)

    def panels(self, request: HttpRequest, obj: PaymentClaim) -> list[Panel]:
        panels = [*self._warnings(request, obj), *self._lines(request, obj)]
        filed = costs_as_filed(obj)
        if obj.state in (State.SUBMITTED, State.UNDER_REVIEW, State.CERTIFIED):
            panels.append(self._due(obj, filed))
        elif filed:
            panels.append(Panel(_("Said at the filing"), f"{FOLDER}/filed.html", {"filed": filed}, anchor="filed"))
        if replies := list(obj.replies.select_related("document__file", "author")):
            context = {"replies": replies}
            panels.insert(
                0, Panel(_("Answers of the beneficiary"), f"{FOLDER}/replies.html", context, anchor="replies")
            )
        if asked_back := asked_back_of(obj):
            context = {"asked_back": asked_back, "ordered": ordered_above_of(obj, asked_back)}
            title = _("Ordered above what is due") if context["ordered"] else _("Paid above what is due")
            panels.insert(0, Panel(title, f"{FOLDER}/overpaid.html", context, anchor="overpaid"))
        is_lost = obj.submitted_at and obj.state == State.REJECTED
        if told := what_is_ordered_above(obj) or kept_for_staff(obj) or (is_lost and told_of_what_is_lost(obj)):
            panels.insert(0, Panel(_("To know"), f"{FOLDER}/told.html", {"told": told}, anchor="told"))
        if owed := owed_on_the_act(obj):
            panels.insert(0, Panel(_("To be asked back"), f"{FOLDER}/told.html", {"told": owed}, anchor="owed"))
        if obj.statement:
            panels.append(Panel(_("What was done with the money"), f"{FOLDER}/statement.html", anchor="statement"))
        orders = list(obj.orders.select_related("payee", "batch", "bank_account").order_by("pk"))
        if orders:
            panels.append(Panel(_("Payment orders"), f"{FOLDER}/orders.html", {"orders": orders}, anchor="orders"))
        if obj.given_up_amount:
            context = {"parts": obj.given_up.select_related("share", "decided_by")}
            panels.append(Panel(_("Given up"), f"{FOLDER}/given_up.html", context, anchor="given-up"))
        pieces = list(obj.pieces.select_related("document__file"))
        asked = {
            piece["code"]: piece["label"] for piece in obj.instalment.required_pieces if piece.get("required", True)
        }
        missing = [label for code, label in asked.items() if code not in {piece.code for piece in pieces}]
        context = {"pieces": pieces, "missing": missing}
        panels.append(Panel(_("Pieces"), f"{FOLDER}/pieces.html", context, side=True, anchor="pieces"))
        panels.append(Panel(_("Agreement"), f"{FOLDER}/agreement.html", side=True, anchor="agreement"))
        return panels

    def _due(self, obj: PaymentClaim, filed: list[str]) -> Panel:
        """What may be certified, once every line was checked: before that the figure would mean nothing."""
        context = {
            "due": due_once_checked(obj),
            "filed": filed,
            "told_by_the_final": told_by_the_final_claim(obj),
            "since": what_changed(obj),
        }
        return Panel(_("Amount due"), f"{FOLDER}/due.html", context, anchor="due")

    def _lines(self, request: HttpRequest, obj: PaymentClaim) -> list[Panel]:
        lines = list(obj.lines.select_related("proof__file").order_by("rank"))
        if not lines and not obj.instalment.needs_expenditure:
            return []
        reviews = obj.state == State.UNDER_REVIEW and Role.INSTRUCTOR in request.user.role_set
        reviews = reviews and may_review(request.user, obj) is None
        form = (self.refused(request, "lines") or LinesForm(lines=lines)) if reviews else None
        context = {
            "rows": _rows(lines, form, notes_by_line(obj) if lines else {}),
            "reviews": reviews,
            "claim": obj,
            "form": form,
            "accounts": spent_of(obj) if lines else [],
        }
        note = ngettext("%(count)s line", "%(count)s lines", len(lines)) % {"count": len(lines)}
        return [Panel(_("Expenditure"), f"{FOLDER}/lines.html", context, anchor="lines", note=note)]

    def _warnings(self, request: HttpRequest, obj: PaymentClaim) -> list[Panel]:
        warnings = list(
            warnings_of(obj)
            .select_related("line__claim__agreement", "other_line__claim__agreement", "answered_by", "line__proof")
            .order_by("pk")
        )
        if not warnings:
            return []
        refused = self.refused(request, "duplicate")
        answers = Role.INSTRUCTOR in request.user.role_set and may_review(request.user, obj) is None
        unanswered = [warning for warning in warnings if warning.answered_at is None]
        rows = [
            (warning, None if warning.answered_at or not answers else _form_of(obj, warning, refused, unanswered))
            for warning in warnings
        ]
        left = len(unanswered)
        note = _("%(count)s to answer") % {"count": left}
        return [
            Panel(
                _("Invoices declared twice"),
                f"{FOLDER}/duplicates.html",
                {"rows": rows},
                anchor="duplicates",
                note=note,
            )
        ]


def _rows(lines: list[ExpenditureLine], form: LinesForm | None, notes: dict[int, list[str]]) -> list[tuple]:
    """Each line with its fields, and what is said of its invoice or of its credit notes."""
    if form is None:
        return [(line, None, None, notes.get(line.pk)) for line in lines]
    return [(line, form[f"amount-{line.pk}"], form[f"reason-{line.pk}"], notes.get(line.pk)) for line in lines]


def _form_of(claim, warning, refused: WarningForm | None, unanswered: list) -> WarningForm:
    if refused is not None and str(refused.data.get("warning")) == str(warning.pk):
        refused.grounds = grounds_of(warning)
        return refused
    others = len(on_the_same_file(claim, warning, unanswered))
    form = WarningForm(initial={"warning": warning.pk}, others=others, auto_id=f"id_warning_{warning.pk}_%s")
    form.grounds = grounds_of(warning)
    return form
