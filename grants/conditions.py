"""Conditions of the staff's transitions of a case: each returns errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``. They read the case through its relations only.
"""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.de_minimis.links import open_question
from applicants.rules.de_minimis import NoCeiling
from core.text import listed
from core.transitions import precondition
from grants import consultation, de_minimis, void
from grants.programmes.grant_plan import PlanRefused, given_amounts
from grants.services.plans import plan_of_grant, plan_of_proposal

GENERAL = "__all__"
GOOD_ANSWERS = ("yes", "na")

NAMED = 3
"""How many of a list a sentence names; the page shows the rest."""


def _listed(labels) -> str:
    names = [str(label) for label in labels]
    more = len(names) - NAMED
    if more > 0:
        names = [*names[:NAMED], ngettext("%(count)d more", "%(count)d more", more) % {"count": more}]
    return listed(names)


def _answers(application) -> dict[str, str]:
    return {item.code: item.answer for item in application.check_answers.all()}


# --- the case ------------------------------------------------------------------------------------------------


@precondition
def figures_have_not_changed(application, data, actor):
    """The computation that the proposal rests on still holds: no figure changed since."""
    proposal = application.live_proposal()
    if proposal is not None and not proposal.favourable:
        return None
    reason = void.void_computation(application)
    return {GENERAL: reason} if reason else None


@precondition
def checks_rest_on_present_facts(application, data, actor):
    """No check was answered on facts (pieces, amounts, dates) that changed since."""
    stale = [check.label for check in void.void_checks(application)]
    if stale:
        return {
            GENERAL: _("To be answered again, for what they rest on changed: %(checks)s.") % {"checks": _listed(stale)}
        }
    return None


@precondition
def proposal_rests_on_present_facts(application, data, actor):
    """No check of a proposal in favour was answered on facts (register, seat, pieces) that changed since."""
    reason = void.void_answers(application)
    return {GENERAL: reason} if reason else None


@precondition
def completeness_and_admissibility_hold(application, data, actor):
    """Every completeness and admissibility check is answered, and none by no."""
    answers = _answers(application)
    checks = application.rules.checks_of("completeness", "admissibility")
    open_ones = [check.label for check in checks if check.code not in answers]
    refused = [check.label for check in checks if answers.get(check.code) == "no"]
    if open_ones:
        return {GENERAL: _("Still to be answered: %(checks)s.") % {"checks": _listed(open_ones)}}
    if refused:
        return {GENERAL: _("Answered no: %(checks)s.") % {"checks": _listed(refused)}}
    return None


@precondition
def deadline_for_pieces_is_past(application, data, actor):
    """An incomplete case is closed only after the date given to the applicant."""
    if application.state != "incomplete":
        return None
    request = application.open_piece_request()
    if request is not None and request.due_on >= timezone.localdate():
        return {
            GENERAL: _("The applicant has until %(date)s to answer the request for pieces.")
            % {"date": date_format(request.due_on)}
        }
    return None


@precondition
def eligibility_is_answered(application, data, actor):
    """Every eligibility check is answered."""
    answers = _answers(application)
    open_ones = [check.label for check in application.rules.checks_of("eligibility") if check.code not in answers]
    if open_ones:
        return {GENERAL: _("Still to be answered: %(checks)s.") % {"checks": _listed(open_ones)}}
    return None


def eligibility_allows_favour(application, data, actor):
    """A proposal in favour needs every eligibility check to be fine."""
    if not data.get("favourable", True):
        return None
    answers = _answers(application)
    refused = [
        check.label
        for check in application.rules.checks_of("eligibility")
        if answers.get(check.code) not in GOOD_ANSWERS
    ]
    if refused:
        return {
            "favourable": _("A proposal in favour is not possible, answered no: %(checks)s.")
            % {"checks": _listed(refused)}
        }
    return None


@precondition
def criteria_are_scored(application, data, actor):
    """Every criterion of the programme has its score."""
    scored = {item.code for item in application.scores.all()}
    missing = [criterion.label for criterion in application.rules.criteria if criterion.code not in scored]
    if missing:
        return {GENERAL: _("Still to be scored: %(criteria)s.") % {"criteria": _listed(missing)}}
    return None


@precondition
def opinions_are_received(application, data, actor):
    """Every opinion that the programme requires has been given."""
    given = {item.code for item in application.opinions.all() if item.result}
    missing = [rule.label for rule in application.rules.opinions if rule.required and rule.code not in given]
    if missing:
        return {GENERAL: _("Opinion still awaited: %(opinions)s.") % {"opinions": _listed(missing)}}
    return None


@precondition
def opinions_rest_on_the_present_file(application, data, actor):
    """No opinion was given before the file was completed or corrected, unless an officer said why it still holds."""
    stale = [opinion.body for opinion in void.void_opinions(application)]
    if stale:
        sentence = _(
            "Given before the file was completed or corrected: %(opinions)s. Ask for the opinion again, or say why it"
            " still holds."
        )
        return {GENERAL: sentence % {"opinions": _listed(stale)}}
    return None


