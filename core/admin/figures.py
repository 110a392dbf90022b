"""The page "Checks": each invariant of the figures, whether it holds, and the rows that break it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.admin.base import EssorModelAdmin
from core.admin_permissions import has_any_role
from core.engine.anchors import has_destination
from core.figures.alerts import ALERTED, CLOCKS_DIFFER
from core.figures.invariants import Invariant, UnknownInvariant, invariant_of, invariants, url_of
from core.figures.jobs import KIND, ask
from core.figures.models import FigureCheck, FigureFinding
from core.models.job import Job
from core.roles import Role

ROWS = 50
RESOLVED = 20
TITLE = gettext_lazy("Figure checks")


@dataclass(frozen=True)
class Line:
    """One invariant as the page shows it, with its last look (None before the first)."""

    invariant: Invariant
    check: FigureCheck | None

    @property
    def url(self) -> str:
        return reverse("admin:core_figurecheck_rows", args=[self.invariant.code])

    @property
    def tone(self) -> str:
        if self.check is None:
            return "idle"
        return "ok" if self.check.holds else "no"  # one that could not be made is no better than one that fails

    @property
    def state(self) -> str:
        if self.check is None:
            return _("not looked at yet")
        if self.check.error:
            return _("could not be made")
        return _("holds") if self.check.holds else _("does not hold")

    @property
    def is_broken(self) -> bool:
        return self.check is not None and not self.check.holds


@dataclass(frozen=True)
class Row:
    """One broken row as people read it."""

    finding: FigureFinding
    label: str
    url: str
    expected: str
    found: str


def may_ask(user: Any) -> bool:
    """Whether this person may have the figures looked at now: an auditor reads."""
    return has_any_role(user, ALERTED) and not user.has_role(Role.AUDITOR)


@admin.register(FigureCheck)
class FigureCheckAdmin(EssorModelAdmin):
    """For those who answer for the figures, and for the auditors: nothing is edited here."""

    view_roles = ALERTED

    def essor_urls(self):
        view = self.admin_site.admin_view
        return [
            self.posted("ask/", self.ask_view, "ask"),
            path("<str:code>/rows/", view(self.rows_view), name="core_figurecheck_rows"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """All the invariants: those that do not hold first, then each app's."""
        self._refuse_others(request)
        checks = {check.code: check for check in FigureCheck.objects.all()}
        lines = [Line(invariant, checks.get(invariant.code)) for invariant in invariants()]
        looked_at, limit = [line.check.checked_at for line in lines if line.check], timezone.now() + CLOCKS_DIFFER
        return self.page(
            request,
            "admin/core/figures.html",
            TITLE,
            broken=[line for line in lines if line.is_broken],
            groups=_by_app(lines),
            last=max((moment for moment in looked_at if moment <= limit), default=None),
            ahead=max((moment for moment in looked_at if moment > limit), default=None),
            job=Job.objects.active().filter(kind=KIND).first(),
            failed=_failed_since(max(looked_at, default=None)),
            may_ask=may_ask(request.user),
            unanchored=not has_destination(),
        )

    def rows_view(self, request: HttpRequest, code: str) -> HttpResponse:
        """One invariant with its broken rows, the oldest first, and those that came right again."""
        self._refuse_others(request)
        try:
            invariant = invariant_of(code)
        except UnknownInvariant:
            raise Http404 from None
        found = FigureFinding.objects.filter(code=code)
        page = Paginator(found.open().order_by("first_seen", "pk"), ROWS).get_page(request.GET.get("p"))
        resolved = found.filter(resolved_at__isnull=False).order_by("-resolved_at", "-pk")[:RESOLVED]
        return self.page(
            request,
            "admin/core/figure.html",
            str(invariant.name),
            line=Line(invariant, FigureCheck.objects.filter(code=code).first()),
            page=page,
            rows=self._rows(request, invariant, page),
            resolved=self._rows(request, invariant, resolved),
        )

    def ask_view(self, request: HttpRequest) -> HttpResponse:
        """Have the figures looked at now; the job has its own page."""
        if not may_ask(request.user):
            raise PermissionDenied(_("Only finance officers and administrators have the figures looked at."))
        job = ask(request.user)
        if job.requested_by_id != request.user.pk:
            messages.info(request, _("The figures are being looked at already: the page will show what is found."))
            return redirect("admin:core_figurecheck_changelist")
        return redirect("core:job", pk=job.pk)

    def _rows(self, request: HttpRequest, invariant: Invariant, findings: Iterable[FigureFinding]) -> list[Row]:
        rows = []
        for finding in findings:
            subject = ContentType.objects.get_by_natural_key(*finding.model.split(".")).model_class()
            expected, found = invariant.told(finding.expected, finding.found, subject)
            rows.append(
                Row(
                    finding=finding,
                    label=invariant.called(finding.label),
                    url=url_of(finding.model, finding.object_id) if self._may_read(request, subject) else "",
                    expected=expected,
                    found=found,
                )
            )
        return rows

    def _may_read(self, request: HttpRequest, subject: type[Model]) -> bool:
        """Whether the pages of these rows open for this person: no link leads to a refusal."""
        if not self.admin_site.is_registered(subject):
            return False
        return self.admin_site.get_model_admin(subject).has_view_permission(request)

    def _refuse_others(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied


def _failed_since(last: datetime | None) -> Job | None:
    """The last look that was asked for, where it failed after the last one that was made."""
    job = Job.objects.filter(kind=KIND).order_by("-pk").first()
    if job is None or job.state != Job.State.FAILED or (last is not None and job.finished_at < last <= timezone.now()):
        return None
    return job


def _by_app(lines: Iterable[Line]) -> list[tuple[str, list[Line]]]:
    groups: dict[str, list[Line]] = {}
    for line in lines:
        groups.setdefault(line.invariant.app_label, []).append(line)
    return [(str(apps.get_app_config(label).verbose_name), its) for label, its in groups.items()]
