"""What the signed-in views of the portal have in common: signing in without losing what was typed."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, resolve_url
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from core.site.resumed import TYPED_BY, is_of_another
from core.views.resume import ask_to_sign_in, is_fragment, typed_with_another_account

View = Callable[..., HttpResponse]
HAS_IT = "essor-has-it"
"""The cookie by which the next page knows that the form sent before it is saved (``keep.js``)."""
HAS_IT_SECONDS = 60


def own_address(request: HttpRequest, target: str) -> str:
    """``target`` (what ``?next=`` asks for) if it is an address of this site, else "".

    A bare word is none: a redirection would look it up as the name of a page.
    """
    is_address = target.startswith(("/", "http://", "https://"))
    is_ours = is_address and url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if is_ours else ""


def with_word_to_device(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The answer to a form that is saved, where the page that follows does not say so: its copies leave the device."""
    response.set_cookie(HAS_IT, "1", max_age=HAS_IT_SECONDS, samesite="Lax", secure=request.is_secure())
    return response


def portal_login_required(view: View) -> View:
    """Only signed-in people get in; nobody loses what they typed.

    A reader is sent to the sign-in page and back. Somebody whose session ended while they were writing gets a sign-in
    page that keeps what they sent (:mod:`core.views.resume`). A fragment (htmx, fetch) gets a bare 401: the page
    around it says what to do and keeps what is typed. What one account typed is never taken in another one's name.
    """

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            # The page was opened by one account and is sent under another, that signed in meanwhile in this browser.
            if request.method == "POST" and is_of_another(request.POST.get(TYPED_BY, ""), request.user):
                return HttpResponse(status=404) if is_fragment(request) else typed_with_another_account(request)
            return view(request, *args, **kwargs)
        if is_fragment(request):
            return HttpResponse(status=401)
        if request.method in ("GET", "HEAD"):
            target = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
            return redirect(f"{resolve_url(settings.LOGIN_URL)}?{target}")
        return ask_to_sign_in(request)

    guarded.asks_to_sign_in = True
    return guarded


class PortalLoginMixin:
    """:func:`portal_login_required` for class-based views. Put it first among the bases."""

    @method_decorator(portal_login_required)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().dispatch(request, *args, **kwargs)


ResumeLoginRequiredMixin = PortalLoginMixin
