"""What is asked from the Commission: one application per programme, fund and accounting year at a time."""

from collections.abc import Iterable

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from agreements.models.triggers import days_in_order, frozen, legal_moves, refuse
from applicants.models.triggers import bodies_of_case, impartial
from core.engine.past import Moment, Moments, Present
from core.history import tracked
from core.models.workflow import WorkflowModel
from core.money import MoneyField
from core.roles import Role
from core.transitions import workflow_transition
from grants.interests import interest_in
from grants.models import Application
from reporting import effects, permissions
from reporting.models.guards import (
    asks_for_what_is_paid,
    in_its_accounting_year,
    only_while_open,
    recorded_when_it_came,
    sent_late_for_a_reason,
    sums_entries,
)
from reporting.models.programme import Basis, EUProgramme, Priority
from reporting.models.querysets import EUStaffQuerySet
from reporting.models.reference import AccountingYear, CategoryOfRegion, Fund


class PaymentApplicationState(models.TextChoices):
    OPEN = "open", pgettext_lazy("payment application", "Open")
    CLOSED = "closed", pgettext_lazy("payment application", "Closed")
    SENT = "sent", pgettext_lazy("payment application", "Sent to the Commission")
    ACCEPTED = "accepted", pgettext_lazy("payment application", "Accepted by the Commission")
    VOID = "void", pgettext_lazy("payment application", "Withdrawn before its sending")


# SQL of the cases whose expenditure an application asks for.
CASES_OF_APPLICATION = """ANY (ARRAY(SELECT a.application_id FROM reporting_paymentapplicationentry e
    JOIN reporting_paymentapplicationline l ON l.id = e.line_id
    JOIN reporting_certificate c ON c.id = e.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id
    JOIN agreements_paymentclaim p ON p.id = d.claim_id
    JOIN agreements_agreement a ON a.id = p.agreement_id WHERE l.application_id = NEW.id))"""
# SQL: of an expenditure that the application asks for, the claim is suspended, or else certified no more; or it ended
# with its fault open, and nobody has said that the expenditure is regular.
ASKS_IN_DOUBT = """EXISTS (SELECT 1 FROM reporting_paymentapplicationentry e
    JOIN reporting_paymentapplicationline l ON l.id = e.line_id
    JOIN reporting_certificate c ON c.id = e.certificate_id
    JOIN reporting_expendituredeclaration d ON d.id = c.declaration_id
    JOIN agreements_paymentclaim p ON p.id = d.claim_id
    WHERE l.application_id = NEW.id AND (p.state NOT IN ('certified', 'ordered', 'paid') OR EXISTS (
        SELECT 1 FROM reporting_operationflag f WHERE f.claim_id = p.id AND f.kind = 'fault_open' AND f.answer <> 'regular')))"""


def _person(label) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=label
    )


