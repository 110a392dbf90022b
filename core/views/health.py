"""``/sante/``: what a monitoring tool asks every minute."""

from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from core.health import check_all


@never_cache
def health(request: HttpRequest) -> JsonResponse:
    """JSON: ``status`` is "ok", "degraded" (people can work, something waits) or "down" (HTTP 503)."""
    report = check_all()
    return JsonResponse(report, status=503 if report["status"] == "down" else 200)
