"""Doubts about an operation that someone must answer."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import format_euros
from core.roles import Role
from core.templatetags.essor import percent
from core.transitions import workflow_transition
from core.triggers import never_deleted
from reporting import effects, permissions
from reporting.models.guards import asked_too_much_is_corrected
from reporting.models.operation import Operation
from reporting.models.querysets import OfOperationQuerySet


class FlagKind(models.TextChoices):
    """What is doubtful."""

    EU_ABOVE_ELIGIBLE = "eu_above_eligible", _("EU amount above the eligible cost")
    PROGRAMMING_DATE = "programming_date", _("Implausible date of programming")
    FUND_UNKNOWN = "fund_unknown", _("Fund not stated")
    NO_ELIGIBLE_COST = "no_eligible_cost", _("No eligible cost")
    NO_EU_AMOUNT = "no_eu_amount", _("No EU amount")
    NO_PRIORITY = "no_priority", _("Priority and objective to be chosen")
    RATE_ABOVE_PRIORITY = "rate_above_priority", _("EU share above the rate of the priority")
    FAULT_OPEN = "fault_open", _("Fault still open on declared expenditure")
    ABOVE_PAYABLE = "above_payable", _("Plan above what can still be paid")
    PAID_NOT_BORNE = "paid_not_borne", _("Ended: more is paid, or will be, than can be declared, review the plan")
    CERTIFIED_NOT_PAID = "certified_not_paid", _("Certified above what is or will be paid")
    NOTHING_TO_DECLARE = "nothing_to_declare", _("Paid on no expenditure: nothing can be declared")


class FlagState(models.TextChoices):
    OPEN = "open", pgettext_lazy("flag", "To be answered")
    ANSWERED = "answered", pgettext_lazy("flag", "Answered")
    OBSOLETE = "obsolete", pgettext_lazy("flag", "No longer true")


class FlagAnswer(models.TextChoices):
    CONFIRMED = "confirmed", _("The recorded data are right")
    CORRECTED = "corrected", _("The data are corrected")
    REGULAR = "regular", _("The expenditure is regular: it may be asked from the Commission")
    KEPT_OUT = "kept_out", _("The expenditure is irregular: it stays out of every payment application")
    WITHDRAWN = "withdrawn", _("What was asked too much is withdrawn, or corrected with the authority of the programme")


#: The answers to a doubt about the expenditure of a claim, and to no other.
OF_A_FAULT = (FlagAnswer.REGULAR, FlagAnswer.KEPT_OUT)


_FOUND = {
    "eu_amount": lambda value: _("EU amount %s") % format_euros(Decimal(value)),
    "eligible_cost": lambda value: _("eligible cost %s") % format_euros(Decimal(value)),
    "programmed_on": lambda value: _("programmed on %s") % f"{date.fromisoformat(value):%d/%m/%Y}",
    "rate": lambda value: _("EU share %s") % percent(value, "points"),
    "limit": lambda value: _("rate of the priority %s") % percent(value, "points"),
    "written": lambda value: _("written “%s”") % value,
    "fund": lambda value: str(value),
    "claim": lambda value: _("claim %s") % value,
    "planned": lambda value: _("EU and Region %s in the plan") % format_euros(Decimal(value)),
    "paid": lambda value: (
        _("%s paid by the EU and the Region, or kept by the settlement") % format_euros(Decimal(value))
    ),
    "borne": lambda value: _("%s that the plan can bear") % format_euros(Decimal(value)),
    "certificates": lambda value: _("left out of the payment applications: %s") % value,
    "of_eu": lambda value: _("EU share of what is left out: %s") % format_euros(Decimal(value)),
    "most": lambda value: _("at most %s can be asked as public contribution") % format_euros(Decimal(value)),
    "certified": lambda value: _("%s certified on the EU") % format_euros(Decimal(value)),
    "asked": lambda value: _("%s asked as public contribution") % format_euros(Decimal(value)),
    "payable": lambda value: _("at most %s will be paid") % format_euros(Decimal(value)),
    "years": lambda value: _("years concerned: %s") % value,
}


def found_in_words(detail: Mapping[str, Any]) -> str:
    """The figures that raised a doubt, as people write them."""
    return " · ".join(_FOUND[name](value) for name, value in detail.items() if name in _FOUND and value)


class FlagQuerySet(OfOperationQuerySet):
    def open(self):
        return self.filter(state=FlagState.OPEN)

    def keeping_out(self):
        """The faults for which expenditure is not asked for: nobody has said that it is regular."""
        return self.filter(kind=FlagKind.FAULT_OPEN).exclude(answer=FlagAnswer.REGULAR)


@tracked
class OperationFlag(WorkflowModel):
    """One doubt. ``detail`` holds the figures that raised it, as texts; ``answered_at`` is also when it fell."""

    Kind = FlagKind
    State = FlagState
    Answer = FlagAnswer
    STATE_TONES = {"open": "act", "answered": "ok", "obsolete": "wait"}

    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="flags", verbose_name=_("operation")
    )
    claim = models.OneToOneField(
        "agreements.PaymentClaim", on_delete=models.PROTECT, null=True, blank=True, related_name="fault",
        verbose_name=_("claim"),
    )  # fmt: skip
    kind = models.CharField(_("doubt"), max_length=20, choices=FlagKind.choices)
    detail = models.JSONField(_("what was found"), default=dict, blank=True)
    state = FSMField(_("state"), default=FlagState.OPEN, choices=FlagState.choices, protected=True, db_index=True)
    raised_at = models.DateTimeField(_("raised on"), default=timezone.now, editable=False)
    answer = models.CharField(_("answer"), max_length=10, choices=FlagAnswer.choices, blank=True)
    explanation = models.TextField(_("explanation"), blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("answered by"),
    )  # fmt: skip
    answered_at = models.DateTimeField(_("answered on"), null=True, blank=True)

    objects = FlagQuerySet.as_manager()

    class Meta:
        verbose_name = _("doubt about an operation")
        verbose_name_plural = _("doubts about operations")
        ordering = ["-raised_at", "-pk"]
        indexes = [
            *for_lists("operation_flag", "kind", "raised_at"),
            models.Index(fields=["state", "kind", "-raised_at"], name="operation_flag_queue"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["operation", "kind"], condition=Q(state="open", claim=None), name="operation_flag_open_once"
            ),
            # A claim ends once: the fault that was open on it is doubted once, and answered in its own words.
            models.CheckConstraint(
                condition=Q(kind="fault_open", claim__isnull=False, answer__in=["", "regular", "kept_out"])
                | (
                    ~Q(kind="fault_open")
                    & Q(claim__isnull=True, answer__in=["", "confirmed", "corrected", "withdrawn"])
                ),
                name="operation_flag_fault_is_of_a_claim",
            ),
            # Only what was asked too much is withdrawn.
            models.CheckConstraint(
                condition=~Q(answer="withdrawn") | Q(kind="certified_not_paid", detail__has_key="asked"),
                name="operation_flag_withdrawn_was_asked",
            ),
            # What cannot be paid any more is no matter of opinion: the plan comes down.
            models.CheckConstraint(
                condition=~Q(kind="above_payable", answer="confirmed"), name="operation_flag_above_payable_is_corrected"
            ),
            models.CheckConstraint(
                condition=Q(state="open", answer="", answered_by__isnull=True, answered_at__isnull=True)
                | (
                    Q(state="answered", answered_by__isnull=False, answered_at__isnull=False)
                    & ~Q(answer="")
                    & ~Q(explanation="")
                )
                | (
                    Q(state="obsolete", answer="", answered_by__isnull=True, answered_at__isnull=False)
                    & ~Q(explanation="")
                ),
                name="operation_flag_answer_is_whole",
            ),
        ]
        triggers = [asked_too_much_is_corrected(), never_deleted()]

    def __str__(self) -> str:
        return f"{self.operation.code} · {self.get_kind_display()}"

    @property
    def asked_too_much(self) -> bool:
        """Whether it says that more was asked from the Commission than is or will be paid."""
        return self.kind == FlagKind.CERTIFIED_NOT_PAID and "asked" in self.detail

    def interest_of(self, user) -> str | None:
        """Those of the operation."""
        return reason_interested(user, self.operation)

    @property
    def found(self) -> str:
        """What raised the doubt, in words: amounts and dates as people write them."""
        return found_in_words(self.detail)

    @workflow_transition(
        field=state,
        source="open",
        target="answered",
        label=_("Answer"),
        icon="rate_review",
        roles=[Role.EU_CONTROLLER, Role.FINANCE_OFFICER, Role.HEAD_OF_SERVICE],
        permission=permissions.may_answer_flag,
        form="reporting.forms.FlagAnswerForm",
        conditions=["reporting.conditions.asked_too_much_was_sent"],
        comment="required",
    )
    def answer_flag(self, *, actor, data, comment):
        """Say that the data are right, or correct them: a correction is a new version of the operation."""
        self.answer = data["answer"]
        self.explanation = comment
        self.answered_by = actor
        self.answered_at = timezone.now()
        if self.answer == FlagAnswer.CORRECTED:
            effects.correct_operation(self, data, actor, comment)

    @workflow_transition(
        field=state,
        source="open",
        target="obsolete",
        label=_("No longer true"),
        icon="task_alt",
        comment="required",
        audience="system",
    )
    def fall(self, *, actor, data, comment):
        """The figures that raised the doubt have changed: nobody has to answer it any more."""
        self.explanation = comment
        self.answered_at = timezone.now()
