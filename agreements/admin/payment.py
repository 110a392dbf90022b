"""Batches of payment orders, from the claims to order to the payments recorded; and the orders themselves."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from django.contrib import admin, messages
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from unfold.decorators import display

from agreements import payments, work
from agreements.admin.base import CasePageAdmin
from agreements.admin.filters import BatchQueueFilter, OrderQueueFilter
from agreements.admin.forms import ClaimsForm, PaymentsForm
from agreements.batch_days import is_late, last_day_of, words_of_last_day
from agreements.changed_since import due_of_those_above, ordered_above
from agreements.conditions import why_no_more_orders
from agreements.models import PaymentBatch, PaymentClaim, PaymentOrder
from agreements.order_accounts import account_warning
from agreements.order_parts import ToOrder, to_order
from agreements.overpaid import overpaid_among
from agreements.still_due import words_of_order_above
from core.admin import CaseHeader, Panel, date_display, money_display, plain_display
from core.engine import versions
from core.money import ZERO, format_euros, sum_money
from core.roles import STAFF_ROLES, Role
from core.templatetags.essor import short_date
from core.transitions import TransitionRefused

State = PaymentBatch.State
FOLDER = "admin/agreements/paymentbatch"
PAYERS = (Role.FINANCE_OFFICER,)
LISTED = 300


def ready_claims(user) -> QuerySet:
    """Claims of which something can be ordered now, in the order in which they were certified."""
    ready = work.claims_ready_to_order(user)
    return ready.with_case().select_related("certified_by").order_by("certified_at", "pk")


def waiting_claims(user) -> QuerySet:
    """Certified claims of which nothing, or not all, can be ordered now: somebody’s account is missing or not verified."""
    waiting = work.claims_waiting_for_account(user)
    return waiting.with_case().order_by("certified_at", "pk")


def order_claims(batch: PaymentBatch, request: HttpRequest):
    """Put the ticked claims in the batch, all or none."""
    claims = list(ready_claims(request.user)[:LISTED])
    form = ClaimsForm(request.POST, claims=claims)
    if form.is_valid():
        chosen = [claim for claim in claims if claim.pk in form.cleaned_data["claims"]]
        if form.refuse_ended(chosen):
            return form, "ready", None
        _refuse_other_amounts(batch, request, chosen)
        try:
            count = payments.order_claims(batch, chosen, actor=request.user)
        except TransitionRefused as refusal:
            _tell(form, refusal)
        else:
            return (
                form,
                "orders",
                ngettext("%(count)s claim ordered.", "%(count)s claims ordered.", count) % {"count": count},
            )
    return form, "ready", None


def _refuse_other_amounts(batch: PaymentBatch, request: HttpRequest, chosen: list[PaymentClaim]) -> None:
    """Each ticked claim is ordered for what the page said of it: another amount was certified since, an account was
    verified for one more person, or is no longer. Raises Stale, with both."""
    ticked = PaymentClaim.objects.with_case().filter(pk__in=[claim.pk for claim in chosen]).order_by("pk")
    ticked = list(ticked.select_for_update(of=("self",), no_key=True))
    now = offered_claims(ticked, to_order(ticked))
    try:
        versions.verify_grounds(batch, request.page_shown, versions.picked(request.page_shown, now, now))
    except versions.Stale as stale:
        stale.rows = {"claims": PaymentClaim._base_manager.all()}
        raise


def offered_claims(claims: Iterable[PaymentClaim], parts: Mapping[int, ToOrder]) -> dict[str, str]:
    """What the page of a batch says of each claim that it offers, for its token."""
    label = _("%(claim)s – To be ordered")
    return {
        label % {"claim": claim.number}: format_euros(parts[claim.pk].now if claim.pk in parts else ZERO)
        for claim in claims
    }


def record_payments(batch: PaymentBatch, request: HttpRequest):
    """Record that the ticked orders were paid, all or none."""
    orders = list(batch.orders.filter(state="ordered").order_by("pk"))
    form = PaymentsForm(request.POST, orders=orders)
    if form.is_valid():
        data = form.cleaned_data
        chosen = [order for order in orders if order.pk in data["orders"]]
        try:
            count = payments.confirm_payments(
                chosen, paid_on=data["paid_on"], external_reference=data["external_reference"], actor=request.user
            )
        except TransitionRefused as refusal:
            _tell(form, refusal)
        else:
            return (
                form,
                "orders",
                ngettext("%(count)s payment recorded.", "%(count)s payments recorded.", count) % {"count": count},
            )
    return form, "orders", None


def _tell(form, refusal: TransitionRefused) -> None:
    for texts in refusal.errors.values():
        for text in texts:
            form.add_error(None, text)


@admin.register(PaymentBatch)
class PaymentBatchAdmin(CasePageAdmin):
    """A finance officer opens a batch, fills it, closes it, and records what the accountant paid."""

    actions_of_page = {"order": order_claims, "pay": record_payments}
    ticked_rows = {"claims": PaymentClaim, "orders": PaymentOrder}
    action_roles = add_roles = PAYERS
    view_roles = STAFF_ROLES
    fields = ("label",)
    list_display = [
        "number",
        "label",
        plain_display("year", gettext_lazy("Budget year")),
        "state_column",
        "count_column",
        money_display("live_total", gettext_lazy("Total"), ordering="closed_total"),
        "waiting_column",
        date_display("opened_at", gettext_lazy("Opened")),
        "last_day_column",
        date_display("closed_at", pgettext_lazy("batch", "Closed")),
    ]
    list_filter = [BatchQueueFilter, "state", "year"]
    search_fields = ["number", "label"]
    ordering = ["-opened_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_totals()

    @display(description=gettext_lazy("Still to be paid"))
    def waiting_column(self, batch: PaymentBatch) -> str:
        return format_euros(batch.waiting_total)

    @display(description=gettext_lazy("Orders"))
    def count_column(self, batch: PaymentBatch) -> int | SafeString:
        if not batch.replaced_count:
            return batch.live_count
        return format_html('{}<br><small class="es-warn">{}</small>', batch.live_count, work.replaced_words(batch))

    @display(description=gettext_lazy("To be sent by"))
    def last_day_column(self, batch: PaymentBatch) -> str | SafeString:
        day = short_date(last_day_of(batch)) or "–"
        return format_html('<span class="es-warn">{}</span>', day) if is_late(batch) else day

    def response_add(self, request: HttpRequest, obj: PaymentBatch, post_url_continue: str | None = None):
        """On to the new batch: it is empty, and is filled on its page."""
        messages.success(request, _("The batch %(number)s is open: choose its claims below.") % {"number": obj.number})
        return HttpResponseRedirect(self.change_url(obj))

    def save_model(self, request: HttpRequest, obj: PaymentBatch, form, change: bool) -> None:
        """A new batch takes its number from the service that opens it."""
        if not change:
            opened = payments.open_batch(actor=request.user, label=obj.label)
            obj.pk = opened.pk
            obj.refresh_from_db()

    def refused_choice(self, found: PaymentBatch, request: HttpRequest, action: str):
        """A claim that was ordered meanwhile, an order that was paid: named, with the other boxes still ticked."""
        if action == "order":
            claims = list(ready_claims(request.user)[:LISTED])
            form, rows = (
                ClaimsForm(request.POST, claims=claims),
                PaymentClaim.objects.for_user(request.user).with_case(),
            )
        else:
            orders = list(found.orders.filter(state="ordered").order_by("pk"))
            form, rows = PaymentsForm(request.POST, orders=orders), PaymentOrder.objects.for_user(request.user)
        return form if form.refuse_gone(rows) else None

    def case_header(self, request: HttpRequest, obj: PaymentBatch) -> CaseHeader:
        amounts = [(_("Total"), obj.live_total)]
        if obj.state != State.OPEN:
            amounts.append((_("Still to be paid"), obj.waiting_total))
        if obj.closed_total is not None and obj.closed_total != obj.live_total:
            amounts.append((_("Total when closed"), obj.closed_total))
        return CaseHeader(
            number=obj.number,
            title=obj.label,
            subtitle=_("Budget year %(year)s") % {"year": obj.year},
            amounts=amounts,
            clock=words_of_last_day(obj),
            clock_tone="act" if is_late(obj) else "wait",
        )

    def panels(self, request: HttpRequest, obj: PaymentBatch) -> list[Panel]:
        is_payer = request.user.has_role(*PAYERS) and not request.user.has_role(Role.AUDITOR)
        joined = ("payee", "bank_account", "claim__agreement", "claim__instalment")
        is_above = ExpressionWrapper(Q(state="ordered") & ordered_above("claim_id"), BooleanField())
        asked = obj.orders.with_accounts().select_related(*joined).annotate(is_above=is_above)
        orders = list(asked.order_by("pk"))
        above = due_of_those_above(order.claim_id for order in orders if order.is_above)
        for order in orders:
            order.warning = account_warning(order)
            order.above = _above(order, above, is_sent=obj.state != State.OPEN)
        waiting = [order for order in orders if order.state == "ordered"]
        pays = is_payer and obj.state == State.SENT and bool(waiting)
        form = (self.refused(request, "pay") or PaymentsForm(orders=waiting)) if pays else None
        context = {"orders": orders, "form": form, "paid": sum_money(o.amount for o in orders if o.state == "paid")}
        live = sum(order.state != "cancelled" for order in orders)
        note = ngettext("%(count)s order", "%(count)s orders", live) % {"count": live}
        if gone := len(orders) - live:
            cancelled = ngettext("%(count)s cancelled", "%(count)s cancelled", gone) % {"count": gone}
            note = f"{note}, {cancelled}"
        panels = [Panel(_("Orders"), f"{FOLDER}/orders.html", context, anchor="orders", note=note)]
        if obj.state == State.OPEN and is_payer:
            claims = [] if why_no_more_orders(obj) else list(ready_claims(request.user)[:LISTED])
            ticked = self.refused(request, "order").data.getlist("claims") if self.refused(request, "order") else []
            waiting = [] if why_no_more_orders(obj) else list(waiting_claims(request.user)[:LISTED])
            parts = to_order({claim.pk: claim for claim in [*claims, *waiting]}.values())
            owed = overpaid_among({claim.agreement_id for claim in claims if claim.agreement.paid_amount})
            for claim in claims:
                claim.owed = owed.get(claim.agreement_id)
            context = {
                "no_more": why_no_more_orders(obj),
                "claims": [(claim, parts[claim.pk]) for claim in claims],
                "offered": offered_claims(claims, parts),
                "ticked": ticked,
                "total": sum_money(parts[claim.pk].now for claim in claims),
                "waiting": [(claim, parts[claim.pk]) for claim in waiting],
                "waiting_total": sum_money(parts[claim.pk].waiting for claim in waiting),
            }
            panels.append(Panel(_("Claims ready to order"), f"{FOLDER}/ready.html", context, anchor="ready"))
        panels.append(Panel(_("For the finance software"), f"{FOLDER}/workbook.html", side=True, anchor="workbook"))
        return panels


def _above(order: PaymentOrder, due: Mapping[int, Decimal], *, is_sent: bool | None = None) -> str:
    """That less is due than what is ordered of its claim, of an order that waits; ``due``: by claim, of those only."""
    if order.state != "ordered" or order.claim_id not in due:
        return ""
    is_sent = order.batch.state != State.OPEN if is_sent is None else is_sent
    return words_of_order_above(order.claim.ordered_amount, due[order.claim_id], is_sent=is_sent)


@admin.register(PaymentOrder)
class PaymentOrderAdmin(CasePageAdmin):
    """Orders are read here; one that the bank refused is cancelled and placed again."""

    list_display = [
        "reference",
        "payee_column",
        money_display("amount", gettext_lazy("Amount")),
        "state_column",
        "batch",
        "agreement_column",
        date_display("ordered_at", gettext_lazy("Ordered")),
        date_display("paid_on", gettext_lazy("Paid")),
    ]
    list_filter = [OrderQueueFilter, "state", "batch__year"]
    list_select_related = ["payee", "batch", "claim__agreement", "claim__instalment", "bank_account", "ordered_by"]
    search_fields = ["reference", "batch__number", "claim__agreement__number", "external_reference"]
    ordering = ["-ordered_at", "-id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).with_accounts().select_related(*self.list_select_related, "confirmed_by")

    @display(description=gettext_lazy("Payee"), ordering="payee__sort_name")
    def payee_column(self, order: PaymentOrder) -> str | SafeString:
        if warning := account_warning(order):
            return format_html('{}<br><small class="es-warn">{}</small>', order.payee.display_name, warning)
        return order.payee.display_name

    @display(description=gettext_lazy("Agreement"), ordering="claim__agreement__number")
    def agreement_column(self, order: PaymentOrder) -> SafeString:
        return format_html('<a href="{}">{}</a>', work.change_url(order.agreement), order.agreement.number)

    def case_header(self, request: HttpRequest, obj: PaymentOrder) -> CaseHeader:
        return CaseHeader(
            number=obj.reference,
            title=obj.payee.display_name,
            subtitle=f"{obj.agreement.number} · {obj.claim.instalment.label}",
            amounts=[(_("Amount"), obj.amount)],
        )

    def panels(self, request: HttpRequest, obj: PaymentOrder) -> list[Panel]:
        return [
            Panel(
                _("The order"),
                "admin/agreements/paymentorder/facts.html",
                {"warning": account_warning(obj), "above": _above(obj, due_of_those_above([obj.claim_id]))},
                anchor="facts",
            )
        ]
