"""What the whole site applies to every request."""

import re
from collections.abc import Callable
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest, HttpResponse

_PORT = re.compile(r"^(?:\[(.+)\](?::[0-9]+)?|([0-9.]+):[0-9]+)$")


class StaffPolicyMiddleware:
    """Gives the staff site its own content security policy; everything else keeps the strict one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path_info.startswith(settings.ESSOR_STAFF_PREFIX) and not hasattr(response, "_csp_replace"):
            response._csp_replace = settings.ESSOR_STAFF_POLICY
        return response


def client_ip(request: HttpRequest) -> str:
    """The address of the person, as the trusted proxies tell it; never what the person writes.

    Some proxies add the port, some systems the interface. What is no address (a socket of the machine, "unknown") is "0.0.0.0": the column that
    keeps the failed sign-ins takes addresses alone.
    """
    address = request.META.get("REMOTE_ADDR", "")
    if settings.ESSOR_PROXY_COUNT:
        chain = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
        if len(chain) >= settings.ESSOR_PROXY_COUNT:
            address = chain[-settings.ESSOR_PROXY_COUNT]
    bare = _PORT.sub(r"\1\2", address).partition("%")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return "0.0.0.0"  # noqa: S104
