"""Forms of the session grid: one row a case."""

from django import forms
from django.utils.translation import gettext_lazy as _

from core.money import ZERO, EuroField
from grants.models import AgendaItem, Application, Decision
from grants.states import ApplicationState


class RowForm(forms.Form):
    """The decision on one case, with the agenda item's id as prefix."""

    decision = forms.ChoiceField(
        label=_("Decision"), required=False, choices=[("", _("not decided")), *Decision.choices]
    )
    amount = EuroField(label=_("Amount granted"), required=False, min_value=ZERO)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=2000)

    @classmethod
    def for_item(cls, item: AgendaItem) -> "RowForm":
        """The row as it stands; the proposed amount is ready to be granted."""
        amount = item.decided_amount
        if amount is None and item.decision not in (Decision.REJECTED, Decision.DEFERRED):
            amount = item.proposed_amount
        return cls(prefix=str(item.pk), initial={"decision": item.decision, "amount": amount, "reason": item.reason})

    def has_changed_from(self, item: AgendaItem) -> bool:
        """Whether the row says something else than what is recorded; an invalid row does."""
        if not self.is_valid():
            return True
        data = self.cleaned_data
        typed = (data["decision"], data["amount"] if data["decision"] == Decision.GRANTED else None)
        return (*typed, data["reason"].strip() if data["decision"] else "") != (
            item.decision,
            item.decided_amount,
            item.reason,
        )


def posted_rows(data, item_id: int):
    """The posted data when it holds this row, else an empty row that changes nothing by mistake."""
    return data if f"{item_id}-decision" in data else {}


class AddCasesForm(forms.Form):
    """The cases ready for a committee, of the programmes that the session takes."""

    cases = forms.ModelMultipleChoiceField(queryset=None, label=_("Cases"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args, session, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = (
            Application.objects.filter(
                state=ApplicationState.READY_FOR_COMMITTEE,
                programme_version__programme__in=session.programmes.all(),
            )
            .select_related("applicant", "programme_version__programme")
            .order_by("decision_due_on", "pk")
        )
        self.fields["cases"].queryset = self.cases


class RecusalForm(forms.Form):
    """Who takes no part."""

    member = forms.ModelChoiceField(queryset=None, label=_("Member"))
    reason = forms.CharField(label=_("Interest"), required=False, max_length=255)
    withdraw = forms.BooleanField(required=False)

    def __init__(self, *args, session, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["member"].queryset = session.members.all()
