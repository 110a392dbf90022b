"""Who acts during a request, and the answer to a form that came from an old page or that the database refuses."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence

from django.core.exceptions import BadRequest
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from core.acting import acting_as
from core.documents import DocumentDamaged, DocumentNotReady
from core.engine.refusals import refusal_message
from core.engine.versions import Stale
from core.views.refused import refused_page
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


NUL = "\0"


class UnreadableSignMiddleware:
    """The sign NUL, which no column holds and nobody sees: an address with it is none, a form loses it and goes on.

    Forms of Django lose it too (``core.text``); this is for what views read of a request by themselves.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable, args: Sequence, kwargs: Mapping) -> None:
        """Called by Django before each view. Raises Http404 for the path, BadRequest for the query."""
        if NUL in request.path_info:
            raise Http404
        if any(NUL in text for text in _texts(request.GET)):
            raise BadRequest("The query holds the sign NUL.")
        if any(NUL in text for text in _texts(request.POST)):
            request.POST = _without_nul(request.POST)


def _texts(data: QueryDict) -> Iterator[str]:
    for name, values in data.lists():
        yield name
        yield from values


def _without_nul(data: QueryDict) -> QueryDict:
    cleaned = QueryDict(mutable=True, encoding=data.encoding)
    for name, values in data.lists():
        for value in values:
            cleaned.appendlist(name.replace(NUL, ""), value.replace(NUL, ""))
    cleaned._mutable = False
    return cleaned


class StaleMiddleware:
    """A write over something newer is answered with both versions side by side (``core.engine.versions``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
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
