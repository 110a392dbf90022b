"""Conditions of the applicant's transitions: errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``. They read the case through its relations only.
"""

from django.utils.translation import gettext as _

from core.text import listed
from core.transitions import precondition
from grants.services.facts import seat_refusal
from grants.services.missing import early_start_problems, missing_of, unanswered_pieces

GENERAL = "__all__"


@precondition
def call_is_open(application, data, actor):
    """The call is published, open and not locked."""
    reason = application.call.closed_reason()
    return {GENERAL: reason} if reason else None


def nothing_is_missing(application, data, actor):
    """Every compulsory question is answered, every compulsory piece joined, the budget balances."""
    errors: dict[str, str] = {}
    for missing in missing_of(application):
        errors.setdefault(missing.code, f"{missing.name} – {missing.message}")
    return errors or None


def project_starts_after_filing(application, data, actor):
    """The project starts on the day of filing at the earliest, unless a written reason is given."""
    problems = early_start_problems(application)
    return {"project_start": problems[0]} if problems else None


@precondition
def seat_is_in_the_region(application, data, actor):
    """The applicant's seat is in the Region, where the programme asks for it."""
    refusal = seat_refusal(application.rules, application.applicant)
    return {GENERAL: refusal} if refusal else None


@precondition
def requested_pieces_are_there(application, data, actor):
    """Each piece the service asked for has been joined since."""
    if application.open_piece_request() is None:
        return {GENERAL: _("No request for pieces waits for an answer.")}
    lacking = unanswered_pieces(application)
    if not lacking:
        return None
    names = listed(application.rules.piece(code).label for code in lacking)
    return {GENERAL: _("Still to be joined: %(pieces)s.") % {"pieces": names}}


@precondition
def committee_is_not_sitting_on_it(application, data, actor):
    """The committee is not sitting on the case at this moment."""
    item = application.live_agenda_item()
    if item is not None and item.session.state == "in_session":
        return {
            GENERAL: _("The committee is sitting on this case now: wait for its decision, then write to the service.")
        }
    return None
