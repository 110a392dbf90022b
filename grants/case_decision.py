"""What was decided on a case, as its applicant reads it on the page: the same facts as in the mail."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from core.money import ZERO
from grants.states import GRANTED, ApplicationState

State = ApplicationState
ENDED_WITH_A_REASON = (State.INADMISSIBLE, State.LAPSED)
WAITS_FOR_A_SESSION = (State.READY_FOR_COMMITTEE, State.SCHEDULED)


@dataclass(frozen=True)
class CaseDecision:
    """A decision with its day, its amount in euros when there is one, and its reason.

    ``is_contestable`` is True for a decision against the applicant.
    """

    title: str
    day: date | datetime | None
    deliberation: str = ""
    amount: Decimal | None = None
    reason: str = ""
    is_contestable: bool = False


def decision_of(application, events: list) -> CaseDecision | None:
    """The last decision on the case, or None while there is none. ``events`` are those of the case, oldest first."""
    state = application.state
    if state in ENDED_WITH_A_REASON:
        event = next((item for item in reversed(events) if item.to_state == state), None)
        title = _("Not admissible") if state == State.INADMISSIBLE else _("The aid lapsed")
        return CaseDecision(
            title, event.created_at if event else None, reason=event.comment if event else "", is_contestable=True
        )
    if state in GRANTED:
        return _of_the_committee(application, "granted", _("Aid granted"))
    if state == State.REJECTED:
        return _of_the_committee(application, "rejected", _("Request refused"))
    if state in WAITS_FOR_A_SESSION:
        return _of_the_committee(application, "deferred", _("Decision put off to a later session"))
    return None


def _of_the_committee(application, decision: str, title: str) -> CaseDecision | None:
    found = application.agenda_items.filter(decision=decision, session__closed_at__isnull=False)
    item = found.select_related("session").order_by("session__held_at", "pk").last()
    return decision_from(item, application, decision, title) if item else None


def decision_from(item, application, decision: str, title: str) -> CaseDecision:
    """The decision that an agenda item records. An aid below what was asked may be contested, as a refusal."""
    below = item.decided_amount is not None and item.decided_amount < (application.requested_amount or ZERO)
    return CaseDecision(
        title,
        item.session.held_at,
        deliberation=item.session.deliberation_number if decision != "deferred" else "",
        amount=item.decided_amount,
        reason=item.reason,
        is_contestable=decision == "rejected" or below,
    )
