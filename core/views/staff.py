"""Small additions to the staff site: the counts of its menu."""

from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from core.navigation import badges
from core.site import not_saved
from core.site.post_only import takes_posts_only


@never_cache
@staff_member_required
def badge_counts(request: HttpRequest) -> JsonResponse:
    """How many rows wait behind each link of the menu, for the person who reads it."""
    return JsonResponse(badges(request.user))


@never_cache
@staff_member_required
@takes_posts_only(lambda request: settings.ESSOR_STAFF_PREFIX)
def let_go(request: HttpRequest) -> HttpResponse:
    """What the person typed on a page and could not save comes back no more: they are led to the page."""
    page = request.POST.get("page", "")
    is_ours = page.startswith(settings.ESSOR_STAFF_PREFIX) and url_has_allowed_host_and_scheme(page, None)
    not_saved.let_go(request, page, request.POST.getlist("form"))
    return redirect(page if is_ours else settings.ESSOR_STAFF_PREFIX)
