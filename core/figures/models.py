"""What the looks at the figures found: the last look at each invariant, and each broken row since when."""

from datetime import datetime

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.triggers import never_deleted

#: SQL of the latest moment that a look may be of: clocks differ by some minutes at most. A later one was written by a clock
#: that was ahead, and the next look brings it back; nothing else does.
LATEST = "(clock_timestamp() + interval '5 minutes')"


def _brought_back(column: str) -> str:
    """SQL, true where a moment that no clock has reached yet is replaced by one of now."""
    return f"(OLD.{column} > {LATEST} AND NEW.{column} <= {LATEST}) IS TRUE"


class FigureCheck(models.Model):
    """The last look at one invariant. A row whose code nothing declares any more is left from an earlier version."""

    code = models.CharField(_("code"), max_length=80, unique=True)
    checked_at = models.DateTimeField(_("last looked at"))
    broken_count = models.PositiveIntegerField(_("broken rows"), default=0)
    broken_since = models.DateTimeField(_("broken since"), null=True, blank=True)
    milliseconds = models.PositiveIntegerField(_("milliseconds"), default=0)
    error = models.CharField(_("why it could not be looked at"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("look at an invariant")
        verbose_name_plural = _("looks at invariants")
        ordering = ["code"]
        triggers = [
            pgtrigger.Protect(
                name="changes_by_a_look",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.code <> NEW.code OR NEW.checked_at < OLD.checked_at AND NOT {_brought_back('checked_at')}"
                    " OR (OLD.broken_count, OLD.error, OLD.broken_since)"
                    " IS DISTINCT FROM (NEW.broken_count, NEW.error, NEW.broken_since) AND NEW.checked_at = OLD.checked_at"
                ),
            ),
            never_deleted(),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(broken_count=0, error="", broken_since__isnull=True)
                | (Q(broken_since__isnull=False) & (Q(broken_count__gt=0) | ~Q(error=""))),
                name="figure_check_broken_since",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def holds(self) -> bool:
        return self.broken_since is None


class FindingQuerySet(models.QuerySet):
    """Broken rows."""

    def open(self) -> "FindingQuerySet":
        """Those that the last look still found."""
        return self.filter(resolved_at__isnull=True)


class FigureFinding(models.Model):
    """One row that broke an invariant: from the look that first found it to the one that found it right again.

    ``model`` ("app.model") and ``object_id`` name the row; they are plain values, since the row may go away.
    ``expected`` and ``found`` are kept as texts without format (``20000.00``). The list has no history: each look makes it
    anew (``core.engine.kept_findings`` holds it to the last one). What was found is neither rewritten nor removed: what a row
    says changes with a later look alone.
    """

    code = models.CharField(_("code"), max_length=80)
    model = models.CharField(_("model"), max_length=100)
    object_id = models.BigIntegerField(_("row"))
    label = models.CharField(_("name"), max_length=200)
    expected = models.CharField(_("expected"), max_length=200, blank=True)
    found = models.CharField(_("found"), max_length=200, blank=True)
    first_seen: datetime = models.DateTimeField(_("since when"))
    last_seen: datetime = models.DateTimeField(_("last seen"))
    resolved_at = models.DateTimeField(_("right again since"), null=True, blank=True)
    told_at = models.DateTimeField(_("told by mail"), null=True, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        verbose_name = _("broken figure")
        verbose_name_plural = _("broken figures")
        ordering = ["code", "first_seen", "pk"]
        indexes = [
            models.Index(fields=["code", "first_seen"], condition=Q(resolved_at__isnull=True), name="figure_open"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "model", "object_id", "label"],
                condition=Q(resolved_at__isnull=True),
                name="figure_finding_open_once",
            ),
            models.CheckConstraint(
                condition=Q(last_seen__gte=models.F("first_seen")), name="figure_finding_dates_in_order"
            ),
        ]
        triggers = [
            pgtrigger.Protect(
                name="stays_what_was_found",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"OLD.first_seen <> NEW.first_seen AND NOT {_brought_back('first_seen')}"
                    " OR (OLD.code, OLD.model, OLD.object_id, OLD.label) IS DISTINCT FROM"
                    " (NEW.code, NEW.model, NEW.object_id, NEW.label)"
                ),
            ),
            pgtrigger.Protect(
                name="stays_right_again",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.resolved_at IS NOT NULL AND (OLD.resolved_at, OLD.last_seen) IS DISTINCT FROM"
                    f" (NEW.resolved_at, NEW.last_seen) AND NOT {_brought_back('resolved_at')}"
                ),
            ),
            pgtrigger.Protect(
                name="changes_by_a_look",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"NEW.last_seen < OLD.last_seen AND NOT {_brought_back('last_seen')}"
                    " OR OLD.told_at IS NOT NULL AND NEW.told_at IS DISTINCT FROM OLD.told_at"
                    " OR (OLD.expected, OLD.found) IS DISTINCT FROM (NEW.expected, NEW.found) AND NEW.last_seen = OLD.last_seen"
                ),
            ),
            never_deleted(),
        ]

    def __str__(self) -> str:
        return f"{self.code}: {self.label}"
