"""Conditions that look at the neighbours: the agreement of a claim, its settlement, its tranche, its commitment.

The first line of each docstring stands in ``docs/states.md``. Rows are reached through relations only.
"""

from django.utils.translation import gettext as _

from agreements.settlements.rules import PAY
from agreements.settlements.services import line_of, why_it_stops
from core.money import format_euros
from core.transitions import precondition

GENERAL = "__all__"


# --- before an agreement ends ---------------------------------------------------------------------------------------


@precondition
def something_was_paid(agreement, data, actor):
    """Something was paid, or is about to be."""
    if not agreement.ordered_amount:
        return {GENERAL: _("Nothing was paid: an agreement without any payment is terminated or lapses.")}
    return None


@precondition
def reports_are_read(agreement, data, actor):
    """No yearly report waits to be read."""
    waiting = agreement.tranches.filter(reports__state="filed").first()
    if waiting is None:
        return None
    return {
        GENERAL: _("The report on %(year)s waits to be read: accept it, or ask for more, before the agreement ends.")
        % {"year": waiting.label}
    }


# --- on a claim, an order, a batch ------------------------------------------------------------------------------------


@precondition
def claim_may_go_on(claim, data, actor):
    """The agreement is in force, or its settlement lets this claim go on."""
    reason = why_it_stops(claim)
    return {GENERAL: reason} if reason else None


@precondition
def tranche_is_open(claim, data, actor):
    """The tranche of the payment was released."""
    tranche = claim.instalment.tranche
    if tranche is not None and tranche.state == "planned":
        return {GENERAL: _("The tranche of this payment is not released yet: it waits for the report before it.")}
    return None


def within_what_is_kept(claim, data, actor):
    """On an ended agreement, no more is certified than what its settlement keeps for the claim."""
    line, amount = line_of(claim), data.get("certified_amount")
    if line is None or line.outcome != PAY or amount is None or amount <= line.amount:
        return None
    sentence = _("The settlement of the agreement keeps %(amount)s at most for this claim.")
    return {"certified_amount": sentence % {"amount": format_euros(line.amount)}}


@precondition
def commitment_bears_it(claim, data, actor):
    """The commitment of the agreement still holds what is to be ordered."""
    commitment = claim.agreement.commitment
    due = claim.payable_amount - claim.ordered_amount
    left = commitment.net_amount - commitment.ordered_amount if commitment else 0
    if due <= left:
        return None
    return {
        GENERAL: _("The commitment has %(left)s left and %(due)s would be ordered: commit the money first.")
        % {"left": format_euros(left), "due": format_euros(due)}
    }


@precondition
def order_may_go_on(order, data, actor):
    """The agreement is in force, or its settlement names the claim of this order."""
    return claim_may_go_on(order.claim, data, actor)


@precondition
def batch_claims_may_go_on(batch, data, actor):
    """Every agreement of the batch is in force, or its settlement names the claim."""
    orders = batch.orders.filter(state="ordered").select_related("claim__agreement", "claim__settlement_line")
    stopped = [order.reference for order in orders if why_it_stops(order.claim)]
    if stopped:
        return {GENERAL: _("The agreement has ended: cancel %(orders)s.") % {"orders": ", ".join(stopped)}}
    return None
