"""Error pages in plain words: what happened, what became of the work, what to do."""

import logging

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from core.engine.readable import Unreadable

logger = logging.getLogger("essor.errors")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """``Unreadable("…")`` shows its sentence: it was written for the person."""
    reason = str(exception) if isinstance(exception, Unreadable) else ""
    return render(request, "400.html", {"reason": reason}, status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """``PermissionDenied("…")`` shows its sentence: it was written for the person."""
    return render(request, "403.html", {"reason": str(exception)}, status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without the database, the session or anything else that may be what is broken."""
    return HttpResponse(render_to_string("500.html", {"region": settings.ESSOR_REGION}), status=500)
