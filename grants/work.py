"""What waits for a member of staff: the queue of cases, in the order in which they are due."""

from collections.abc import Iterator
from datetime import date

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.navigation import WorkItem
from core.roles import Role
from grants.models import Application, CommitteeSession, Message, Opinion, PieceRequest
from grants.states import ApplicationState as State
from grants.who_is_there import FOLLOWS_UP, nobody_instructs

SHOWN = 30

# state -> (why it waits, the one action)
NEXT_STEP = {
    State.SUBMITTED: (gettext_lazy("Completeness and admissibility to check"), gettext_lazy("Check")),
    State.INCOMPLETE: (gettext_lazy("Pieces asked from the applicant"), gettext_lazy("Look")),
    State.ADMISSIBLE: (gettext_lazy("Instruction to start"), gettext_lazy("Instruct")),
    State.IN_INSTRUCTION: (gettext_lazy("Proposal to make"), gettext_lazy("Instruct")),
    State.INSTRUCTED: (gettext_lazy("Visa awaited"), gettext_lazy("Read")),
    State.READY_FOR_COMMITTEE: (gettext_lazy("To be put on an agenda"), gettext_lazy("Schedule")),
    State.SCHEDULED: (gettext_lazy("Decision of the committee awaited"), gettext_lazy("Look")),
    State.APPROVED: (gettext_lazy("Act to draw up or to sign"), gettext_lazy("Look")),
    State.CONTRACTED: (gettext_lazy("Agreement in force"), gettext_lazy("Look")),
}
LOOK = gettext_lazy("Look")
TO_INSTRUCT = (State.SUBMITTED, State.ADMISSIBLE, State.IN_INSTRUCTION)
# What a list of cases does not show and would be read for every row: what was typed, the rules of the programme.
NOT_IN_A_LIST = ("answers", "answer_versions", "granted_plan", "search_text", "programme_version__definition")
# What a line of work shows of a case: up to ninety of them are read for each work page.
IN_THE_WORK_LIST = (
    "number", "state", "decision_due_on", "instructor",
    "applicant__kind", "applicant__name", "applicant__first_name", "applicant__last_name",
    "programme_version__programme__name",
)  # fmt: skip


def next_step(application: Application) -> tuple[str, str]:
    """Why a case waits and what to do about it, in words."""
    why, action = NEXT_STEP.get(application.state, (application.state_label(), LOOK))
    return str(why), str(action)


def to_do(user) -> Q:
    """The cases on which this person has something to do, by their roles."""
    wanted = Q(pk__in=[])
    if user.has_role(Role.INSTRUCTOR, Role.HEAD_OF_SERVICE):
        waits = Q(state__in=TO_INSTRUCT) | Q(state=State.INCOMPLETE, pk__in=overdue_requests())
        wanted |= waits & (Q(instructor=user) | nobody_instructs())
    if user.has_role(Role.HEAD_OF_SERVICE):
        wanted |= Q(state=State.INSTRUCTED)
    if user.has_role(Role.COMMITTEE_SECRETARY):
        wanted |= Q(state=State.READY_FOR_COMMITTEE)
    return wanted


def overdue_requests() -> QuerySet:
    """The cases whose applicant let the date pass."""
    return PieceRequest.objects.filter(
        answered_at__isnull=True, due_on__lt=timezone.localdate(), application__state=State.INCOMPLETE
    ).values("application_id")


def queue(user, name: str = "todo") -> QuerySet:
    """A named queue of cases: ``todo``, ``waiting`` (the applicant's turn), ``unread`` (messages), ``unassigned``."""
    cases = Application.objects.for_user(user).filter(submitted_at__isnull=False)
    if name == "todo":
        return cases.filter(to_do(user))
    if name == "waiting":
        return cases.filter(state=State.INCOMPLETE)
    if name == "unread":
        return cases.filter(messages__from_staff=False, messages__read_at__isnull=True).distinct()
    return cases.filter(nobody_instructs(), state__in=[*TO_INSTRUCT, State.INCOMPLETE])


def with_request_date(cases: QuerySet) -> QuerySet:
    """Add ``request_due_on``: the date given to the applicant by the open request for pieces."""
    open_request = PieceRequest.objects.filter(application=OuterRef("pk"), answered_at__isnull=True)
    return cases.annotate(request_due_on=Subquery(open_request.values("due_on")[:1]))


def count_to_do(user) -> int:
    """How many cases the queue "to do" lists."""
    return queue(user).count()


def count_waiting(user) -> int:
    """How many cases wait for their applicant."""
    return queue(user, "waiting").count()


def count_unread(user) -> int:
    """How many cases have a message that nobody of the service opened."""
    return queue(user, "unread").count()


def case_url(application_id: int, anchor: str = "") -> str:
    """The staff page of a case."""
    return reverse("admin:grants_application_change", args=[application_id]) + (f"#{anchor}" if anchor else "")


# --- the home page -------------------------------------------------------------------------------------------


