"""What waits for a member of staff after the vote: acts, claims, reports, orders, batches. Queues, counts, my work."""

from collections.abc import Callable, Iterator
from functools import cache

from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from agreements import account_waits
from agreements.asked_back import TO_ASK_BACK, asked_back
from agreements.batch_days import is_late, last_day_of, what_to_do_late
from agreements.changed_since import changed_claims, due_is_another, ordered_above, to_certify_again, to_take_out
from agreements.closing import BALANCE, CLOSES
from agreements.costs import told_by_the_final_claim
from agreements.due import asked_back_of, ordered_above_of
from agreements.models import (
    Agreement,
    ClaimExtension,
    ClaimReply,
    Instalment,
    PaymentBatch,
    PaymentClaim,
    PaymentOrder,
    TrancheReport,
)
from agreements.models.claim_states import EDITABLE
from agreements.models.querysets import on_replaced_account
from agreements.order_parts import ToOrder, to_order
from agreements.settlements.models import SettlementLine
from agreements.signers import did_not_prepare, who_may_sign
from core.money import format_euros
from core.navigation import WorkItem
from core.roles import Role
from grants.models import Application
from grants.who_is_there import FOLLOWS_UP, nobody_instructs

SHOWN = 30
TO_SIGN = (gettext_lazy("Ready for the Region's signature"), gettext_lazy("Sign and notify"))
ACT_STEPS = {
    "draft": (gettext_lazy("Act drawn up, not sent"), gettext_lazy("Read and send")),
    "in_force": (gettext_lazy("Nothing more is to be paid"), gettext_lazy("End the agreement")),
}
LAST_ANSWER = Subquery(ClaimReply.objects.filter(claim=OuterRef("pk")).order_by("-created_at").values("created_at")[:1])
KEPT_UNFILED = Q(state="draft", pk__in=SettlementLine.objects.filter(outcome="pay").values("claim"))
"""Of a claim: the end of its agreement kept it while it was being written. No join: the queries here have many."""
TO_SEND = Q(state="draft")
READY_TO_SIGN = Q(state="signed_by_beneficiary") | Q(state="sent", kind="act")
DRAFTERS = (Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER)


def cases_to_contract(user) -> QuerySet:
    """Approved cases that have no act yet."""
    return Application.objects.for_user(user).filter(state="approved", agreement__isnull=True)


def agreements_to_send(user) -> QuerySet:
    """Drafts to read again and send."""
    return Agreement.objects.for_user(user).filter(TO_SEND)


def agreements_to_sign(user) -> QuerySet:
    """Acts that wait for the Region: signed by the beneficiary, or unilateral and sent."""
    return Agreement.objects.for_user(user).filter(READY_TO_SIGN)


def agreements_waiting(user) -> QuerySet:
    """Agreements that wait for their beneficiary's signature."""
    return Agreement.objects.for_user(user).filter(state="sent", kind="agreement")


def agreements_to_end(user) -> QuerySet:
    """Agreements in force on which nothing more is to come: all is paid, or the last day to claim is past and no claim
    is under way."""
    return Agreement.objects.for_user(user).filter(nothing_to_come())


def nothing_to_come() -> Q:
    """Of an agreement: it is in force, and nothing more is to come on it."""
    paid = PaymentClaim.objects.filter(instalment=OuterRef("pk"), state="paid")
    unpaid = Instalment.objects.filter(~Exists(paid), ~_never_to_come(), agreement=OuterRef("pk"))
    under_way = PaymentClaim.objects.filter(agreement=OuterRef("pk")).exclude(state__in=["paid", "rejected"])
    today = timezone.localdate()
    more_time = ClaimExtension.objects.filter(agreement=OuterRef("pk"), until__gte=today)
    late = Q(claim_deadline__lt=today) & ~Exists(more_time) & ~Exists(under_way)
    return (~Exists(unpaid) | late) & Q(state="in_force")


@cache
def _never_to_come() -> Q:
    """Of an instalment: no claim of it was filed before the balance of its part closed the account."""
    live = PaymentClaim.objects.filter(instalment=OuterRef("pk")).exclude(state__in=["draft", "rejected"])
    closing = PaymentClaim.objects.filter(CLOSES, agreement=OuterRef("agreement"))
    of_part = Q(instalment__tranche=OuterRef("tranche")) | Q(instalment__tranche=None)
    return ~Q(kind=BALANCE) & ~Q(Exists(live)) & Q(Exists(closing.filter(of_part)))


