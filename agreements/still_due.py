"""Whether what was certified of a claim is what is due on it now: other claims that were counted may have changed since.

Expenditure of another one may be cut: less is due. The final claim is certified beside the others: what is accepted of them
is not due on it, and one of them that falls afterwards leaves its euros to the final claim alone, as no other payment of the
part is claimed any more: more is due. No claim is ordered, nor closed for nothing, nor declared to a fund, while another
amount is due on it than when it was certified: its instructor certifies it again, for its amount alone (the lines stay, and
what was declared of them), up to what is due; for less only with a reason. An order of which less is due is not sent. Of an
agreement that has ended, an advance that no expenditure justifies any more is due no more: it would be asked back. The
triggers ``nothing_more_is_due``, ``counted_by_no_final_claim`` and ``certified_again_when_more_is_due`` say the same of more,
``certified_is_still_due``, ``ordered_while_due`` and ``sent_while_due`` of less. Rows are reached through relations only.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from agreements.closing import closed_for, why_closed
from agreements.due import due_of_claim, lost_without, nobody_declares
from agreements.rules.proration import Entitlement
from core.money import format_euros
from core.text import in_a_sentence
from core.transitions import precondition

GENERAL = "__all__"


@precondition
def certified_is_still_due(claim, data, actor):
    """What was certified is still due: no expenditure of another claim was cut since."""
    sentence = what_is_less(claim)
    return {GENERAL: sentence} if sentence else None


@precondition
def due_has_changed(claim, data, actor):
    """Another amount is due now than when it was certified."""
    return {GENERAL: _("What was certified is still due.")} if changed_due(claim) is None else None


@precondition
def nothing_more_is_due(claim, data, actor):
    """No more is due than when the claim was certified: no claim that was counted fell since."""
    sentence = what_is_more(claim)
    return {GENERAL: sentence} if sentence else None


def what_changed(claim) -> str:
    """Why a certified claim is certified again before it is ordered, or closed, and an ordered one is taken out of its
    batch; empty where neither is so."""
    return what_is_less(claim) or what_is_more(claim) or what_is_ordered_above(claim)


def what_is_less(claim) -> str:
    """Of a certified claim, that less is due now than what was certified, and what to do; empty where all of it is."""
    due = changed_due(claim)
    if due is None or claim.payable_amount <= due.amount:
        return ""
    if is_justified_by_nothing(claim):
        return told_to_give_up(claim.payable_amount, due.amount)
    sentence = _(
        "%(certified)s were certified and %(due)s are due now: %(reasons)s The instructor certifies what is due now before the"
        " payment is ordered."
    )
    return sentence % _figures(claim, due)


def is_justified_by_nothing(claim) -> bool:
    """Whether a claim of which less is due needs no expenditure, and nobody declares any more since its agreement ended."""
    return not claim.instalment.needs_expenditure and nobody_declares(claim)


def why_nothing_is_paid(claim) -> str:
    """What the beneficiary reads of a claim that they write on an act that has ended, and of which nothing can be paid whatever
    they correct; empty of any other."""
    if not claim.is_editable or claim.agreement.is_in_force:
        return ""
    if not is_justified_by_nothing(claim) or due_of_claim(claim).amount:
        return ""
    sentence = _(
        "%(the_act)s has ended and nobody declares expenditure any more: nothing justifies this payment, and nothing of it can"
        " be paid, whatever you correct. You need not file the claim %(number)s."
    )
    return sentence % {"the_act": claim.agreement.in_words, "number": claim.number}


def told_to_give_up(amount: Decimal, due: Decimal) -> str:
    """That an ended agreement does not pay what no expenditure justifies, of a payment of ``amount``, and what to do."""
    sentence = _(
        "The agreement has ended and nobody declares expenditure any more: nothing justifies %(above)s of the %(amount)s, which"
        " would be asked back once paid. Give this payment up on the page of the claim, or certify what is due now: %(due)s."
    )
    return sentence % {
        "above": format_euros(amount - due),
        "amount": format_euros(amount),
        "due": format_euros(due),
    }


@precondition
def rest_is_still_due(claim, data, actor):
    """All that is certified of the claim, ordered or not, is due now."""
    due = due_of_claim(claim)
    if claim.payable_amount <= due.amount:
        return None
    if is_justified_by_nothing(claim):
        return {GENERAL: told_to_give_up(claim.payable_amount, due.amount)}
    sentence = _(
        "%(certified)s are to be paid in all and %(due)s are due now: nothing more is ordered of this claim. Give up what is"
        " not ordered."
    )
    return {GENERAL: sentence % {"certified": format_euros(claim.payable_amount), "due": format_euros(due.amount)}}


def what_is_more(claim) -> str:
    """Of a certified claim, that more is due now than when it was certified, and what to do; empty where no more is."""
    due = changed_due(claim)
    if due is None or claim.payable_amount > due.amount:
        return ""
    sentence = _(
        "%(certified)s were certified and %(due)s are due now: %(reasons)s The instructor certifies what is due now before the"
        " claim is ordered, or closed; for less only with a reason. The lines stay as they were kept."
    )
    return sentence % _figures(claim, due)


def what_is_ordered_above(claim) -> str:
    """Of an ordered claim, that less is due now than what is ordered, and what to do with the orders that are not paid; empty
    where all of it is due, or paid."""
    if claim.state != "ordered" or claim.paid_amount == claim.ordered_amount:
        return ""
    due = due_of_claim(claim)
    if claim.ordered_amount <= due.amount:
        return ""
    return words_of_order_above(claim.ordered_amount, due.amount, is_sent=is_sent(claim))


def why_not_placed_again(order) -> str:
    """Why an order that is cancelled is not placed again in another batch: less is due on its claim than what is ordered of it,
    and that batch would not leave. Empty where all of it is due. The trigger ``ordered_while_due`` says the same."""
    claim = order.claim
    due = due_of_claim(claim)
    if claim.ordered_amount <= due.amount:
        return ""
    if is_justified_by_nothing(claim):
        return told_to_give_up(claim.ordered_amount, due.amount)
    sentence = _(
        "%(ordered)s are ordered and %(due)s are due now: this payment is not ordered again as it stands. Cancel the order"
        " alone; the instructor certifies what is due now."
    )
    return sentence % {"ordered": format_euros(claim.ordered_amount), "due": format_euros(due.amount)}


def is_sent(claim) -> bool:
    """Whether no order of it waits in a batch that has not left."""
    return not claim.orders.filter(state="ordered", batch__state="open").exists()


def words_of_order_above(ordered: Decimal, due: Decimal, *, is_sent: bool) -> str:
    """That less is due than what is ordered of a claim: it is taken out of its batch while that is open; afterwards what is
    paid of it is asked back."""
    words = {"ordered": format_euros(ordered), "due": format_euros(due), "above": format_euros(ordered - due)}
    if is_sent:
        sentence = _(
            "%(ordered)s are ordered and %(due)s are due now: the batch was sent. What is paid above what is due,"
            " %(above)s at most, is to be asked back; an order that is not paid is cancelled."
        )
    else:
        sentence = _(
            "%(ordered)s are ordered and %(due)s are due now: take the claim out of its batch, the instructor certifies what is"
            " due now. The batch does not leave before."
        )
    return sentence % words


def changed_due(claim) -> Entitlement | None:
    """What is due now on a certified claim, where that is less than what was certified, or more than what was due then; None
    where neither is so. One of which a part was given up keeps its certificate."""
    if claim.state != "certified":
        return None
    due = due_of_claim(claim)
    is_more = not claim.given_up_amount and due.amount > _due_then(claim)
    return due if is_more or claim.payable_amount > due.amount else None


def told_of_the_change(claim) -> str:
    """What the beneficiary reads of it, also of an ordered claim that has not left; empty where what is due has not changed."""
    due = changed_due(claim)
    if due is None and claim.state == "ordered" and what_is_ordered_above(claim) and not is_sent(claim):
        due = due_of_claim(claim)
    if due is None:
        return ""
    if is_justified_by_nothing(claim):
        sentence = _(
            "The agreement has ended and nobody declares expenditure any more: of the %(certified)s accepted, %(due)s at most"
            " can be paid."
        )
        return sentence % {"certified": format_euros(claim.payable_amount), "due": format_euros(due.amount)}
    sentence = _(
        "Since this claim was checked, what is due on it has changed with the other claims: %(certified)s was accepted,"
        " %(due)s at most is due now. The Region checks it again before it pays."
    )
    return sentence % {"certified": format_euros(claim.payable_amount), "due": format_euros(due.amount)}


def _figures(claim, due: Entitlement) -> dict[str, str]:
    reasons = " ".join(due.reasons)
    return {"certified": format_euros(claim.certified_amount), "due": format_euros(due.amount), "reasons": reasons}


def _due_then(claim) -> Decimal:
    """Euros that were due when it was certified; of a certificate of before this was kept, those certified."""
    return claim.certified_amount if claim.due_as_certified is None else claim.due_as_certified


@dataclass(frozen=True)
class Counted:
    """The certified final claim of a part, and the euros due on it were a claim that it counted rejected."""

    final: Any
    due: Decimal

    @property
    def is_open(self) -> bool:
        """Whether the final claim may still be certified again, declared to a fund or not."""
        return self.final.state == "certified" and not self.final.given_up_amount


def counted_by(claim) -> Counted | None:
    """The final claim that counted what was accepted of this one, or its expenditure; None where none did."""
    final = closed_for(claim.agreement, claim.instalment)
    if final is None or not final.instalment.needs_expenditure or final.due_as_certified is None:
        return None
    due = due_of_claim(final, without=claim.pk).amount
    return Counted(final, due) if due > final.due_as_certified else None


@precondition
def no_final_claim_counted_it(claim, data, actor):
    """No final claim that can no longer be certified again counted it."""
    if not claim.agreement.is_in_force:
        return None
    counted = counted_by(claim)
    if counted is None or counted.is_open:
        return None
    sentence = _(
        "The final claim %(final)s (%(state)s) was certified at %(certified)s beside this claim: were it rejected, %(due)s"
        " would be due on it and nobody could be paid them. Certify this claim; it is then paid, or given up for a reason."
    )
    if claim.state == "returned":
        sentence = _(
            "The final claim %(final)s (%(state)s) was certified at %(certified)s beside this claim: were it rejected, %(due)s"
            " would be due on it and nobody could be paid them. The beneficiary may still answer; otherwise the end of the"
            " agreement decides."
        )
    return {GENERAL: sentence % _words(counted)}


def costs_of_rejecting(claim) -> dict[str, str]:
    """What rejecting a claim costs its beneficiary, once the final claim of its part was filed: words by label."""
    final = closed_for(claim.agreement, claim.instalment)
    if final is None:
        return {}
    found = {_("This payment"): why_closed(final.number)}
    counted = counted_by(claim)
    if counted is not None:
        sentence = _(
            "Certified at %(certified)s beside this claim. Were it rejected, %(due)s would be due on the final claim: it is"
            " neither ordered nor closed before the instructor certifies it again."
        )
        found[_("Final claim %(number)s") % {"number": final.number}] = sentence % _words(counted)
    if lost := told_of_what_is_lost(claim):
        found[_("No longer paid")] = lost
    return found


def told_of_what_is_lost(claim) -> str:
    """Of a claim that is rejected, or were it: what its final claim does not ask of what would be due without it, and that
    nobody is paid any more; empty where nothing is."""
    final = closed_for(claim.agreement, claim.instalment)
    if final is None or not final.instalment.needs_expenditure or not claim.agreement.is_in_force:
        return ""
    lost = lost_without(claim, final)
    if not lost:
        return ""
    sentence = _(
        "%(lost)s of the grant are paid by no claim any more: the final claim %(final)s asks for %(asked)s, and nothing else of"
        " its account can be claimed."
    )
    return sentence % {
        "lost": format_euros(lost),
        "final": final.number,
        "asked": format_euros(final.claimed_amount),
    }


def what_its_refusal_leaves(claim) -> str:
    """What whoever ends an agreement reads of a claim that a final claim counted: refusing it makes more due on that one, of
    which no more is kept than what is certified. Empty where it changes nothing."""
    counted = counted_by(claim)
    if counted is None:
        return ""
    sentence = _(
        "The final claim %(final)s was certified at %(certified)s beside this claim: were this one refused, %(due)s would be due"
        " on it, and no more than %(certified)s is kept for it. To pay it more, reject this claim and certify the final claim"
        " again before the agreement ends."
    )
    if not counted.is_open:
        sentence = _(
            "The final claim %(final)s (%(state)s) was certified at %(certified)s beside this claim: were this one refused,"
            " %(due)s would be due on it, and nobody is paid more than %(certified)s."
        )
    return sentence % _words(counted)


def _words(counted: Counted) -> dict[str, str]:
    final = counted.final
    return {
        "final": final.number,
        "state": in_a_sentence(final.state_label()),
        "certified": format_euros(final.certified_amount),
        "due": format_euros(counted.due),
    }