def work_on_cases(user) -> Iterator[WorkItem]:
    """The cases on which this person has something to do, soonest first; then, for their instructors, the opinions that are
    late and the messages of applicants that nobody opened. One query for the three."""
    if not user.has_role(Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.COMMITTEE_SECRETARY):
        return
    cases = list(
        with_request_date(_cases_to_show(user))
        .select_related("applicant", "programme_version__programme")
        .only(*IN_THE_WORK_LIST)
        .order_by("-is_to_do", F("decision_due_on").asc(nulls_last=True), "pk")[: 3 * SHOWN]
    )
    assigns = user.has_role(Role.HEAD_OF_SERVICE) and not user.has_role(Role.INSTRUCTOR)
    for case in [case for case in cases if case.is_to_do][:SHOWN]:
        yield _case_item(case, assigns=assigns and case.instructor_id != user.pk)
    if not user.has_role(Role.INSTRUCTOR):
        return
    mine = [case for case in cases if case.is_followed]
    late = [(case, opinion) for case in mine for opinion in case.late_opinions]
    for case, opinion in sorted(late, key=lambda found: (found[1]["due_on"], found[0].pk))[:SHOWN]:
        yield _opinion_item(case, opinion)
    for case in sorted((case for case in mine if case.has_unread), key=lambda case: case.pk)[:SHOWN]:
        yield _message_item(case)


def _cases_to_show(user) -> QuerySet:
    """Cases with what there is to show of each: ``is_to_do``, and ``late_opinions`` and ``has_unread`` of those that this
    person follows (``is_followed``), which are those of theirs and of nobody."""
    late = Opinion.objects.filter(
        application=OuterRef("pk"), result="", due_on__lt=timezone.localdate(),
        application__state__in=[State.ADMISSIBLE, State.IN_INSTRUCTION],
    )  # fmt: skip
    told = JSONObject(body="body", due_on="due_on")
    unread = Message.objects.filter(application=OuterRef("pk")).unread_by_staff()
    is_followed = Q(instructor=user) | nobody_instructs(roles=FOLLOWS_UP)
    cases = Application.objects.for_user(user).filter(submitted_at__isnull=False)
    more = Q(is_followed=True) & (Q(has_unread=True) | Q(Exists(late)))
    return cases.annotate(
        is_to_do=ExpressionWrapper(to_do(user), BooleanField()),
        is_followed=ExpressionWrapper(is_followed, BooleanField()),
        has_unread=Exists(unread),
        late_opinions=ArraySubquery(late.order_by("due_on", "pk").values(told=told)),
    ).filter(Q(is_to_do=True) | more if user.has_role(Role.INSTRUCTOR) else Q(is_to_do=True))


def _case_item(case: Application, *, assigns: bool) -> WorkItem:
    """``assigns``: the reader gives it to an instructor, where it waits for one."""
    why, action = next_step(case)
    late = case.state == State.INCOMPLETE
    if late:
        why, action = _("The date given to the applicant for the missing pieces has passed"), _("Decide")
    elif assigns and case.state in TO_INSTRUCT:
        why, action = _("Without instructor"), _("Assign")
    return WorkItem(
        due=case.request_due_on if late else case.decision_due_on,
        title=f"{case.number} · {case.applicant.display_name}",
        why=f"{why} · {case.programme_version.programme.name}",
        url=case_url(case.pk),
        action=action,
        tone="act" if _is_near(case.decision_due_on) else "wait",
    )


def _is_near(day: date | None) -> bool:
    return day is not None and (day - timezone.localdate()).days <= 10


def _opinion_item(case: Application, opinion: dict[str, str]) -> WorkItem:
    return WorkItem(
        due=date.fromisoformat(opinion["due_on"]),
        title=f"{case.number} · {opinion['body']}",
        why=_("Opinion not received"),
        url=case_url(case.pk, "opinions"),
        action=_("Record or ask again"),
        tone="act",
    )


def _message_item(case: Application) -> WorkItem:
    return WorkItem(
        due=None,
        title=f"{case.number} · {case.applicant.display_name}",
        why=_("Message of the applicant"),
        url=case_url(case.pk, "messages"),
        action=_("Read"),
    )


def work_on_sessions(user) -> Iterator[WorkItem]:
    """The sessions that this person has to hold or to close."""
    if not user.has_role(Role.COMMITTEE_SECRETARY):
        return
    steps = {
        "draft": (_("Agenda to finish, members to convene"), _("Prepare")),
        "convened": (_("Session convened"), _("Open")),
        "in_session": (_("Decisions to record, session to close"), _("Decide")),
    }
    sessions = CommitteeSession.objects.for_user(user).filter(state__in=steps).order_by("held_at", "pk")[:SHOWN]
    for session in sessions:
        why, action = steps[session.state]
        yield WorkItem(
            due=timezone.localdate(session.held_at),
            title=str(session),
            why=why,
            url=session.get_absolute_url(),
            action=action,
        )