def claims_to_review(user) -> QuerySet:
    """Claims filed and not certified yet."""
    return PaymentClaim.objects.for_user(user).filter(state__in=["submitted", "under_review"])


def claims_to_order(user) -> QuerySet:
    """Certified claims that may go into a batch (or are closed, where nothing is due), and those ordered in part."""
    rest = Q(state="ordered", ordered_amount__lt=F("certified_amount") - F("given_up_amount"))
    return PaymentClaim.objects.for_user(user).filter(Q(state="certified") & ~due_is_another() | rest)


def claims_to_certify_again(user) -> QuerySet:
    """Certified claims of which another amount is due now: their instructor certifies it before they are ordered, or closed."""
    return PaymentClaim.objects.for_user(user).filter(due_is_another())


def claims_to_take_out(user) -> QuerySet:
    """Claims in a batch that has not left, of which less is due than what is ordered."""
    return PaymentClaim.objects.for_user(user).filter(in_open_above())


def in_open_above() -> Q:
    """The condition of ``claims_to_take_out``."""
    in_open = PaymentOrder.objects.filter(state="ordered", batch__state="open")
    return ordered_above() & Q(pk__in=in_open.values("claim"))


def claims_ready_to_order(user) -> QuerySet:
    """Those to order of which something can be ordered now: there is a payee whose account may be paid, and what is due
    has not changed since."""
    ready = PaymentClaim.objects.for_user(user).filter(account_waits.ready_now())
    return ready.exclude(due_is_another())


def claims_waiting_for_account(user) -> QuerySet:
    """Certified claims of which somebody cannot be paid now: no account, or one that waits to be verified."""
    return PaymentClaim.objects.for_user(user).filter(account_waits.waits()).exclude(due_is_another())


def claims_unanswered(user) -> QuerySet:
    """Claims given back to their beneficiary, or kept unfiled by a settlement, whose day to be filed is past."""
    return PaymentClaim.objects.for_user(user).filter(_unanswered_today())


def _unanswered_today() -> Q:
    late = Q(answer_due_on__isnull=True) | Q(answer_due_on__lt=timezone.localdate())
    return (Q(state="returned") | KEPT_UNFILED) & late


def claims_overpaid(user) -> QuerySet:
    """Claims paid above what is due, as they or the settlement of their agreement say: the difference is to be asked back."""
    return PaymentClaim.objects.for_user(user).filter(TO_ASK_BACK)


def claims_suspended(user) -> QuerySet:
    """Claims on which a fault is open."""
    return PaymentClaim.objects.for_user(user).filter(state="suspended")


def reports_to_read(user) -> QuerySet:
    """Yearly reports that nobody decided on."""
    return TrancheReport.objects.for_user(user).filter(state="filed")


def batches_to_close(user) -> QuerySet:
    """Batches in preparation."""
    return PaymentBatch.objects.for_user(user).filter(state="open")


def batches_to_confirm(user) -> QuerySet:
    """Batches sent to finance of which payments are not all recorded."""
    return PaymentBatch.objects.for_user(user).filter(state="sent")


def orders_on_replaced_account(user) -> QuerySet:
    """Orders that wait for their payment on an account that was replaced since."""
    return PaymentOrder.objects.for_user(user).filter(on_replaced_account())


def batches_on_replaced_account(user) -> QuerySet:
    """Batches of such orders."""
    orders = PaymentOrder.objects.filter(on_replaced_account())
    return PaymentBatch.objects.for_user(user).filter(pk__in=orders.values("batch"))


def count(queue: Callable[..., QuerySet]) -> Callable[..., int]:
    """The badge of a queue: it counts the rows of the list that it opens."""

    def counted(user) -> int:
        return queue(user).count()

    return counted


def change_url(instance, anchor: str = "") -> str:
    """The staff page of a row."""
    options = instance._meta
    url = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[instance.pk])
    return f"{url}#{anchor}" if anchor else url


# --- my work --------------------------------------------------------------------------------------------------------


