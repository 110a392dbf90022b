"""A call: the window in which a programme takes applications."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.dates import format_closing, format_moment
from core.history import tracked
from core.models.indexes import for_lists
from grants.models.envelope import call_keeps_its_envelope
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
                condition=models.Q(is_locked=False) | ~models.Q(lock_reason=""),
                name="call_locked_with_a_reason",
                violation_error_message=_("Say why the call is locked: applicants will read it."),
            ),
        ]
        triggers = [call_keeps_its_envelope()]

    def __str__(self):
        return self.title

    def clean(self):
        """Say before the database does that the call keeps the envelope on which a case awaits its act."""
        known = type(self).objects.filter(pk=self.pk).exclude(envelope=None).exclude(envelope=self.envelope_id).first()
        case = known and known.applications.filter(state="approved", commitments__isnull=True).first()
        if case:
            sentence = gettext(
                "%(case)s is granted on the present envelope and awaits its act: the call keeps it until then."
            )
            raise ValidationError({"envelope": sentence % {"case": case.number}})

    @property
    def programme(self):
        return self.programme_version.programme

    def is_open(self, at: datetime | None = None) -> bool:
        """Whether an application may be filed at this moment."""
        return self.closed_reason(at) is None

    def closed_reason(self, at: datetime | None = None) -> str | None:
        """None when applications can be filed, else the sentence that says why not and what is kept."""
        at = at or timezone.now()
        if not self.is_published:
            return gettext("This call is not published. Contact the service to know when it opens.")
        if at < self.opens_at:
            return gettext("This call opens on %(date)s. Your draft is kept until then.") % {
                "date": format_moment(self.opens_at)
            }
        if at >= self.closes_at:
            return gettext(
                "This call closed on %(date)s: no application can be filed any more. "
                "What you typed is kept; contact the service to know about the next call."
            ) % {"date": format_closing(self.closes_at)}
        if self.is_locked:
            return gettext("Filing is suspended for this call: %(reason)s What you typed is kept; try again later.") % {
                "reason": self.lock_reason
            }
        return None
