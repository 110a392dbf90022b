"""Typing and filing an application: start, steps, saving as one types, pieces, reading again, filing."""

import uuid
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from core.engine import versions
from core.engine.once import once
from core.engine.readable import Unreadable
from core.file_types import DocumentRefused
from core.money import ZERO
from core.portal import is_fragment, portal_login_required, with_word_to_device
from core.site.known_fields import AFile, takes
from core.site.post_only import posts_to, takes_posts_only
from core.text import is_number
from core.transitions import TransitionRefused, available_transitions, reasons_against
from grants.case_page import tasks_of
from grants.form_page import budget_view, piece_views, questions_of, steps_of
from grants.form_post import no_answer_of, read_post, unknown_of, unread_of
from grants.models import Application, Call, Piece
from grants.permissions import applicants_of, may_edit, may_file
from grants.rules.answers import is_read
from grants.rules.conditions import shown_questions, shown_sections
from grants.rules.schema import QuestionKind, Section
from grants.services import filing
from grants.services.amounts import possible_aid
from grants.services.drafting import FilingRefused, Saved
from grants.services.missing import form_facts, missing_of
from grants.states import ApplicationState
from grants.views.meanwhile import ended_meanwhile
from grants.views.replies import saved_reply


def applications_for(user):
    """The applications ``user`` sees, with what a page shows of them."""
    pieces = Piece.objects.select_related("document__file").order_by("code", "pk")
    return (
        Application.objects.for_user(user)
        .with_relations()
        .prefetch_related("budget_lines", "persons", "partners", "piece_requests", Prefetch("pieces", pieces))
    )


def own_draft(request: HttpRequest, public_id: uuid.UUID) -> Application:
    """The draft, for one of its people; 404 for anybody else."""
    application = get_object_or_404(versions.with_number(applications_for(request.user)), public_id=public_id)
    if application.applicant_id not in applicants_of(request.user).values_list("pk", flat=True):
        raise Http404
    return application


# --- start ----------------------------------------------------------------------------------------------------------


@takes("applicant", "token")
@portal_login_required
@require_http_methods(["GET", "POST"])
@once
def start(request: HttpRequest, call_code: str) -> HttpResponse:
    """Choose for whom one files, then begin. The token makes one draft of a double click."""
    calls = Call.objects.published().select_related("programme_version__programme")
    call = get_object_or_404(calls, code=call_code)
    kinds = call.programme_version.rules.applicant_kinds
    applicants = applicants_of(request.user).filter(kind__in=kinds).order_by("sort_name")
    error = ""
    if request.method == "POST":
        applicant = applicants.filter(pk=_number(request.POST.get("applicant"))).first()
        if applicant is None:
            error = _("Choose for whom you file this application.")
        else:
            try:
                application = filing.create_draft(
                    call=call, applicant=applicant, user=request.user, token=_token(request.POST.get("token"))
                )
                return redirect("grants:form", application.public_id)
            except FilingRefused as refusal:
                error = str(refusal)
    context = {
        "call": call,
        "programme": call.programme_version.programme,
        "applicants": list(applicants),
        "drafts": _drafts_of(request, call),
        "token": _token(request.POST.get("token")) or uuid.uuid4(),
        "error": error,
        "closed_reason": call.closed_to_readers,
    }
    return render(request, "grants/start.html", context)


def _drafts_of(request: HttpRequest, call: Call) -> list[Application]:
    """The drafts of whom this person acts for: an auditor sees the others' on the staff site, and begins none of them."""
    own = Application.objects.filter(applicant__in=applicants_of(request.user).values("pk"))
    own = own.filter(call=call, state=ApplicationState.DRAFT).select_related("applicant")
    return list(own.order_by("-updated_at")[:10])


def _number(text: str | None) -> int:
    return int(text) if is_number(text) else 0


def _token(text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text or "")
    except ValueError:
        return None


# --- the steps ------------------------------------------------------------------------------------------------------


