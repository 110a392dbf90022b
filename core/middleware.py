"""Who acts during a request, and the answer to a form that came from an old page or that the database refuses."""

import logging
import re
from collections.abc import Callable, Mapping, Sequence

from django.conf import settings
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _

from core.acting import acting_as
from core.documents import DocumentDamaged, DocumentNotReady
from core.engine.once import WithoutKey, let_go, wait_for_the_same
from core.engine.readable import Unreadable, readable_cookies, readable_fields
from core.engine.refusals import refusal_message
from core.engine.versions import Stale
from core.events import listening
from core.site import not_saved
from core.site.known_fields import is_of_the_portal, refuse_foreign
from core.views.errors import bad_request
from core.views.refused import refused_page
from core.views.resume import ask_to_sign_in, is_fragment, send_again
from core.views.stale import stale_page

logger = logging.getLogger("essor.refusals")


class ActingMiddleware:
    """Everything that a request writes is recorded with its user and its address (without the query)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        with acting_as(user, label=f"{request.method} {request.path}"[:200]):
            return self.get_response(request)


_FORM = re.compile(rb"<form\b(?![^>]*\sautocomplete=)", re.IGNORECASE)


class AsSentMiddleware:
    """Every form of every page shows what the server sent. A browser that goes back, reloads or opens a closed tab again
    would fill it with what stood there before, beside the version of now: it would be written over what somebody else
    changed, without a word. ``as-sent.js`` sees to the fields that say themselves what they hold (an e-mail address)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not response.streaming and response.get("Content-Type", "").startswith("text/html"):
            response.content = _FORM.sub(b'<form autocomplete="off"', response.content)
        return response


class StaffSessionMiddleware:
    """A form of the staff site that is sent after the session ended is kept through the sign-in, as on the portal.

    Django's own check would lead to the sign-in page and drop it (``core.views.resume``). A script gets a bare 401.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable, args: Sequence, kwargs: Mapping
    ) -> HttpResponse | None:
        """Called by Django before each view. Signing in and out, and what is no page, have no name in the staff site."""
        is_form = request.method == "POST" and request.path.startswith(settings.ESSOR_STAFF_PREFIX)
        if not is_form or not request.resolver_match.url_name or request.user.is_authenticated:
            return None
        response = HttpResponse(status=401) if is_fragment(request) else ask_to_sign_in(request)
        add_never_cache_headers(response)
        return response


class UnreadableSignMiddleware:
    """What no page of Essor sends is refused in words or left out (``core.engine.readable``); never an error 500.

    Before the session, which reads a cookie, and before the check of the form's token, which reads the form.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        readable_cookies(request)
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable, args: Sequence, kwargs: Mapping
    ) -> HttpResponse | None:
        """Called by Django before each view."""
        try:
            readable_fields(request, kwargs)
        except Unreadable as refusal:
            return bad_request(request, refusal)
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A list of the staff site leaves out a filter that it cannot read; what else is made of a list says so."""
        if isinstance(exception, Unreadable):
            return bad_request(request, exception)
        if not isinstance(exception, IncorrectLookupParameters):
            return None
        sentence = _(
            "This address holds a filter that nothing reads. Open the list again and choose its filters there."
        )
        return bad_request(request, Unreadable(sentence))


class ForeignFieldMiddleware:
    """A post to the portal with a field or a file that its page does not have is refused (``core.site.known_fields``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable, args: Sequence, kwargs: Mapping
    ) -> HttpResponse | None:
        """Called by Django before each view. A script gets the sentence, its page keeps what was typed."""
        if request.method != "POST" or not is_of_the_portal(request):
            return None
        try:
            refuse_foreign(request, view, dict(kwargs))
        except Unreadable as refusal:
            if is_fragment(request):
                return JsonResponse({"refused": str(refusal)}, status=400)
            return bad_request(request, refusal)
        return None


class AtOnceMiddleware:
    """One form that is sent several times at once is at work once: the others wait, and get its answer
    (``core.engine.once``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self.get_response(request)
        response = None
        with listening() as told:
            request.events_told = told
            try:
                response = self.get_response(request)
            finally:
                let_go(request, response, told)
        return response

    def process_view(
        self, request: HttpRequest, view: Callable, args: Sequence, kwargs: Mapping
    ) -> HttpResponse | None:
        """Called by Django before each view."""
        return wait_for_the_same(request)


class StaleMiddleware:
    """A write over something newer is answered with both versions side by side (``core.engine.versions``), one that may
    have been sent before with what was typed, to be sent once (``core.engine.once``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        not_saved.answered(request, response)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, WithoutKey):
            return send_again(request, str(exception))
        return stale_page(request, exception) if isinstance(exception, Stale) else None


class RefusedByDatabaseMiddleware:
    """What the database refuses is a page that says what and why, whichever view wrote it; never an error 500.

    Forms and conditions say the same before; this is for what passes by them (two people in the same second), and it is
    written in the journal of the server with where it came from.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DatabaseError) or (sentence := refusal_message(exception)) is None:
            return None
        logger.error("refused by the database: %s %s", request.method, request.path, exc_info=exception)
        return refused_page(request, sentence)


class UnreadableFileMiddleware:
    """A file that is not scanned, gone or changed is a page that says so, whichever page needed it; never an error 500."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Called by Django with whatever a view raised."""
        if isinstance(exception, DocumentDamaged):
            return render(request, "essor/pages/document_damaged.html", {"reason": str(exception)}, status=410)
        if isinstance(exception, DocumentNotReady):
            return render(request, "essor/pages/document_not_ready.html", {"reason": str(exception)}, status=409)
        return None
