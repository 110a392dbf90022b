"""The page of a body that is asked for its opinion: no account, one secret link, nothing but what it needs."""

from functools import wraps

from django import forms
from django.core.exceptions import ValidationError
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from core.documents import DocumentNotReady, DocumentRefused, open_document
from core.engine import versions
from core.engine.second_click import Recorded, is_again
from core.personal_numbers import NoNationalNumberMixin
from core.site.chosen_files import ChosenFileField
from core.site.known_fields import takes
from core.throttle import too_many
from core.views.documents import CONTENT_POLICY
from core.views.stale import stale_page
from grants import opinion_links
from grants.models import OpinionResult

VISITS_PER_HOUR = 60


class OpinionAnswerForm(NoNationalNumberMixin, forms.Form):
    """What the body answers."""

    result = forms.ChoiceField(label=_("Your opinion"), choices=OpinionResult.choices, widget=forms.RadioSelect)
    summary = forms.CharField(
        label=_("Summary"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 5})
    )
    document = ChosenFileField(
        label=_("Signed opinion"),
        error_messages={"required": _("Join your signed opinion: it is the proof that goes with the case.")},
    )
    name = forms.CharField(label=_("Your name and function"), max_length=160)


def _private(view):
    """Never kept, never indexed, never told to another site by the browser; not tried again and again."""

    @wraps(view)
    def wrapped(request: HttpRequest, token: str, *args, **kwargs) -> HttpResponse:
        if too_many(request, "opinion", VISITS_PER_HOUR):
            response = render(request, "grants/opinion_closed.html", {"too_many": True}, status=429)
        elif (opinion := opinion_links.find(token)) is None:
            response = render(request, "grants/opinion_closed.html", status=410)
        else:
            try:
                response = view(request, token, opinion, *args, **kwargs)
            except versions.Stale as stale:
                response = stale_page(request, stale, back=request.path)
        response["X-Robots-Tag"] = "noindex, nofollow, noarchive"
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "private, no-store"
        return response

    return wrapped


@takes(OpinionAnswerForm)
@require_http_methods(["GET", "HEAD", "POST"])
@_private
def opinion(request: HttpRequest, token: str, opinion) -> HttpResponse:
    """The case in short, the pieces chosen for the body, and the form of its answer."""
    form = OpinionAnswerForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid() and _receive(request, opinion, form):
        return redirect("grants:opinion", token)
    context = {
        "opinion": opinion,
        "application": opinion.application,
        "programme": opinion.application.programme,
        "contact": opinion.application.rules.contact,
        "pieces": opinion_links.pieces_of(opinion),
        "form": form,
        "token": token,
    }
    return render(request, "grants/opinion.html", context, status=422 if form.errors else 200)


def _receive(request: HttpRequest, opinion, form: OpinionAnswerForm) -> bool:
    data = form.cleaned_data
    try:
        opinion_links.receive(
            opinion,
            result=data["result"],
            summary=data["summary"],
            name=data["name"],
            upload=data["document"],
            shown=versions.carried(request.POST, opinion),
        )
    except versions.Stale as stale:
        if stale.shown is not None and _is_answered_so(request, stale.subject, form):
            return True
        stale.differences = _two_answers(stale.subject, form)
        raise
    except DocumentRefused as error:
        form.add_error("document", str(error))
    except ValidationError as error:
        form.add_error(None, error)
    return form.is_valid()


def _is_answered_so(request: HttpRequest, opinion, form: OpinionAnswerForm) -> bool:
    """Whether the body has sent this very answer: a second click."""
    if opinion.answered_at is None:
        return False
    kept = {"result": opinion.answer_result, "summary": opinion.answer_summary, "name": opinion.answered_by_name}
    return is_again(request, Recorded(kept, {"document": [opinion.answer_document.file.sha256]}, [form]))


def _two_answers(opinion, form: OpinionAnswerForm) -> list[versions.Difference]:
    """The answer that somebody of the body sent meanwhile beside this one; nothing where there is none."""
    if opinion.answered_at is None:
        return []
    words = dict(OpinionResult.choices)
    theirs = {
        "result": words[opinion.answer_result],
        "summary": opinion.answer_summary,
        "name": opinion.answered_by_name,
    }
    mine = form.cleaned_data | {"result": words[form.cleaned_data["result"]]}
    told = [versions.Difference(name, str(form[name].label), theirs[name], mine[name]) for name in theirs]
    return [versions.Difference("answered_at", _("Answer sent on"), opinion.answered_at, None), *told]


@require_safe
@_private
def piece(request: HttpRequest, token: str, opinion, piece_id: int) -> HttpResponse:
    """A piece that was chosen for the body, as an attachment that nothing runs."""
    found = next((item for item in opinion_links.pieces_of(opinion) if item.pk == piece_id), None)
    if found is None:
        raise Http404
    try:
        file = open_document(found.document)
    except DocumentNotReady as error:
        context = {"document": found.document, "reason": str(error)}
        return render(request, "essor/pages/document_not_ready.html", context, status=409)
    response = FileResponse(
        file, as_attachment=True, filename=found.document.name, content_type=found.document.file.media_type
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = CONTENT_POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
