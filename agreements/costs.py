"""What filing a claim costs its beneficiary: said before it is filed, asked to be confirmed once, and read after.

One computation for the page, the confirmation and the claim once filed: ``agreements.due.forecast_of``.
"""

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.due import Forecast, forecast_of
from core.dates import format_date_long
from core.engine.versions import digest
from core.money import ZERO, format_euros

#: States in which a filed claim was not certified yet: what it comes to is still a forecast.
NOT_CERTIFIED = ("submitted", "under_review", "suspended")


def costs_of(claim) -> list[str]:
    """What filing the claim as it is would cost its beneficiary; empty when it costs nothing."""
    forecast = _forecast(claim)
    found = _of_the_expenditure(claim, forecast)
    if found and claim.instalment.is_final and (more := _until_when(claim)):
        found.append(more)
    if forecast.lost:
        found.append(
            _("This payment is asked for only once: the %(rest)s that you do not ask for would not be paid.")
            % {"rest": format_euros(forecast.lost)}
        )
    return found


def costs_as_filed(claim) -> list[str]:
    """The same of a claim that was filed, until it is certified: what its beneficiary was told, and confirmed."""
    if claim.state not in NOT_CERTIFIED or claim.certified_amount is not None:
        return []
    forecast = _forecast(claim)
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
    return found


def mark_of(costs: list[str]) -> str:
    """What the page of confirmation sends back: these very costs were read, and no others."""
    return digest("\n".join(costs))


def _forecast(claim) -> Forecast:
    """A payment that needs no expenditure is due as asked: what is not asked for is lost."""
    if claim.instalment.needs_expenditure:
        return forecast_of(claim)
    return Forecast(due=claim.claimed_amount, asked_back=ZERO, lost=claim.instalment.amount - claim.claimed_amount)


def _of_the_expenditure(claim, forecast: Forecast) -> list[str]:
    found = []
    if forecast.due < claim.claimed_amount:
        words = {"due": format_euros(forecast.due), "asked": format_euros(claim.claimed_amount)}
        found.append(_("Of the %(asked)s asked, %(due)s is due if all that you declare is accepted.") % words)
    if forecast.asked_back:
        amount = {"amount": format_euros(forecast.asked_back)}
        found.append(_("%(amount)s of what was paid to you would be asked back.") % amount)
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
