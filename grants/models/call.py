"""A call: the window in which a programme takes applications."""

from datetime import datetime, timedelta

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.dates import format_closing, format_moment
from core.history import tracked
from core.lib.planned_days import MOST_PLAN_DAYS
from core.models.indexes import for_lists
from core.past_days import EARLIEST
from core.text import ended
from core.triggers import never_deleted
from grants.models.call_window import call_keeps_its_window, window_problems
from grants.models.envelope_guards import call_keeps_its_envelope
from grants.models.guards import call_keeps_its_programme
from grants.models.programme import ProgrammeVersion


class CallQuerySet(models.QuerySet):
    """Calls as the public sees them."""

    def published(self):
        return self.filter(is_published=True)

    def open(self, at: datetime | None = None):
        at = at or timezone.now()
        return self.published().filter(opens_at__lte=at, closes_at__gt=at, is_locked=False)

    def not_over(self, at: datetime | None = None):
        return self.published().filter(closes_at__gt=at or timezone.now())


# Cases of which an act may have been financed by a European fund.
UNDER_AGREEMENT = ("contracted", "closed", "lapsed")


def call_keeps_its_eu_rate() -> pgtrigger.Trigger:
    """The highest share of the European funds is not lowered once a case of the call is under agreement."""
    return pgtrigger.Trigger(
        name="call_keeps_its_eu_rate",
        when=pgtrigger.Before,
        operation=pgtrigger.Update,
        func=f"""
            IF NEW.eu_rate_limit IS NOT NULL AND NEW.eu_rate_limit < coalesce(OLD.eu_rate_limit, 101) AND EXISTS (
                SELECT 1 FROM grants_application WHERE call_id = NEW.id AND state IN {UNDER_AGREEMENT}) THEN
                RAISE EXCEPTION 'a case of this call is under agreement: the share of the EU is not lowered'
                    USING ERRCODE = 'check_violation';
            END IF;
            RETURN NEW;
        """,
    )


