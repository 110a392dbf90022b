"""What the transitions of reporting ask for."""

from datetime import date
from decimal import Decimal

from django import forms
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from core.dates import format_date_long
from core.money import EuroField, format_euros
from core.past_days import PastDayField, follows
from core.personal_numbers import NoNationalNumberMixin
from core.site.sometimes import sometimes
from core.templatetags.essor import percent
from reporting.asked import plans_in_doubt
from reporting.eu_programmes.at_the_end import end_of
from reporting.eu_programmes.certified_in_plan import under_what_is_certified
from reporting.eu_programmes.given_up import above_payable
from reporting.eu_programmes.rates import allocation_of, share_above, share_in_force
from reporting.models import (
    CategoryOfRegion,
    ErrorType,
    FlagAnswer,
    FlagKind,
    Fund,
    OperationVersion,
    SourceKind,
    SpecificObjective,
)
from reporting.models.flag import OF_A_FAULT
from reporting.operations import facts_of_version, replan
from reporting.rules.doubts import CORRECTS, rate_above


class TransitionForm(NoNationalNumberMixin, forms.Form):
    """The base: what is moved and who moves it."""

    def __init__(self, data=None, files=None, *, instance, actor=None, **kwargs):
        super().__init__(data, files, **kwargs)
        self.instance, self.actor = instance, actor