def work_on_acts(user) -> Iterator[WorkItem]:
    """Acts to draw up and to send, for those who write them; to sign, for the head of service, or for finance where no head
    is there who may."""
    if user.has_role(Role.INSTRUCTOR, Role.HEAD_OF_SERVICE):
        mine = nobody_instructs(roles=FOLLOWS_UP)
        if user.has_role(Role.INSTRUCTOR):
            mine |= Q(instructor=user)
        for case in cases_to_contract(user).filter(mine).select_related("applicant").order_by("pk")[:SHOWN]:
            yield WorkItem(
                due=None,
                title=f"{case.number} · {case.applicant.display_name}",
                why=_("Granted, without an act"),
                url=reverse("admin:agreements_agreement_to-draft"),
                action=_("Draw up the act"),
                tone="act",
            )
    yield from _acts(user)


def _acts(user) -> Iterator[WorkItem]:
    """One query for all: those to sign and to send by age, then those on which nothing more is to come."""
    waiting = Q()
    if user.has_role(Role.INSTRUCTOR):
        mine = Q(application__instructor=user) | Q(drafted_by=user) | nobody_instructs("application__", FOLLOWS_UP)
        waiting |= (TO_SEND | nothing_to_come()) & mine
    if user.has_role(Role.HEAD_OF_SERVICE):
        waiting |= READY_TO_SIGN & did_not_prepare(user)
    elif user.has_role(Role.FINANCE_OFFICER):
        waiting |= READY_TO_SIGN & ~Q(Exists(who_may_sign(Role.HEAD_OF_SERVICE))) & did_not_prepare(user)
    if not waiting:
        return
    agreements = Agreement.objects.for_user(user).filter(waiting)
    agreements = agreements.annotate(ends_next=ExpressionWrapper(Q(state="in_force"), BooleanField()))
    for agreement in agreements.select_related("beneficiary").order_by("ends_next", "created_at")[: 2 * SHOWN]:
        why, action = ACT_STEPS.get(agreement.state, TO_SIGN)
        yield _act_item(agreement, str(why), str(action))


def _act_item(agreement: Agreement, why: str, action: str) -> WorkItem:
    return WorkItem(
        due=None,
        title=f"{agreement.number} · {agreement.beneficiary.display_name}",
        why=why,
        url=change_url(agreement),
        action=action,
        tone="act",
    )


def work_on_claims(user) -> Iterator[WorkItem]:
    """Claims and reports to read, for the instructors of their cases; claims to certify again, for the head too."""
    heads = user.has_role(Role.HEAD_OF_SERVICE)
    if not user.has_role(Role.INSTRUCTOR):
        again = claims_to_certify_again(user) if heads else PaymentClaim.objects.none()
        yield from to_certify_again(
            again.with_case().order_by("certified_at", "pk")[:SHOWN], change_url, certifies=False
        )
        return
    mine = Q(agreement__application__instructor=user) | nobody_instructs("agreement__application__", FOLLOWS_UP)
    # One query, beside that of what changed, for those to check, those on which a fault is open, those that nobody can pay and
    # those of which another amount is due: the states of each. The last two are also of who certified them: they may give up
    # the part of who waits.
    seen = Q(state__in=["submitted", "under_review", "suspended"]) | _unanswered_today()
    certified = Q() if heads else mine | Q(certified_by=user)
    unpaid = account_waits.is_unknown() & (mine | Q(certified_by=user))
    changed = changed_claims()
    claims = PaymentClaim.objects.for_user(user).filter(seen & mine | unpaid | Q(pk__in=changed) & certified)
    closing = PaymentClaim.objects.filter(CLOSES, agreement=OuterRef("agreement"))
    claims = claims.annotate(final_is_filed=ExpressionWrapper(Exists(closing), BooleanField()))
    claims = list(
        claims.select_related("instalment__tranche", "agreement__beneficiary")
        .annotate(answered_at=LAST_ANSWER)
        .order_by("submitted_at", "pk")[: 2 * SHOWN]
    )
    yield from to_certify_again([claim for claim in claims if claim.pk in changed], change_url, certifies=True)
    for claim in claims:
        if claim.state in ("suspended", "certified", "ordered"):
            continue
        if claim.state in EDITABLE:
            yield _unanswered(claim)
            continue
        yield WorkItem(
            due=claim.instalment.due_on,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=_to_check(claim),
            url=change_url(claim),
            action=_("Check"),
            tone="act" if claim.instalment.due_on else "wait",
        )
    yield from _suspended([claim for claim in claims if claim.state == "suspended"])
    yield from _without_account(
        [claim for claim in claims if claim.state in ("certified", "ordered") and claim.pk not in changed]
    )
    case = "tranche__agreement__application__"
    mine = Q(**{f"{case}instructor": user}) | nobody_instructs(case, FOLLOWS_UP)
    reports = reports_to_read(user).filter(mine).select_related("tranche__agreement__beneficiary")
    for report in reports.order_by("filed_at")[:SHOWN]:
        yield WorkItem(
            due=None,
            title=f"{report.agreement.number} · {report.agreement.beneficiary.display_name}",
            why=_("Report on %(year)s to read: the next year waits for it") % {"year": report.tranche.label},
            url=change_url(report),
            action=_("Read"),
        )


