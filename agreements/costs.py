"""What filing a claim costs its beneficiary: said before it is filed, asked to be confirmed once, and read after.

One computation for the page, the confirmation and the filing, which keeps it with the claim: ``agreements.due.forecast_of``.
What is read after the filing is what was said then, whatever was certified meanwhile on other claims.
"""

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.closing import left_out_by
from agreements.due import Forecast, asked_back_of, forecast_of
from core.dates import format_date_long
from core.engine.versions import digest
from core.money import format_euros

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
        found.append(
            _("This payment is asked for only once: the %(rest)s that you do not ask for would not be paid.")
            % {"rest": format_euros(forecast.lost)}
        )
    if left_out := left_out_by(claim):
        found.append(left_out)
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
        found.append(
            _("This payment is asked for only once: the %(rest)s that you did not ask for will not be paid.")
            % {"rest": format_euros(forecast.lost)}
        )
    return found + _since_then(claim, forecast) if found else []


def forecast_as_filed(claim) -> Forecast | None:
    """What the filing of a claim came to when it was filed; None of one that nobody filed, or that was given back.

    Of a claim of before this was kept, it is worked out anew until it is certified.
    """
    if claim.state not in (*NOT_CERTIFIED, *CERTIFIED):
        return None
    if claim.due_as_filed is not None:
        return Forecast(claim.due_as_filed, claim.asked_back_as_filed, claim.lost_as_filed)
    return forecast_of(claim) if claim.certified_amount is None else None


def _since_then(claim, forecast: Forecast) -> list[str]:
    """What was certified in the end, where it is not what was said at the filing; what is asked back of it."""
    if claim.certified_amount is None:
        return []
    found = []
    if claim.certified_amount != forecast.due:
        words = {
            "certified": format_euros(claim.certified_amount),
            "due": format_euros(forecast.due),
            "gap": format_euros(abs(claim.certified_amount - forecast.due)),
        }
        less = _("Since then, %(certified)s was certified: %(gap)s less than the %(due)s said at the filing.")
        more = _("Since then, %(certified)s was certified: %(gap)s more than the %(due)s said at the filing.")
        found.append((less if claim.certified_amount < forecast.due else more) % words)
    else:
        found.append(_("Since then, this very amount was certified."))
    asked_back = asked_back_of(claim)
    if claim.owes_nothing and asked_back != forecast.asked_back:
        words = {"amount": format_euros(asked_back), "said": format_euros(forecast.asked_back)}
        found.append(_("%(amount)s is asked back, and not the %(said)s said at the filing.") % words)
    return found


def mark_of(costs: list[str]) -> str:
    """What the page of confirmation sends back: these very costs were read, and no others."""
    return digest("\n".join(costs))


def _of_the_expenditure(claim, forecast: Forecast) -> list[str]:
    found = []
    if forecast.due < claim.claimed_amount:
        words = {"due": format_euros(forecast.due), "asked": format_euros(claim.claimed_amount)}
        found.append(_("Of the %(asked)s asked, %(due)s is due if all that you declare is accepted.") % words)
    if forecast.asked_back:
        amount = {"amount": format_euros(forecast.asked_back)}
        paid_out = claim.agreement.ordered_amount >= forecast.asked_back
        back = _("%(amount)s of what was paid to you would be asked back.")
        above = _("%(amount)s of what was accepted before would not be due: it would not be paid, or asked back.")
        found.append((back if paid_out else above) % amount)
    return found


def _until_when(claim) -> str:
    """How long more expenditure may come into the claim: until its project ends, or the answer to its return is expected;
    empty after that day."""
    planned, today = claim.instalment, timezone.localdate()
    if claim.state == "returned":
        if claim.answer_due_on is None or claim.answer_due_on < today:
            return ""
        words = {"day": format_date_long(claim.answer_due_on)}
        return _("This claim closes the account: add what is paid meanwhile, and file it again by %(day)s.") % words
    ends_on = planned.tranche.ends_on if planned.tranche else claim.agreement.end
    if ends_on < today:
        return ""
    words = {"day": format_date_long(ends_on)}
    return _("You may still spend until %(day)s: this claim closes the account, file it when all is paid.") % words
