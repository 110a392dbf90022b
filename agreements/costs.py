"""What filing a claim costs its beneficiary: said before it is filed, asked to be confirmed once, and read after.

One computation for the page, the confirmation and the filing, which keeps it with the claim: ``agreements.due.forecast_of``.
What is read after the filing is what was said then, whatever was certified meanwhile on other claims.
"""

from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.closing import BALANCE, closed_for, left_out_of
from agreements.due import Forecast, asked_back_of, due_beside, filed_beside, forecast_of
from agreements.order_parts import shared_among
from core.dates import format_date_long
from core.engine.versions import digest
from core.money import ZERO, format_euros, sum_money
from core.text import listed

#: States in which a filed claim was not certified yet: what it comes to is still a forecast.
NOT_CERTIFIED = ("submitted", "under_review", "suspended")
CERTIFIED = ("certified", "ordered", "paid")


def costs_of(claim) -> list[str]:
    """What filing the claim as it is would cost its beneficiary; empty when it costs nothing."""
    forecast = forecast_of(claim)
    found = _of_the_expenditure(claim, forecast)
    if found and claim.instalment.is_final and (more := _until_when(claim)):
        found.append(more)
    if forecast.lost:
        whole = _("This payment is asked for only once: the %(rest)s that you do not ask for would not be paid.")
        in_part = _(
            "This payment is asked for only once: the %(rest)s that you do not ask for would not be paid, of which %(lost)s"
            " is due if all that you declare is accepted."
        )
        found += _of_the_rest(claim, forecast, whole, in_part)
    if forecast.left_out:
        sentence = _(
            "This claim closes the account: what you did not ask for before it is not claimed any more: %(payments)s."
        )
        found.append(sentence % {"payments": _payments_left_out(claim, forecast)})
    return found


def costs_as_filed(claim) -> list[str]:
    """The same of a claim that was filed: what its beneficiary was told, and confirmed; once it is certified, with what
    became of it. Empty when it cost nothing."""
    forecast = forecast_as_filed(claim)
    if forecast is None:
        return []
    found = _of_the_expenditure(claim, forecast)
    if found and claim.instalment.is_final:
        sentence = _(
            "This claim closes the account: no expenditure is declared after it, unless it is returned to you."
        )
        found.append(sentence)
    if forecast.lost:
        whole = _("This payment is asked for only once: the %(rest)s that you did not ask for will not be paid.")
        in_part = _(
            "This payment is asked for only once: the %(rest)s that you did not ask for will not be paid, of which %(lost)s"
            " was due if all that you declare was accepted."
        )
        found += _of_the_rest(claim, forecast, whole, in_part)
    if forecast.left_out:
        sentence = _(
            "This claim closed the account: what was not asked for before it is not claimed any more: %(payments)s."
        )
        found.append(sentence % {"payments": _payments_left_out(claim, forecast)})
    return found + _since_then(claim, forecast) if found else []


def _not_asked(claim) -> Decimal:
    """Euros of its payment that a claim does not ask for, due on what it declares or not: nobody asks for them again."""
    return max(claim.instalment.amount - claim.claimed_amount, ZERO)


def _of_the_rest(claim, forecast: Forecast, whole: str, in_part: str) -> list[str]:
    """What is said of what a claim does not ask for of its payment: all of it is due on what it declares (``whole``), or only
    ``in_part``; and who bears it."""
    rest = _not_asked(claim)
    sentence = in_part if forecast.lost < rest else whole
    words = {"rest": format_euros(rest), "lost": format_euros(forecast.lost)}
    return [sentence % words, *_who_bears_it(claim)]


def _payments_left_out(claim, forecast: Forecast) -> str:
    """The payments that the filing left out, each with its amount; their sum alone where a claim of one ended since."""
    left = left_out_of(claim)
    if sum_money(item.amount for item in left) != forecast.left_out:
        return format_euros(forecast.left_out)
    return listed([f"{item.label} ({format_euros(item.amount)})" for item in left])


def _who_bears_it(claim) -> list[str]:
    """Of a claim of several persons for less than its payment: how what it asks is shared among them."""
    if claim.agreement.payee != "persons" or claim.ordered_amount or claim.given_up_amount:
        return []
    parts = listed([f"{share.person_name} ({format_euros(amount)})" for share, amount in shared_among(claim)])
    sentence = _("What is asked is shared like what is still to be paid to each person: %(parts)s.")
    return [sentence % {"parts": parts}] if parts else []


