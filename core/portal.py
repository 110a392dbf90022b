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

from core.views.resume import ask_to_sign_in, is_fragment

View = Callable[..., HttpResponse]


def own_address(request: HttpRequest, target: str) -> str:
    """``target`` (what ``?next=`` asks for) if it is an address of this site, else "".

    A bare word is none: a redirection would look it up as the name of a page.
    """
    is_address = target.startswith(("/", "http://", "https://"))
    is_ours = is_address and url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure())
    return target if is_ours else ""


def portal_login_required(view: View) -> View:
    """Only signed-in people get in; nobody loses what they typed.

    A reader is sent to the sign-in page and back. Somebody whose session ended while they were writing gets a sign-in
    page that keeps what they sent (:mod:`core.views.resume`). A fragment (htmx, fetch) gets a bare 401: the page
    around it says what to do and keeps what is typed.
    """

    @wraps(view)
    @never_cache
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        if is_fragment(request):
            return HttpResponse(status=401)
        if request.method in ("GET", "HEAD"):
            target = urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})
            return redirect(f"{resolve_url(settings.LOGIN_URL)}?{target}")
        return ask_to_sign_in(request)

    return guarded


class PortalLoginMixin:
    """:func:`portal_login_required` for class-based views. Put it first among the bases."""

    @method_decorator(portal_login_required)
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return super().dispatch(request, *args, **kwargs)


ResumeLoginRequiredMixin = PortalLoginMixin
