"""What becomes of the money of an agreement that has ended when a claim that its end kept falls, or is certified: said before.

Expenditure that is declared no more justifies nothing: what was paid, or is to be paid, on other claims of its part may be to
be asked back. ``agreements.settlements.supposed`` says the same on the form that ends an agreement.
"""

from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.due import due_once_checked
from agreements.settlements.rules import PAY
from agreements.settlements.services import line_of, overpaid_of, sent_of, settlement_of, still_paid_on
from agreements.settlements.unjustified import Unjustified, unjustified_of
from core.dates import format_date_long
from core.money import ZERO, format_euros, sum_money
from core.text import in_a_sentence


@dataclass(frozen=True)
class Fall:
    """Euros: those that would still have been paid on the claim (``own``); and of the others those that no expenditure would
    justify any more: paid, in orders that have left (``sent``), and to come (``unpaid``)."""

    own: Decimal = ZERO
    paid: Decimal = ZERO
    sent: Decimal = ZERO
    unpaid: Decimal = ZERO


def fall_of(claim) -> Fall:
    """What giving a claim up, or rejecting it, would cost once its agreement has ended; nothing of any other."""
    if claim.agreement.is_in_force or settlement_of(claim.agreement) is None:
        return Fall()
    line = line_of(claim)
    if line is None or line.outcome != PAY:
        return Fall()
    paid, to_come = _more(claim, unjustified_of(claim.agreement, {claim.pk: None}))
    siblings = claim.agreement.claims.filter(instalment__tranche=claim.instalment.tranche).exclude(pk=claim.pk)
    sent = min(to_come, sum_money(sent_of(other) for other in siblings))
    return Fall(still_paid_on(line).justified, paid, sent, to_come - sent)


def asked_back_once_certified(claim) -> Decimal:
    """Euros paid on an agreement that has ended that certifying a claim, its lines as they are kept, makes to be asked back."""
    due = due_once_checked(claim)
    if due is None or claim.agreement.is_in_force or settlement_of(claim.agreement) is None:
        return ZERO
    paid, _to_come = _more(claim, unjustified_of(claim.agreement, {claim.pk: due.amount}, certified=claim.pk))
    return paid


def _more(claim, then: Unjustified) -> tuple[Decimal, Decimal]:
    """Euros paid, and to come, that nothing would justify then and that something may justify as yet."""
    now = unjustified_of(claim.agreement)
    return max(then.paid - now.paid, ZERO), max(then.to_come - now.to_come, ZERO)


def costs_of_giving_up(claim) -> dict[str, str]:
    """What its beneficiary reads before they give up a claim that an end kept: words by label."""
    sent = _(
        "No expenditure would justify any more %(amount)s whose payment has left already: they would be asked back once you"
        " have received them."
    )
    return _told(
        fall_of(claim),
        own=(_("This claim"), _("%(amount)s at most were kept for it: they would not be paid.")),
        paid=(
            _("What was paid to you"),
            _("No expenditure would justify any more %(amount)s already paid to you: they would be asked back."),
        ),
        sent=(_("What is about to be paid to you"), sent),
        unpaid=(
            _("Your other claims"),
            _("No expenditure would justify any more %(amount)s of your other claims: they would not be paid."),
        ),
    )


def costs_of_its_fall(claim) -> dict[str, str]:
    """The same in the words of the staff, who reject it."""
    return _told(
        fall_of(claim),
        own=(
            _("This claim"),
            _("%(amount)s at most are kept for it: they are given back to the commitment."),
        ),
        paid=(
            _("Paid already"),
            _("No expenditure justifies %(amount)s any more that are paid: to be asked back."),
        ),
        sent=(
            _("Sent to be paid"),
            _("No expenditure justifies %(amount)s any more that are sent to be paid: to be asked back once paid."),
        ),
        unpaid=(
            _("Other claims"),
            _("No expenditure justifies %(amount)s any more of the other claims: they can no longer be paid."),
        ),
    )


def _told(fall: Fall, **words: tuple[str, str]) -> dict[str, str]:
    """The amounts of a fall that are not zero, each by the label and in the sentence that its reader has for it."""
    amounts = {name: getattr(fall, name) for name in words}
    return {
        label: sentence % {"amount": format_euros(amounts[name])}
        for name, (label, sentence) in words.items()
        if amounts[name]
    }


def kept_for_staff(claim) -> str:
    """Of a claim that its beneficiary is writing on an agreement that has ended: that it ended, what is kept for it, until
    when; empty of any other."""
    if not claim.is_editable or claim.agreement.is_in_force:
        return ""
    line = line_of(claim)
    if line is None or line.outcome != PAY:
        return ""
    words = {
        "the_act": claim.agreement.in_words,
        "number": claim.agreement.number,
        "state": in_a_sentence(claim.agreement.state_label()),
        "amount": format_euros(still_paid_on(line).justified),
    }
    day = claim.answer_due_on
    if day is None or day < timezone.localdate():
        words["day"] = format_date_long(day) if day else "–"
        sentence = _(
            "%(the_act)s %(number)s has ended (%(state)s); %(amount)s at most are kept for this claim. The day by which its"
            " beneficiary was to file it is past (%(day)s): it may be rejected."
        )
    else:
        words["day"] = format_date_long(day)
        sentence = _(
            "%(the_act)s %(number)s has ended (%(state)s); %(amount)s at most are kept for this claim. Its beneficiary files it by"
            " %(day)s; after that day it may be rejected."
        )
    return sentence % words


def owed_of(claim) -> Decimal:
    """Euros that were paid on the agreement of a claim and are to be asked back."""
    return overpaid_of(claim.agreement) if claim.agreement.paid_amount else ZERO


def owed_on_the_act(claim) -> str:
    """Of a claim that is to be certified, ordered or paid: what was paid on its agreement and is to be asked back, which whoever
    pays more should know; empty where there is nothing of the kind."""
    if claim.is_editable or claim.state in ("paid", "rejected"):
        return ""
    owed = owed_of(claim)
    if not owed:
        return ""
    sentence = _(
        "%(the_act)s %(number)s: of what was paid on it, %(amount)s is to be asked back. Nothing of it is taken off this claim: agree"
        " with the finance service before it is ordered."
    )
    words = {"the_act": claim.agreement.in_words, "number": claim.agreement.number, "amount": format_euros(owed)}
    return sentence % words