def proposal_within_computed_aid(application, data, actor):
    """The proposed amount is at most the computed aid, which nothing stands against."""
    if not data.get("favourable", True):
        return None
    computation = application.latest_computation()
    if computation is None:
        return {GENERAL: _("The aid has not been computed yet.")}
    if reason := void.void_computation(application):
        return {GENERAL: reason}
    if computation.refusals:
        return {GENERAL: _listed(computation.refusals)}
    if data.get("proposed_amount") is None:
        return None
    try:
        plan_of_proposal(application, data)
    except PlanRefused as refusal:
        return {refusal.group or "proposed_amount": str(refusal)}
    return None


def de_minimis_allows_proposal(application, data, actor):
    """Where State aid applies, the proposed amount fits under the de minimis ceiling."""
    if not data.get("favourable", True) or data.get("proposed_amount") is None:
        return None
    try:
        found = de_minimis.verdict(application, data["proposed_amount"])
    except NoCeiling as missing:
        return {GENERAL: str(missing)}
    return {"proposed_amount": found.reason} if found is not None and not found.allowed else None


def single_undertaking_is_known(application, data, actor):
    """Where State aid applies and the enterprise has several establishments here, the service said what is linked."""
    if not application.rules.de_minimis or not data.get("favourable", True):
        return None
    question = open_question(application.applicant)
    return {GENERAL: void.sentence_of(question)} if question is not None else None


@precondition
def undertaking_is_still_known(application, data, actor):
    """No establishment of the enterprise appeared since the proposal about which the service has not answered."""
    reason = void.unknown_undertaking(application)
    return {GENERAL: reason} if reason else None


@precondition
def register_was_consulted_lately(application, data, actor):
    """The register of de minimis aid was consulted, or its consultation tried, not too long before."""
    reason = consultation.outdated(application, timezone.localdate())
    return {GENERAL: reason} if reason else None


def register_was_consulted(application, data, actor):
    """Where State aid applies, the proposal keeps the proof that the de minimis register was consulted, or why not."""
    return consultation.problems(application, data) or None


@precondition
def has_live_visa(application, data, actor):
    """The proposal carries a visa."""
    proposal = application.live_proposal()
    if proposal is None or proposal.visa_by_id is None:
        return {GENERAL: _("The proposal has no visa yet.")}
    return None


def session_takes_the_case(application, data, actor):
    """The session is still being prepared and takes the case's programme."""
    session = data.get("session")
    if session is None:
        return {"session": _("Choose a session.")}
    if session.state != "draft":
        return {"session": _("The agenda of this session is closed: choose another one.")}
    if not session.programmes.filter(pk=application.programme_version.programme_id).exists():
        return {"session": _("This session does not take cases of this programme.")}
    return None


@precondition
def envelope_is_open(application, data, actor):
    """The envelope of the case is not closed: the session could grant nothing on it."""
    envelope = application.call.envelope
    if envelope is None or not envelope.is_closed:
        return None
    sentence = _("The envelope “%(envelope)s” is closed, nothing can be granted on it: have it opened again first.")
    return {GENERAL: sentence % {"envelope": envelope.label}}


@precondition
def session_is_being_prepared(application, data, actor):
    """The session has not been convened yet."""
    item = application.live_agenda_item()
    if item is None or item.session.state != "draft":
        return {GENERAL: _("The session has been convened: its agenda is closed.")}
    return None


class DecidedAs:
    """The session under way recorded this very decision for the case."""

    def __init__(self, decision: str):
        self.decision = decision
        self.__doc__ = type(self).__doc__
        self.__name__ = f"decided_as_{decision}"

    def __call__(self, application, data, actor):
        item = application.decided_item()
        if item is None or item.decision != self.decision:
            return {GENERAL: _("No committee session under way has taken this decision.")}
        return None


def granted_amount_follows_the_rules(application, data, actor):
    """The amount granted is at most the computed aid, with the plan by year and person that was recorded."""
    item = application.decided_item()
    if item is None or item.decided_amount is None:
        return None
    try:
        plan = plan_of_grant(item, item.decided_amount, given_amounts(item.grant_plan))
    except PlanRefused as refusal:
        return {GENERAL: str(refusal)}
    if plan != item.grant_plan:
        return {GENERAL: _("What was proposed changed since the decision was recorded: record it again.")}
    return None


def register_was_consulted_before_the_vote(application, data, actor):
    """The register of de minimis aid was consulted, or its consultation tried, not too long before the day of the session."""
    item = application.decided_item()
    reason = consultation.outdated(application, timezone.localdate(item.session.held_at)) if item is not None else ""
    return {GENERAL: reason} if reason else None


def de_minimis_allows_grant(application, data, actor):
    """Where State aid applies, the amount granted fits under the de minimis ceiling, the day's other grants included."""
    item = application.decided_item()
    if item is None or item.decided_amount is None:
        return None
    try:
        found = de_minimis.locked_verdict(application, item.decided_amount, day=item.session.day)
    except NoCeiling as missing:
        return {GENERAL: str(missing)}
    return {GENERAL: found.reason} if found is not None and not found.allowed else None
