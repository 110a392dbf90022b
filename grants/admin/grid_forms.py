"""Forms of the session grid: one row a case."""

from copy import copy

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.engine import versions
from core.engine.digests import initial_values
from core.money import ZERO, EuroField, format_euros
from core.site.sometimes import sometimes
from core.text import PastedTextMixin, in_a_sentence, is_number, listed
from grants.models import AgendaItem, Application, Decision
from grants.rules.floors import least_by_group, least_words
from grants.services.plans import standing_plan
from grants.states import ApplicationState


class RowForm(PastedTextMixin, forms.Form):
    """The decision on one case, with the agenda item's id as prefix."""

    decision = forms.ChoiceField(
        label=_("Decision"), required=False, choices=[("", _("not decided")), *Decision.choices]
    )
    amount = EuroField(label=_("Amount granted"), required=False, min_value=ZERO)
    reason = forms.CharField(label=_("Reason"), required=False, max_length=2000)

    def clean(self):
        """What is granted is typed: an amount left empty is asked for, never taken from the proposal in silence. An amount
        or a reason without a decision is no decision: it is asked for, what was typed stays."""
        data = super().clean()
        if not data.get("decision") and "decision" not in self.errors and self._says_something(data):
            self.add_error("decision", _("Choose the decision that this amount or this reason goes with."))
        if data.get("decision") == Decision.GRANTED and data.get("amount") is None and "amount" not in self.errors:
            self.add_error("amount", _("Type the amount granted, or reject the case."))
        if data.get("decision") in (Decision.REJECTED, Decision.DEFERRED) and self._says_amount(data):
            self.add_error("amount", _("Nothing is granted with this decision: empty the amount, or grant it."))
        return data

    def _says_something(self, data) -> bool:
        """Whether an amount or a reason was typed that is neither recorded nor the amount proposed."""
        reason = (data.get("reason") or "").strip()
        return self._says_amount(data) or reason not in ("", self.initial.get("reason", ""))

    def _says_amount(self, data) -> bool:
        """Whether an amount was typed: none, zero, what is recorded and what is proposed are typed by nobody."""
        return data.get("amount") not in (None, ZERO, self.initial.get("amount"), self.initial.get("proposed"))

    @classmethod
    def for_item(cls, item: AgendaItem, data=None) -> "RowForm":
        """The row as it stands, or as it was sent; the proposed amount is ready to be granted."""
        amount = item.decided_amount
        if amount is None and item.decision not in (Decision.REJECTED, Decision.DEFERRED):
            amount = item.proposed_amount
        initial = {"decision": item.decision, "amount": amount, "reason": item.reason}
        initial["proposed"] = item.proposed_amount
        return cls(data, prefix=str(item.pk), initial=initial)

    @classmethod
    def shown(cls, item: AgendaItem) -> str:
        """The version of the row as it stands, for the page that shows it."""
        values = initial_values(cls.for_item(item))
        digests = {name: versions.digest(value) for name, value in values.items()}
        return versions.Shown(versions.label_of(item), 0, digests).token()

    def settle(self, item: AgendaItem) -> bool:
        """Whether the person touched the row; what somebody else decided since the page was read is said beside it.

        The row then carries the version that this tells: sent once more, it is written on top.
        """
        try:
            shown = versions.carried(self.data, item, f"{item.pk}-{versions.FIELD}")
            return bool(versions.settle(self, item, shown, together=True))
        except versions.Stale as stale:
            self.full_clean()
            self.add_error(None, _theirs(item) if stale.shown else _("This page is too old: open it again."))
            return True

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


class PlanForm(forms.Form):
    """What each year or person of one case gets, and why where it is not what was proposed.

    The total is the sum of the parts: nobody types it, so that the two cannot differ.
    """

    reason = sometimes(
        forms.CharField(
            label=_("Reason"),
            max_length=2000,
            widget=forms.Textarea(attrs={"rows": 2}),
            help_text=_("Compulsory where an amount is not the one proposed."),
        )
    )

    def __init__(self, *args, item: AgendaItem, **kwargs):
        proposal = item.application.live_proposal()
        self.computed, self.proposed = proposal.computation.grant_plan, proposal.grant_plan
        standing = standing_plan(item)  # what was typed before a deferral is there again
        present = standing if standing.parts else self.proposed
        now = {group.code: group.amount for group in present.groups()}
        super().__init__(*args, initial={**now, "reason": item.reason}, **kwargs)
        proposed = {group.code: group.amount for group in self.proposed.groups()}
        least = least_by_group(item.application.rules, self.computed)
        for group in self.computed.groups():
            words = {
                "proposed": format_euros(proposed.get(group.code)),
                "computed": format_euros(group.amount),
                "cost": format_euros(group.cost),
            }
            told = gettext("Proposed: %(proposed)s; computed: %(computed)s at most, for a cost of %(cost)s.")
            self.fields[group.code] = EuroField(
                label=group.label,
                min_value=ZERO,
                help_text=f"{told % words} {least_words(least.get(group.code))}".strip(),
            )
        self.order_fields([*(group.code for group in self.computed.groups()), "reason"])

    def amounts(self) -> dict:
        """Euros by ``Group.code``, of a valid form."""
        return {group.code: self.cleaned_data[group.code] for group in self.computed.groups()}