@tracked
class PaymentApplication(WorkflowModel):
    """A request of payment (Annex XXIII of Regulation (EU) 2021/1060), one fund each. Frozen once closed."""

    State = PaymentApplicationState
    STATE_TONES = {"open": "act", "closed": "wait", "sent": "wait", "accepted": "ok", "void": "idle"}

    programme = models.ForeignKey(
        EUProgramme, on_delete=models.PROTECT, related_name="payment_applications", verbose_name=_("EU programme")
    )
    fund = models.ForeignKey(Fund, on_delete=models.PROTECT, related_name="+", verbose_name=_("fund"))
    accounting_year = models.ForeignKey(
        AccountingYear, on_delete=models.PROTECT, related_name="payment_applications",
        verbose_name=_("accounting year"),
    )  # fmt: skip
    number = models.PositiveSmallIntegerField(_("number"))
    state = FSMField(
        _("state"), default=PaymentApplicationState.OPEN, choices=PaymentApplicationState.choices, protected=True
    )
    national_reference = models.CharField(_("national reference"), max_length=250, blank=True)
    opened_at = models.DateTimeField(_("opened on"), default=timezone.now, editable=False)
    closed_by = _person(pgettext_lazy("feminine", "closed by"))
    closed_at = models.DateTimeField(pgettext_lazy("feminine", "closed on"), null=True, blank=True)
    sha256 = models.CharField(
        _("SHA-256 of what is asked"), max_length=64, blank=True, default="", db_default="", editable=False
    )
    withdrawn_by = _person(pgettext_lazy("feminine", "withdrawn by"))
    withdrawn_at = models.DateTimeField(pgettext_lazy("feminine", "withdrawn on"), null=True, blank=True)
    sent_by = _person(_("sent by"))
    sent_on = models.DateField(_("sent on"), null=True, blank=True)
    # When that was recorded: a report as of an earlier day did not know it.
    sent_at = models.DateTimeField(_("sending recorded on"), null=True, blank=True)
    late_reason = models.TextField(_("reason of a late sending"), blank=True, default="", db_default="")
    commission_reference = models.CharField(_("reference of the Commission"), max_length=60, blank=True)
    accepted_on = models.DateField(_("accepted on"), null=True, blank=True)
    # When that was recorded: a report as of an earlier day did not know it.
    accepted_at = models.DateTimeField(_("acceptance recorded on"), null=True, blank=True)

    objects = EUStaffQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment application")
        verbose_name_plural = _("payment applications")
        ordering = ["-opened_at", "-pk"]
        indexes = [models.Index(fields=["-opened_at", "-id"], name="payment_application_recent")]
        constraints = [
            models.UniqueConstraint(
                fields=["programme", "fund", "accounting_year", "number"], name="payment_application_number_unique"
            ),
            models.UniqueConstraint(
                fields=["programme", "fund", "accounting_year"],
                condition=Q(state="open"),
                name="payment_application_one_open",
                violation_error_message=_("A payment application of this programme, fund and year is already open."),
            ),
            models.CheckConstraint(condition=Q(number__gte=1), name="payment_application_number_from_one"),
            models.CheckConstraint(
                condition=Q(state__in=["open", "void"], closed_at__isnull=True)
                | (~Q(state="open") & Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(sha256="")),
                name="payment_application_closed_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["open", "closed", "void"], sent_on__isnull=True)
                | (
                    ~Q(state__in=["open", "closed", "void"])
                    & Q(sent_at__isnull=False, sent_by__isnull=False, sent_on__isnull=False)
                ),
                name="payment_application_sent_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", accepted_on__isnull=False, accepted_at__isnull=False)
                | (~Q(state="accepted") & Q(accepted_on__isnull=True, accepted_at__isnull=True)),
                name="payment_application_acceptance_is_dated",
            ),
            # One that was closed says when it was withdrawn: a report of the days between still counts it.
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) & (~Q(state="void") | Q(closed_at__isnull=True))
                | Q(state="void", withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                & (Q(closed_at__isnull=True) | Q(withdrawn_at__gte=F("closed_at"))),
                name="payment_application_withdrawn_by_someone",
            ),
        ]
        triggers = [
            impartial(["closed_by_id", "sent_by_id"], bodies_of_case(CASES_OF_APPLICATION)),
            legal_moves([("open", "closed"), ("closed", "sent"), ("sent", "accepted"), ("open", "void"), ("closed", "void")]),
            in_its_accounting_year(),
            sent_late_for_a_reason(),
            days_in_order(
                ("closed_at", "the closing of the application"),
                ("sent_on", "its sending"),
                ("accepted_on", "its acceptance"),
            ),
            frozen(
                "withdrawn_frozen",
                ["withdrawn_by_id", "withdrawn_at"],
                "a withdrawn payment application does not change",
                unless="OLD.state IN ('open', 'closed')",
            ),
            recorded_when_it_came(),
            asks_for_what_is_paid(),
            pgtrigger.Protect(name="never_deleted", operation=pgtrigger.Delete),
            frozen(
                "identity_frozen",
                ["programme_id", "fund_id", "accounting_year_id", "number"],
                "a payment application keeps its programme, fund, year and number",
            ),
            frozen(
                "closed_frozen",
                ["closed_by_id", "closed_at", "sha256"],
                "a closed payment application does not change",
                unless="OLD.state = 'open'",
            ),
            frozen(
                "sent_frozen",
                ["sent_by_id", "sent_on", "sent_at", "late_reason", "national_reference"],
                "a sent payment application does not change",
                unless="OLD.state IN ('open', 'closed')",
            ),
            frozen(
                "accepted_frozen",
                ["accepted_on", "accepted_at", "commission_reference"],
                "an accepted payment application does not change",
                unless="OLD.state <> 'accepted'",
            ),
            pgtrigger.Trigger(
                name="certifier_does_not_close",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state = 'open' AND NEW.state = 'closed'"),
                func=f"""
                    IF NOT EXISTS (SELECT 1 FROM reporting_paymentapplicationentry e
                                   JOIN reporting_paymentapplicationline l ON l.id = e.line_id
                                   WHERE l.application_id = NEW.id) THEN
                        {refuse("an empty payment application is not closed")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM reporting_paymentapplicationentry e
                               JOIN reporting_paymentapplicationline l ON l.id = e.line_id
                               JOIN reporting_certificate c ON c.id = e.certificate_id
                               WHERE l.application_id = NEW.id AND c.issued_by_id = NEW.closed_by_id) THEN
                        {refuse("who controlled an expenditure does not close its payment application")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="asks_for_nothing_in_doubt",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> NEW.state AND NEW.state IN ('closed', 'sent')"),
                func=f"""
                    IF {ASKS_IN_DOUBT} THEN
                        {refuse("what is asked from the Commission is of no suspended claim, nor of one that ended with its fault open")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="withdrawn_with_its_entries",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                timing=pgtrigger.Deferred,
                condition=pgtrigger.Condition("OLD.state = 'closed' AND NEW.state = 'void'"),
                func=f"""
                    IF EXISTS (SELECT 1 FROM reporting_paymentapplicationentry e
                               JOIN reporting_paymentapplicationline l ON l.id = e.line_id
                               WHERE l.application_id = NEW.id AND e.released_at IS NULL) THEN
                        {refuse("a withdrawn payment application gives back all that it asked for")}
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        """How it is called: on what was sent, once it was; read :meth:`name_together` first for more than one.

        An accounting year in use keeps its dates: it is called today as it was.
        """
        named = self.names
        return self.name_from(named.of(self.programme), named.of(self.fund), self.accounting_year, self.number)

    @staticmethod
    def name_from(programme: EUProgramme, fund: Fund, year: AccountingYear, number: int) -> str:
        """Return how an application is called, from what names it."""
        return f"{programme.code} · {fund} · {year} · {number}"

    @cached_property
    def names(self) -> Moment | Present:
        """What programmes, funds and priorities are called here: as they were sent, or as they are until then."""
        return Moments().at(self.sent_at) if self.sent_at else Present()

    @staticmethod
    def name_together(applications: Iterable["PaymentApplication"]) -> None:
        """Have the applications of a list read what things were called once, for all of them."""
        moments = Moments()
        for application in applications:
            application.names = moments.at(application.sent_at) if application.sent_at else Present()

    @property
    def name_today(self) -> str:
        """How it would be called today."""
        return self.name_from(self.programme, self.fund, self.accounting_year, self.number)

    @property
    def is_late(self) -> bool:
        """Whether it was sent after the last day of its accounting year: the Commission counts it in the next one."""
        return self.sent_on is not None and self.sent_on > self.accounting_year.last_day_to_apply

    def interest_of(self, user) -> str | None:
        """The people of any case whose expenditure it declares."""
        declared = "agreement__claims__declaration__certificate__entries__line__application"
        return interest_in(user, Application.objects.filter(**{declared: self}))

    @workflow_transition(
        field=state, source="open", target=None, label=_("Take in what is certified"), icon="input",
        roles=[Role.FINANCE_OFFICER], order=10, tone="quiet",
    )  # fmt: skip
    def collect(self, *, actor, data, comment):
        """Take in every certificate of the programme and fund that stands in no payment application yet."""
        effects.collect_certificates(self)

    @workflow_transition(
        field=state, source="open", target="closed", label=_("Close"), icon="lock", roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_close_payment_application, form="reporting.forms.ClosingForm",
        conditions=["reporting.conditions.application_has_lines", "reporting.conditions.year_still_takes_it",
                    "reporting.conditions.nothing_asked_is_suspended", "reporting.conditions.what_is_asked_is_paid"],
        comment="optional", order=20,
    )  # fmt: skip
    def close(self, *, actor, data, comment):
        """Freeze the lines. Whoever controlled one of the expenditures does not close."""
        self.closed_by = actor
        self.closed_at = timezone.now()
        self.sha256 = effects.sha256_of_payment_application(self)

    @workflow_transition(
        field=state, source=["open", "closed"], target="void", label=_("Withdraw"), icon="undo",
        roles=[Role.FINANCE_OFFICER], comment="required", order=50, tone="danger",
    )  # fmt: skip
    def withdraw(self, *, actor, data, comment):
        """Opened by mistake, too late, or a fault is open on what it asks: nothing is asked; what it had taken in waits
        for another application. One that was closed stays readable as it was closed."""
        effects.release_certificates(self)
        self.withdrawn_by = actor
        self.withdrawn_at = timezone.now()

    @workflow_transition(
        field=state, source="closed", target="sent", label=_("Record the sending"), icon="send",
        roles=[Role.FINANCE_OFFICER], form="reporting.forms.SendingForm",
        conditions=["reporting.conditions.nothing_asked_is_suspended", "reporting.conditions.what_is_asked_is_paid"],
        comment="optional", order=30,
    )  # fmt: skip
    def send(self, *, actor, data, comment):
        """The application left for the Commission, on the day that is said; after its last day, for a reason."""
        self.sent_by = actor
        self.sent_on = data["sent_on"]
        self.sent_at = timezone.now()
        self.late_reason = data["late_reason"]
        self.national_reference = data["national_reference"]

    @workflow_transition(
        field=state, source="sent", target="accepted", label=_("Record the acceptance"), icon="task_alt",
        roles=[Role.FINANCE_OFFICER], form="reporting.forms.AcceptanceForm", comment="optional", order=40,
    )  # fmt: skip
    def accept(self, *, actor, data, comment):
        """The Commission accepted the application."""
        self.accepted_on = data["accepted_on"]
        self.accepted_at = timezone.now()
        self.commission_reference = data["commission_reference"]


class OfApplicationQuerySet(EUStaffQuerySet):
    """Rows of payment applications."""


@tracked
class PaymentApplicationLine(models.Model):
    """One priority and category of region: the sums of its entries, checked by the database."""

    application = models.ForeignKey(
        PaymentApplication, on_delete=models.PROTECT, related_name="lines", verbose_name=_("payment application")
    )
    priority = models.ForeignKey(Priority, on_delete=models.PROTECT, related_name="+", verbose_name=_("priority"))
    category_of_region = models.CharField(_("category of region"), max_length=16, choices=CategoryOfRegion.choices)
    basis = models.CharField(_("basis"), max_length=6, choices=Basis.choices, default=Basis.TOTAL)
    eligible_amount = MoneyField(_("eligible expenditure"))
    union_amount = MoneyField(_("Union contribution"))
    public_amount = MoneyField(_("public contribution"))

    objects = OfApplicationQuerySet.as_manager()

    class Meta:
        verbose_name = _("line of a payment application")
        verbose_name_plural = _("lines of payment applications")
        ordering = ["application", "priority", "category_of_region"]
        constraints = [
            models.UniqueConstraint(
                fields=["application", "priority", "category_of_region"], name="payment_application_line_unique"
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="only_while_open",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("its_state", "TEXT")],
                func=f"""
                    IF TG_OP = 'DELETE' THEN {only_while_open("OLD.application_id")} RETURN OLD; END IF;
                    {only_while_open("NEW.application_id")}
                    RETURN NEW;
                """,
            ),
            sums_entries(pgtrigger.Insert | pgtrigger.Update, "NEW.id"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.priority.code} · {self.get_category_of_region_display()}"
