"""The page of a transition in the staff site: its form on GET, the transition on POST, why when it is refused."""

from dataclasses import replace
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.core.exceptions import PermissionDenied
from django.db import models
from django.forms.utils import ErrorDict
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _

from core.engine import grounds, questions
from core.engine.digests import initial_values
from core.engine.versions import FIELD, Difference, Stale, carried, seen_in, shown_of, undisputed
from core.transitions import Option, TransitionRefused, TransitionSpec, perform, spec_of

TEMPLATE = "admin/essor/transition.html"
COMMENT = "comment"


def transition_view(model_admin: Any, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
    """Shows or takes the transition ``name`` of one row."""
    obj = model_admin.object_or_404(request, object_id)
    try:
        spec = spec_of(type(obj), name)
    except LookupError:
        raise Http404 from None
    option = next((item for item in model_admin.transition_options(request, obj) if item.spec.name == name), None)
    back = _back(model_admin, request, obj)
    if option is None:
        if spec.audience == "system" or request.method == "GET" and not spec.starts_from(_state(obj, spec)):
            sentence = _("“%(label)s” is no longer possible: the state has changed.") % {"label": spec.label}
            messages.warning(request, sentence)
            return HttpResponseRedirect(back)
        option = Option(spec=spec, allowed=False, reason=_("This is not possible here."))
    if request.method == "POST":
        return _take(model_admin, request, obj, option, back)
    form = _form(spec, obj, request)
    return _page(model_admin, request, obj, option, back, form=form)


def _state(obj: models.Model, spec: TransitionSpec) -> str:
    return getattr(obj, spec.field or getattr(obj, "STATE_FIELD", "state"))


def _form(spec: TransitionSpec, obj: models.Model, request: HttpRequest, bound: bool = False) -> forms.BaseForm | None:
    if spec.form is None:
        return None
    data, files = (request.POST, request.FILES) if bound else (None, None)
    return spec.form(data=data, files=files, instance=obj, actor=request.user)


def _take(model_admin: Any, request: HttpRequest, obj: models.Model, option: Option, back: str) -> HttpResponse:
    spec = option.spec
    typed = request.POST.get(COMMENT, "")
    try:
        perform(
            obj,
            spec.name,
            actor=request.user,
            data=request.POST,
            files=request.FILES,
            comment=typed,
            expected=carried(request.POST, obj),
        )
    except Stale as stale:
        stale.form = _form(spec, obj, request)
        stale.besides = _typed(spec, obj, request, stale)
        raise
    except TransitionRefused as refusal:
        if refusal.code == "permission":
            raise PermissionDenied(str(refusal)) from refusal
        form = _form(spec, obj, request, bound=True)
        others = _put_errors(form, refusal)
        return _page(model_admin, request, obj, option, back, form=form, errors=others, typed=typed, status=422)
    messages.success(request, _("Done: %(label)s.") % {"label": spec.label})
    return HttpResponseRedirect(_back(model_admin, request, obj))


def _typed(spec: TransitionSpec, obj: models.Model, request: HttpRequest, stale: Stale) -> list[Difference] | None:
    """What the person typed in the form of a step; None where its page did not say what the form held before."""
    form = _form(spec, obj, request, bound=True)
    comment = request.POST.get(COMMENT, "").strip()
    said = [Difference(COMMENT, _("Comment"), "", comment)] if comment else []
    if form is None:
        return said
    if stale.shown is None or not {form.add_prefix(name) for name in form.fields} & stale.shown.values.keys():
        return None
    return [*undisputed(form, obj, stale.shown, said), *said]


def _put_errors(form: forms.BaseForm | None, refusal: TransitionRefused) -> dict[str, list[str]]:
    """Ties each error to its field; what belongs to no field of the form is returned by name."""
    errors: ErrorDict | dict = form.errors if form is not None else {}
    others: dict[str, list[str]] = {}
    for name, texts in refusal.errors.items():
        if form is not None and name in form.fields:
            for text in texts:
                if text not in errors.get(name, []):
                    form.add_error(name, text)
        elif form is None or name == COMMENT or not _already_said(form, texts):
            others.setdefault(COMMENT if name == COMMENT else "__all__", []).extend(texts)
    return others


def _already_said(form: forms.BaseForm, texts: list[str]) -> bool:
    return set(texts) <= set(form.non_field_errors())


def _back(model_admin: Any, request: HttpRequest, obj: models.Model) -> str:
    """The case's page, with the filters of the list it was opened from."""
    filters = {"opts": model_admin.opts, "preserved_filters": model_admin.get_preserved_filters(request)}
    return add_preserved_filters(filters, model_admin.change_url(obj))


def _token(request: HttpRequest, obj: models.Model, form: forms.BaseForm | None) -> str:
    """What the person decides on: the page that led here (``?seen=`` what it showed), else this one; what it asks."""
    if request.method == "POST":
        return request.POST.get(FIELD, "")
    held = initial_values(form) if form is not None else {}
    shown = seen_in(request.GET.get("seen", ""), shown_of(obj, held))
    return replace(shown, values=shown.values | questions.written(form) | grounds.written(grounds.of(form))).token()


def _page(
    model_admin: Any,
    request: HttpRequest,
    obj: models.Model,
    option: Option,
    back: str,
    *,
    form: forms.BaseForm | None,
    errors: dict[str, list[str]] | None = None,
    typed: str = "",
    status: int = 200,
) -> HttpResponse:
    response = model_admin.page(
        request,
        TEMPLATE,
        option.spec.label,
        obj,
        option=option,
        spec=option.spec,
        form=form,
        errors=(errors or {}).get("__all__", []),
        comment_errors=(errors or {}).get(COMMENT, []),
        typed=typed,
        case=model_admin.case_header(request, obj),
        case_object=obj,
        back=back,
        shown_token=_token(request, obj, form),
    )
    response.status_code = status
    return response
