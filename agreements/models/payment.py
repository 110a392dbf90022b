"""Payment orders, gathered in batches for the finance software."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy
from django_fsm import FSMField

from agreements import effects, permissions
from agreements.models.payment_rules import (
    BATCH_WAITS_FOR_ACCOUNTS,
    BODIES_OF_BATCH,
    ORDER_WAITS_FOR_ACCOUNT,
    PAID_ON_REPLACED_ACCOUNT,
    BatchState,
    OrderState,
    account_is_known,
    batch_closed_with_workbook,
    batch_triggers,
    order_triggers,
)
from agreements.models.querysets import BatchQuerySet, OrderQuerySet
from agreements.models.triggers import CASE_OF_CLAIM, days_in_order, frozen, legal_moves, never_deleted, refuse
from agreements.settlements.triggers import order_follows_its_agreement
from applicants.models.triggers import bodies_of_case, impartial
from core.engine.standing import reason_interested
from core.history import tracked
from core.models.indexes import for_lists
from core.models.workflow import WorkflowModel
from core.money import ZERO, MoneyField
from core.roles import Role
from core.transitions import workflow_transition
from grants.interests import interest_in
from grants.models import Application


@tracked
class PaymentBatch(WorkflowModel):
    """A bordereau: payment orders that go to the finance software together."""

    State = BatchState
    STATE_TONES = {"open": "act", "sent": "wait", "paid": "ok", "void": "idle"}

    number = models.CharField(_("number"), max_length=30, unique=True)
    label = models.CharField(_("label"), max_length=200, blank=True)
    year = models.PositiveSmallIntegerField(_("budget year"))
    state = FSMField(_("state"), default=BatchState.OPEN, choices=BatchState.choices, protected=True, db_index=True)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("opened by")
    )
    opened_at = models.DateTimeField(_("opened on"), default=timezone.now, editable=False)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("closed by"),
    )
    closed_at = models.DateTimeField(_("closed on"), null=True, blank=True)
    workbook = models.ForeignKey(
        "core.Document",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("workbook for the finance software"),
    )
    closed_total = MoneyField(_("total when closed"), null=True, blank=True, editable=False)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment batch")
        verbose_name_plural = _("payment batches")
        ordering = ["-opened_at", "-pk"]
        indexes = [
            *for_lists("batch", "year", "label", "closed_at", "closed_total"),
            models.Index(fields=["-opened_at", "-id"], name="batch_recent"),
        ]
        constraints = [
            batch_closed_with_workbook(),
            models.CheckConstraint(condition=Q(year__gte=2000, year__lte=2100), name="batch_year_plausible"),
        ]
        triggers = [
            impartial(["closed_by_id"], BODIES_OF_BATCH),
            pgtrigger.Trigger(
                name="waits_for_accounts",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="open", new__state="sent"),
                func=BATCH_WAITS_FOR_ACCOUNTS,
            ),
            legal_moves([("open", "sent"), ("open", "void"), ("sent", "paid"), ("sent", "void")]),
            *batch_triggers(),
            days_in_order(("opened_at", "the opening of the batch"), ("closed_at", "its closing")),
            pgtrigger.Trigger(
                name="paid_batch_paid_something",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state IN ('open', 'sent') AND NEW.state IN ('paid', 'void')"),
                func=f"""
                    IF EXISTS (SELECT 1 FROM agreements_paymentorder WHERE batch_id = NEW.id AND state = 'ordered')
                       OR (NEW.state = 'paid') <> EXISTS (
                           SELECT 1 FROM agreements_paymentorder WHERE batch_id = NEW.id AND state = 'paid') THEN
                        {refuse("a batch is paid when an order of it was, and cancelled when none was")}
                    END IF;
                    RETURN NEW;
                """,
            ),
            frozen(
                "closed_batch_frozen",
                ["closed_by_id", "closed_at", "workbook_id", "closed_total"],
                "a batch that was closed does not change",
                unless="OLD.state = 'open'",
            ),
            never_deleted(),
        ]

    def __str__(self):
        return self.number

    def interest_of(self, user):
        """The people of any of its cases."""
        return interest_in(user, Application.objects.filter(agreement__claims__orders__batch=self))

    def sums_shown(self):
        """The orders that were not cancelled: how many, and how much."""
        live = self.orders.exclude(state="cancelled").aggregate(count=models.Count("pk"), total=models.Sum("amount"))
        return {_("Orders"): live["count"], _("Total"): live["total"] or ZERO}

    @workflow_transition(
        field=state,
        source=["open"],
        target="sent",
        label=_("Close and write the workbook"),
        icon="lock",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_close_batch,
        conditions=[
            "agreements.batch_conditions.batch_holds_orders",
            "agreements.batch_conditions.batch_year_is_open",
            "agreements.batch_conditions.batch_accounts_are_verified",
            "agreements.batch_conditions.batch_waits_for_no_account",
            "agreements.batch_conditions.batch_orders_are_due",
            "agreements.settlements.conditions.batch_claims_may_go_on",
        ],
        audience="staff",
        order=10,
        tone="primary",
    )
    def close(self, *, actor, data, comment):
        """Fix the orders and write the workbook for the finance software."""
        self.closed_by = actor
        self.closed_at = timezone.now()
        effects.write_batch(self, actor)

    @workflow_transition(
        field=state,
        source=["sent"],
        target="paid",
        label=_("Close the follow-up"),
        icon="task_alt",
        conditions=["agreements.batch_conditions.batch_is_settled"],
        audience="system",
        order=20,
        tone="quiet",
    )
    def settle(self, *, actor, data, comment):
        """Every order was paid or cancelled, at least one was paid."""

    @workflow_transition(
        field=state,
        source=["sent"],
        target="void",
        label=_("Close a batch of which nothing was paid"),
        icon="block",
        conditions=["agreements.batch_conditions.batch_is_settled"],
        audience="system",
        order=30,
        tone="quiet",
    )
    def void(self, *, actor, data, comment):
        """Every order was cancelled: nothing was paid."""

    @workflow_transition(
        field=state,
        source=["open"],
        target="void",
        label=_("Cancel the batch"),
        icon="block",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_close_batch,
        conditions=["agreements.batch_conditions.batch_holds_nothing"],
        comment="optional",
        audience="staff",
        order=40,
        tone="danger",
    )
    def abandon(self, *, actor, data, comment):
        """A batch that holds no order is not needed: nothing is sent to finance."""
        self.closed_by = actor
        self.closed_at = timezone.now()


@tracked
class PaymentOrder(WorkflowModel):
    """One transfer to one verified account. Its payee and amount never change; a refused one is replaced."""

    State = OrderState
    STATE_TONES = {"ordered": "wait", "paid": "ok", "cancelled": "idle"}

    batch = models.ForeignKey(PaymentBatch, on_delete=models.PROTECT, related_name="orders", verbose_name=_("batch"))
    claim = models.ForeignKey(
        "agreements.PaymentClaim", on_delete=models.PROTECT, related_name="orders", verbose_name=_("claim")
    )
    share = models.ForeignKey(
        "agreements.AgreementShare",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="orders",
        verbose_name=_("share of a person"),
    )
    payee = models.ForeignKey(
        "applicants.Applicant", on_delete=models.PROTECT, related_name="payment_orders", verbose_name=_("payee")
    )
    bank_account = models.ForeignKey(
        "applicants.BankAccount",
        on_delete=models.PROTECT,
        related_name="payment_orders",
        verbose_name=_("bank account"),
    )
    reference = models.CharField(_("reference"), max_length=60, unique=True)
    amount = MoneyField(_("amount"))
    state = FSMField(_("state"), default=OrderState.ORDERED, choices=OrderState.choices, protected=True, db_index=True)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=pgettext_lazy("feminine", "ordered by"),
    )
    ordered_at = models.DateTimeField(_("ordered on"), default=timezone.now)
    paid_on = models.DateField(_("paid on"), null=True, blank=True)
    external_reference = models.CharField(_("number of the payment in the finance software"), max_length=60, blank=True)
    replaced_account_reason = models.CharField(
        _("why it was paid on an account that was replaced"), max_length=300, blank=True, default="", db_default=""
    )
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("payment recorded by"),
    )
    cancel_reason = models.CharField(_("why it was cancelled"), max_length=300, blank=True)

    objects = OrderQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment order")
        verbose_name_plural = _("payment orders")
        ordering = ["batch", "pk"]
        indexes = [*for_lists("order", "ordered_at", "amount"), models.Index(fields=["paid_on"], name="order_paid_on")]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="order_amount_positive"),
            models.CheckConstraint(
                condition=Q(state="paid", paid_on__isnull=False, confirmed_by__isnull=False)
                | (~Q(state="paid") & Q(paid_on__isnull=True)),
                name="order_paid_is_dated",
            ),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | ~Q(cancel_reason=""), name="order_cancelled_for_a_reason"
            ),
            models.UniqueConstraint(
                fields=["claim", "share"],
                condition=~Q(state="cancelled"),
                nulls_distinct=False,
                name="order_once_per_claim_and_share",
            ),
        ]
        triggers = [
            impartial(["ordered_by_id", "confirmed_by_id"], bodies_of_case(CASE_OF_CLAIM)),
            pgtrigger.Trigger(
                name="waits_for_account",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=ORDER_WAITS_FOR_ACCOUNT,
            ),
            pgtrigger.Trigger(
                name="payment_waits_for_account",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__state="ordered", new__state="paid"),
                func=account_is_known("NEW.bank_account_id") + PAID_ON_REPLACED_ACCOUNT + ORDER_WAITS_FOR_ACCOUNT,
            ),
            legal_moves([("ordered", "paid"), ("ordered", "cancelled")]),
            frozen(
                "order_is_fixed",
                [
                    "batch_id",
                    "claim_id",
                    "share_id",
                    "payee_id",
                    "bank_account_id",
                    "reference",
                    "amount",
                    "ordered_by_id",
                    "ordered_at",
                ],
                "a payment order does not change",
            ),
            never_deleted(),
            order_follows_its_agreement(),
            *order_triggers(),
            days_in_order(("ordered_at", "the order"), ("paid_on", "the payment"), past=("paid_on",)),
            pgtrigger.Trigger(
                name="order_is_regular",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[
                    ("claim", "agreements_paymentclaim%ROWTYPE"),
                    ("account", "applicants_bankaccount%ROWTYPE"),
                    ("grant_payee", "TEXT"),
                    ("beneficiary", "BIGINT"),
                    ("instructor", "BIGINT"),
                    ("person", "BIGINT"),
                    ("share_amount", "NUMERIC"),
                    ("of_share", "NUMERIC"),
                    ("batch_state", "TEXT"),
                ],
                func=f"""
                    SELECT * INTO claim FROM agreements_paymentclaim WHERE id = NEW.claim_id;
                    IF claim.state NOT IN ('certified', 'ordered') THEN
                        {refuse("only a certified claim is ordered")}
                    END IF;
                    IF NEW.ordered_by_id = claim.certified_by_id THEN
                        {refuse("who certifies does not order")}
                    END IF;
                    SELECT * INTO account FROM applicants_bankaccount WHERE id = NEW.bank_account_id FOR SHARE;
                    {account_is_known("account.id")}
                    IF account.state <> 'verified' THEN {refuse("only a verified bank account is paid")} END IF;
                    IF account.applicant_id <> NEW.payee_id THEN
                        {refuse("the bank account is not the account of the payee")}
                    END IF;
                    SELECT a.payee, a.beneficiary_id, g.instructor_id INTO grant_payee, beneficiary, instructor
                        FROM agreements_agreement a JOIN grants_application g ON g.id = a.application_id
                        WHERE a.id = claim.agreement_id;
                    IF instructor = NEW.ordered_by_id THEN
                        {refuse("who instructs a case does not order its payments")}
                    END IF;
                    IF EXISTS (SELECT 1 FROM agreements_givenuppart WHERE claim_id = NEW.claim_id
                               AND share_id IS NOT DISTINCT FROM NEW.share_id) THEN
                        {refuse("what was given up of a claim is not ordered")}
                    END IF;
                    IF grant_payee = 'persons' THEN
                        SELECT applicant_id, amount INTO person, share_amount FROM agreements_agreementshare
                            WHERE id = NEW.share_id AND agreement_id = claim.agreement_id FOR NO KEY UPDATE;
                        IF person IS NULL OR person <> NEW.payee_id THEN
                            {refuse("the payee is not the person of the share")}
                        END IF;
                        SELECT coalesce(sum(amount), 0) INTO of_share FROM agreements_paymentorder
                            WHERE share_id = NEW.share_id AND state <> 'cancelled';
                        IF of_share + NEW.amount > share_amount THEN
                            {refuse("a person is paid at most the % of their share", "share_amount")}
                        END IF;
                    ELSIF NEW.payee_id <> beneficiary THEN
                        {refuse("the payee is not the beneficiary")}
                    END IF;
                    SELECT state INTO batch_state FROM agreements_paymentbatch WHERE id = NEW.batch_id FOR SHARE;
                    IF batch_state <> 'open' THEN {refuse("the batch is closed")} END IF;
                    RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="order_counts",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update,
                declare=[
                    ("ordered", "NUMERIC"),
                    ("paid", "NUMERIC"),
                    ("grant_id", "BIGINT"),
                    ("its_tranche", "BIGINT"),
                ],
                func="""
                    ordered := CASE WHEN NEW.state = 'cancelled' THEN 0 ELSE NEW.amount END;
                    paid := CASE WHEN NEW.state = 'paid' THEN NEW.amount ELSE 0 END;
                    IF TG_OP = 'UPDATE' THEN
                        ordered := ordered - CASE WHEN OLD.state = 'cancelled' THEN 0 ELSE OLD.amount END;
                        paid := paid - CASE WHEN OLD.state = 'paid' THEN OLD.amount ELSE 0 END;
                    END IF;
                    IF ordered = 0 AND paid = 0 THEN RETURN NULL; END IF;
                    UPDATE agreements_paymentclaim SET ordered_amount = ordered_amount + ordered,
                        paid_amount = paid_amount + paid WHERE id = NEW.claim_id RETURNING agreement_id INTO grant_id;
                    SELECT i.tranche_id INTO its_tranche FROM agreements_paymentclaim c
                        JOIN agreements_instalment i ON i.id = c.instalment_id WHERE c.id = NEW.claim_id;
                    IF its_tranche IS NOT NULL THEN
                        UPDATE agreements_tranche SET ordered_amount = ordered_amount + ordered
                            WHERE id = its_tranche;
                    END IF;
                    UPDATE agreements_agreement SET ordered_amount = ordered_amount + ordered,
                        paid_amount = paid_amount + paid WHERE id = grant_id;
                    UPDATE grants_commitment SET ordered_amount = ordered_amount + ordered
                        WHERE ordered <> 0
                          AND id = (SELECT commitment_id FROM agreements_agreement WHERE id = grant_id);
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self):
        return self.reference

    def interest_of(self, user):
        """The people of its case."""
        return reason_interested(user, self.claim)

    @property
    def agreement(self):
        """The agreement that is paid."""
        return self.claim.agreement

    def sums_shown(self):
        """Whether its agreement has ended: what is cancelled after that may be lost."""
        return {_("Agreement ended on"): self.agreement.ended_on}

    @workflow_transition(
        field=state,
        source=["ordered"],
        target="paid",
        label=_("Record the payment"),
        icon="task_alt",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_pay,
        form="agreements.forms.transitions.PaymentDoneForm",
        conditions=[
            "agreements.batch_conditions.batch_was_sent",
            "agreements.settlements.conditions.order_may_go_on",
            "agreements.batch_conditions.order_waits_for_no_account",
            "agreements.batch_conditions.account_was_not_replaced",
        ],
        audience="staff",
        order=10,
        tone="primary",
    )
    def confirm(self, *, actor, data, comment):
        """The public accountant paid."""
        self.paid_on = data["paid_on"]
        self.external_reference = data.get("external_reference", "")
        self.replaced_account_reason = data.get("replaced_account_reason", "")
        self.confirmed_by = actor

    @workflow_transition(
        field=state,
        source=["ordered"],
        target="cancelled",
        label=_("Cancel the order"),
        icon="cancel",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_pay,
        form="agreements.forms.transitions.CancelOrderForm",
        conditions=["agreements.batch_conditions.replacement_is_possible"],
        comment="required",
        audience="staff",
        order=20,
        tone="danger",
    )
    def cancel(self, *, actor, data, comment):
        """The payment is not made: the public accountant refused it, or it was ordered by mistake."""
        self._cancel(comment)

    @workflow_transition(
        field=state,
        source=["ordered"],
        target="cancelled",
        label=_("Withdraw the order with its claim"),
        icon="cancel",
        comment="required",
        audience="system",
        order=30,
        tone="danger",
    )
    def withdraw(self, *, actor, data, comment):
        """The whole claim is taken out of its batch."""
        self._cancel(comment)

    def _cancel(self, comment: str) -> None:
        self.cancel_reason = comment[:300]
        effects.free_credits(self)