def told_by_the_final_claim(claim) -> str:
    """Of a claim that waits for its certificate while the final claim of its part is filed: the most that is due on it, all
    that is declared being accepted, where that is less than it asks. Empty otherwise."""
    waits = claim.submitted_at is not None and claim.certified_amount is None and claim.state != "rejected"
    if not waits or claim.instalment.kind == BALANCE:
        return ""
    final = closed_for(claim.agreement, claim.instalment)
    if final is None or not final.instalment.needs_expenditure:
        return ""
    due = min(due_beside(claim), claim.claimed_amount)
    if due == claim.claimed_amount:
        return ""
    words = {"final": final.number, "due": format_euros(due), "asked": format_euros(claim.claimed_amount)}
    if final.certified_amount is None:
        sentence = _(
            "The final claim %(final)s is filed too: if all that it declares is accepted, %(due)s at most of the %(asked)s"
            " asked here is due."
        )
    else:
        words["certified"] = format_euros(final.certified_amount)
        sentence = _(
            "%(certified)s was certified on the final claim %(final)s: %(due)s at most of the %(asked)s asked here is still"
            " due."
        )
    return sentence % words


def forecast_as_filed(claim) -> Forecast | None:
    """What the filing of a claim came to when it was filed; None of one that nobody filed, or that was given back.

    Of a claim of before this was kept, it is worked out anew until it is certified.
    """
    if claim.state not in (*NOT_CERTIFIED, *CERTIFIED):
        return None
    if claim.due_as_filed is not None:
        return Forecast(
            claim.due_as_filed,
            claim.asked_back_as_filed,
            claim.lost_as_filed,
            claim.left_out_as_filed or ZERO,
            claim.beside_as_filed or ZERO,
            claim.beside_lost_as_filed or ZERO,
            claim.whole_as_filed or ZERO,
            claim.unpaid_as_filed,
        )
    return forecast_of(claim) if claim.certified_amount is None else None


def _since_then(claim, forecast: Forecast) -> list[str]:
    """What was certified in the end, where it is not what was said at the filing; what is asked back of it."""
    if claim.certified_amount is None:
        return []
    found = []
    if forecast.beside:
        found.append(_of_those_beside(claim, forecast))
    elif claim.certified_amount != forecast.due:
        words = {
            "certified": format_euros(claim.certified_amount),
            "due": format_euros(forecast.due),
            "gap": format_euros(abs(claim.certified_amount - forecast.due)),
        }
        less = _("Since then, %(certified)s was certified: %(gap)s less than the %(due)s said at the filing.")
        more = _("Since then, %(certified)s was certified: %(gap)s more than the %(due)s said at the filing.")
        found.append((less if claim.certified_amount < forecast.due else more) % words)
    else:
        sentence = _("Since then, %(certified)s was certified: the amount said at the filing.")
        found.append(sentence % {"certified": format_euros(claim.certified_amount)})
    asked_back, said = asked_back_of(claim), forecast.asked_back if forecast.repaid is None else forecast.repaid
    if claim.owes_nothing and asked_back != said:
        words = {"amount": format_euros(asked_back), "said": format_euros(said)}
        found.append(_("%(amount)s is asked back, and not the %(said)s said at the filing.") % words)
    return found


def _of_those_beside(claim, forecast: Forecast) -> str:
    """What was certified in the end of a claim and of those that were filed before it: said of all together, in whichever
    order they were certified."""
    others = list(filed_beside(claim))
    waiting = [other.number for other in others if other.certified_amount is None and other.state != "rejected"]
    certified = claim.certified_amount + sum_money(other.certified_amount or ZERO for other in others)
    words = {
        "certified": format_euros(claim.certified_amount),
        "all": format_euros(certified),
        "due": format_euros(forecast.together),
        "rest": format_euros(max(forecast.together - certified, ZERO)),
        "others": listed(waiting),
    }
    if waiting:
        sentence = _(
            "Since then, %(certified)s was certified on this claim: of the %(due)s said at the filing for all of them,"
            " %(rest)s remains for %(others)s."
        )
    elif certified == forecast.together:
        sentence = _("Since then, these %(due)s were certified, %(certified)s of them on this claim.")
    else:
        sentence = _(
            "Since then, %(all)s was certified in all, %(certified)s of it on this claim, and not the %(due)s said at the"
            " filing."
        )
    return sentence % words


