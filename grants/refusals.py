"""What a person reads where the database refuses something of cases, sessions and envelopes: the text of each trigger, and its sentence."""

from django.utils.translation import gettext_lazy as _

from core.engine.refusals import register_refusals, told
from grants.models.call_window import CLOSED_BEFORE, FILED_OUTSIDE, OPENED_AFTER, PASSED

TRIGGERS = {
    "an opinion was given before the file was completed or corrected": told(
        _(
            "An opinion was given before the file was completed or corrected: ask for it again, or say why it still holds."
        )
    ),
    "the seat of the applicant changed since the proposal": told(
        _("The seat of the applicant changed since the proposal: send the case back to instruction.")
    ),
    "the service has not answered about an establishment of the enterprise": told(
        _(
            "Another establishment of this enterprise is known here: answer on the applicant’s page whether other enterprises are"
            " linked with it."
        )
    ),
    "the proposal rests on a computation whose figures changed": told(
        _("The figures of the case changed since the aid was computed: compute it again, then make the proposal anew.")
    ),
    "the agenda rests on a proposal whose figures changed": told(
        _("The figures of the case changed since its proposal: compute the aid again and make the proposal anew.")
    ),
    "a part of the plan is above what was computed for it": told(
        _("A year or a person would get more than was computed for them.")
    ),
    "the parts of the plan add up to % and not to %": told(
        _("The amounts by year or person come to %(total)s and not to %(amount)s: correct them."), "total", "amount"
    ),
    "years or persons that were named are named again, not shared out": told(
        _("The amounts by year or person were named one by one: name them again for the new amount.")
    ),
    "a deliberation is not dated after the session was closed": told(
        _("The deliberation is dated on the day on which the session was closed at the latest: check its date.")
    ),
    "a session is neither opened nor closed before its day": told(
        _("A session is neither opened nor closed before its day: change its date first.")
    ),
    "the session is closed: its agenda does not change": told(
        _("The session is closed: its agenda does not change any more.")
    ),
    "the session is closed: its decision does not change": told(
        _("The session is closed: its decisions do not change any more. A later session may take another one.")
    ),
    "the member does not sit in the session of this item": told(
        _("This member does not sit in the session of this case.")
    ),
    "cases of this call are granted on its envelope": told(
        _("Cases of this call are granted on its envelope: it stays with it.")
    ),
    "the envelope % has % left and not %": told(
        _("The envelope has %(left)s left and not %(wanted)s: somebody may have committed or granted meanwhile."),
        "envelope",
        "left",
        "wanted",
    ),
    "the envelope bears % committed and % granted": told(
        _("The envelope bears %(committed)s committed and %(granted)s granted: it does not go under them."),
        "committed",
        "granted",
    ),
    "a case of this call is under agreement: the share of the EU is not lowered": told(
        _("A case of this call is under agreement, financed under the present limit: it may be raised, not lowered.")
    ),
    PASSED: told(_("This closing is past: a call closes now, or later.")),
    CLOSED_BEFORE: told(_("An application was filed after this closing: the call does not close before it.")),
    OPENED_AFTER: told(_("An application was filed before this opening: the call does not open after it.")),
    FILED_OUTSIDE: told(_("The call is closed, or not open yet: the application is not filed.")),
    "payment credits that orders have used keep their year and their envelope": told(
        _("Orders have used these payment credits: they keep their year and their envelope.")
    ),
    "the envelope still owes % granted without an act": told(
        _("%(granted)s of the envelope are granted and await their act: it is closed after them."), "granted"
    ),
    "a session is not held on % before it was convened": told(
        _("A session is not held on %(day)s, before it was convened: check the date."), "day"
    ),
    "a session is not convened more than a year before its day, %": told(
        _("A session is not convened more than a year before its day, %(day)s: check the year."), "day"
    ),
    "a deliberation is not dated before its session, %": told(
        _("The deliberation is dated before its session of %(day)s: check the date."), "day"
    ),
    "a session is not held on % before the filing of a case of its agenda, %": told(
        _("The session of %(day)s comes before the filing of a case of its agenda, on %(filed)s: check the date."),
        "day",
        "filed",
    ),
    "a session is not held before the filing of a case of its agenda": told(
        _("The session comes before the filing of this case: choose a later session.")
    ),
    "a session has a case of this envelope to decide": told(
        _("A session has a case of this envelope to decide: close it once it is decided, or taken off the agenda.")
    ),
    "the envelope of this case is closed: no session can grant on it": told(
        _("The envelope of this case is closed: no session can grant on it. Have it opened again first.")
    ),
    "the credits of % are % and the whole envelope %": told(
        _("The payment credits of %(year)s are %(of_year)s and the whole envelope %(of_all)s: lower them first."),
        "year",
        "of_year",
        "of_all",
    ),
    "the envelope is closed: nothing is granted on it": told(
        _("The envelope is closed: nothing is granted on it. Have it opened again, or defer the case.")
    ),
    "an envelope in use keeps its programme, its kind and its year": told(
        _("This envelope is in use: its programme, its kind and its year stay.")
    ),
    "an envelope is of the programme of its calls": told(
        _("Calls draw on this envelope: it stays with their programme.")
    ),
    "a call draws on an envelope of its own programme": told(
        _("This envelope is of another programme: choose one of the call’s programme.")
    ),
    "a call with cases keeps its programme": told(
        _("This call has cases: it keeps its programme. Create another call.")
    ),
    "a case of this call is on an agenda: the call keeps its envelope": told(
        _("A case of this call is on an agenda: the call keeps its envelope until the decision.")
    ),
    "a case is given to an active instructor of its programme": told(
        _("A case is given to an active instructor of its programme: choose somebody else.")
    ),
    "what a decided case says is not removed": told(
        _("This case was decided: what it says is kept as it is, and not removed.")
    ),
    "a person of a case keeps the file under which they are paid": told(
        _("A person of a case keeps the file under which they are paid: nobody else is paid in their place.")
    ),
    "a person who was granted something stays as the case named them": told(
        _("This person was granted something: they stay as the case named them, at their rank.")
    ),
    "this file is of another person than the one of the case": told(
        _("This file is of another person than the one that the case names: check the first name and the last name.")
    ),
    "a filed case keeps its applicant": told(
        _("A filed case keeps its applicant: nobody else is granted what it asks.")
    ),
    "a filed case keeps its call and the rules under which it was filed": told(
        _("A filed case keeps its call and the rules under which it was filed.")
    ),
}

CONSTRAINTS = {
    "agenda_case_once_a_session": _("This case is on the agenda of this session already."),
    "agenda_one_live_item_a_case": _("This case is on the agenda of another session."),
    "proposal_one_live_a_case": _("A proposal was made meanwhile: read the page again."),
    "recusal_once": _("This interest is declared already."),
    "opinion_link_opens_one": _("This link was renewed meanwhile: read the page again."),
    "check_answered_once": _("This check was answered meanwhile: read the page again."),
    "criterion_scored_once": _("This criterion was scored meanwhile: read the page again."),
    "application_amount_granted_only_by_decision": _("An amount is granted by the decision of a session alone."),
}


def register() -> None:
    """Called once, when the app is ready."""
    register_refusals(TRIGGERS, CONSTRAINTS)