def _to_check(claim: PaymentClaim) -> str:
    """What it asks, and the most that is due on it beside the final claim of its part."""
    asked = _("Claim to check: %(amount)s") % {"amount": format_euros(claim.claimed_amount)}
    told = told_by_the_final_claim(claim) if claim.final_is_filed else ""
    return f"{asked}. {told}" if told else asked


def _unanswered(claim: PaymentClaim) -> WorkItem:
    return WorkItem(
        due=claim.answer_due_on,
        title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
        why=_("Given back to the beneficiary, who has not answered in time")
        if claim.state == "returned"
        else _("Kept when its agreement ended, and not filed in time"),
        url=change_url(claim),
        action=_("Read"),
    )


def _suspended(claims: list[PaymentClaim]) -> Iterator[WorkItem]:
    """Claims on which a fault is open: those that the beneficiary has answered first."""
    for claim in sorted(claims, key=lambda claim: (claim.answered_at is None, claim.answered_at or claim.opened_at)):
        answered = claim.answered_at is not None
        yield WorkItem(
            due=None,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=_("Claim suspended: the beneficiary has answered")
            if answered
            else _("Claim suspended: a fault is open"),
            url=change_url(claim),
            action=_("Read"),
            tone="act" if answered else "wait",
        )


def _without_account(claims: list[PaymentClaim]) -> Iterator[WorkItem]:
    """Certified claims of which somebody has no bank account: it is asked for, or their part is given up."""
    parts = to_order(claims)
    for claim in claims:
        words = _("%(amount)s certified and not ordered. %(reasons)s If they gave up, give up their part.")
        waiting = parts[claim.pk]
        yield WorkItem(
            due=None,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=words % {"amount": format_euros(waiting.waiting), "reasons": " ".join(waiting.reasons)},
            url=change_url(claim),
            action=_("Read"),
            tone="wait",
        )


def work_on_payments(user) -> Iterator[WorkItem]:
    """Claims to order and batches to follow, for the finance officers."""
    if not user.has_role(Role.FINANCE_OFFICER):
        return
    # One query for all: those to order first, then those ordered or paid above what is due.
    to_order_now = claims_to_order(user).exclude(certified_by=user)
    claims = (to_order_now | claims_overpaid(user) | claims_to_take_out(user)).with_case()
    claims = claims.annotate(
        is_overpaid=ExpressionWrapper(TO_ASK_BACK, BooleanField()),
        is_above=ExpressionWrapper(in_open_above(), BooleanField()),
        unjustified=F("agreement__settlement__unjustified_paid_amount"),
        waits=ExpressionWrapper(account_waits.waits(), BooleanField()),
    )
    claims = list(claims.order_by("is_overpaid", "is_above", "certified_at", "pk")[: 3 * SHOWN])
    above = [claim for claim in claims if claim.is_above]
    parts = to_order(claim for claim in claims if claim.waits and not claim.is_overpaid and not claim.is_above)
    for claim in claims:
        if claim.is_overpaid or claim.is_above:
            continue
        left = parts.get(claim.pk)
        if left is not None and not left.now:
            yield _waits_for_account(claim, left)
            continue
        yield WorkItem(
            due=claim.instalment.due_on,
            title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
            why=_to_order(claim, left),
            url=change_url(claim),
            action=pgettext("verb", "Order") if claim.certified_amount else pgettext("verb", "Close"),
        )
    yield from to_take_out(above, change_url)
    yield from asked_back([claim for claim in claims if claim.is_overpaid], change_url)
    yield from _work_on_batches(user, above)


