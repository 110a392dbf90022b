"""A limit on what an unknown visitor can make Essor send."""

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.module_loading import import_string

LIMIT = 20
PERIOD = 60 * 60  # seconds


def too_many(request: HttpRequest, scope: str, limit: int = LIMIT) -> bool:
    """True from the ``limit``-th time on within an hour, for this network address."""
    address = import_string(settings.AXES_CLIENT_IP_CALLABLE)(request)
    key = f"throttle:{scope}:{address}".replace(" ", "_")
    count = cache.get(key, 0) + 1
    cache.set(key, count, PERIOD)
    return count > limit
