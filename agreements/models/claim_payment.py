"""From what was certified to its payment: ordered, withdrawn, paid, or given up."""

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from agreements import effects, permissions
from agreements.due import above_what_is_due
from core.roles import Role
from core.transitions import perform, workflow_transition


class ClaimPayment:
    """The moves of :class:`agreements.models.PaymentClaim` after its certification."""

    @workflow_transition(
        field="state",
        source=["certified"],
        target="ordered",
        label=_("Order the payment"),
        icon="payments",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_order,
        form="agreements.forms.transitions.OrderForm",
        conditions=[
            "agreements.settlements.conditions.claim_may_go_on",
            "agreements.settlements.conditions.tranche_is_open",
            "agreements.still_due.certified_is_still_due",
            "agreements.still_due.nothing_more_is_due",
            "agreements.settlements.conditions.commitment_bears_it",
            "agreements.conditions.accounts_are_verified",
            "agreements.conditions.batch_is_open",
        ],
        audience="staff",
        order=30,
        tone="primary",
    )
    def order(self, *, actor, data, comment):
        """Put the payment in a batch: one order, or one for each person who can be paid."""
        self.ordered_by = actor
        self.ordered_at = timezone.now()
        effects.place_orders(self, data["batch"], actor)

    @workflow_transition(
        field="state",
        source=["ordered"],
        target="ordered",
        label=_("Order the rest"),
        icon="payments",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_order,
        form="agreements.forms.transitions.OrderForm",
        conditions=[
            "agreements.conditions.something_is_left_to_order",
            "agreements.settlements.conditions.claim_may_go_on",
            "agreements.still_due.rest_is_still_due",
            "agreements.settlements.conditions.commitment_bears_it",
            "agreements.conditions.accounts_are_verified",
            "agreements.conditions.batch_is_open",
        ],
        audience="staff",
        order=35,
        tone="primary",
    )
    def order_rest(self, *, actor, data, comment):
        """Put in a batch the persons of the claim who could not be paid with the others."""
        effects.place_orders(self, data["batch"], actor)

    @workflow_transition(
        field="state",
        source=["ordered"],
        target="certified",
        label=_("Take out of the batch"),
        icon="remove",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_order,
        conditions=["agreements.conditions.orders_can_be_cancelled"],
        comment="required",
        system_allowed=True,
        audience="staff",
        order=70,
        tone="quiet",
    )
    def withdraw_order(self, *, actor, data, comment):
        """The payment is not made: its orders are cancelled and the money is free again."""
        for order in self.orders.filter(state="ordered"):
            perform(order, "withdraw", actor=actor, comment=comment, system=True)
        self.ordered_by = self.ordered_at = None

    @workflow_transition(
        field="state",
        source=["ordered"],
        target="paid",
        label=_("Record the payment"),
        icon="task_alt",
        conditions=["agreements.conditions.orders_are_paid"],
        inputs=["paid_on"],
        audience="system",
        order=40,
        tone="primary",
    )
    def settle(self, *, actor, data, comment):
        """Every order of the claim was paid."""
        self.paid_on = data["paid_on"]

    @workflow_transition(
        field="state",
        source=["certified"],
        target="paid",
        label=_("Close: nothing is due"),
        icon="task_alt",
        roles=[Role.FINANCE_OFFICER],
        permission=permissions.may_order,
        form="agreements.forms.transitions.CloseForNothingForm",
        conditions=[
            "agreements.conditions.nothing_is_due",
            "agreements.conditions.expenditure_is_decided",
            "agreements.still_due.nothing_more_is_due",
            "agreements.settlements.conditions.claim_may_go_on",
        ],
        comment="optional",
        audience="staff",
        order=32,
        tone="primary",
    )
    def close_without_payment(self, *, actor, data, comment):
        """Nothing is due for the claim: no payment follows. What was paid before above what is due is written down."""
        self.ordered_by = actor
        self.ordered_at = timezone.now()
        self.overpaid_amount = above_what_is_due(self)

    @workflow_transition(
        field="state",
        source=["certified", "ordered", "suspended"],
        target=None,
        label=_("Give up what is not ordered"),
        icon="money_off",
        roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE],
        permission=permissions.may_review,
        form="agreements.forms.transitions.GiveUpForm",
        conditions=["agreements.conditions.something_can_be_given_up"],
        comment="required",
        audience="staff",
        order=75,
        tone="danger",
    )
    def give_up(self, *, actor, data, comment):
        """Who gave up, or can no longer be paid, is not paid: what was certified stays, its payment is given up."""
        effects.give_up(self, data["parts"], actor=actor, reason=comment)

    @workflow_transition(
        field="state",
        source=["certified", "ordered", "suspended"],
        target=None,
        label=_("Given up by the settlement"),
        icon="money_off",
        comment="required",
        audience="system",
        order=96,
        tone="danger",
    )
    def give_up_at_end(self, *, actor, data, comment):
        """The agreement ends, and its settlement does not keep what is not ordered yet."""
        effects.give_up(self, None, actor=actor, reason=comment)

    @workflow_transition(
        field="state",
        source=["certified", "suspended"],
        target="paid",
        label=_("Close: all was given up"),
        icon="task_alt",
        conditions=["agreements.conditions.all_is_given_up"],
        audience="system",
        order=45,
        tone="quiet",
    )
    def close_given_up(self, *, actor, data, comment):
        """Nothing of it is paid: no payment follows."""
