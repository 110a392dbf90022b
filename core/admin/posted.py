"""Addresses of the staff site that only take posts, and the page of a row shown again as the answer to one of them."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.db import models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.html import escape

from core.engine import versions
from core.site.post_only import takes_posts_only

CHOSEN = (forms.ChoiceField, forms.ModelChoiceField, forms.BooleanField)
"""Fields of which a page repeats what was chosen by a mark, not by its text."""
NEVER_REPEATED = (forms.FileField, forms.MultipleChoiceField, forms.ModelMultipleChoiceField)
"""A file is chosen again; rows that were ticked and can be chosen no more are named by the refusal, and have no box."""


class PostedMixin:
    """For admin classes: what a page posts goes to addresses of their own, at which nobody is lost.

    The browser stands at such an address after a refused form, and asks for it again when the session ended, the language
    changes or the page is loaded anew.
    """

    def posted(self, route: str, view: Callable[..., HttpResponse], page: str) -> URLPattern:
        """An address for :meth:`essor_urls` that only takes posts. Whoever comes to read it is led to the page of its row:
        after a new sign-in, a change of language or a reload, the browser asks again for the address it stands at."""

        def page_of(request: HttpRequest, object_id: int | None = None, **kwargs: Any) -> str:
            if object_id is None:
                return reverse(f"admin:{self.url_name('changelist')}")
            return self.change_url(self.object_or_404(request, object_id))

        answer = takes_posts_only(page_of)(view)
        return path(route, self.admin_site.admin_view(answer), name=self.url_name(page))

    def shown_again(self, request: HttpRequest, obj: models.Model, form: forms.BaseForm | None = None) -> HttpResponse:
        """The page of a row as the answer to a refused form of one of its sections; its own form still goes to the page.

        ``form``: the one that was refused. Where the page has no place for it any more (the row has moved on, what it asked
        is asked of nobody now), the answer is the page that gives back what was typed.

        Raises:
            Stale: then.
        """
        # The page is Django's change view, which would take a POST for its own form.
        request.method = "GET"
        response = self.change_view(request, str(obj.pk))
        response.status_code = 422
        if form is not None and _loses(response, form, request.POST, obj):
            request.method = "POST"
            texts = dict.fromkeys(str(text) for errors in form.errors.values() for text in errors)
            versions.gone_on(request, obj, " ".join(texts), form)
        return response

    def own_address(self, request: HttpRequest, obj: models.Model | None) -> str:
        """Where the form of this page goes: to the page itself, at whatever address it is shown again."""
        at = request.resolver_match.url_name if request.resolver_match else ""
        if obj is None or not obj.pk or at == self.url_name("change"):
            return request.get_full_path()
        return self.change_url(obj)


def _loses(response: HttpResponse, form: forms.BaseForm, sent: QueryDict, obj: models.Model) -> bool:
    """Whether something that was typed in a form stands nowhere in the sections of the page shown again."""
    try:
        left = versions.left_alone(form, versions.carried(sent, obj))
    except versions.Stale:
        left = set()  # it adds something, and carries no version
    panels = [html for name in ("case_panels", "case_side") for _panel, html in response.context_data.get(name, ())]
    page = "".join(panels)
    return any(
        bound.html_name not in left and not _stands(bound, page)
        for bound in form.visible_fields()
        if not isinstance(bound.field, NEVER_REPEATED) and any(sent.getlist(bound.html_name))
    )


def _stands(bound: forms.BoundField, page: str) -> bool:
    """Whether a page has the field, and what was typed in it where that is a text."""
    if f'name="{bound.html_name}"' not in page:
        return False
    value = bound.value()
    return not isinstance(value, str) or isinstance(bound.field, CHOSEN) or escape(value.strip()) in page
