"""The applicant's cases: the list, the page of one, messages, answer to a request for pieces, withdrawal."""

import uuid

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from applicants.people_told import left_bodies
from core.engine import versions
from core.engine.once import once
from core.engine.second_click import Recorded, only_again, word_of
from core.portal import portal_login_required
from core.site.known_fields import takes
from core.site.post_only import posts_to
from core.transitions import TransitionRefused, available_transitions
from grants.aid_shown import aid_shown
from grants.case_decision import decision_of
from grants.case_links import links_of, with_duties
from grants.case_page import Task, conversation_of, tasks_of, timeline_of
from grants.form_page import piece_views, questions_of
from grants.models import Application, Message
from grants.permissions import applicants_of, may_write_message
from grants.rules.conditions import shown_sections
from grants.rules.schema import QuestionKind
from grants.services import filing
from grants.services.drafting import FilingRefused
from grants.services.missing import form_facts, missing_of
from grants.states import BEFORE_DECISION, GRANTED, ApplicationState
from grants.views.drafts import applications_for, own_draft

PAGE = 20
ACTIVE_FIRST = (ApplicationState.INCOMPLETE, ApplicationState.DRAFT)
ENDED = (
    ApplicationState.INADMISSIBLE,
    ApplicationState.REJECTED,
    ApplicationState.CLOSED,
    ApplicationState.WITHDRAWN,
    ApplicationState.LAPSED,
)
SHOWN_IN_LIST = (
    *("public_id", "number", "title", "state", "requested_amount", "granted_amount", "updated_at"),
    *("applicant__kind", "applicant__name", "applicant__first_name", "applicant__last_name"),
    *("call__closes_at", "call__code", "programme_version__programme__name"),
)


@portal_login_required
def my_cases(request: HttpRequest) -> HttpResponse:
    """The cases of the applicants one acts for: those that wait for an answer first."""
    own = Application.objects.filter(applicant__in=applicants_of(request.user).order_by().values("pk"))
    groups = _grouped(own)
    chosen = request.GET.get("etat", "")
    if chosen in groups:
        own = own.filter(pk__in=groups[chosen])
    counts = {name: len(keys) for name, keys in groups.items()}
    total = sum(counts.values())
    unread = Message.objects.filter(application=OuterRef("pk"), from_staff=True, read_at__isnull=True)
    listed = (
        own.select_related("applicant", "call", "programme_version__programme")
        .only(*SHOWN_IN_LIST)
        .annotate(unread=Exists(unread.order_by()))
        .order_by("-updated_at", "-pk")
    )
    paginator = Paginator(listed, PAGE)
    paginator.count = counts.get(chosen, total)  # known by now
    context = {
        "page_obj": paginator.get_page(request.GET.get("page")),
        "counts": counts,
        "total": total,
        "chosen": chosen if chosen in groups else "",
        "left": left_bodies(request.user),
    }
    return render(request, "grants/my_cases.html", context)


def _grouped(own: QuerySet) -> dict[str, list[int]]:
    """The keys of the cases that wait for their applicant, of those under way and of those that are over: a draft is,
    once its call has closed. One query."""
    groups: dict[str, list[int]] = {"todo": [], "running": [], "ended": []}
    too_late = Q(state=ApplicationState.DRAFT, call__closes_at__lte=timezone.now())
    waits = (Q(state__in=ACTIVE_FIRST) & ~too_late) | with_duties()
    rows = own.order_by().annotate(is_theirs=waits, is_over=Q(state__in=ENDED) | too_late)
    for key, is_theirs, is_over in rows.values_list("pk", "is_theirs", "is_over"):
        groups["todo" if is_theirs else "ended" if is_over else "running"].append(key)
    return groups


