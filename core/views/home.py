"""The home page, the Region's colours, and the pages that the law asks for."""

import mimetypes
import re
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control

from core.navigation import landing_url, open_calls

_HEX_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def home(request: HttpRequest) -> HttpResponse:
    """The public home page; signed-in people land where their work is."""
    if request.user.is_authenticated:
        return redirect(landing_url(request.user))
    return render(request, "essor/home.html", {"calls": open_calls(), "today": timezone.localdate()})


@cache_control(public=True, max_age=3600)
def brand(request: HttpRequest) -> HttpResponse:
    """The Region's own colour, as a style sheet: the content security policy allows no style in the page."""
    colour = str(settings.ESSOR_REGION.get("primary_colour", ""))
    rule = f":root {{ --brand: {colour} }}\n" if _HEX_COLOUR.fullmatch(colour) else ""
    return HttpResponse(rule, content_type="text/css; charset=utf-8")


@cache_control(public=True, max_age=3600)
def logo(request: HttpRequest) -> FileResponse:
    """The Region's logo when the settings name a file outside the static files."""
    path = Path(str(settings.ESSOR_REGION.get("logo") or ""))
    kind, _encoding = mimetypes.guess_type(path.name)
    if not path.is_absolute() or not path.is_file() or not (kind or "").startswith("image/"):
        raise Http404
    return FileResponse(path.open("rb"), content_type=kind)


def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "essor/pages/accessibility.html")


def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "essor/pages/privacy.html")


def legal(request: HttpRequest) -> HttpResponse:
    return render(request, "essor/pages/legal.html")
