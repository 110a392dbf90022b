"""Input of the yearly reports: what their beneficiary types, and what the service asks when it accepts one."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agreements.forms.transitions import TransitionForm, file_field, money_field
from core.money import format_euros
from core.site.answered import AnswerField, is_answered

#: A year that is said to have cost more than so many times what it was planned to is asked about: a slip of the hand.
FAR_ABOVE = 2
#: … and one that is said to have cost less than its planned cost divided by so much.
FAR_BELOW = 2


class TrancheReportForm(TransitionForm):
    """The report of one year."""

    BOXES = ("less_is_right", "amount_is_right")
    """What answers a question about the amount that was typed."""

    summary = forms.CharField(
        label=gettext_lazy("What was done in the year"),
        widget=forms.Textarea(attrs={"rows": 6}),
        max_length=10_000,
        help_text=gettext_lazy("In a few sentences: actions, people reached, results, gaps with what was planned."),
    )
    spent_amount = money_field(
        gettext_lazy("Spent in the year"),
        min_value=Decimal(0),
        help_text=gettext_lazy("The total cost of the actions of the year, in euros."),
    )
    document = file_field(
        gettext_lazy("Report (activity and accounts)"),
        error_messages={"required": gettext_lazy("Join the report: its activity and its accounts in one file.")},
    )
    less_is_right = AnswerField(
        label=gettext_lazy("The year did cost less than what was accepted on its claims: the summary says why."),
        help_text=gettext_lazy("Only in that case; the service compares both."),
    )

    amount_is_right = AnswerField(
        label=gettext_lazy("The year did cost that amount: the summary says why."),
        help_text=gettext_lazy("Only in that case; the service compares it with the cost that was planned."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        """A first report comes with its document; a corrected one may keep it."""
        super().__init__(*args, **kwargs)
        self.fields["document"].required = not getattr(self.instance, "document_id", None)
        self.accepted = self.instance.tranche.accepted_expenditure()
        self.typed_amount = self._typed_amount()
        # Each box is offered with its question, and answers it for the amount that it was asked about.
        if not self._is_below_accepted(self.typed_amount):
            del self.fields["less_is_right"]
        if not self._is_far_off(self.typed_amount):
            del self.fields["amount_is_right"]

    def _typed_amount(self) -> Decimal | None:
        """What was typed as spent; None while nothing that can be read was."""
        try:
            return self.fields["spent_amount"].clean(self.data.get(self.add_prefix("spent_amount")))
        except ValidationError:
            return None

    def _is_below_accepted(self, spent: Decimal | None) -> bool:
        return spent is not None and spent < self.accepted

    def _is_far_off(self, spent: Decimal | None) -> bool:
        """Far above what was planned; or far below, where what was accepted on its claims does not say it already."""
        if spent is None or self._is_below_accepted(spent):
            return False
        tranche = self.instance.tranche
        return spent > FAR_ABOVE * max(tranche.cost, tranche.amount) or spent * FAR_BELOW < tranche.cost

    def clean(self) -> dict[str, Any]:
        """A year that costs less than what was accepted of its claims, or far from what was planned, is a question."""
        cleaned = super().clean()
        spent = cleaned.get("spent_amount")
        if spent is None:
            return cleaned
        words = {
            "spent": format_euros(spent),
            "cost": format_euros(self.instance.tranche.cost),
            "accepted": format_euros(self.accepted),
        }
        if self._is_far_off(spent) and not is_answered(self, "amount_is_right", spent):
            above = _(
                "%(spent)s is far above the cost that was planned for this year (%(cost)s). Correct the amount; or, if "
                "it is right, tick the box below and say why in the summary."
            )
            below = _(
                "%(spent)s is far below the cost that was planned for this year (%(cost)s). Correct the amount; or, if "
                "it is right, tick the box below and say why in the summary."
            )
            self.add_error("spent_amount", (above if spent > self.instance.tranche.cost else below) % words)
        if self._is_below_accepted(spent) and not is_answered(self, "less_is_right", spent, self.accepted):
            self.add_error(
                "spent_amount",
                _(
                    "%(spent)s is less than the expenditure already accepted on the claims of this year (%(accepted)s). "
                    "Correct the amount; or, if it is right, tick the box below and say why in the summary."
                )
                % words,
            )
        return cleaned


class AcceptReportForm(TransitionForm):
    """Nothing is typed but the comment, which a year without spending needs."""

    @property
    def comment_asked(self) -> str:
        """When the comment is compulsory, in words; empty where it is not."""
        return (
            ""
            if self.instance.spent_amount
            else _("The report says that nothing was spent in this year: write why it is accepted.")
        )
