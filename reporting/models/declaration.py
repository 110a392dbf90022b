"""Expenditure declared to an EU fund, and its control item by item."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from agreements.models.triggers import days_in_order, frozen, legal_moves, refuse
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import ZERO
from core.roles import Role
from core.transitions import workflow_transition
from grants.interests import interest_in
from grants.models import Application
from reporting import effects, permissions
from reporting.models.credit_notes import credits_follow_their_invoice
from reporting.models.operation import Operation, OperationVersion
from reporting.models.querysets import OfOperationQuerySet
from reporting.rules.taking_part import took_part


class DeclarationState(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("declaration", "To be declared")
    SUBMITTED = "submitted", pgettext_lazy("declaration", "Waiting for control")
    UNDER_CONTROL = "under_control", pgettext_lazy("declaration", "Under control")
    CONTROLLED = "controlled", pgettext_lazy("declaration", "Controlled")


def _person(label) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=label
    )


@tracked
class ExpenditureDeclaration(WorkflowModel):
    """The expenditure of one certified payment claim, declared to the fund and controlled by another person.

    ``instructor``, ``certifier`` and ``orderer`` are who managed the claim: none of them may be the controller, nor anybody
    else who took part in the case (``reporting.rules.taking_part``).
    """

    State = DeclarationState
    STATE_TONES = {"draft": "act", "submitted": "act", "under_control": "wait", "controlled": "ok"}

    number = models.CharField(_("number"), max_length=30, unique=True)
    operation = models.ForeignKey(
        Operation, on_delete=models.PROTECT, related_name="declarations", verbose_name=_("operation")
    )
    claim = models.OneToOneField(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="declaration", verbose_name=_("claim")
    )
    state = FSMField(
        _("state"), default=DeclarationState.DRAFT, choices=DeclarationState.choices, protected=True, db_index=True
    )
    instructor = _person(_("instructor of the case"))
    certifier = _person(_("claim certified by"))
    orderer = _person(_("payment ordered by"))
    opened_at = models.DateTimeField(_("opened on"), default=timezone.now, editable=False)
    submitted_by = _person(_("declared by"))
    submitted_at = models.DateTimeField(_("declared on"), null=True, blank=True)
    controller = _person(_("controller"))
    control_started_at = models.DateTimeField(_("control begun on"), null=True, blank=True)
    controlled_at = models.DateTimeField(_("controlled on"), null=True, blank=True)
    # The plan of the operation on which the controller decides: one that is corrected meanwhile has to be read.
    read_version = models.ForeignKey(
        OperationVersion, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+",
        verbose_name=_("plan of the operation that was read"),
    )  # fmt: skip

    objects = OfOperationQuerySet.as_manager()

    class Meta:
        verbose_name = _("expenditure declaration")
        verbose_name_plural = _("expenditure declarations")
        ordering = ["-opened_at", "-pk"]
        indexes = [
            *for_lists("declaration", "submitted_at"),
            models.Index(fields=["-opened_at", "-id"], name="declaration_recent"),
            models.Index(fields=["state", "submitted_at"], name="declaration_queue"),
        ]
        constraints = [
            *(
                models.CheckConstraint(
                    condition=Q(controller__isnull=True) | Q(**{f"{role}__isnull": True}) | ~Q(controller=F(role)),
                    name=f"declaration_{role}_does_not_control",
                    violation_error_message=_("Who managed the case does not control its expenditure."),
                )
                for role in ("instructor", "certifier", "orderer", "submitted_by")
            ),
            models.CheckConstraint(
                condition=Q(state="draft") | Q(submitted_by__isnull=False, submitted_at__isnull=False),
                name="declaration_declared_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "submitted"])
                | Q(controller__isnull=False, control_started_at__isnull=False),
                name="declaration_controlled_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(state="controlled", controlled_at__isnull=False)
                | (~Q(state="controlled") & Q(controlled_at__isnull=True)),
                name="declaration_control_is_dated",
            ),
        ]
        triggers = [
            legal_moves([("draft", "submitted"), ("submitted", "under_control"), ("under_control", "controlled"),
                         ("under_control", "submitted")]),
            days_in_order(
                ("opened_at", "the opening of the declaration"),
                ("submitted_at", "its declaration to the fund"),
                ("control_started_at", "the beginning of its control"),
                ("controlled_at", "the end of its control"),
            ),
            frozen(
                "declared_frozen",
                ["operation_id", "claim_id", "number", "submitted_by_id", "submitted_at"],
                "what was declared to a fund does not change",
                unless="OLD.state = 'draft'",
            ),
            frozen(
                "controlled_frozen",
                ["controller_id", "controlled_at", "instructor_id", "certifier_id"],
                "a controlled declaration does not change",
                unless="OLD.state <> 'controlled'",
            ),
            pgtrigger.Trigger(
                name="deleted_only_as_draft",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__state__in=["submitted", "under_control", "controlled"]),
                func=refuse("declared expenditure is never deleted"),
            ),
            pgtrigger.Trigger(
                name="manager_does_not_control",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Q(new__controller__isnull=False),
                func=f"""
                    IF TG_OP = 'UPDATE' AND OLD.controller_id IS NOT DISTINCT FROM NEW.controller_id THEN
                        RETURN NEW;
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_paymentclaim c
                               JOIN agreements_agreement g ON g.id = c.agreement_id
                               JOIN grants_application a ON a.id = g.application_id
                               CROSS JOIN LATERAL ({took_part()}) AS part
                               WHERE c.id = NEW.claim_id AND part.person = NEW.controller_id) THEN
                        {refuse("who took part in a case does not control its expenditure")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="every_item_decided",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'controlled' AND NEW.state = 'controlled'"),
                func=f"""
                    IF EXISTS (SELECT 1 FROM reporting_expenditureitem
                               WHERE declaration_id = NEW.id AND state = 'pending') THEN
                        {refuse("every item is decided before the control ends")}
                    END IF;
                    PERFORM 1 FROM reporting_operation WHERE id = NEW.operation_id FOR NO KEY UPDATE;
                    IF NEW.read_version_id IS DISTINCT FROM (
                        SELECT current_id FROM reporting_operation WHERE id = NEW.operation_id) THEN
                        {refuse("the plan of the operation was corrected since the control began")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            credits_follow_their_invoice(),
        ]  # fmt: skip

    def sums_shown(self):
        """Its items: how many, and what they declare (what is decided of them is shown at once)."""
        items = self.items.aggregate(count=models.Count("pk"), total=models.Sum("declared_amount"))
        return {_("Items"): items["count"], _("Declared"): items["total"] or ZERO}

    def __str__(self) -> str:
        return self.number

    def interest_of(self, user) -> str | None:
        """The people of its case."""
        return interest_in(user, Application.objects.filter(agreement__claims=self.claim_id))

    @workflow_transition(
        field=state, source="draft", target="submitted", label=_("Declare to the fund"), icon="send",
        roles=[Role.INSTRUCTOR, Role.FINANCE_OFFICER], permission=permissions.may_work_on_declaration,
        conditions=["reporting.conditions.claim_is_certified", "reporting.conditions.due_has_not_changed",
                    "reporting.conditions.priority_is_known", "reporting.conditions.rate_is_answered"],
        comment="optional", order=10,
    )  # fmt: skip
    def submit(self, *, actor, data, comment):
        """Declare the certified expenditure to the fund: from now on the claim can no longer be taken back."""
        self.submitted_by = actor
        self.submitted_at = timezone.now()

    @workflow_transition(
        field=state, source="submitted", target="under_control", label=_("Begin the control"), icon="fact_check",
        roles=[Role.EU_CONTROLLER], permission=permissions.may_control, order=10,
    )  # fmt: skip
    def start_control(self, *, actor, data, comment):
        """A controller who took no part in the case takes it up."""
        self.controller = actor
        self.control_started_at = timezone.now()
        self.read_version = self.operation.current

    @workflow_transition(
        field=state, source="under_control", target="submitted", label=_("Hand over the control"), icon="swap_horiz",
        roles=[Role.EU_CONTROLLER, Role.HEAD_OF_SERVICE], permission=permissions.may_hand_over, comment="required",
        order=80, tone="quiet",
    )  # fmt: skip
    def hand_over(self, *, actor, data, comment):
        """Give the control to another controller, who finds the decisions already taken and may change them."""
        self.controller = self.control_started_at = self.read_version = None

    @workflow_transition(
        field=state, source="under_control", target="controlled", label=_("End the control"), icon="verified",
        roles=[Role.EU_CONTROLLER], permission=permissions.may_decide_on_declaration,
        form="reporting.forms.ConclusionForm",
        conditions=["reporting.conditions.every_item_is_decided", "reporting.conditions.retained_in_the_period",
                    "reporting.conditions.retained_within_eligible", "reporting.conditions.credits_follow_their_invoice",
                    "reporting.conditions.nothing_negative_is_certified"],
        comment="optional", order=20,
    )  # fmt: skip
    def conclude(self, *, actor, data, comment):
        """Issue the certificate: what was accepted is shared between the sources and waits for a payment application."""
        self.controlled_at = timezone.now()
        self.read_version = data["version"]
        effects.issue_certificate(self, actor)
