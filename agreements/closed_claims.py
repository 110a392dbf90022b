"""Why a claim is no longer written, in the words of its beneficiary: the one place that says it.

Every page that a form of the claim may come from, old or new, reads it through ``permissions.may_edit_claim``.
"""

from typing import Any

from django.utils.translation import gettext as _

from agreements.closing import closed_for, why_closed
from agreements.schedule.services import why_too_late
from agreements.still_due import told_of_what_is_lost
from core.dates import format_date_long

ENDS = ("abandon", "reject", "refuse_at_end")
"""The moves after which a claim is over without a payment."""


def end_of(claim) -> Any:
    """The event that ended a rejected claim: given up, rejected, or refused by the settlement; None for any other."""
    if claim.state != "rejected":
        return None
    ends = [event for event in claim.events if event.action in ENDS]
    return ends[-1] if ends else None


def is_given_up(claim) -> bool:
    """Whether the beneficiary gave it up before it was ever filed."""
    event = end_of(claim)
    return event is not None and event.action == "abandon"


def why_not_written(claim, user) -> str | None:
    """Why ``user`` can no longer change a claim; None while it is being written (drafts, claims given back)."""
    if claim.is_editable:
        return None
    if claim.state == "rejected":
        return f"{_how_it_ended(claim, user)} {what_of_its_payment(claim)}".strip()
    words = {"day": format_date_long(claim.submitted_at)}
    if claim.state == "suspended":
        return _("This claim is suspended: it cannot be changed, but you may answer the service on its page.")
    if claim.owes_nothing and claim.is_over:
        return _("This claim was closed, nothing being due for it: it can no longer be changed.")
    if claim.is_over:
        return _("This claim was paid: it can no longer be changed. Write to the service if something is wrong.")
    return (
        _(
            "This claim was filed on %(day)s: it can no longer be changed. Write to the service if something is wrong,"
            " it may return the claim to you."
        )
        % words
    )


def _how_it_ended(claim, user) -> str:
    event = end_of(claim)
    words = {"day": format_date_long(event.created_at) if event else ""}
    if event is not None and event.action == "abandon":
        if event.actor_id == user.pk:
            return _("You gave up this claim on %(day)s: it can no longer be changed.") % words
        words["person"] = str(event.actor)
        return _("%(person)s gave up this claim on %(day)s: it can no longer be changed.") % words
    if claim.submitted_at is None:
        return _("This claim was never filed, and its agreement has ended: it can no longer be changed.")
    if event is not None and event.action == "refuse_at_end":
        return _("The settlement of the agreement did not keep this claim: it can no longer be changed.")
    return _("The service rejected this claim on %(day)s: it can no longer be changed. Its page says why.") % words


def why_no_reply(claim) -> str:
    """Why nothing is answered on a claim that is not suspended: one that was sent back is corrected and filed again."""
    if claim.state != "returned":
        return _("This claim is not suspended: there is nothing to answer.")
    sent_back = [event for event in claim.events if event.action == "give_back"]
    words = {
        "day": format_date_long(sent_back[-1].created_at if sent_back else claim.submitted_at),
        "until": format_date_long(claim.answer_due_on),
    }
    if claim.answer_due_on is None:
        return _("This claim was sent back to you on %(day)s: correct it and file it again.") % words
    sentence = _("This claim was sent back to you on %(day)s: correct it and file it again by %(until)s.")
    return sentence % words


def why_not_again(claim) -> str:
    """Why the payment of a claim would be filed by no other claim of it: its act has ended, its account is closed, or the time
    to claim is over. Empty when it would."""
    if claim.agreement.ended_on:
        words = {"the_act": claim.agreement.in_words, "number": claim.agreement.number}
        return _("%(the_act)s %(number)s has ended: no payment of it is claimed any more.") % words
    closing = closed_for(claim.agreement, claim.instalment)
    if closing is None:
        return why_too_late(claim.agreement)
    lost = told_of_what_is_lost(claim) if claim.submitted_at is not None else ""
    return f"{why_closed(closing.number)} {lost}".strip()


def what_of_its_payment(claim) -> str:
    """Where the payment of a claim that is over may be asked for, as ``claims.open_claim`` takes it; else why it is not, or
    nothing."""
    agreement = claim.agreement
    if not agreement.is_in_force:
        return ""
    again = agreement.claims.exclude(state="rejected").filter(instalment_id=claim.instalment_id).first()
    if again is not None:
        return _("This payment is asked for by the claim %(number)s now.") % {"number": again.number}
    if why_not := why_not_again(claim):
        return why_not
    tranche = claim.instalment.tranche
    if tranche is not None and not tranche.is_released:
        return ""
    return _("You may claim this payment again on the page %(number)s.") % {"number": agreement.number}
