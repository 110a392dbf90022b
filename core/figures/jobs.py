"""The nightly look at all the figures, and the one that a person asks for from the page."""

from celery import shared_task
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from core.figures.alerts import CLOCKS_DIFFER, tell_failure
from core.figures.invariants import invariants
from core.figures.looking import look_and_keep
from core.figures.models import FigureCheck
from core.jobs import JobCancelled, JobContext, JobError, JobResult, job_kind, submit
from core.models.job import Job
from core.models.user import User

KIND = "figures.check"
# Whoever asks, one look at a time is enough: it looks at everything.
KEY = "figures.check"
FROM_HOUR = 2  # of the night, in the Region's time zone: when nobody works


@job_kind(KIND, label=gettext_lazy("Look at the figures"), queue="reports")
def check_figures(context: JobContext) -> JobResult:
    """Look at every invariant, keep what was found, and tell what is new."""
    said: list[str] = []
    try:
        results = look_and_keep(progress=lambda done, total: context.progress(done, total), say=said.append)
    except JobCancelled:
        raise
    except Exception as problem:
        tell_failure([f"{type(problem).__name__}: {problem}".splitlines()[0][:300]])
        raise
    if lost := [str(result.invariant.name) for result in results if not result.is_kept]:
        raise JobError(
            _("What was found could not be kept: %(names)s. Tell the support.") % {"names": ", ".join(lost)[:200]}
        )
    broken = [result for result in results if not result.holds]
    rows = sum(result.count for result in broken)
    return JobResult(
        rows=rows,
        totals={_("figures looked at"): len(results), _("do not hold"): len(broken), _("broken rows"): rows},
        message=" ".join([outcome(len(results), len(broken), rows), *said]),
    )


def outcome(looked_at: int, broken: int, rows: int) -> str:
    """What a look found, in one sentence."""
    if not broken:
        return _("All %(count)d checks hold.") % {"count": looked_at}
    return ngettext(
        "%(broken)d check of %(count)d does not hold (broken rows: %(rows)d).",
        "%(broken)d checks of %(count)d do not hold (broken rows: %(rows)d).",
        broken,
    ) % {"broken": broken, "count": looked_at, "rows": rows}


def has_failed() -> bool:
    """Whether the last look that was asked for ended without having been made."""
    job = Job.objects.filter(kind=KIND, state__in=[Job.State.DONE, Job.State.FAILED]).order_by("-pk").first()
    return job is not None and job.state == Job.State.FAILED


def ask(user: User | None) -> Job:
    """Ask for a look now; the one that is under way is given instead."""
    return submit(KIND, parameters={}, user=user, key=KEY)


def is_due() -> bool:
    """Whether the look of this night is still to be made: also when the worker was away at its hour."""
    now = timezone.localtime()
    begins = now.replace(hour=FROM_HOUR, minute=0, second=0, microsecond=0)
    # One that a clock ahead has dated of a later day is not that of this night.
    this_night = (begins, now + CLOCKS_DIFFER)
    looked_at = FigureCheck.objects.filter(checked_at__range=this_night, code__in=[item.code for item in invariants()])
    return now >= begins and looked_at.count() < len(invariants())  # one figure by command is not the look of the night


@shared_task(name="core.figures.jobs.check_figures_at_night")
def check_figures_at_night() -> None:
    """Three times an hour: ask for the look of the night unless it was made."""
    if is_due():
        ask(None)