@portal_login_required
def form(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The first step where something is missing, else the last page."""
    application = own_draft(request, public_id)
    if application.state != ApplicationState.DRAFT:
        return _filed_already(request, application)
    missing = missing_of(application)
    if not missing:
        return redirect("grants:review", public_id)
    return redirect("grants:step", public_id, missing[0].section)


def _filed_already(request: HttpRequest, application: Application) -> HttpResponseRedirect:
    """The form of a case that is a draft no more leads to the page of the case, and says so."""
    messages.info(request, _("The form of this application is closed: here is where the case stands."))
    return redirect(application)


@takes(by_itself="the questions of the programme: grants.form_post.unknown_of")
@portal_login_required
@require_http_methods(["GET", "POST"])
def step(request: HttpRequest, public_id: uuid.UUID, section_code: str) -> HttpResponse:
    """One step: read it, or save it (without JavaScript, or with "Save and continue")."""
    application = own_draft(request, public_id)
    if request.method == "GET" and application.state != ApplicationState.DRAFT:
        return _filed_already(request, application)
    sections = shown_sections(application.rules, form_facts(application))
    section = _section(application, section_code)
    if request.method == "GET":
        return _show_step(request, application, section, check="check" in request.GET)
    if unknown := unknown_of(application.rules, request.POST) or _no_answer_of(request, application):
        raise Unreadable(unknown)
    typed, read = read_post(application.rules, request.POST)
    try:
        saved = filing.save_answers(application, user=request.user, typed=typed, versions=read)
    except FilingRefused as refusal:
        versions.gone_on(request, application, str(refusal))
    action = request.POST.get("action", "next")
    application = own_draft(request, public_id)
    if not saved.ok or action.startswith("more-"):
        more = action.removeprefix("more-") if action.startswith("more-") else ""
        return _show_step(request, application, section, typed=typed, saved=saved, more_rows=more)
    if action != "previous" and (unread := _unread(application, saved)):
        return with_word_to_device(request, _show_step(request, application, section, unread=unread))
    return with_word_to_device(request, _go_on(application, sections, section, action))


def _no_answer_of(request: HttpRequest, application: Application) -> str:
    return no_answer_of(application.rules, request.POST, request.FILES)


def _unread(application: Application, saved: Saved) -> bool:
    """Whether an answer that was just saved, as it was typed, is no number, amount or day: that is said at once."""
    questions, answers = application.rules.questions, application.answers
    return any(not is_read(questions[code], answers.get(code)) for code in saved.versions)


def _section(application: Application, code: str) -> Section:
    try:
        return application.rules.section(code)
    except LookupError as error:
        raise Http404 from error


def _go_on(application: Application, sections: list[Section], section: Section, action: str) -> HttpResponseRedirect:
    codes = [item.code for item in sections]
    place = codes.index(section.code) if section.code in codes else 0
    if action == "save":
        return redirect(f"{reverse('grants:step', args=[application.public_id, section.code])}?saved=1")
    if action == "previous" and place > 0:
        return redirect("grants:step", application.public_id, codes[place - 1])
    if action == "next" and place + 1 < len(codes):
        return redirect("grants:step", application.public_id, codes[place + 1])
    return redirect("grants:review", application.public_id)


def _show_step(
    request: HttpRequest,
    application: Application,
    section: Section,
    *,
    typed: dict[str, Any] | None = None,
    saved: Saved | None = None,
    check: bool = False,
    more_rows: str = "",
    unread: bool = False,
) -> HttpResponse:
    missing = missing_of(application)
    steps = steps_of(application, missing, section.code)
    place = next((index for index, item in enumerate(steps) if item.is_current), 0)
    context = {
        "application": application,
        "section": section,
        "steps": steps,
        "previous": steps[place - 1] if place else None,
        "next": steps[place + 1] if place + 1 < len(steps) else None,
        "questions": questions_of(application, section, typed=typed, saved=saved, check=check, more_rows=more_rows),
        "unread": unread,
        "refused": saved is not None and not saved.ok,
        "call": application.call,
        "closed_reason": application.call.closed_reason(),
        "may_edit": may_edit(request.user, application) is None,
        "missing_count": len(missing),
        "has_form": any(question.kind != QuestionKind.PIECES for question in section.questions),
    }
    return render(request, "grants/form/step.html", context)


@takes(by_itself="the questions of the programme: grants.form_post.unread_of")
@portal_login_required
@posts_to("grants:form", "public_id")
def autosave(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Save what a script sends as one types; answers with JSON."""
    application = own_draft(request, public_id)
    if unread := unread_of(application.rules, request.POST) or _no_answer_of(request, application):
        return JsonResponse({"refused": unread}, status=400)
    typed, versions = read_post(application.rules, request.POST)
    try:
        saved = filing.save_answers(application, user=request.user, typed=typed, versions=versions)
    except FilingRefused as refusal:
        sentence = ended_meanwhile(application, request.user) or str(refusal)
        return JsonResponse({"refused": sentence}, status=409)
    return saved_reply(own_draft(request, public_id), saved)


# --- pieces ---------------------------------------------------------------------------------------------------------


def _page_of_pieces(request: HttpRequest, public_id: uuid.UUID, **kwargs: Any) -> str:
    """Where the pieces of a case are joined now: the step of its draft, else the page of the case."""
    application = own_draft(request, public_id)
    if application.state != ApplicationState.DRAFT:
        return f"{application.get_absolute_url()}#pieces-asked"
    return reverse("grants:step", args=[public_id, _pieces_section(application).code])


@takes(AFile("files"))
@portal_login_required
@takes_posts_only(_page_of_pieces)
def add_piece(request: HttpRequest, public_id: uuid.UUID, code: str) -> HttpResponse:
    """Join one or several files to a piece, in a draft or in answer to a request."""
    application = own_draft(request, public_id)
    if not any(rule.code == code for rule in application.rules.pieces):
        raise Http404
    ended = ended_meanwhile(application, request.user)
    if ended and not is_fragment(request):
        versions.gone_on(request, application, ended)
    files = request.FILES.getlist("files")
    errors = [] if files else [_("Choose a file first.")]
    with versions.reached(application) as headers:
        for upload in files:
            try:
                filing.attach_piece(application, code=code, content=upload, name=upload.name, user=request.user)
            except DocumentRefused as refusal:
                errors.append(str(refusal))
            except FilingRefused as refusal:
                errors.append(ended_meanwhile(application, request.user) or str(refusal))
    errors = list(dict.fromkeys(errors))
    return _after_piece(request, application, code, errors, headers)


@portal_login_required
@takes_posts_only(_page_of_pieces)
def remove_piece(request: HttpRequest, public_id: uuid.UUID, piece_id: int) -> HttpResponse:
    """Take a file back."""
    application = own_draft(request, public_id)
    piece = get_object_or_404(application.pieces.current().select_related("document", "application"), pk=piece_id)
    errors = []
    with versions.reached(application) as headers:
        try:
            filing.remove_piece(piece, user=request.user)
        except FilingRefused as refusal:
            errors.append(ended_meanwhile(application, request.user) or str(refusal))
    return _after_piece(request, application, piece.code, errors, headers)


def _after_piece(
    request: HttpRequest, application: Application, code: str, errors: list[str], headers: dict[str, str]
) -> HttpResponse:
    application = own_draft(request, application.public_id)
    asked = None
    if application.state == ApplicationState.INCOMPLETE:
        asked = [code]
    if is_fragment(request):
        views = piece_views(application, only=asked) if asked else piece_views(application)
        view = next((item for item in views if item.rule.code == code), None)
        if view is None:
            raise Http404
        context = {"application": application, "piece": view, "errors": errors, **_around(request, application)}
        reply = render(request, "grants/form/piece_reply.html", context)
        for name, value in headers.items():
            reply[name] = value
        return reply
    for error in errors:
        messages.error(request, error)
    if asked:
        return redirect(f"{application.get_absolute_url()}#piece-{code}")
    section = _pieces_section(application)
    return redirect(f"{reverse('grants:step', args=[application.public_id, section.code])}#piece-{code}")


def _around(request: HttpRequest, application: Application) -> dict[str, Any]:
    """What else of the page changes with a piece: the steps of a draft, or what is still to be joined."""
    if application.state == ApplicationState.DRAFT:
        section = _pieces_section(application)
        steps = steps_of(application, missing_of(application), section.code)
        return {"steps": steps, "closed_reason": application.call.closed_reason()}
    options = available_transitions(application, request.user)
    complete = next((option for option in options if option.spec.name == "complete"), None)
    return {
        "complete_option": complete,
        "asked_task": next(iter(tasks_of(application)), None),
        "pieces": piece_views(application),
        "awaits_pieces": True,
    }


def _pieces_section(application: Application) -> Section:
    for section in application.rules.sections:
        if any(question.kind == QuestionKind.PIECES for question in section.questions):
            return section
    raise Http404


# --- filing ---------------------------------------------------------------------------------------------------------


@portal_login_required
def review(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """Everything that will be filed, what is missing as links, and the button."""
    application = own_draft(request, public_id)
    if application.state != ApplicationState.DRAFT:
        return _filed_already(request, application)
    return _show_review(request, application)


def _show_review(
    request: HttpRequest, application: Application, errors: list[str] | None = None, status: int = 200
) -> HttpResponse:
    facts = form_facts(application)
    missing, possible = missing_of(application), possible_aid(application)
    sections = shown_sections(application.rules, facts)
    has_budget = application.rules.question_of_kind(QuestionKind.BUDGET) is not None
    known = {item.code for item in missing} | ({"project_start"} if missing else set())
    against = reasons_against(application, "submit", request.user)
    context = {
        "application": application,
        "steps": steps_of(application, missing, "review"),
        "missing": missing,
        "without_aid": [person.name for person in possible.per_person if person.refused],
        "possible": possible.amount,
        "no_aid": possible.amount == 0,
        "asks_more": (application.requested_amount or ZERO) > possible.amount,
        "answers": [
            (
                section,
                [view for view in questions_of(application, section) if view.is_shown],
            )
            for section in sections
            if shown_questions(section, facts)
        ],
        "budget": budget_view(application) if has_budget else None,
        "call": application.call,
        "closed_reason": application.call.closed_reason(),
        "against": [text for code, texts in against.items() if code not in known for text in texts],
        "file_refusal": may_file(request.user, application),
        "token": uuid.uuid4(),
        "shown_token": versions.shown_of(application, _reviewed(application)).token(),
        "errors": errors or [],
        "silence_months": application.rules.silence_months,
    }
    return render(request, "grants/form/review.html", context, status=status)


@takes("token")
@portal_login_required
@posts_to("grants:review", "public_id")
def submit(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """File the application, once: the same address answers a second click with the same case."""
    application = own_draft(request, public_id)
    if application.state == ApplicationState.WITHDRAWN:
        versions.gone_on(request, application, ended_meanwhile(application, request.user))
    try:
        with transaction.atomic():
            if application.state == ApplicationState.DRAFT:  # a second click finds it filed
                versions.lock(application)
                application = own_draft(request, public_id)
                versions.verify(application, versions.carried(request.POST, application), _reviewed(application))
            submission = filing.submit(application, user=request.user, token=_token(request.POST.get("token")))
    except versions.Stale as stale:
        if stale.shown is None or not stale.values:
            raise
        return _show_review(request, stale.subject, [_not_filed(stale)], status=409)
    except TransitionRefused as refusal:
        application = own_draft(request, public_id)
        sentences = [] if refusal.code == "conditions" and missing_of(application) else list(_sentences(refusal))
        return _show_review(request, application, sentences or list(_sentences(refusal)), status=409)
    if not submission.replayed:
        messages.success(
            request,
            _("Your application is filed under the number %(number)s. The receipt is on this page and in your mail.")
            % {"number": submission.application.number},
        )
    return redirect(submission.application)


_PIECES = "+pieces"


def _reviewed(application: Application) -> dict[str, Any]:
    """What the last page shows of a draft, by question: answers and files leave no event while one types."""
    kept = application.answer_versions
    answers = {code: kept.get(code, {}).get("v", 0) for code in application.rules.questions}
    return answers | {_PIECES: sorted(piece.pk for piece in application.pieces.all())}


def _not_filed(stale: versions.Stale) -> str:
    """The application changed after its last page was opened: that it is not filed, and which answers changed."""
    seen, questions = stale.shown.values, stale.subject.rules.questions
    changed = [name for name, value in stale.values.items() if seen.get(name) != versions.digest(value)]
    labels = [_("the joined files") if name == _PIECES else str(questions[name].label)
              for name in changed if name == _PIECES or name in questions]  # fmt: skip
    sentence = _("It changed in another window after you had opened this page.")
    if labels:
        sentence += " " + _("Changed since: %(answers)s.") % {"answers": ", ".join(labels)}
    if stale.subject.call.closed_reason():  # the page says why it cannot be filed
        return sentence
    return sentence + " " + _("Read it again below, then file it.")


def _sentences(refusal: TransitionRefused):
    for texts in refusal.errors.values():
        yield from texts
