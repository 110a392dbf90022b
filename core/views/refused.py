"""The answer to what the database refused: what it says, that nothing was recorded, and the way back."""

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from core.views.resume import is_fragment, page_before
from core.views.stale import CONFLICT


def refused_page(request: HttpRequest, sentence: str) -> HttpResponse:
    """The sentence on a page of its own (409); a script gets it alone, its page keeps what was typed."""
    if is_fragment(request):
        return JsonResponse({"refused": sentence}, status=CONFLICT)
    context = {"title": _("This was not recorded"), "sentence": sentence, "back": page_before(request)}
    if request.path.startswith(settings.ESSOR_STAFF_PREFIX):
        request.current_app = admin.site.name
        return render(
            request, "admin/essor/refused.html", {**admin.site.each_context(request), **context}, status=CONFLICT
        )
    return render(request, "essor/refused.html", context, status=CONFLICT)