def _waits_for_account(claim: PaymentClaim, left: ToOrder) -> WorkItem:
    """A certified claim of which nothing can be ordered now: what waits, and why."""
    words = _("Waits for a bank account: %(amount)s. %(reasons)s")
    return WorkItem(
        due=claim.instalment.due_on,
        title=f"{claim.number} · {claim.agreement.beneficiary.display_name}",
        why=words % {"amount": format_euros(left.waiting), "reasons": " ".join(left.reasons)},
        url=change_url(claim),
        action=_("Read"),
        tone="wait",
    )


def _to_order(claim: PaymentClaim, left: ToOrder | None) -> str:
    """What can be ordered of a claim now, not what was certified of it; what waits for an account is told apart (``left``:
    None where nothing waits)."""
    if not claim.certified_amount:
        back = asked_back_of(claim)
        ordered = ordered_above_of(claim, back)
        words = _("Certified: nothing is due, and %(amount)s paid before is to be asked back once it is closed")
        if ordered:
            words = _(
                "Certified: nothing is due. What was ordered before is %(amount)s above what is due, of which %(ordered)s is not"
                " paid yet"
            )
        told = words % {"amount": format_euros(back), "ordered": format_euros(ordered)}
        return told if back else _("Certified: nothing is due")
    words = (
        _("Ordered in part, still to be ordered: %(amount)s")
        if claim.ordered_amount
        else _("Certified, to be ordered: %(amount)s")
    )
    if left is None:
        return words % {"amount": format_euros(claim.to_order_amount)}
    told = words % {"amount": format_euros(left.now)}
    waiting = _("Waits for a bank account: %(amount)s. %(reasons)s")
    return f"{told}. {waiting % {'amount': format_euros(left.waiting), 'reasons': ' '.join(left.reasons)}}"


def _work_on_batches(user, above: list[PaymentClaim]) -> Iterator[WorkItem]:
    # One query for both: the open ones first, then those that were sent. One that holds a claim above what is due is not closed.
    held = set(PaymentOrder.objects.filter(claim__in=above).values_list("batch", flat=True)) if above else set()
    batches = (batches_to_close(user) | batches_to_confirm(user)).with_totals()
    for batch in batches.order_by("state", "closed_at", "opened_at")[: 2 * SHOWN]:
        if batch.replaced_count:
            yield WorkItem(None, batch.number, replaced_words(batch), change_url(batch), _("Read"), tone="act")
        if batch.state == "sent" and batch.waiting_total == batch.live_total:
            yield _batch_item(batch, _("Sent to finance: %(amount)s"), batch.live_total, _("Record the payments"))
        elif batch.state == "sent":
            why = _("Sent to finance, still to be paid: %(amount)s")
            yield _batch_item(batch, why, batch.waiting_total, _("Record the payments"))
        elif batch.live_count and is_late(batch):
            why = f"{_('Batch open: %(amount)s')}. {what_to_do_late(batch)}"
            yield _batch_item(batch, why, batch.live_total, _("Read"), tone="act")
        elif batch.live_count:
            action = _("Read") if batch.pk in held else _("Close")
            yield _batch_item(batch, _("Batch open: %(amount)s"), batch.live_total, action)


def replaced_words(batch: PaymentBatch) -> str:
    """How many orders of a batch (``with_totals``) wait for their payment on an account that was replaced since."""
    words = ngettext(
        "%(count)s order on an account replaced since: if it was not paid, cancel it and order it again",
        "%(count)s orders on accounts replaced since: those that were not paid, cancel them and order them again",
        batch.replaced_count,
    )
    return words % {"count": batch.replaced_count}


def _batch_item(batch: PaymentBatch, why: str, amount, action: str, tone: str = "wait") -> WorkItem:
    why = why % {"amount": format_euros(amount)}
    return WorkItem(last_day_of(batch), batch.number, why, change_url(batch), action, tone)