@tracked
class Call(models.Model):
    """A dated window of one version of a programme, with the envelope that pays for it."""

    programme_version = models.ForeignKey(
        ProgrammeVersion, on_delete=models.PROTECT, related_name="calls", verbose_name=_("version of the programme")
    )
    code = models.CharField(_("code"), max_length=30, unique=True)
    title = models.CharField(_("title"), max_length=200)
    opens_at = models.DateTimeField(_("opens on"))
    closes_at = models.DateTimeField(_("closes on"))
    envelope = models.ForeignKey(
        "grants.Envelope",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="calls",
        verbose_name=_("envelope"),
    )
    is_published = models.BooleanField(_("published"), default=False)
    is_locked = models.BooleanField(
        _("locked"), default=False, help_text=_("Filing is suspended; drafts are kept and can be completed.")
    )
    lock_reason = models.CharField(_("reason shown to applicants"), max_length=300, blank=True)
    eu_rate_limit = models.DecimalField(
        _("highest share of a European fund (%)"),
        max_digits=5,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Of the eligible cost of each operation. Leave it empty where the call sets no limit of its own."),
    )

    objects = CallQuerySet.as_manager()

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        ordering = ["-closes_at", "code"]
        indexes = [
            *for_lists("call", "opens_at", "closes_at", "title", "is_locked"),
            models.Index(fields=["is_published", "closes_at"], name="call_published_closes_idx"),
            models.Index(fields=["programme_version", "closes_at"], name="call_version_closes_idx"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(closes_at__gt=models.F("opens_at")),
                name="call_closes_after_it_opens",
                violation_error_message=_("The call must close after it opens."),
            ),
            models.CheckConstraint(
                condition=models.Q(
                    opens_at__year__gte=EARLIEST.year,
                    closes_at__lte=models.F("opens_at") + timedelta(days=MOST_PLAN_DAYS),
                ),
                name="call_days_plausible",
                violation_error_message=_("A call opens in this century and closes ten years later at most."),
            ),
            models.CheckConstraint(
                condition=models.Q(is_locked=False) | ~models.Q(lock_reason=""),
                name="call_locked_with_a_reason",
                violation_error_message=_("Say why the call is locked: applicants will read it."),
            ),
            models.CheckConstraint(
                condition=models.Q(eu_rate_limit__isnull=True) | models.Q(eu_rate_limit__gt=0, eu_rate_limit__lte=100),
                name="call_eu_rate_plausible",
                violation_error_message=_("The share of a European fund is a percentage above 0, at most 100."),
            ),
        ]
        triggers = [
            never_deleted(),
            call_keeps_its_envelope(),
            call_keeps_its_eu_rate(),
            call_keeps_its_programme(),
            call_keeps_its_window(),
        ]

    def __str__(self):
        return self.title

    def clean(self):
        """Say before the database does that the call keeps the envelope on which a case awaits its act."""
        errors = {}
        if self.envelope_id and self.programme_version_id and self.envelope.programme_id != self._programme_id():
            errors["envelope"] = gettext("This envelope is of another programme: choose one of the call’s programme.")
        known = type(self).objects.select_related("programme_version").filter(pk=self.pk).first()
        if known is not None:
            errors |= self._problems_with_cases(known) | window_problems(known, self.opens_at, self.closes_at)
        if errors:
            raise ValidationError(errors)
        self._keep_eu_rate()

    def _programme_id(self) -> int:
        return self.programme_version.programme_id

    def _problems_with_cases(self, known) -> dict[str, str]:
        """What a call with cases keeps: its programme, and its envelope while a decision or an act is awaited."""
        if self.programme_version_id and known._programme_id() != self._programme_id() and self.applications.exists():
            return {"programme_version": gettext("This call has cases: it keeps its programme. Create another call.")}
        if known.envelope_id is None or known.envelope_id == self.envelope_id:
            return {}
        if case := self.applications.filter(state="approved", commitments__isnull=True).first():
            sentence = gettext(
                "%(case)s is granted on the present envelope and awaits its act: the call keeps it until then."
            )
            return {"envelope": sentence % {"case": case.number}}
        if case := self.applications.filter(state="scheduled").first():
            sentence = gettext(
                "%(case)s is on the agenda of a session: the call keeps its envelope until the decision."
            )
            return {"envelope": sentence % {"case": case.number}}
        return {}

    def _keep_eu_rate(self) -> None:
        """Say before the database does that what is under agreement was financed under the present limit."""
        known = type(self).objects.filter(pk=self.pk).first()
        if known is None or self.eu_rate_limit is None:
            return
        if known.eu_rate_limit is not None and known.eu_rate_limit <= self.eu_rate_limit:
            return
        case = known.applications.filter(state__in=UNDER_AGREEMENT).order_by("pk").first()
        if case:
            sentence = gettext(
                "%(case)s is under agreement, and was financed under the present limit: it may be raised, not lowered."
            )
            raise ValidationError({"eu_rate_limit": sentence % {"case": case.number}})

    @property
    def programme(self):
        return self.programme_version.programme

    @property
    def is_over(self) -> bool:
        """Whether its last moment has passed: nothing is filed under it any more."""
        return timezone.now() >= self.closes_at

    @property
    def closed_sentence(self) -> str:
        """What is said from its last moment on; a page that is open then says it by itself."""
        return gettext(
            "This call closed on %(date)s: no application can be filed any more. "
            "What you typed is kept; contact the service to know about the next call."
        ) % {"date": format_closing(self.closes_at)}

    @property
    def over_sentence(self) -> str:
        """The same for somebody who typed nothing: on the public pages, and where an application is begun."""
        return gettext(
            "This call closed on %(date)s: no application can be filed any more. Contact the service to know about the "
            "next call."
        ) % {"date": format_closing(self.closes_at)}

    @property
    def closed_to_readers(self) -> str | None:
        """:meth:`closed_reason` for somebody who typed nothing."""
        return self.closed_reason(has_typed=False)

    def is_open(self, at: datetime | None = None) -> bool:
        """Whether an application may be filed at this moment."""
        return self.closed_reason(at) is None

    def closed_reason(self, at: datetime | None = None, *, has_typed: bool = True) -> str | None:
        """None when applications can be filed, else the sentence that says why not, and what is kept of what the reader
        ``has_typed``."""
        at = at or timezone.now()
        if not self.is_published:
            return gettext("This call is not published. Contact the service to know when it opens.")
        if at < self.opens_at:
            words = {"date": format_moment(self.opens_at)}
            if not has_typed:
                return gettext("This call opens on %(date)s.") % words
            return gettext("This call opens on %(date)s. Your draft is kept until then.") % words
        if at >= self.closes_at:
            return self.closed_sentence if has_typed else self.over_sentence
        if self.is_locked:
            words = {"reason": ended(self.lock_reason)}
            if not has_typed:
                return gettext("Filing is suspended for this call: %(reason)s Try again later.") % words
            return (
                gettext("Filing is suspended for this call: %(reason)s What you typed is kept; try again later.")
                % words
            )
        return None
