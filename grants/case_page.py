"""The applicant's page of a case: what to do first, then the timeline in the past, present and future."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import format_closing, format_date_long, last_day
from core.lib.odd_days import in_words
from core.text import in_a_sentence
from grants.services.missing import unanswered_pieces
from grants.states import FINAL, ApplicationState

State = ApplicationState


@dataclass(frozen=True)
class Task:
    """What the applicant has to do, until when, and what happens otherwise."""

    text: str
    url: str = ""
    action: str = ""
    until: datetime | None = None
    afterwards: str = ""
    """What is said from ``until`` on, where the page is still open."""
    asks: str = ""
    """Where the page asks whether ``until`` was moved."""


@dataclass(frozen=True)
class TimelineStep:
    """A step of the timeline; ``status`` is done, now or later. ``until``: when it stops being to come."""

    title: str
    status: str
    when: datetime | date | str | None = None
    text: str = ""
    url: str = ""
    url_label: str = ""
    until: datetime | None = None


def days_left(day: date) -> str:
    """ "12 days left", "last day", "since 3 days"; not how far what is no day is."""
    if in_words(day):
        return _("nobody can reckon how far")
    days = (day - timezone.localdate()).days
    if days < 0:
        return _("the date is past")
    if days == 0:
        return _("last day")
    return ngettext("%(days)d day left", "%(days)d days left", days) % {"days": days}


def tasks_of(application, missing_count: int = 0) -> list[Task]:
    """What waits for the applicant now; empty when it is the service's turn."""
    if application.state == State.DRAFT:
        return [_draft_task(application, missing_count)]
    if application.state == State.INCOMPLETE and (request := application.open_piece_request()):
        return [_request_task(application, request)]
    return []


@dataclass(frozen=True)
class Said:
    """What was said between the applicant and the service: a message, or the word that went with pieces."""

    author: Any
    body: str
    sent_at: datetime
    from_staff: bool = False
    read_at: datetime | None = None


def conversation_of(application, events: list) -> list[Said]:
    """The messages, oldest first, and the words sent with pieces before they were messages too."""
    written = application.messages.all()
    said = [Said(item.author, item.body, item.sent_at, item.from_staff, item.read_at) for item in written]
    known = {(item.author_id, item.body) for item in written}
    said += [
        Said(event.actor, event.comment, event.created_at)
        for event in events
        if event.action == "complete"
        and event.comment
        and event.actor is not None
        and (event.actor_id, event.comment.strip()) not in known
    ]
    return sorted(said, key=lambda item: item.sent_at)


def _draft_task(application, missing_count: int) -> Task:
    call = application.call
    values = {"date": format_closing(call.closes_at), "left": days_left(last_day(call.closes_at))}
    if closed := call.closed_reason():
        return Task(closed)
    asks = reverse("grants:closing", args=[call.code])
    limit = {"until": call.closes_at, "afterwards": call.closed_sentence, "asks": asks}
    if missing_count:
        text = ngettext(
            "This application is not filed: %(count)d thing is missing. File it by %(date)s (%(left)s).",
            "This application is not filed: %(count)d things are missing. File it by %(date)s (%(left)s).",
            missing_count,
        ) % {"count": missing_count, **values}
        return Task(text, reverse("grants:form", args=[application.public_id]), _("Complete my application"), **limit)
    text = _("This application is complete but not filed. File it by %(date)s (%(left)s).") % values
    return Task(text, reverse("grants:review", args=[application.public_id]), _("Read again and file"), **limit)


