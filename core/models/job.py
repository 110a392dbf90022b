"""Long jobs: the row is the truth, the worker's message only a hint."""

from typing import Any

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked
from core.models.indexes import for_lists


class JobQuerySet(models.QuerySet):
    def for_user(self, user) -> "JobQuerySet":
        """The jobs that this person asked for; all of them for those who see everything."""
        if not getattr(user, "is_authenticated", False) or not user.is_active:
            return self.none()
        return self if user.sees_everything else self.filter(requested_by=user)

    def active(self) -> "JobQuerySet":
        return self.filter(state__in=Job.ACTIVE)


# How far it is, is not history: it changes twice a second.
@tracked(exclude=["progress", "total", "message", "lease_until"], personal=["parameters", "result"])
class Job(models.Model):
    """One long job. Its state changes by conditional updates only (:mod:`core.job_runner`)."""

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("job", "waiting")
        RUNNING = "running", pgettext_lazy("job", "under way")
        DONE = "done", pgettext_lazy("job", "done")
        FAILED = "failed", pgettext_lazy("job", "failed")
        CANCELLED = "cancelled", pgettext_lazy("job", "cancelled")

    # What an erasure by law leaves of a report: the hashes of its data, which name nobody, and by which a later report of the
    # same data says that this one was made.
    ERASED = {
        "parameters": models.Value({}, models.JSONField()),
        "result": models.Case(
            models.When(
                result__totals__lasting__isnull=False,
                then=JSONObject(
                    totals=JSONObject(**{name: f"result__totals__{name}" for name in ("data_sha256", "lasting")})
                ),
            ),
            default=models.Value({}, models.JSONField()),
            output_field=models.JSONField(),
        ),
    }

    ACTIVE = ("queued", "running")
    OPEN_TO_AUDITORS = True  # asking for a report reads
    FOR_PROGRAMS = frozenset({"data_sha256", "shown_sha256", "removed", "format_version"})  # of the totals

    kind = models.CharField(_("kind"), max_length=100)
    key = models.CharField(_("key"), max_length=200)
    parameters = models.JSONField(_("parameters"), default=dict, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.QUEUED)
    progress = models.PositiveBigIntegerField(_("progress"), default=0)
    total = models.PositiveBigIntegerField(_("total"), default=0)
    message = models.CharField(_("message"), max_length=300, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)
    file = models.ForeignKey(
        "core.Document", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("file")
    )
    reason = models.TextField(_("reason"), blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("asked on"), auto_now_add=True)
    started_at = models.DateTimeField(_("started on"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished on"), null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ["-created_at", "-id"]
        indexes = [
            *for_lists("job", "state"),
            models.Index(fields=["-created_at", "-id"], name="core_job_newest"),
            models.Index(fields=["requested_by", "-created_at"], name="core_job_requested_by"),
            models.Index(fields=["kind", "-created_at"], name="core_job_kind"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(state__in=["queued", "running"]), name="core_job_one_active_per_key"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running", "done", "failed", "cancelled"]),
                name="core_job_state_known",
            ),
            models.CheckConstraint(
                condition=models.Q(state="running", claim__isnull=False, lease_until__isnull=False)
                | (~models.Q(state="running") & models.Q(claim=None, lease_until=None)),
                name="core_job_running_has_a_lease",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["queued", "running"], finished_at=None)
                | models.Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
                name="core_job_ended_has_a_date",
            ),
            models.CheckConstraint(
                condition=~models.Q(state="failed") | ~models.Q(reason=""), name="core_job_failed_has_a_reason"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="ended_job_is_fixed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__finished_at__isnull=False),
                func="RAISE EXCEPTION 'the job % has ended: its result does not change', OLD.id"
                " USING ERRCODE = 'check_violation';",
            ),
            pgtrigger.Trigger(
                name="made_file_is_kept",
                operation=pgtrigger.Delete,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__file__isnull=False),
                func="RAISE EXCEPTION 'the job % made a file: it is kept', OLD.id USING ERRCODE = 'check_violation';",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} #{self.pk}"

    def told_totals(self) -> dict[str, Any]:
        """The totals that the job says in words. What has parts of its own is for programs."""
        totals = self.result.get("totals") or {}
        return {
            name: value
            for name, value in totals.items()
            if not isinstance(value, dict | list) and name not in self.FOR_PROGRAMS
        }

    @property
    def is_active(self) -> bool:
        return self.state in self.ACTIVE

    @property
    def percent(self) -> int:
        """0 to 100, for a progress bar."""
        if self.state == self.State.DONE:
            return 100
        return min(99, self.progress * 100 // self.total) if self.total else 0
