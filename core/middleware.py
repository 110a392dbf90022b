"""Who acts during a request, and the answer to a form that came from an old page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core.acting import acting_as
from core.documents import DocumentDamaged, DocumentNotReady
from core.engine.versions import Stale
from core.views.stale import stale_page


class ActingMiddleware:
    """Everything that a request writes is recorded with its user and its address (without the query)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        with acting_as(user, label=f"{request.method} {request.path}"[:200]):
            return self.get_response(request)


class StaleMiddleware:
    """A write over something newer is answered with both versions side by side (``core.engine.versions``)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return stale_page(request, exception) if isinstance(exception, Stale) else None


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
