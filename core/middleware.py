"""Who acts during a request, and the answer to a form that came from an old page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.acting import acting_as
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