def mark_of(costs: list[str]) -> str:
    """What the page of confirmation sends back: these very costs were read, and no others."""
    return digest("\n".join(costs))


def _of_the_expenditure(claim, forecast: Forecast) -> list[str]:
    """What is due of the amount asked, or of the payment where less is asked of it: said whatever amount is asked."""
    found, possible = [], forecast.due + forecast.lost
    if forecast.due < claim.claimed_amount:
        words = {"due": format_euros(forecast.due), "asked": format_euros(claim.claimed_amount)}
        sentence = _("Of the %(asked)s asked, %(due)s is due if all that you declare is accepted.")
        if forecast.whole > forecast.due:
            words["whole"] = format_euros(min(forecast.whole, claim.claimed_amount))
            sentence = _(
                "Of the %(asked)s asked, %(whole)s is due if all that you declare is accepted, %(due)s if what was not"
                " accepted of it when it was checked stays so."
            )
        found.append(sentence % words)
    elif possible < claim.instalment.amount:
        words = {"due": format_euros(possible), "amount": format_euros(claim.instalment.amount)}
        sentence = _("Of the %(amount)s of this payment, %(due)s is due if all that you declare is accepted.")
        if forecast.whole > possible:
            words["whole"] = format_euros(forecast.whole)
            sentence = _(
                "Of the %(amount)s of this payment, %(whole)s is due if all that you declare is accepted, %(due)s if what was"
                " not accepted of it when it was checked stays so."
            )
        found.append(sentence % words)
    if forecast.beside and (forecast.beside_lost or found):
        found.append(_with_those_beside(claim, forecast))
    return found + _of_the_payments_before(forecast)


def _of_the_payments_before(forecast: Forecast) -> list[str]:
    """What of the payments accepted before would not be due: asked back where it is paid, else not paid."""
    if not forecast.asked_back:
        return []
    if forecast.unpaid is None:
        sentence = _("%(amount)s of what was accepted before would not be due: it would not be paid, or asked back.")
        return [sentence % {"amount": format_euros(forecast.asked_back)}]
    found = []
    if forecast.unpaid:
        sentence = _("%(amount)s of what was accepted and is not paid yet would not be due: it would not be paid.")
        found.append(sentence % {"amount": format_euros(forecast.unpaid)})
    if forecast.repaid:
        sentence = _("%(amount)s of what was paid to you would be asked back.")
        found.append(sentence % {"amount": format_euros(forecast.repaid)})
    return found


def _with_those_beside(claim, forecast: Forecast) -> str:
    """What a claim comes to with those that were filed before it and are not certified yet, and what these lose."""
    words = {
        "others": listed([other.number for other in filed_beside(claim)]) or _("other claims"),
        "beside": format_euros(forecast.beside),
        "together": format_euros(forecast.together),
        "lost": format_euros(forecast.beside_lost),
    }
    if forecast.beside_lost:
        sentence = _(
            "Filed before and not checked yet, counted first: %(others)s, for %(beside)s. With this claim, %(together)s is due"
            " in all: %(lost)s of these %(beside)s would not be paid."
        )
    else:
        sentence = _(
            "Filed before and not checked yet, counted first: %(others)s, for %(beside)s. With this claim, %(together)s is due"
            " in all."
        )
    return sentence % words


def _until_when(claim) -> str:
    """How long more expenditure may come into the claim: until its project ends, or the answer to its return, or the
    filing of what the end of its agreement kept, is expected; empty after that day."""
    planned, today = claim.instalment, timezone.localdate()
    if claim.state == "returned" or not claim.agreement.is_in_force:
        if claim.answer_due_on is None or claim.answer_due_on < today:
            return ""
        words = {"day": format_date_long(claim.answer_due_on)}
        if claim.state == "returned":
            return _("This claim closes the account: add what is paid meanwhile, and file it again by %(day)s.") % words
        return _("This claim closes the account: add what is paid meanwhile, and file it by %(day)s.") % words
    ends_on = planned.tranche.ends_on if planned.tranche else claim.agreement.end
    if ends_on < today:
        return ""
    words = {"day": format_date_long(ends_on)}
    return _("You may still spend until %(day)s: this claim closes the account, file it when all is paid.") % words