def _theirs(item: AgendaItem) -> str:
    """What stands now, and who decided it, for somebody who typed something else."""
    if not item.decision:
        return str(_("The decision was taken back meanwhile. Look again, then record yours if it is right."))
    what = item.get_decision_display()
    if item.decided_amount is not None:
        what = f"{what}, {format_euros(item.decided_amount)}"
    return str(
        _("Meanwhile %(person)s recorded: %(decision)s. Look again, then record yours on top if it is right.")
        % {"person": item.decided_by, "decision": f"{what} ({item.reason})" if item.reason else what}
    )


def together(rows: dict[str, RowForm]) -> forms.Form:
    """The refused rows of the grid as one form, each field said with the case that it is of; ``rows`` by its number."""
    form = forms.Form(next(iter(rows.values())).data)
    form.full_clean()
    for number, row in rows.items():
        for name, item in row.fields.items():
            said = copy(item)
            said.label = f"{number} – {item.label}"
            form.fields[row.add_prefix(name)] = said
        for texts in row.errors.values():
            form.add_error(None, [f"{number}: {text}" for text in texts])
    return form


def is_posted(data, item: AgendaItem) -> bool:
    """Whether the posted data hold this row: one that they do not hold is left as it is."""
    return f"{item.pk}-decision" in data


def posted_items(data) -> set[int]:
    """The ids of the rows for which the posted data hold a decision, whatever the agenda is now."""
    numbers = [name.removesuffix("-decision") for name in data if name.endswith("-decision") and data[name]]
    return {int(number) for number in numbers if is_number(number)}


class AddCasesForm(forms.Form):
    """The cases ready for a committee, of the programmes that the session takes."""

    cases = forms.ModelMultipleChoiceField(queryset=None, label=_("Cases"), widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args, session, **kwargs):
        super().__init__(*args, **kwargs)
        of_session = Application.objects.filter(programme_version__programme__in=session.programmes.all())
        self.cases = (
            of_session.filter(state=ApplicationState.READY_FOR_COMMITTEE)
            .select_related("applicant", "programme_version__programme")
            .order_by("decision_due_on", "pk")
        )
        self.fields["cases"].queryset = self.cases
        self.fields["cases"].offered = of_session.exclude(state=ApplicationState.DRAFT)  # ready when they were shown

    @property
    def offered(self) -> dict[str, str]:
        """What the page says of each case that it offers, for its token: a case is put on the agenda as it was read."""
        return {_proposed_of(case): format_euros(case.proposed_amount) for case in self.cases}

    def of_picked(self, shown: versions.Shown) -> dict[str, str]:
        """The same, of those that were picked as they are now, held until they are on the agenda."""
        chosen = [key for key in self.data.getlist("cases") if is_number(key)]
        locked = self.fields["cases"].offered.filter(pk__in=chosen).select_for_update(of=("self",), no_key=True)
        now = {_proposed_of(case): format_euros(case.proposed_amount) for case in locked.order_by("pk")}
        return versions.picked(shown, now, now)

    def gone(self) -> list[Application]:
        """The cases that were chosen, of those that a page may have shown, and that are ready no more."""
        chosen = [key for key in self.data.getlist("cases") if is_number(key)]
        offered = self.fields["cases"].offered.filter(pk__in=chosen).exclude(state=ApplicationState.READY_FOR_COMMITTEE)
        return list(offered.order_by("number"))

    def why_not(self) -> str:
        """Why no case is put on the agenda: none was chosen, or one that was is ready no more."""
        if gone := self.gone():
            words = {"cases": listed([f"{case.number} ({in_a_sentence(case.state_label())})" for case in gone])}
            sentence = gettext(
                "No longer ready for a committee: %(cases)s. Nothing was recorded; your other choices are kept."
            )
            return sentence % words
        return gettext("Choose at least one case.")


def _proposed_of(case: Application) -> str:
    return gettext("%(case)s – Proposed") % {"case": case.number}


class RecusalForm(forms.Form):
    """Who takes no part."""

    member = forms.ModelChoiceField(queryset=None, label=_("Member"))
    reason = forms.CharField(label=_("Interest"), required=False, max_length=255)
    withdraw = forms.BooleanField(required=False)

    def __init__(self, *args, session, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["member"].queryset = session.members.all()
