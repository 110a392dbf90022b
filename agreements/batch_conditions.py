"""Conditions of the transitions of batches and orders: each returns errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``. Rows are reached through relations only.
"""

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.changed_since import due_of_those_above
from agreements.conditions import GENERAL, batch_is_open
from agreements.rules.deadlines import last_day_to_send
from agreements.still_due import is_justified_by_nothing, why_not_placed_again
from applicants.bank_accounts import payable_account, replaced_since
from applicants.models import BankAccount
from core.dates import format_date_long
from core.money import format_euros
from core.text import listed
from core.transitions import precondition


@precondition
def batch_holds_orders(batch, data, actor):
    """The batch holds at least one order."""
    if not batch.orders.filter(state="ordered").exists():
        return {GENERAL: _("The batch is empty: order certified claims first.")}
    return None


@precondition
def batch_holds_nothing(batch, data, actor):
    """No order stands in the batch."""
    if batch.orders.exclude(state="cancelled").exists():
        return {GENERAL: _("The batch holds orders: close it, or take its claims out of it first.")}
    return None


@precondition
def batch_year_is_open(batch, data, actor):
    """The budget year of the batch still takes orders: until 31 January of the next one, of investment until its end."""
    today, last = timezone.localdate(), last_day_to_send(batch.year)
    if today <= last:
        return _investment_is_open(batch, today)
    sentence = _(
        "The budget year %(year)s took orders until %(day)s: take the claims out of this batch, and order them in one of"
        " this year."
    )
    return {GENERAL: sentence % {"year": batch.year, "day": format_date_long(last)}}


def _investment_is_open(batch, today):
    """Orders on the credits of an investment are sent within their budget year."""
    last = last_day_to_send(batch.year, investment=True)
    if today <= last:
        return None
    late = batch.orders.exclude(state="cancelled").filter(claim__agreement__commitment__envelope__kind="AP")
    claims = sorted(set(late.values_list("claim__number", flat=True)))
    if not claims:
        return None
    sentence = _(
        "The investment credits of %(year)s took orders until %(day)s: take %(claims)s out of this batch, and order them"
        " in one of this year."
    )
    return {GENERAL: sentence % {"year": batch.year, "day": format_date_long(last), "claims": listed(claims)}}


@precondition
def batch_accounts_are_verified(batch, data, actor):
    """Every account of the batch is still the verified one."""
    gone = batch.orders.filter(~Q(bank_account__state="verified"), state="ordered").values_list("reference", flat=True)
    if gone:
        return {
            GENERAL: _("The bank account changed since the order: cancel and order again %(orders)s.")
            % {"orders": ", ".join(gone)}
        }
    return None


@precondition
def batch_waits_for_no_account(batch, data, actor):
    """No payee of the batch has a change of account under way."""
    payees = batch.orders.filter(state="ordered").values("payee")
    held = BankAccount.objects.changes_under_way().filter(applicant__in=payees).select_related("applicant")
    if names := sorted({account.applicant.display_name for account in held}):
        return {
            GENERAL: _(
                "A change of bank account waits to be verified: %(names)s. The batch waits until it is verified or"
                " rejected; to close it now, cancel these orders."
            )
            % {"names": ", ".join(names)}
        }
    return None


def order_waits_for_no_account(order, data, actor):
    """The payee had no change of account under way on the day of the payment."""
    change = BankAccount.objects.changes_under_way().filter(applicant=order.payee_id).first()
    paid_on = data.get("paid_on")
    if change is None or (paid_on and paid_on < timezone.localdate(change.entered_at)):
        return None
    return {
        GENERAL: _(
            "A change of bank account of “%(name)s” has waited to be verified since %(day)s: a payment of that day or"
            " later waits for it. Verify or reject the change first."
        )
        % {"name": order.payee.display_name, "day": format_date_long(timezone.localdate(change.entered_at))}
    }


def account_was_not_replaced(order, data, actor):
    """The account of the order was not replaced before the day of the payment, or somebody says why it was paid on."""
    since, paid_on = replaced_since(order.bank_account), data.get("paid_on")
    if since is None or paid_on is None or paid_on < since or data.get("replaced_account_reason"):
        return None
    sentence = _(
        "The order %(order)s goes to an account that was replaced on %(day)s. If it was not paid, cancel it and order it"
        " again; if it was, record it on its own page and write how you know."
    )
    return {GENERAL: sentence % {"order": order.reference, "day": format_date_long(since)}}


def batch_orders_are_due(batch, data, actor):
    """Every order of the batch is still due: no other claim of its part fell, or was certified for less, since."""
    orders = batch.orders.filter(state="ordered").select_related("claim")
    claims = {order.claim_id: order.claim for order in orders}
    due = due_of_those_above(claims)
    if not due:
        return None
    sentence = _("%(orders)s: %(ordered)s ordered, %(due)s due now.")
    found = [
        sentence
        % {
            "orders": listed([order.reference for order in orders if order.claim_id == pk]),
            "ordered": format_euros(claims[pk].ordered_amount),
            "due": format_euros(amount),
        }
        for pk, amount in sorted(due.items())
    ]
    what_to_do = _(
        "Take the claim out of the batch: the instructor certifies what is due now, and it is ordered again."
    )
    if any(is_justified_by_nothing(claims[pk]) for pk in due):
        what_to_do = _(
            "Take the claim out of the batch, or cancel the order: the instructor gives up its payment, or certifies what is"
            " due now. On an agreement that has ended, what no expenditure justifies would be asked back once paid."
        )
    return {GENERAL: " ".join([*found, what_to_do])}


@precondition
def batch_is_settled(batch, data, actor):
    """Every order was paid or cancelled."""
    if batch.orders.filter(state="ordered").exists():
        return {GENERAL: _("Some orders are not paid yet.")}
    return None


@precondition
def batch_was_sent(order, data, actor):
    """The batch was closed and sent to finance."""
    if order.batch.state == "open":
        return {GENERAL: _("The batch is still open: close it first.")}
    return None


def replacement_is_possible(order, data, actor):
    """When another batch is chosen, it is open, of this year, what is ordered is due, and the payee has a verified account."""
    if data.get("batch") is None:
        return None
    if reason := why_not_placed_again(order):
        return {GENERAL: reason}
    if refusal := batch_is_open(order.claim, data, actor):
        return refusal
    account, reason = payable_account(order.payee)
    return None if account is not None else {GENERAL: reason}
