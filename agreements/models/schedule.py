"""When money may be asked for: the tranches of a multi-year agreement and the instalments."""

from decimal import Decimal

import pgtrigger
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Sum
from django.utils import timezone
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField

from agreements import effects, permissions
from agreements.models.querysets import OfAgreementQuerySet, OfTrancheQuerySet
from agreements.models.triggers import (
    born_in,
    counted_by_database,
    days_in_order,
    follows_agreement,
    frozen,
    legal_moves,
    never_deleted,
    refuse,
    sums_up,
)
from agreements.settlements.triggers import report_follows_its_agreement
from core.days_in_sql import day_of
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import ZERO, MoneyField
from core.roles import Role
from core.transitions import workflow_transition
from grants.programmes.grant_plan import rate_of


class TrancheState(models.TextChoices):
    """Whether the instalments of a tranche may be claimed."""

    PLANNED = "planned", pgettext_lazy("tranche", "Planned")
    RELEASED = "released", pgettext_lazy("tranche", "Released")
    CLOSED = "closed", pgettext_lazy("tranche", "Closed")


@tracked
class Tranche(WorkflowModel):
    """One year of a multi-year agreement: what is granted for it, of which cost (its part of the eligible base). The
    first is released at the entry in force, each other one when the report on the year before was accepted. A year of
    which nothing is granted is passed over: it asks for no report, and the next one opens as after the year before it.
    """

    State = TrancheState
    STATE_TONES = {"planned": "idle", "released": "ok", "closed": "idle"}

    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.CASCADE, related_name="tranches", verbose_name=_("agreement")
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    label = models.CharField(_("label"), max_length=120)
    amount = MoneyField(_("amount"))
    cost = MoneyField(_("eligible cost"))
    starts_on = models.DateField(_("from"))
    ends_on = models.DateField(_("to"))
    state = FSMField(
        _("state"), default=TrancheState.PLANNED, choices=TrancheState.choices, protected=True, db_index=True
    )
    released_on = models.DateField(_("released on"), null=True, blank=True)
    ordered_amount = MoneyField(_("ordered"), default=0, editable=False)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("tranche")
        verbose_name_plural = _("tranches")
        ordering = ["agreement", "rank"]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "rank"], name="tranche_rank_unique"),
            models.CheckConstraint(condition=Q(amount__gte=0), name="tranche_amount_not_negative"),
            models.CheckConstraint(condition=Q(cost__gt=0, cost__gte=F("amount")), name="tranche_amount_within_cost"),
            models.CheckConstraint(condition=Q(ends_on__gte=F("starts_on")), name="tranche_dates_in_order"),
            models.CheckConstraint(
                condition=Q(ordered_amount__gte=0, ordered_amount__lte=F("amount")),
                name="tranche_ordered_within_amount",
            ),
            models.CheckConstraint(
                condition=Q(state="planned", released_on__isnull=True)
                | Q(state__in=["released", "closed"], released_on__isnull=False),
                name="tranche_release_is_dated",
            ),
        ]
        triggers = [
            born_in(TrancheState.PLANNED),
            legal_moves([("planned", "released"), ("planned", "closed"), ("released", "closed")]),
            counted_by_database(["ordered_amount"]),
            frozen("tranche_release_stays", ["released_on"], "the day of a release stays", "OLD.released_on IS NULL"),
            sums_up("tranches_sum_up", "agreements_tranche", "the tranches", cost=True),
            follows_agreement("the tranches", ["agreement_id", "rank", "amount", "cost", "starts_on", "ends_on"]),
            pgtrigger.Trigger(
                name="released_in_order",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state = 'planned' AND NEW.state <> 'planned'"),
                declare=[("its", "agreements_agreement%ROWTYPE"), ("earliest", "DATE"), ("reported", "SMALLINT")],
                func=f"""
                    SELECT * INTO its FROM agreements_agreement WHERE id = NEW.agreement_id;
                    IF its.state <> 'in_force' THEN
                        {refuse("a tranche is released while its agreement is in force")}
                    END IF;
                    IF (NEW.state = 'closed') <> (NEW.amount = 0) THEN
                        {refuse("a year of which nothing is granted is passed over, any other is released")}
                    END IF;
                    SELECT max(t.rank) INTO reported FROM agreements_tranche t
                     WHERE t.agreement_id = NEW.agreement_id AND t.rank < NEW.rank AND t.amount > 0;
                    SELECT greatest(its.notified_on, max({day_of("r.decided_at")}))
                      INTO earliest FROM agreements_tranchereport r JOIN agreements_tranche t ON t.id = r.tranche_id
                     WHERE t.agreement_id = NEW.agreement_id AND t.rank = reported;
                    IF NEW.released_on < earliest THEN
                        {refuse("a tranche is released once its act was notified and the report before it accepted, on %", "earliest")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_tranche t WHERE t.agreement_id = NEW.agreement_id
                               AND t.rank < NEW.rank AND t.state = 'planned') THEN
                        {refuse("a tranche is released after the one before it")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_tranche t WHERE t.agreement_id = NEW.agreement_id
                               AND t.rank = reported
                               AND NOT EXISTS (SELECT 1 FROM agreements_tranchereport r
                                               WHERE r.tranche_id = t.id AND r.state = 'accepted')) THEN
                        {refuse("a tranche is released on the accepted report of the one before it")}
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self):
        return self.label

    def interest_of(self, user):
        """The people of its case."""
        return reason_interested(user, self.agreement)

    def state_label(self, audience: str = "staff") -> str:
        """The words for its state; a year of which nothing is granted never opens, nor any once its act has ended."""
        if self.amount and self.state != TrancheState.CLOSED and self.agreement.ended_on:
            return str(_("Never opened: the act has ended") if not self.is_released else _("Over: the act has ended"))
        return (
            super().state_label(audience) if self.amount or self.is_released else pgettext("tranche", "Without grant")
        )

    @property
    def is_passed_over(self) -> bool:
        """Whether nothing is granted for it, and nobody reports on it."""
        return not self.amount and not self.is_released

    @property
    def rate(self):
        """The part of its cost that is granted, in percent; None where that says nothing."""
        return rate_of(self.amount, self.cost)

    def accepted_expenditure(self) -> Decimal:
        """Euros of expenditure that the Region accepted on the claims of the year; its report is compared with it."""
        return self.instalments.aggregate(sum=Sum("claims__certified_total"))["sum"] or ZERO

    @property
    def is_released(self) -> bool:
        """Whether its instalments may be claimed."""
        return self.state == TrancheState.RELEASED

    @workflow_transition(
        field=state,
        source=["planned"],
        target="released",
        label=_("Release the tranche"),
        icon="lock_open",
        audience="system",
        order=10,
        tone="primary",
    )
    def release(self, *, actor, data, comment):
        """Its instalments may be claimed."""
        self.released_on = timezone.localdate()

    @workflow_transition(
        field=state,
        source=["planned"],
        target="closed",
        label=_("Pass over the tranche"),
        icon="skip_next",
        conditions=["agreements.conditions.nothing_is_granted_for_it"],
        audience="system",
        order=15,
        tone="quiet",
    )
    def pass_over(self, *, actor, data, comment):
        """Nothing is granted for the year: no payment is claimed and no report is filed, the next one may open."""
        self.released_on = timezone.localdate()

    @workflow_transition(
        field=state,
        source=["released"],
        target="closed",
        label=_("Close the tranche"),
        icon="lock",
        audience="system",
        order=20,
        tone="quiet",
    )
    def close(self, *, actor, data, comment):
        """Its last instalment was paid."""


def _no_spending() -> str:
    return gettext("The report says that nothing was spent in the year: say why it is accepted all the same.")


class TrancheReportState(models.TextChoices):
    """What became of a yearly report."""

    FILED = "filed", pgettext_lazy("report", "Filed")
    ACCEPTED = "accepted", pgettext_lazy("report", "Accepted")
    RETURNED = "returned", pgettext_lazy("report", "To be completed")


@tracked
class TrancheReport(WorkflowModel):
    """The report of one year. Accepted, it releases the tranche of the next."""

    State = TrancheReportState
    STATE_LABELS_APPLICANT = {
        "filed": pgettext_lazy("report", "Being read by the service"),
        "accepted": pgettext_lazy("report", "Accepted"),
        "returned": pgettext_lazy("report", "To be completed"),
    }
    STATE_TONES = {"filed": "wait", "accepted": "ok", "returned": "act"}

    tranche = models.ForeignKey(Tranche, on_delete=models.PROTECT, related_name="reports", verbose_name=_("tranche"))
    state = FSMField(
        _("state"),
        default=TrancheReportState.FILED,
        choices=TrancheReportState.choices,
        protected=True,
        db_index=True,
    )
    document = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("report"),
    )
    summary = models.TextField(_("what was done"))
    spent_amount = MoneyField(_("spent in the year"))
    filed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=pgettext_lazy("feminine", "filed by"),
    )
    filed_at = models.DateTimeField(pgettext_lazy("feminine", "filed on"), default=timezone.now)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided on"), null=True, blank=True)
    decision_comment = models.TextField(_("answer"), blank=True)

    objects = OfTrancheQuerySet.as_manager()

    class Meta:
        verbose_name = _("report on a tranche")
        verbose_name_plural = _("reports on tranches")
        ordering = ["-filed_at", "-pk"]
        indexes = for_lists("report", "filed_at", "decided_at", "spent_amount")
        constraints = [
            models.UniqueConstraint(fields=["tranche"], name="tranche_report_one"),
            models.CheckConstraint(condition=Q(spent_amount__gte=0), name="tranche_report_spent_not_negative"),
            models.CheckConstraint(
                condition=~Q(state="accepted")
                | Q(decided_by__isnull=False, decided_at__isnull=False, document__isnull=False),
                name="tranche_report_accepted_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("filed_by")),
                name="tranche_report_decided_by_another",
            ),
        ]
        triggers = [
            days_in_order(("filed_at", "the filing of the report"), ("decided_at", "the decision on it")),
            born_in(TrancheReportState.FILED),
            legal_moves([("filed", "accepted"), ("filed", "returned"), ("returned", "filed")]),
            report_follows_its_agreement(),
            frozen(
                "accepted_report_frozen",
                ["tranche_id", "summary", "spent_amount", "filed_by_id", "filed_at"]
                + ["decided_by_id", "decided_at", "decision_comment"],
                "a report that was accepted does not change",
                unless="OLD.state <> 'accepted'",
            ),
            never_deleted(),
        ]

    def __str__(self):
        return str(_("Report on %(tranche)s") % {"tranche": self.tranche})

    def interest_of(self, user):
        """The people of its case."""
        return reason_interested(user, self.tranche)

    @property
    def agreement(self):
        """The agreement reported on."""
        return self.tranche.agreement

    @workflow_transition(
        field=state,
        source=["filed"],
        target="accepted",
        label=_("Accept the report"),
        icon="task_alt",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review_report,
        form="agreements.forms.reports.AcceptReportForm",
        conditions=["agreements.conditions.tranche_awaits_report", "agreements.conditions.year_may_be_reported"],
        comment="optional",
        audience="staff",
        order=10,
        tone="primary",
    )
    def accept(self, *, actor, data, comment):
        """The year was done: the next tranche may be claimed. A year in which nothing was spent needs its reason."""
        if not self.spent_amount and not comment.strip():
            raise ValidationError({"comment": _no_spending()})
        self._decide(actor, comment)

    @workflow_transition(
        field=state,
        source=["filed"],
        target="returned",
        label=_("Ask for more"),
        icon="reply",
        roles=[Role.INSTRUCTOR],
        permission=permissions.may_review_report,
        conditions=["agreements.conditions.report_is_of_agreement_in_force"],
        comment="required",
        audience="staff",
        order=20,
        tone="quiet",
    )
    def give_back(self, *, actor, data, comment):
        """The report lacks something that the comment names."""
        self._decide(actor, comment)

    @workflow_transition(
        field=state,
        source=["returned", "filed"],
        target="filed",
        label=_("File again"),
        icon="send",
        roles=[Role.APPLICANT],
        permission=permissions.may_report_on,
        form="agreements.forms.reports.TrancheReportForm",
        conditions=["agreements.conditions.year_may_be_reported"],
        audience="applicant",
        order=30,
        tone="primary",
    )
    def file_again(self, *, actor, data, comment):
        """The beneficiary answers with a completed report, or corrects one that nobody has decided on."""
        self.summary = data["summary"]
        self.spent_amount = data["spent_amount"]
        if data.get("document"):
            self.document = effects.store_report(self.tranche, data["document"], actor)
        self.filed_by = actor
        self.filed_at = timezone.now()
        self.decided_by = self.decided_at = None

    def _decide(self, actor, comment):
        self.decided_by = actor
        self.decided_at = timezone.now()
        self.decision_comment = comment


class InstalmentKind(models.TextChoices):
    """What an instalment pays."""

    ADVANCE = "advance", _("Advance")
    INTERIM = "interim", _("Interim payment")
    BALANCE = "balance", _("Balance")
    SINGLE = "single", _("Single payment")


@tracked
class Instalment(models.Model):
    """One planned payment. Its claim may ask for less, never for more.

    ``due_on`` is the last day to pay where a date is set (60 days from notification, law 2021-875
    art. 2); ``trigger_text`` says upon which event the payment hangs where it hangs on one.
    ``required_pieces`` lists ``{"code", "label", "required"}``.
    """

    Kind = InstalmentKind

    agreement = models.ForeignKey(
        "agreements.Agreement", on_delete=models.CASCADE, related_name="instalments", verbose_name=_("agreement")
    )
    tranche = models.ForeignKey(
        Tranche,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="instalments",
        verbose_name=_("tranche"),
    )
    rank = models.PositiveSmallIntegerField(_("rank"))
    kind = models.CharField(_("kind"), max_length=8, choices=InstalmentKind.choices)
    label = models.CharField(_("label"), max_length=160)
    amount = MoneyField(_("amount"))
    trigger_text = models.CharField(_("paid upon"), max_length=300)
    due_on = models.DateField(_("due on"), null=True, blank=True)
    needs_expenditure = models.BooleanField(_("on proof of expenditure"), default=False)
    required_pieces = models.JSONField(_("pieces to join"), default=list, blank=True)

    objects = OfAgreementQuerySet.as_manager()

    class Meta:
        verbose_name = _("instalment")
        verbose_name_plural = _("instalments")
        ordering = ["agreement", "rank"]
        indexes = [*for_lists("instalment", "kind"), models.Index(fields=["due_on"], name="instalment_due")]
        constraints = [
            models.UniqueConstraint(fields=["agreement", "rank"], name="instalment_rank_unique"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="instalment_amount_positive"),
            models.CheckConstraint(condition=Q(kind__in=InstalmentKind.values), name="instalment_kind_known"),
        ]
        triggers = [
            sums_up("instalments_sum_up", "agreements_instalment", "the instalments"),
            follows_agreement("the instalments", ["agreement_id", "tranche_id", "rank", "kind", "amount"]),
            pgtrigger.Trigger(
                name="tranche_holds_its_instalments",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                timing=pgtrigger.Deferred,
                declare=[("total", "NUMERIC"), ("tranche", "agreements_tranche%ROWTYPE")],
                func=f"""
                    IF NOT EXISTS (SELECT 1 FROM agreements_instalment WHERE id = NEW.id) THEN RETURN NULL; END IF;
                    IF NEW.tranche_id IS NULL THEN
                        IF EXISTS (SELECT 1 FROM agreements_tranche WHERE agreement_id = NEW.agreement_id) THEN
                            {refuse("an instalment of an agreement by tranches belongs to one of them")}
                        END IF;
                        RETURN NULL;
                    END IF;
                    SELECT * INTO tranche FROM agreements_tranche WHERE id = NEW.tranche_id;
                    SELECT sum(amount) INTO total FROM agreements_instalment WHERE tranche_id = NEW.tranche_id;
                    IF tranche.agreement_id <> NEW.agreement_id THEN
                        {refuse("an instalment and its tranche belong to one agreement")}
                    END IF;
                    IF total <> tranche.amount THEN
                        {refuse("the instalments of a tranche come to %, the tranche to %", "total", "tranche.amount")}
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self):
        return self.label

    @property
    def is_final(self) -> bool:
        """Whether it settles the account: a balance or a single payment."""
        return self.kind in {InstalmentKind.BALANCE, InstalmentKind.SINGLE}