class FlagAnswerForm(TransitionForm):
    """Confirm the recorded data, or correct the field that the doubt is about. ``changes`` is what is corrected."""

    answer = forms.ChoiceField(
        label=pgettext_lazy("noun", "Answer"), choices=FlagAnswer.choices, widget=forms.RadioSelect
    )
    fund = forms.ModelChoiceField(Fund.objects.all(), label=_("Fund"), required=False)
    eu_amount = EuroField(label=_("EU amount"), min_value=0, required=False)
    eligible_cost = EuroField(label=_("Eligible cost"), min_value=0, required=False)
    programmed_on = PastDayField(label=_("Programmed on"), required=False)
    specific_objective = forms.ModelChoiceField(
        SpecificObjective.objects.select_related("priority__programme"), label=_("Specific objective"), required=False
    )
    category_of_region = forms.ChoiceField(
        label=_("Category of region"), choices=[("", "---------"), *CategoryOfRegion.choices], required=False
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.corrected = CORRECTS[self.instance.kind]
        for name in list(self.fields):
            if name != "answer" and name not in self.corrected:
                del self.fields[name]
        of_a_fault = self.instance.kind == FlagKind.FAULT_OPEN
        answers = [one for one in FlagAnswer.choices if one[0] != FlagAnswer.WITHDRAWN]
        self.fields["answer"].choices = [one for one in answers if (one[0] in OF_A_FAULT) == of_a_fault]
        if not self.corrected and not of_a_fault:
            self.fields["answer"].choices = [(FlagAnswer.CONFIRMED, FlagAnswer.CONFIRMED.label)]
            self.fields["answer"].initial = FlagAnswer.CONFIRMED
        if self.instance.asked_too_much:
            self.fields["answer"].choices = [(FlagAnswer.WITHDRAWN, FlagAnswer.WITHDRAWN.label)]
            self.fields["answer"].initial = FlagAnswer.WITHDRAWN
            self.fields["answer"].help_text = gettext(
                "Say in the comment how, with the reference of the authority’s letter or of the accounts that it leaves."
            )
        if self.instance.kind in (FlagKind.FUND_UNKNOWN, FlagKind.NO_PRIORITY, FlagKind.ABOVE_PAYABLE):
            # Confirming that nothing is known would leave the operation out of every report by fund; what cannot be paid
            # any more is planned by nobody.
            self.fields["answer"].choices = [(FlagAnswer.CORRECTED, FlagAnswer.CORRECTED.label)]
            self.fields["answer"].initial = FlagAnswer.CORRECTED

    @property
    def grounds(self) -> dict[str, str]:
        """What the answer rests on: the plan in force and, for a share above a rate, both of them as they are now."""
        version = self.instance.operation.current
        told = {
            gettext("Eligible cost"): format_euros(version.eligible_cost),
            gettext("EU amount"): format_euros(version.eu_amount),
        }
        if self.instance.kind == FlagKind.RATE_ABOVE_PRIORITY and (found := share_in_force(version)):
            told[gettext("EU share")] = percent(found["rate"], "points")
            told[gettext("Rate of the priority")] = percent(found["limit"], "points")
        elif self.instance.kind == FlagKind.PROGRAMMING_DATE and version.programmed_on:
            told[gettext("Programmed on")] = format_date_long(version.programmed_on)
        elif self.instance.kind == FlagKind.ABOVE_PAYABLE:
            found = above_payable(version.operation.agreement, version.financing.values_list("kind", "label", "amount"))
            told |= {gettext("Can still be paid"): format_euros(found["payable"])} if found else {}
        elif self.instance.kind == FlagKind.PAID_NOT_BORNE and "paid" in self.instance.detail:
            told[gettext("Paid by the EU and the Region, or kept by the settlement")] = format_euros(
                Decimal(self.instance.detail["paid"])
            )
        elif self.instance.asked_too_much:
            detail = self.instance.detail
            told[gettext("Asked as public contribution")] = format_euros(Decimal(detail["asked"]))
            told[gettext("Paid, or will be")] = format_euros(Decimal(detail["payable"]))
            told[gettext("Asked too much")] = format_euros(Decimal(detail["asked"]) - Decimal(detail["payable"]))
        elif self.instance.claim_id:
            told[gettext("Claim")] = self.instance.claim.number
        elif self.instance.kind in (FlagKind.FUND_UNKNOWN, FlagKind.NO_PRIORITY):
            told[gettext("Fund")] = str(version.fund or "–")
        return told

    def clean(self):
        cleaned = super().clean()
        changes = {name: cleaned[name] for name in self.corrected if cleaned.get(name) not in (None, "")}
        if cleaned.get("answer") == FlagAnswer.CORRECTED and not changes:
            self.add_error(self.corrected[0], _("Give the right value."))
        if changes and cleaned.get("answer") not in (None, FlagAnswer.CORRECTED):
            sentence = _("Your answer corrects nothing: choose the correction, or empty what you typed here.")
            self.add_error(next(iter(changes)), sentence)
        if objective := changes.get("specific_objective"):
            changes["priority"] = objective.priority
            if not changes.get("category_of_region"):
                self.add_error("category_of_region", _("Choose the category of region."))
            if not changes.get("eu_amount"):
                self.add_error("eu_amount", _("Give the amount that the fund bears of the eligible cost."))
        of_act = self._fund_of_act()
        if changes.get("fund") and of_act and changes["fund"].code != of_act:
            sentence = _("The act of this operation is co-financed by %(fund)s: its operation is of this fund.")
            self.add_error("fund", sentence % {"fund": of_act})
        if changes:
            self._check_amounts(changes)
        cleaned["changes"] = changes
        return cleaned

    def _fund_of_act(self) -> str:
        """The code of the fund of the operation's agreement; empty for a row of an official list."""
        operation = self.instance.operation
        return operation.agreement.eu_fund if operation.agreement_id else ""

    def _check_amounts(self, changes: dict) -> None:
        """A correction does not leave behind the doubt that it answers."""
        current = self.instance.operation.current
        eligible = changes.get("eligible_cost", current.eligible_cost)
        eu_amount = changes.get("eu_amount", current.eu_amount)
        if "eu_amount" in self.corrected and eu_amount > eligible:
            self.add_error(
                "eu_amount",
                _("The EU amount (%(eu)s) is still above the eligible cost (%(eligible)s). Correct one of the two.")
                % {"eu": format_euros(eu_amount), "eligible": format_euros(eligible)},
            )
        end = end_of(current.operation) if "eligible_cost" in changes else None
        if end is not None and eligible > end.declarable:
            sentence = _(
                "The agreement has ended: %(declarable)s are declared or can still be. Give an eligible cost within it."
            )
            self.add_error("eligible_cost", sentence % {"declarable": format_euros(end.declarable)})
        self._check_what_is_certified(current, changes)
        if self.instance.kind == FlagKind.ABOVE_PAYABLE:
            plan = replan(current, facts_of_version(current) | changes)
            if found := above_payable(current.operation.agreement, plan):
                sentence = _(
                    "The EU and the Region would bear %(planned)s and at most %(payable)s will be paid: give a smaller amount."
                )
                self.add_error("eu_amount", sentence % {name: format_euros(amount) for name, amount in found.items()})
        limit = current.operation.eu_rate_limit
        if limit is not None and (rate := rate_above(eu_amount, eligible, limit)) is not None:
            sentence = _("The EU share would be %(rate)s: the call of this case lets the EU bear %(limit)s at most.")
            self.add_error(
                "eu_amount" if "eu_amount" in self.corrected else self.corrected[0],
                sentence % {"rate": percent(rate, "points"), "limit": percent(limit, "points")},
            )
        if self.instance.kind == FlagKind.RATE_ABOVE_PRIORITY and not self.errors:
            self._check_rate(current, eu_amount, eligible)

    def _check_what_is_certified(self, current, changes: dict) -> None:
        """A correction leaves to each source what is certified on it: what the EU bears more, the Region bears less."""
        facts = facts_of_version(current) | changes
        for under in under_what_is_certified(current, facts["eligible_cost"], replan(current, facts)):
            words = {
                "source": SourceKind(under.kind).label,
                "planned": format_euros(under.planned),
                "certified": format_euros(under.certified),
                "most": format_euros(facts["eu_amount"] - under.certified + under.planned),
            }
            sentence = _("%(source)s: %(certified)s are certified and the plan would bear %(planned)s.")
            if under.kind == SourceKind.REGION:
                sentence = _(
                    "%(source)s: %(certified)s are certified and the plan would bear %(planned)s. Give an EU amount of"
                    " %(most)s at most."
                )
            self.add_error("eu_amount" if "eu_amount" in self.corrected else self.corrected[0], sentence % words)

    def _check_rate(self, current, eu_amount: Decimal, eligible: Decimal) -> None:
        """The share is that of what the rate of the priority applies to: total or public expenditure."""
        allocation = allocation_of(current)
        if allocation is None:
            return
        facts = {"fund": current.fund, "eu_amount": eu_amount, "eligible_cost": eligible}
        rate = share_above(allocation, eligible, replan(current, facts))
        if rate is not None:
            sentence = _("The EU share is still %(rate)s, above the %(limit)s of the priority.")
            words = {"rate": percent(rate, "points"), "limit": percent(allocation.eu_rate, "points")}
            self.add_error("eu_amount", sentence % words)


class RejectionForm(TransitionForm):
    """Why an item is rejected."""

    error_type = forms.ModelChoiceField(ErrorType.objects.filter(is_active=True), label=_("Type of error"))


class PartRejectionForm(RejectionForm):
    """How much of an item is rejected, and why."""

    rejected_amount = EuroField(label=_("Rejected amount"))
    field_order = ["rejected_amount", "error_type"]

    def clean_rejected_amount(self) -> Decimal:
        amount, declared = self.cleaned_data["rejected_amount"], self.instance.declared_amount
        if 0 < abs(amount) < abs(declared) and (amount > 0) == (declared > 0):
            return amount
        words = {"declared": format_euros(declared)}
        if declared < 0:
            sentence = _(
                "Of a credit note, the rejected amount is negative: less than zero and more than the declared %(declared)s. "
                "To reject everything, choose “Reject”."
            )
            raise forms.ValidationError(sentence, params=words)
        sentence = _(
            "The rejected amount is more than zero and less than the declared %(declared)s. To reject everything, choose “Reject”."
        )
        raise forms.ValidationError(sentence, params=words)


PLAN_FIELDS = ("eligible_cost", "eu_amount", "fund", "priority", "category_of_region", "start_date", "end_date")


class ConclusionForm(TransitionForm):
    """Whether the controller has read the plan of the operation, where it was corrected since the control began.

    ``cleaned_data["version"]`` is the version on which the control ends.
    """

    plan_read = forms.BooleanField(
        label=_("I have read the corrected plan of the operation: my decisions hold on it."),
        error_messages={"required": _("The plan of the operation was corrected since: read it, then tick this box.")},
    )
    version = forms.ModelChoiceField(OperationVersion.objects.none(), required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.current, before = self.instance.operation.current, self.instance.read_version
        changed = changed_plan(before, self.current)
        if not changed:
            del self.fields["plan_read"], self.fields["version"]
            return
        self.fields["plan_read"].help_text = " ".join(
            gettext("%(field)s: %(now)s instead of %(before)s.") % words for words in changed
        )
        self.fields["version"].queryset = OperationVersion.objects.filter(operation=self.instance.operation_id)
        self.fields["version"].initial = self.current

    @property
    def facts(self) -> list[tuple[str, Decimal]]:
        """What the control ends with, in euros: what is parked stays out of the certificate, and is told before."""
        sums = self.instance.items.aggregate(
            retained=Sum("retained_amount"), rejected=Sum("rejected_amount"), parked=Sum("parked_amount")
        )
        if not sums["parked"]:
            return []
        return [
            (_("Retained: certified"), sums["retained"]),
            (_("Rejected"), sums["rejected"]),
            (_("Parked: left out of the certificate, waits for a later declaration"), sums["parked"]),
        ]

    def clean(self):
        """The box is about the plan that the page showed: one that was corrected once more is read again."""
        cleaned = super().clean()
        if "plan_read" in self.fields and cleaned.get("plan_read") and cleaned.get("version") != self.current:
            self.add_error(
                "plan_read", _("The plan was corrected once more since you opened this page: read it again.")
            )
        cleaned["version"] = self.current
        return cleaned


def changed_plan(before: OperationVersion | None, now: OperationVersion) -> list[dict]:
    """What differs between two versions of a plan, in words: the name of the field, and both values."""
    if before is None or before.pk == now.pk:
        return []
    changed = []
    for name in PLAN_FIELDS:
        if getattr(before, name) != getattr(now, name):
            label = str(OperationVersion._meta.get_field(name).verbose_name)
            display = f"get_{name}_display"  # the words of a choice
            old, new = (
                getattr(item, display)() if hasattr(item, display) else getattr(item, name) for item in (before, now)
            )
            changed.append({"field": label[:1].upper() + label[1:], "now": _shown(new), "before": _shown(old)})
    return changed


def _shown(value) -> str:
    """A value of a plan as people read it everywhere else."""
    if isinstance(value, Decimal):
        return format_euros(value)
    return format_date_long(value) if isinstance(value, date) else str(value or "–")


class ClosingForm(TransitionForm):
    """What whoever closes an application is told of it: the plans that count on what was given up."""

    @property
    def grounds(self) -> dict[str, str]:
        """What each doubt found, by the code of its operation and what is doubted."""
        return {
            f"{flag.operation.code} – {flag.get_kind_display()}": flag.found for flag in plans_in_doubt(self.instance)
        }


class SendingForm(TransitionForm):
    """When the application left, how the sending is known at home, and why after its last day.

    What leaves after 31 July counts in the accounting year that has begun (Regulation (EU) 2021/1060, Article 91(1)).
    """

    sent_on = PastDayField(label=_("Sent on"), required=False, help_text=_("The day on which it left. Empty: today."))
    national_reference = forms.CharField(label=_("National reference"), max_length=250, required=False)
    late_reason = sometimes(
        forms.CharField(label=_("Why it is sent late"), max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.last_day = self.instance.accounting_year.last_day_to_apply
        self.fields["sent_on"].initial = timezone.localdate()
        if timezone.localdate() <= self.last_day:
            del self.fields["late_reason"]
            return
        words = {"day": format_date_long(self.last_day), "year": self.instance.accounting_year}
        self.fields["late_reason"].help_text = (
            gettext("The last application of %(year)s was due by %(day)s. If it left by then, give that day above.")
            % words
            + " "
            + gettext("If it leaves later, say why: the Commission counts it in the next accounting year.")
        )

    def clean_sent_on(self) -> date:
        day = self.cleaned_data["sent_on"] or timezone.localdate()
        follows(day, self.instance.closed_at, gettext("the closing"))
        return day

    def clean(self):
        cleaned = super().clean()
        reason = cleaned.get("late_reason", "").strip()
        day = cleaned.get("sent_on")
        if day and day > self.last_day and not reason:
            sentence = _("This day is after %(day)s, the last of %(year)s: say why it is sent late.")
            words = {"day": format_date_long(self.last_day), "year": self.instance.accounting_year}
            self.add_error("late_reason", sentence % words)
        cleaned["late_reason"] = reason if day and day > self.last_day else ""
        return cleaned


class AcceptanceForm(TransitionForm):
    """When and under which reference the Commission accepted."""

    accepted_on = PastDayField(label=_("Accepted on"))
    commission_reference = forms.CharField(label=_("Reference of the Commission"), max_length=60)

    def clean_accepted_on(self):
        day = self.cleaned_data["accepted_on"]
        follows(day, self.instance.sent_on, gettext("the sending"))
        return day
