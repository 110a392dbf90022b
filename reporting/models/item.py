"""One item of declared expenditure and what the control made of it."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from agreements.models.triggers import refuse
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import ZERO, MoneyField
from core.roles import Role
from core.transitions import workflow_transition
from reporting import permissions
from reporting.models.declaration import ExpenditureDeclaration
from reporting.models.querysets import OfOperationQuerySet
from reporting.models.reference import ErrorType


class ItemState(models.TextChoices):
    PENDING = "pending", pgettext_lazy("expenditure item", "To be decided")
    ACCEPTED = "accepted", pgettext_lazy("expenditure item", "Accepted")
    PARTLY_REJECTED = "partly_rejected", pgettext_lazy("expenditure item", "Partly rejected")
    REJECTED = "rejected", pgettext_lazy("expenditure item", "Rejected")
    PARKED = "parked", pgettext_lazy("expenditure item", "Parked")


DECISION_ROLES = [Role.EU_CONTROLLER]
ALL_STATES = ItemState.values


class ItemQuerySet(OfOperationQuerySet):
    operation_path = "declaration__operation__"

    def with_line(self):
        """Join what the control grid and the workbook show of an item."""
        return self.select_related("expenditure_line__proof", "error_type", "decided_by")


def _same_sign(name: str) -> Q:
    return Q(declared_amount__gt=0, **{f"{name}__gte": 0}) | Q(declared_amount__lt=0, **{f"{name}__lte": 0})


@tracked
class ExpenditureItem(WorkflowModel):
    """A certified line of a claim as it is declared to the fund. Amounts are euros; a credit note is negative.

    ``declared_amount`` is what the Region certified of the line. Once decided,
    ``declared = retained + rejected + parked``; before, the three are zero.
    """

    State = ItemState
    STATE_TONES = {
        "pending": "act", "accepted": "ok", "partly_rejected": "wait", "rejected": "no", "parked": "wait",
    }  # fmt: skip

    declaration = models.ForeignKey(
        ExpenditureDeclaration, on_delete=models.CASCADE, related_name="items", verbose_name=_("declaration")
    )
    expenditure_line = models.OneToOneField(
        "agreements.ExpenditureLine", on_delete=models.PROTECT, related_name="eu_item",
        verbose_name=_("expenditure line"),
    )  # fmt: skip
    rank = models.PositiveIntegerField(_("rank"))
    state = FSMField(_("state"), default=ItemState.PENDING, choices=ItemState.choices, protected=True)
    declared_amount = MoneyField(_("declared"))
    retained_amount = MoneyField(_("retained"), default=ZERO)
    rejected_amount = MoneyField(_("rejected"), default=ZERO)
    parked_amount = MoneyField(_("parked"), default=ZERO)
    error_type = models.ForeignKey(
        ErrorType, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("type of error")
    )
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"),
    )  # fmt: skip
    decided_at = models.DateTimeField(_("decided on"), null=True, blank=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        verbose_name = _("expenditure item")
        verbose_name_plural = _("expenditure items")
        ordering = ["declaration", "rank"]
        indexes = for_lists("item", "state", "declared_amount", "retained_amount", "rejected_amount")
        constraints = [
            models.UniqueConstraint(fields=["declaration", "rank"], name="expenditure_item_rank_unique"),
            models.CheckConstraint(condition=~Q(declared_amount=0), name="expenditure_item_declares_something"),
            models.CheckConstraint(
                condition=Q(state="pending", retained_amount=0, rejected_amount=0, parked_amount=0)
                | (
                    ~Q(state="pending")
                    & Q(declared_amount=F("retained_amount") + F("rejected_amount") + F("parked_amount"))
                ),
                name="expenditure_item_balances",
                violation_error_message=_("Declared is retained plus rejected plus parked, to the cent."),
            ),
            *(
                models.CheckConstraint(condition=_same_sign(name), name=f"expenditure_item_sign_of_{name}")
                for name in ("retained_amount", "rejected_amount", "parked_amount")
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "accepted"], rejected_amount=0, parked_amount=0)
                | (Q(state="partly_rejected", parked_amount=0) & ~Q(rejected_amount=0) & ~Q(retained_amount=0))
                | Q(state="rejected", retained_amount=0, parked_amount=0)
                | Q(state="parked", retained_amount=0, rejected_amount=0),
                name="expenditure_item_state_says_amounts",
            ),
            models.CheckConstraint(
                condition=Q(rejected_amount=0, error_type__isnull=True)
                | (~Q(rejected_amount=0) & Q(error_type__isnull=False) & ~Q(reason="")),
                name="expenditure_item_rejection_is_explained",
                violation_error_message=_("A rejection needs a type of error and a reason."),
            ),
            models.CheckConstraint(
                condition=~Q(state="parked") | ~Q(reason=""), name="expenditure_item_parking_is_explained"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(state="pending") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="expenditure_item_decided_by_someone",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="follows_its_declaration",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                declare=[("its", "reporting_expendituredeclaration%ROWTYPE"), ("certified", "NUMERIC"),
                         ("of_claim", "BIGINT")],
                func=f"""
                    IF TG_OP = 'DELETE' THEN
                        SELECT * INTO its FROM reporting_expendituredeclaration WHERE id = OLD.declaration_id;
                        IF its.state <> 'draft' THEN
                            {refuse("declared expenditure is never deleted")}
                        END IF;
                        RETURN OLD;
                    END IF;
                    SELECT * INTO its FROM reporting_expendituredeclaration WHERE id = NEW.declaration_id FOR SHARE;
                    IF TG_OP = 'INSERT' THEN
                        SELECT certified_amount, claim_id INTO certified, of_claim
                          FROM agreements_expenditureline WHERE id = NEW.expenditure_line_id;
                        IF its.state <> 'draft' OR of_claim <> its.claim_id
                           OR certified IS DISTINCT FROM NEW.declared_amount THEN
                            {refuse("an item is one certified line of the claim of its declaration")}
                        END IF;
                    ELSE
                        IF ROW(NEW.declaration_id, NEW.expenditure_line_id, NEW.rank, NEW.declared_amount) IS DISTINCT
                           FROM ROW(OLD.declaration_id, OLD.expenditure_line_id, OLD.rank, OLD.declared_amount) THEN
                            {refuse("what was declared does not change")}
                        END IF;
                        IF NEW IS DISTINCT FROM OLD AND its.state <> 'under_control' THEN
                            {refuse("an item is decided while its declaration is under control")}
                        END IF;
                        IF NEW.decided_by_id IS NOT NULL AND NEW.decided_by_id <> its.controller_id THEN
                            {refuse("the controller of the declaration decides its items")}
                        END IF;
                        -- A credit note is of the period of the invoice that it corrects.
                        IF NEW.retained_amount > 0 AND EXISTS (
                            SELECT 1 FROM agreements_expenditureline l, reporting_operation o
                            JOIN reporting_operationversion v ON v.id = o.current_id
                            WHERE l.id = NEW.expenditure_line_id AND o.id = its.operation_id
                              AND (l.invoice_date NOT BETWEEN v.start_date AND v.end_date OR l.paid_on < v.start_date)) THEN
                            {refuse("nothing is retained that is outside the period of its operation")}
                        END IF;
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.declaration.number}/{self.rank}"

    def interest_of(self, user) -> str | None:
        """The people of its case."""
        return reason_interested(user, self.declaration)

    def _decide(self, actor, *, retained=ZERO, rejected=ZERO, parked=ZERO, error_type=None, reason="") -> None:
        self.retained_amount, self.rejected_amount, self.parked_amount = retained, rejected, parked
        self.error_type, self.reason = error_type, reason
        self.decided_by, self.decided_at = actor, timezone.now()

    @workflow_transition(
        field=state, source=ALL_STATES, target="accepted", label=_("Accept"), icon="check", roles=DECISION_ROLES,
        permission=permissions.may_decide_on_item, conditions=["reporting.conditions.item_in_the_period"],
        comment="optional", order=10,
    )  # fmt: skip
    def accept(self, *, actor, data, comment):
        """Retain the whole amount."""
        self._decide(actor, retained=self.declared_amount, reason=comment)

    @workflow_transition(
        field=state, source=ALL_STATES, target="partly_rejected", label=_("Reject in part"), icon="content_cut",
        roles=DECISION_ROLES, permission=permissions.may_decide_on_item, form="reporting.forms.PartRejectionForm",
        conditions=["reporting.conditions.item_in_the_period"], comment="required", order=20,
    )  # fmt: skip
    def reject_partly(self, *, actor, data, comment):
        """Cut the amount, with a type of error and a reason."""
        rejected = data["rejected_amount"]
        self._decide(
            actor, retained=self.declared_amount - rejected, rejected=rejected, error_type=data["error_type"],
            reason=comment,
        )  # fmt: skip

    @workflow_transition(
        field=state, source=ALL_STATES, target="rejected", label=_("Reject"), icon="block", roles=DECISION_ROLES,
        permission=permissions.may_decide_on_item, form="reporting.forms.RejectionForm", comment="required",
        order=30, tone="danger",
    )  # fmt: skip
    def reject(self, *, actor, data, comment):
        """Retain nothing, with a type of error and a reason."""
        self._decide(actor, rejected=self.declared_amount, error_type=data["error_type"], reason=comment)

    @workflow_transition(
        field=state, source=ALL_STATES, target="parked", label=_("Park"), icon="pause", roles=DECISION_ROLES,
        permission=permissions.may_decide_on_item, comment="required", order=40, tone="quiet",
    )  # fmt: skip
    def park(self, *, actor, data, comment):
        """Leave the whole amount out for now: a question is open."""
        self._decide(actor, parked=self.declared_amount, reason=comment)
