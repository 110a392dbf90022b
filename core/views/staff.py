"""Small additions to the staff site: the counts of its menu."""

from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache

from core.navigation import badges


@never_cache
@staff_member_required
def badge_counts(request: HttpRequest) -> JsonResponse:
    """How many rows wait behind each link of the menu, for the person who reads it."""
    return JsonResponse(badges(request.user))
