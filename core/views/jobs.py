"""A long job on the screen: how far it is, its file or the reason of its failure, and a way to stop it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from core.jobs import cancel, kind_of
from core.models.job import Job
from core.permissions import may_cancel_job
from core.portal import portal_login_required
from core.site.post_only import posts_to


def _job_of(request: HttpRequest, pk: int) -> Job:
    job = Job.objects.for_user(request.user).select_related("file__file", "requested_by").filter(pk=pk).first()
    if job is None:
        raise Http404
    return job


def _context(request: HttpRequest, job: Job) -> dict[str, object]:
    try:
        label = kind_of(job.kind).label
    except LookupError:
        label = job.kind
    return {
        "job": job,
        "label": label,
        "may_cancel": job.is_active and may_cancel_job(request.user, job) is None,
        "totals": job.told_totals(),
    }


@portal_login_required
def job(request: HttpRequest, pk: int) -> HttpResponse:
    """The page of one job. It looks again every two seconds while the job goes on."""
    return render(request, "essor/job.html", _context(request, _job_of(request, pk)))


@portal_login_required
def job_state(request: HttpRequest, pk: int) -> HttpResponse:
    """The part of the page that changes. An ended job asks the page to stop looking."""
    found = _job_of(request, pk)
    return render(request, "essor/job_state.html", _context(request, found))


@posts_to("core:job", "pk")
def _cancel(request: HttpRequest, pk: int) -> HttpResponse:
    found = _job_of(request, pk)
    reason = may_cancel_job(request.user, found)
    if reason:
        messages.error(request, reason)
    elif cancel(found, request.user):
        messages.success(request, _("The work is cancelled."))
    else:
        messages.info(request, _("The work had already ended."))
    return redirect("core:job", pk=pk)


job_cancel = portal_login_required(_cancel)