def _request_task(application, request) -> Task:
    count = len(set(request.pieces) & set(unanswered_pieces(application)))
    values = {"count": count, "date": format_date_long(request.due_on), "left": days_left(request.due_on)}
    if request.due_on < timezone.localdate():
        text = _(
            "The service waited for your answer until %(date)s. You can still send it; as long as you do not, your "
            "application may be declared inadmissible."
        )
        done = _("Read and send") if request.pieces else _("Answer")
        return Task(text % values, "#pieces-asked", _("Add the missing pieces") if count else done)
    if request.pieces and not count:
        text = _("Everything that was asked for is there, but not sent: send it by %(date)s (%(left)s).")
        return Task(f"{text % values} {request.without_answer}", "#pieces-asked", _("Read and send"))
    if not count:
        text = _("The service waits for your answer by %(date)s (%(left)s).") % values
        return Task(f"{text} {request.without_answer}", "#pieces-asked", _("Answer"))
    text = ngettext(
        "%(count)d piece is missing for your application to be complete. Answer by %(date)s (%(left)s).",
        "%(count)d pieces are missing for your application to be complete. Answer by %(date)s (%(left)s).",
        count,
    )
    return Task(f"{text % values} {request.without_answer}", "#pieces-asked", _("Add the missing pieces"))


# --- the timeline ---------------------------------------------------------------------------------------------------

ORDER = (
    State.DRAFT,
    State.SUBMITTED,
    State.ADMISSIBLE,
    State.IN_INSTRUCTION,
    State.SCHEDULED,
    State.APPROVED,
    State.CONTRACTED,
    State.CLOSED,
)
# The step of the timeline in which each state is the present.
PLACE = {
    State.DRAFT: 0,
    State.SUBMITTED: 1,
    State.INCOMPLETE: 1,
    State.INADMISSIBLE: 1,
    State.ADMISSIBLE: 2,
    State.IN_INSTRUCTION: 2,
    State.INSTRUCTED: 2,
    State.READY_FOR_COMMITTEE: 3,
    State.SCHEDULED: 3,
    State.REJECTED: 3,
    State.APPROVED: 4,
    State.CONTRACTED: 5,
    State.CLOSED: 6,
}


def timeline_of(application, events: list, act: str = "") -> list[TimelineStep]:
    """The steps of the case. ``events`` are those of the case, oldest first; ``act`` says where the signature of the act
    stands, once it was sent."""
    if application.state in (State.WITHDRAWN, State.LAPSED):
        return list(_ended_early(application, events))
    if application.state == State.DRAFT and application.call.is_over:
        return [replace(_drafting(application, "now", {}), status="done"), _too_late(application.call)]
    place = PLACE[application.state]
    reached = _dates(events)
    steps = []
    for rank, build in enumerate((_drafting, _checking, _instruction, _committee, _agreement, _payments)):
        final = application.state in FINAL and rank == place
        status = "done" if rank < place or final else "now" if rank == place else "later"
        if application.state in (State.INADMISSIBLE, State.REJECTED) and rank > place:
            break
        step = build(application, status, reached)
        if application.state == State.DRAFT and status == "later":
            step = replace(step, until=application.call.closes_at)
        steps.append(replace(step, text=act) if act and build is _agreement and status == "now" else step)
    return steps


def _too_late(call) -> TimelineStep:
    """What ends a draft: nothing comes after it that could be promised."""
    text = _("This application was not filed before: it can no longer be. What you typed is kept.")
    return TimelineStep(_("Call closed"), "now", call.closes_at, text)


def _dates(events: list) -> dict[str, datetime]:
    """When each state was reached last."""
    return {event.to_state: event.created_at for event in events if event.to_state != event.from_state}


def _drafting(application, status: str, reached: dict) -> TimelineStep:
    if status == "now":
        return TimelineStep(_("Draft"), "now", _("since %(date)s") % {"date": format_date_long(application.created_at)})
    receipt = _first_receipt(application)
    return TimelineStep(
        _("Application filed"),
        status,
        application.submitted_at,
        url=receipt.get_absolute_url() if receipt else "",
        url_label=_("Receipt no. %(number)s (PDF)") % {"number": application.number},
    )


def _first_receipt(application) -> Any:
    snapshot = next((item for item in application.snapshots.all() if item.receipt_id), None)
    return snapshot.receipt if snapshot else None