@portal_login_required
def case(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The page of a case. Opening it marks the messages of the service as read."""
    application = _own_case(request, public_id)
    return _show(request, application)


def by_number(request: HttpRequest, number: str) -> HttpResponse:
    """The short address that mails and papers may print."""
    if not request.user.is_authenticated:
        return portal_login_required(by_number)(request, number)
    application = get_object_or_404(Application.objects.for_user(request.user), number=number)
    return redirect(application)


def _own_case(request: HttpRequest, public_id: uuid.UUID) -> Application:
    queryset = applications_for(request.user).prefetch_related("snapshots__receipt", "messages__author")
    own = versions.with_number(queryset.filter(applicant__in=applicants_of(request.user).order_by().values("pk")))
    return get_object_or_404(own, public_id=public_id)


def _show(
    request: HttpRequest,
    application: Application,
    *,
    typed: str = "",
    error: str = "",
    word: str = "",
    status: int = 200,
) -> HttpResponse:
    piece_request = application.open_piece_request()
    waits_for_pieces = application.state == ApplicationState.INCOMPLETE and piece_request is not None
    links = links_of(application, request.user)
    missing_count = len(missing_of(application)) if application.state == ApplicationState.DRAFT else 0
    tasks = tasks_of(application, missing_count) + [
        Task(link.task, link.url, link.label) for link in links if link.task
    ]
    options = {option.spec.name: option for option in available_transitions(application, request.user)}
    events = list(application.events)
    conversation = conversation_of(application, events)
    context = {
        "application": application,
        "programme": application.programme_version.programme,
        "contact": application.rules.contact,
        "tasks": tasks,
        "links": links,
        "timeline": timeline_of(application, events, next((link.step for link in links if link.step), "")),
        "conversation": conversation,
        "may_write": may_write_message(request.user, application) is None,
        "typed": typed,
        "message_error": error,
        "word": word,
        "piece_request": piece_request if waits_for_pieces else None,
        "asked_pieces": piece_views(application, only=piece_request.pieces) if waits_for_pieces else [],
        "pieces": piece_views(application),
        "awaits_pieces": waits_for_pieces or application.state == ApplicationState.DRAFT,
        "complete_option": options.get("complete"),
        "withdraw_option": options.get("withdraw"),
        "aid": aid_shown(application),
        "receipts": [snapshot for snapshot in application.snapshots.all() if snapshot.receipt_id],
        "is_granted": application.state in GRANTED,
        "is_undecided": application.state in BEFORE_DECISION,
        "decision": decision_of(application, events),
    }
    response = render(request, "grants/case/page.html", context, status=status)
    if any(message.from_staff and message.read_at is None for message in conversation):
        application.messages.unread_by_applicant().update(read_at=timezone.now())
    return response


@portal_login_required
def filed_form(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The answers as they were filed, to read again or print."""
    application = _own_case(request, public_id)
    if application.state == ApplicationState.DRAFT:
        return redirect("grants:review", public_id)
    context = {
        "application": application,
        "answers": [
            (section, [view for view in questions_of(application, section) if view.is_shown])
            for section in shown_sections(application.rules, form_facts(application))
            if any(question.kind != QuestionKind.PIECES for question in section.questions)
        ],
    }
    return render(request, "grants/case/filed_form.html", context)


@takes("body")
@portal_login_required
@posts_to("grants:case", "public_id", at="#messages")
@once
def write_message(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A message to the service; sent once whatever the number of clicks."""
    application = _own_case(request, public_id)
    body = request.POST.get("body", "")
    try:
        filing.write_message(application, user=request.user, body=body)
    except FilingRefused as refusal:
        return _show(request, application, typed=body, error=str(refusal), status=422)
    messages.success(request, _("Your message is sent. The service answers on this page; you will get a mail."))
    return redirect(f"{application.get_absolute_url()}#messages")


@takes("comment")
@portal_login_required
@posts_to("grants:case", "public_id", at="#pieces-asked")
def complete(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Send the pieces that the service asked for."""
    application = _own_case(request, public_id)
    if application.state == ApplicationState.SUBMITTED:
        reason = _("These pieces were sent already.")
        only_again(request, application, reason, Recorded({"comment": word_of(application, "complete")}))
        return redirect(application)
    word = request.POST.get("comment", "")[:2000]
    try:
        with versions.unchanged(request, application):
            filing.answer_piece_request(application, user=request.user, comment=word)
    except TransitionRefused as refusal:
        if refusal.code != "conditions":
            versions.gone_on(request, application, str(refusal))
        messages.error(request, str(refusal))
        return _show(request, _own_case(request, public_id), word=word, status=422)
    answered = application.piece_requests.filter(answered_at__isnull=False).last()
    sent = [_("Your pieces are sent.")]
    if answered is not None and answered.stopped_the_clock_until_answered:
        sent.append(_("The time limit of the decision runs again."))
    messages.success(request, " ".join(sent))
    return redirect(application)


@takes("comment")
@portal_login_required
@require_http_methods(["GET", "POST"])
def withdraw(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Withdraw, after a page that says what it means."""
    application = own_draft(request, public_id)
    if application.state == ApplicationState.WITHDRAWN:
        if request.method == "POST":
            recorded = Recorded({"comment": word_of(application, "withdraw")})
            only_again(request, application, _("This application was withdrawn already."), recorded)
        return redirect("grants:my_cases")
    option = next(
        (option for option in available_transitions(application, request.user) if option.spec.name == "withdraw"), None
    )
    if option is None:
        reason = _("This application can no longer be withdrawn. Write to the service.")
        if request.method == "POST":
            versions.gone_on(request, application, reason)
        messages.error(request, reason)
        return redirect(application)
    if request.method == "POST":
        try:
            with versions.unchanged(request, application):
                filing.withdraw(application, user=request.user, comment=request.POST.get("comment", "")[:2000])
        except TransitionRefused as refusal:
            versions.gone_on(request, application, str(refusal))
        messages.success(request, _("Your application is withdrawn."))
        return redirect("grants:my_cases")
    return render(request, "grants/case/withdraw.html", {"application": application, "option": option})
