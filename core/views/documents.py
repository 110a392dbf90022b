"""Serving documents: to those who may see their case, as an attachment that nothing runs."""

from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from core.documents import may_read, open_document
from core.models.document import Document
from core.portal import portal_login_required

# A page made of the file, if a browser ever made one, could load, run and send nothing.
CONTENT_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def _documents() -> QuerySet[Document]:
    return Document.objects.select_related("file", "content_type")


@portal_login_required
@require_safe
def document(request: HttpRequest, pk: int) -> HttpResponse:
    """The file of a document; 404 also for one that the reader may not see, so that numbers tell nothing."""
    found = get_object_or_404(_documents(), pk=pk)
    if may_read(request.user, found):
        raise Http404
    file = open_document(found)  # what keeps it from being read is told by the middleware
    response = FileResponse(file, as_attachment=True, filename=found.name, content_type=found.file.media_type)
    response["Content-Length"] = found.file.size
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = CONTENT_POLICY
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
