"""The Region's name and colours on every page."""

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _


def region(request: HttpRequest) -> dict[str, object]:
    """``{{ region.name }}``, ``{{ region.email }}``… in every template."""
    return {"region": settings.ESSOR_REGION}


def environment(request: HttpRequest) -> list[str] | None:
    """The badge of the staff site: nobody should take a demonstration for the real thing."""
    return [_("Demonstration"), "warning"] if settings.DEBUG else None
