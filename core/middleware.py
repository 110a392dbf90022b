"""Who acts during a request."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from core.acting import acting_as


class ActingMiddleware:
    """Everything that a request writes is recorded with its user and its address (without the query)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user if request.user.is_authenticated else None
        with acting_as(user, label=f"{request.method} {request.path}"[:200]):
            return self.get_response(request)
