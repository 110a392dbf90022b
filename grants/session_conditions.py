"""Conditions of the transitions of a session: each returns errors by field, or ``None`` when all is well.

The first line of each docstring stands in ``docs/states.md``.
"""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.rules.de_minimis import NoCeiling
from core.dates import format_date_long
from core.money import format_euros
from core.transitions import precondition
from grants import de_minimis
from grants.conditions import GENERAL
from grants.models.envelope import Envelope

NOTICE_DAYS = 12
"""Days between the convocation and the session (CGCT L4132-18)."""


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
            GENERAL: ngettext(
                "%(voting)s voting member for a quorum of %(quorum)s: add members first.",
                "%(voting)s voting members for a quorum of %(quorum)s: add members first.",
                voting,
            )
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
            GENERAL: ngettext(
                "%(present)s voting member present, quorum %(quorum)s: tick those who are present.",
                "%(present)s voting members present, quorum %(quorum)s: tick those who are present.",
                present,
            )
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


@precondition
def decisions_fit_in_envelopes(session, data, actor):
    """The amounts granted fit in what the page shows to be left of their envelopes."""
    return beyond_envelopes(_granted_by_envelope(session))


@precondition
def decisions_fit_under_the_ceilings(session, data, actor):
    """The amounts granted fit, added up by undertaking, under the de minimis ceilings."""
    try:
        beyond = de_minimis.beyond_ceilings(session)
    except NoCeiling as missing:
        return {GENERAL: str(missing)}
    return {GENERAL: " ".join(beyond)} if beyond else None


def session_within_envelopes(session, data, actor):
    """The amounts granted fit in what their envelopes have left."""
    granted = _granted_by_envelope(session)
    # The row lock makes two sessions that close at once count one after the other.
    list(Envelope.objects.select_for_update().filter(pk__in=granted).order_by("pk").values_list("pk", flat=True))
    return beyond_envelopes(granted)


def _granted_by_envelope(session) -> Counter:
    """The euros that a session grants, by the id of the envelope that bears them."""
    granted: Counter = Counter()
    for item in session.items.filter(decision="granted").select_related("application__call"):
        granted[item.application.call.envelope_id] += item.decided_amount
    granted.pop(None, None)
    return granted


def beyond_envelopes(granted: dict[int, Decimal]) -> dict[str, str] | None:
    """Which envelopes, by their ids, have not the euros left that are granted; None when all do."""
    problems = []
    for envelope in Envelope.objects.with_figures().filter(pk__in=granted) if granted else ():
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
