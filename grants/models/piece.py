"""The pieces joined to an application and the requests for missing ones."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from core.history import tracked
from core.lib.planned_days import MOST_ANSWER_DAYS, within
from core.triggers import never_deleted
from grants.models.guards import kept_once_decided
from grants.rules.deadlines import Suspension


class PieceQuerySet(models.QuerySet):
    def current(self):
        """Pieces that count: those that were replaced stay only for the snapshots that name them."""
        return self.exclude(state=Piece.State.REPLACED)


@tracked
class Piece(models.Model):
    """One file for one expected piece (``code`` of the programme's piece rules)."""

    class State(models.TextChoices):
        PROVIDED = "provided", pgettext_lazy("piece", "Received")
        ACCEPTED = "accepted", pgettext_lazy("piece", "Accepted")
        REFUSED = "refused", pgettext_lazy("piece", "To be replaced")
        REPLACED = "replaced", pgettext_lazy("piece", "Replaced")

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="pieces", verbose_name=_("application")
    )
    code = models.CharField(_("piece"), max_length=50)
    document = models.ForeignKey(
        "core.Document", on_delete=models.PROTECT, related_name="pieces", verbose_name=_("file")
    )
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.PROVIDED)
    note = models.CharField(_("note to the applicant"), max_length=500, blank=True)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("added by")
    )
    added_at = models.DateTimeField(_("added on"), auto_now_add=True)

    objects = PieceQuerySet.as_manager()

    class Meta:
        verbose_name = _("piece")
        verbose_name_plural = _("pieces")
        ordering = ["application_id", "code", "pk"]
        triggers = [kept_once_decided()]
        indexes = [models.Index(fields=["application", "code"], name="piece_application_code_idx")]
        constraints = [
            models.UniqueConstraint(fields=["document"], name="piece_document_unique"),
            models.CheckConstraint(
                condition=~models.Q(state="refused") | ~models.Q(note=""),
                name="piece_refused_with_a_note",
                violation_error_message=_("Say what is wrong with the piece: the applicant will read it."),
            ),
        ]

    def __str__(self):
        return self.code


@tracked
class PieceRequest(models.Model):
    """The service asks for missing pieces; the applicant answers before ``due_on``."""

    application = models.ForeignKey(
        "grants.Application", on_delete=models.CASCADE, related_name="piece_requests", verbose_name=_("application")
    )
    pieces = models.JSONField(
        _("pieces"), default=list, help_text=_("Codes of the pieces asked for, from the programme's list.")
    )
    message = models.TextField(_("message"))
    due_on = models.DateField(_("answer before"))
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    requested_at = models.DateTimeField(_("asked on"), auto_now_add=True)
    answered_at = models.DateTimeField(_("answered on"), null=True, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("answered by"),
    )

    class Meta:
        verbose_name = _("request for pieces")
        verbose_name_plural = _("requests for pieces")
        ordering = ["application_id", "requested_at"]
        triggers = [never_deleted()]
        indexes = [models.Index(fields=["due_on"], name="piece_request_due_idx")]
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=models.Q(answered_at__isnull=True),
                name="piece_request_one_open",
                violation_error_message=_("A request for pieces is already waiting for an answer."),
            ),
            models.CheckConstraint(
                condition=within("due_on", "requested_at", MOST_ANSWER_DAYS),
                name="piece_request_due_plausible",
                violation_error_message=_("Two years at most are given to answer a request for pieces."),
            ),
            models.CheckConstraint(
                condition=models.Q(answered_at__isnull=True, answered_by__isnull=True)
                | models.Q(answered_at__isnull=False, answered_by__isnull=False),
                name="piece_request_answer_has_author",
            ),
        ]

    def __str__(self):
        return f"{self.application} – {self.due_on}"

    @property
    def without_answer(self) -> str:
        """What the service may do after the day of the answer (``declare_inadmissible``), as page and mail say it."""
        return str(_("Without an answer by that date, your application may be declared inadmissible."))

    @property
    def stopped_the_clock_until_answered(self) -> bool:
        """Whether the limit of the decision still stood still when the answer came: else it ran again already."""
        if self.answered_at is None:
            return False
        asked_on, answered_on = timezone.localdate(self.requested_at), timezone.localdate(self.answered_at)
        return Suspension(asked_on, self.due_on).runs(answered_on)