def _checking(application, status: str, reached: dict) -> TimelineStep:
    title = _("Check of the pieces")
    if application.state == State.INADMISSIBLE:
        return TimelineStep(
            _("Not admissible"), "done", reached.get(State.INADMISSIBLE), _("The reasons are above, and in your mail.")
        )
    if status == "done":
        return TimelineStep(_("Application complete and admissible"), status, reached.get(State.ADMISSIBLE))
    if application.state == State.INCOMPLETE:
        request = application.open_piece_request()
        text = _("The service asked for more pieces; the time limit of the decision is suspended.")
        if request is not None and not application.clock_stands_still:
            since = {"date": format_date_long(request.due_on)}
            text = (
                _("The service asked for more pieces. The time limit of the decision runs again since %(date)s.")
                % since
            )
        return TimelineStep(title, status, _since(reached.get(State.INCOMPLETE)), text)
    if status == "now":
        return TimelineStep(
            title, status, _since(reached.get(State.SUBMITTED)), _("The service checks that nothing is missing.")
        )
    return TimelineStep(title, status, text=_("as soon as you have filed"))


def _since(moment: datetime | None) -> str:
    return _("since %(date)s") % {"date": format_date_long(moment)} if moment else ""


def _instruction(application, status: str, reached: dict) -> TimelineStep:
    service = application.rules.contact.service
    title = _("Examination by the service (%(service)s)") % {"service": service}
    if status == "later":
        return TimelineStep(title, status, text=_("once your application is complete"))
    if status == "now":
        due = application.decision_due_on
        text = _("Without a written decision by %(date)s, the request is deemed refused.") % {
            "date": format_date_long(due)
        } if due else ""  # fmt: skip
        return TimelineStep(
            title, status, _since(reached.get(State.IN_INSTRUCTION) or reached.get(State.ADMISSIBLE)), text
        )
    return TimelineStep(title, status, reached.get(State.READY_FOR_COMMITTEE))


def _committee(application, status: str, reached: dict) -> TimelineStep:
    title = _("Committee, then decision of the Region")
    if application.state == State.REJECTED:
        return TimelineStep(
            _("Request refused"),
            "done",
            reached.get(State.REJECTED),
            _("The decision and how to contest it are above, and in your mail."),
        )
    if status == "done":
        return TimelineStep(_("Aid granted"), status, reached.get(State.APPROVED))
    session = _session(application)
    if session is not None:
        return TimelineStep(title, status, _("session of %(date)s") % {"date": format_date_long(session.held_at)})
    return TimelineStep(title, status, text=_("at the next session"))


def _session(application):
    if application.state != State.SCHEDULED:
        return None
    item = application.live_agenda_item()
    return item.session if item else None


def _agreement(application, status: str, reached: dict) -> TimelineStep:
    title = _("Agreement or grant decision")
    if status == "now":
        return TimelineStep(
            title, status, _since(reached.get(State.APPROVED)), _("The service prepares it; you will get a mail.")
        )
    if status == "done":
        return TimelineStep(_("Agreement in force"), status, reached.get(State.CONTRACTED))
    return TimelineStep(title, status, text=_("after the decision"))


def _payments(application, status: str, reached: dict) -> TimelineStep:
    instalments = application.rules.instalments
    first = ", ".join(in_a_sentence(item.trigger) for item in instalments[:1])
    title = _("Payments and report")
    if application.state == State.CLOSED:
        return TimelineStep(_("Case closed"), "done", reached.get(State.CLOSED))
    if status == "now":
        return TimelineStep(
            title,
            status,
            _since(reached.get(State.CONTRACTED)),
            _("The payments are asked for and followed on the page of the agreement."),
        )
    text = _("first payment: %(trigger)s; at the latest %(days)d days after the notification") % {
        "trigger": first,
        "days": application.rules.deadlines.payment_days,
    }
    return TimelineStep(title, status, text=text)


def _ended_early(application, events: list) -> Iterator[TimelineStep]:
    reached = _dates(events)
    if application.submitted_at:
        yield _drafting(application, "done", reached)
    if application.state == State.WITHDRAWN:
        yield TimelineStep(_("Withdrawn at your request"), "done", reached.get(State.WITHDRAWN))
    else:
        yield TimelineStep(_("Aid granted"), "done", reached.get(State.APPROVED))
        yield TimelineStep(
            _("The aid lapsed"), "done", reached.get(State.LAPSED), _("The reasons are above, and in your mail.")
        )
