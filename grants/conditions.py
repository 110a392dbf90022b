"""Conditions of the staff's transitions: each returns errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``. They read the case through its relations only.
"""

from collections import Counter
from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.de_minimis.links import open_question
from applicants.rules.de_minimis import NoCeiling
from core.dates import format_date_long
from core.money import format_euros
from core.text import listed
from core.transitions import precondition
from grants import consultation, de_minimis, void
from grants.programmes.grant_plan import PlanRefused
from grants.services.plans import given_amounts, plan_of_grant, plan_of_proposal

GENERAL = "__all__"
GOOD_ANSWERS = ("yes", "na")
NOTICE_DAYS = 12
"""Days between the convocation and the session (CGCT L4132-18)."""


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
    """Every opinion that the programme requires has been given, on the file as it was completed."""
    given = {
        item.code for item in application.opinions.all() if item.result and not void.completed_since(application, item)
    }
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
    if question is None:
        return None
    return {
        GENERAL: _(
            "Several establishments of the enterprise %(siren)s are known here: answer on the applicant's page whether"
            " other enterprises are linked with it, for their de minimis aids add up."
        )
        % {"siren": question.siren}
    }


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


# --- the session ---------------------------------------------------------------------------------------------


@precondition
def session_has_agenda(session, data, actor):
    """The agenda holds at least one case."""
    if not session.items.exists():
        return {GENERAL: _("The agenda is empty: add cases first.")}
    return None


@precondition
def session_has_members(session, data, actor):
    """There are at least as many voting members as the quorum."""
    voting = sum(member.is_voting for member in session.members.all())
    if voting < session.quorum:
        return {
            GENERAL: _("%(voting)s voting members for a quorum of %(quorum)s: add members first.")
            % {"voting": voting, "quorum": session.quorum}
        }
    return None


@precondition
def session_date_holds(session, data, actor):
    """The session is dated today or later, at most a year ahead, and not before the filing of a case of its agenda."""
    reason = session.date_problem()
    return {GENERAL: reason} if reason else None


def session_envelopes_are_open(session, data, actor):
    """The envelope of every case of the agenda still takes commitments."""
    closed = (
        session.items.filter(application__call__envelope__is_closed=True)
        .exclude(decision__in=["rejected", "deferred"])
        .values_list("application__number", "application__call__envelope__label")
        .order_by("rank")
    )
    if not closed:
        return None
    number, envelope = closed[0]
    return {
        GENERAL: _(
            "%(case)s: the envelope “%(envelope)s” is closed, nothing can be granted on it. Defer the case, or have the envelope opened again."
        )
        % {"case": number, "envelope": envelope}
    }


def notice_is_long_enough(session, data, actor):
    """Members are convened 12 days before, or the urgency is explained."""
    latest = timezone.localdate(session.held_at) - timedelta(days=NOTICE_DAYS)
    if timezone.localdate() > latest and not data.get("urgency"):
        return {
            "urgency": _("Reports reach the members %(days)s days before the session: explain the urgency.")
            % {"days": NOTICE_DAYS}
        }
    return None


@precondition
def session_day_has_come(session, data, actor):
    """The day of the session has come."""
    day = timezone.localdate(session.held_at)
    if day > timezone.localdate():
        return {
            GENERAL: _("The session is dated %(day)s: it is opened and closed on that day, or change its date first.")
            % {"day": format_date_long(day)}
        }
    return None


@precondition
def session_has_quorum(session, data, actor):
    """As many voting members are present as the quorum asks for."""
    present = session.members.filter(is_voting=True, is_present=True).count()
    if present < session.quorum:
        return {
            GENERAL: _("%(present)s voting members present, quorum %(quorum)s: tick those who are present.")
            % {"present": present, "quorum": session.quorum}
        }
    return None


@precondition
def session_is_decided(session, data, actor):
    """Every case on the agenda has its decision."""
    missing = session.items.filter(decision="").count()
    if missing:
        return {
            GENERAL: ngettext("%(count)s case has no decision yet.", "%(count)s cases have no decision yet.", missing)
            % {"count": missing}
        }
    return None


def someone_votes_on_each_case(session, data, actor):
    """On each case at least one voting member present takes part."""
    present = set(session.members.filter(is_voting=True, is_present=True).values_list("pk", flat=True))
    errors = {}
    for item in session.items.prefetch_related("recusals").select_related("application"):
        if present and present <= {recusal.member_id for recusal in item.recusals.all()}:
            errors[f"item-{item.pk}"] = _("%(number)s: no member present may vote on this case.") % {
                "number": item.application.number
            }
    return errors or None


def session_within_envelopes(session, data, actor):
    """The amounts granted fit in what their envelopes have left."""
    granted: Counter = Counter()
    for item in session.items.filter(decision="granted").select_related("application__call"):
        granted[item.application.call.envelope_id] += item.decided_amount
    granted.pop(None, None)
    if not granted:
        return None
    envelopes = session.items.model._meta.apps.get_model("grants", "Envelope").objects
    # The row lock makes two sessions that close at once count one after the other.
    locked = list(envelopes.select_for_update().filter(pk__in=granted).order_by("pk").values_list("pk", flat=True))
    problems = []
    for envelope in envelopes.with_figures().filter(pk__in=locked):
        if granted[envelope.pk] > envelope.left_amount:
            problems.append(
                _("%(envelope)s: %(granted)s granted, %(left)s left.")
                % {
                    "envelope": envelope.label,
                    "granted": format_euros(granted[envelope.pk]),
                    "left": format_euros(envelope.left_amount),
                }
            )
    return {GENERAL: " ".join(problems)} if problems else None
