"""Input of the transitions. The runner builds them with ``data``, ``files``, ``instance`` and ``actor``."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.apps import apps
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agreements.asked_of_funds import AsksKnowingly
from agreements.budget_accounts import SpentAccount, kept_above
from agreements.due import above_what_is_due, due_once_checked
from agreements.effects import left_to_order
from agreements.order_parts import to_order
from agreements.settlements.falling import asked_back_once_certified, owed_of
from agreements.settlements.payable import payable_without
from agreements.settlements.services import kept_for
from agreements.still_due import why_not_placed_again
from applicants.bank_accounts import replaced_since
from core.dates import format_date_long
from core.file_types import PIECE_TYPES, accept_attribute
from core.lib.planned_days import PlannedDayField, answers
from core.money import EuroField, format_euros, sum_money
from core.past_days import PastDayField, follows
from core.personal_numbers import NoNationalNumberMixin
from core.site.chosen_files import ChosenFileField, ChosenFileInput
from core.site.sometimes import sometimes
from core.text import listed

#: Days given to complete a claim, unless the officer says another day.
DAYS_TO_ANSWER = 30


class TransitionForm(NoNationalNumberMixin, forms.Form):
    """A form that knows the row it changes and who asks."""

    def __init__(self, data=None, files=None, *, instance, actor, **kwargs: Any):
        self.instance, self.actor = instance, actor
        super().__init__(data=data, files=files, **kwargs)


def money_field(label, **kwargs: Any) -> forms.DecimalField:
    """Return a field for an amount in euros."""
    return EuroField(label=label, **kwargs)


def file_field(label, types=PIECE_TYPES, **kwargs: Any) -> ChosenFileField:
    """Return a field for a file of the given types."""
    return ChosenFileField(label=label, widget=ChosenFileInput(attrs={"accept": accept_attribute(types)}), **kwargs)


class ConfirmationForm(TransitionForm):
    """The beneficiary accepts the very file that was sent."""

    signatory = forms.CharField(label=gettext_lazy("First and last name of the signatory"), max_length=200)
    quality = forms.CharField(
        label=gettext_lazy("Quality"),
        max_length=200,
        help_text=gettext_lazy("In what capacity you sign: chair, manager, by delegation of…"),
    )
    sha256 = forms.CharField(widget=forms.HiddenInput, required=False)
    accepted = forms.BooleanField(
        label=gettext_lazy("I have read this document and I accept it on behalf of the beneficiary."),
        error_messages={"required": gettext_lazy("Tick this box to sign: it says that you accept the document.")},
    )

    def clean(self):
        """The page shows a file; another one may have taken its place meanwhile."""
        cleaned = super().clean()
        current = self.instance.document_pdf
        if current and cleaned.get("sha256") != current.file.sha256:
            raise ValidationError(
                _("The document has changed since you opened this page. Read it again before you sign.")
            )
        return cleaned


class SignedCopyForm(TransitionForm):
    """The copy that the beneficiary signed elsewhere."""

    file = file_field(gettext_lazy("Signed copy"))
    signatory = forms.CharField(label=gettext_lazy("Name of the signatory"), max_length=200)
    quality = forms.CharField(label=gettext_lazy("Quality of the signatory"), max_length=200)
    signed_on = PastDayField(label=gettext_lazy("Signed on"))

    def clean_signed_on(self):
        """One signs what was sent."""
        day = self.cleaned_data["signed_on"]
        follows(day, self.instance.sent_at, _("the sending of the act"))
        return day


class EntryInForceForm(TransitionForm):
    """The Region's signature and the notification."""

    region_signatory = forms.CharField(
        label=gettext_lazy("Signatory for the Region"),
        max_length=200,
        help_text=gettext_lazy("Name and capacity: the President, or the person who has the delegation."),
    )
    region_signed_on = PastDayField(label=gettext_lazy("Signed on"))
    notified_on = PastDayField(
        label=gettext_lazy("Notified on"),
        help_text=gettext_lazy("The payment terms run from this day (60 days, unless the payment hangs on an event)."),
    )

    def clean(self):
        """Deliberation, sending, signature of the beneficiary, of the Region, notification: in this order."""
        cleaned = super().clean()
        act = self.instance
        before = (
            (act.sent_at, _("the sending of the act")),
            (act.beneficiary_signed_at, _("the beneficiary’s signature")),
        )
        for day, what in before:
            try:
                follows(cleaned.get("region_signed_on"), day, what)
            except ValidationError as error:
                self.add_error("region_signed_on", error)
                break
        signed, notified = cleaned.get("region_signed_on"), cleaned.get("notified_on")
        if signed and notified and notified < signed:
            self.add_error("notified_on", _("The notification comes after the signature: check both dates."))
        decided = self.instance.decision_date
        if signed and decided and signed < decided:
            self.add_error("region_signed_on", _("The Region signs after its deliberation: check the date."))
        return cleaned


#: What is stated of money that rests on nothing to show yet: an advance.
ON_ADVANCE = gettext_lazy(
    "I certify that this payment goes to this project, and that no other funder was asked for the same part."
)
#: … of money that rests on what the joined pieces show.
ON_PIECES = gettext_lazy(
    "I certify that the joined pieces are exact and still hold, that this payment goes to this project,"
    " and that no other funder was asked for the same part."
)
#: … of money that rests on expenditure, in the course of the project.
ON_PAID_EXPENDITURE = gettext_lazy(
    "I certify that the expenditure was paid for this project, and that no other funder was asked for the same part."
)
#: … of the money that settles the account.
ON_FINAL_ACCOUNT = gettext_lazy(
    "I certify that the expenditure was paid for this project, that the report joined to the claim is exact,"
    " and that no other funder was asked for the same part."
)


def statement_of(instalment) -> str:
    """What the beneficiary states on their honour: only what can be true of what this payment rests on."""
    if instalment.needs_expenditure:
        return ON_FINAL_ACCOUNT if instalment.is_final and instalment.required_pieces else ON_PAID_EXPENDITURE
    return ON_PIECES if instalment.required_pieces else ON_ADVANCE


class SubmitClaimForm(TransitionForm):
    """The statement that goes with a claim; it says what its payment rests on."""

    attested = forms.BooleanField(
        label=ON_PAID_EXPENDITURE,
        error_messages={"required": gettext_lazy("Tick this box: a claim is filed on your honour.")},
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["attested"].label = statement_of(self.instance.instalment)


class AnswerDayForm(TransitionForm):
    """By which day a beneficiary files a claim: again, or at last."""

    answer_due_on = PlannedDayField(
        label=gettext_lazy("Answer expected by"),
        required=False,
        horizon=answers,
        help_text=gettext_lazy("The beneficiary reads it. Empty: thirty days from today."),
    )

    def clean_answer_due_on(self):
        """A day to come."""
        today = timezone.localdate()
        day = self.cleaned_data["answer_due_on"] or today + timedelta(days=DAYS_TO_ANSWER)
        if day <= today:
            raise ValidationError(_("Give a day to come: the beneficiary needs time to answer."))
        return day


class GiveBackForm(AnswerDayForm):
    """By which day the beneficiary completes the claim."""


class CertificationForm(TransitionForm):
    """What is due, and why it is less than what was asked."""

    certified_amount = money_field(gettext_lazy("Amount due"), min_value=Decimal(0))
    certification_reason = sometimes(
        forms.CharField(
            label=gettext_lazy("Reason of the cut"),
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text=gettext_lazy("Compulsory when less is due than was asked; the beneficiary reads it."),
        )
    )
    kept_above_reason = sometimes(
        forms.CharField(
            label=gettext_lazy("Why more is kept than was retained"), widget=forms.Textarea(attrs={"rows": 3})
        )
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        asked = [f"{spent.number} {spent.account.title}" for spent in self.above if spent.asks_why]
        if not asked:
            del self.fields["kept_above_reason"]
            return
        self.fields["kept_above_reason"].initial = self.instance.kept_above_reason
        self.fields["kept_above_reason"].help_text = _(
            "Less was retained of %(accounts)s than was planned: say why more is kept, or keep less of its lines."
        ) % {"accounts": listed(asked)}

    @cached_property
    def above(self) -> list[SpentAccount]:
        """The accounts on which more is kept than was retained of them."""
        return kept_above(self.instance)

    @cached_property
    def facts(self) -> list[tuple[str, Decimal]]:
        """What the amount is read against, in euros: what was asked, what the lines make due at most, and, on an act that has
        ended, what is asked back."""
        due = due_once_checked(self.instance)
        asked = [(_("Amount asked"), self.instance.claimed_amount)]
        if due is None:
            return asked
        found = [*asked, (_("Due at most"), due.amount)]
        for spent in self.above:
            words = {
                "account": spent.number,
                "label": spent.account.title,
                "amount": format_euros(spent.account.retained),
            }
            kept = _("Kept on account %(account)s (%(label)s) above the %(amount)s that were retained of it")
            found.append((kept % words, spent.above))
        if back := asked_back_once_certified(self.instance):
            found.append((_("Paid, and that no expenditure justifies once this is certified: to be asked back"), back))
        return found

    def clean(self):
        """A cut has its reason; what is not cut has none, as a line of expenditure."""
        cleaned = super().clean()
        amount = cleaned.get("certified_amount")
        if amount is not None and amount > self.instance.claimed_amount:
            self.add_error("certified_amount", _("No more is certified than what was asked."))
        elif amount is not None and amount < self.instance.claimed_amount and not cleaned.get("certification_reason"):
            self.add_error("certification_reason", _("Say why less is due than what was asked."))
        elif amount == self.instance.claimed_amount:
            cleaned["certification_reason"] = ""
        if "kept_above_reason" in self.fields and not cleaned.get("kept_above_reason", "").strip():
            self.add_error("kept_above_reason", _("Say why more is kept than was retained."))
        return cleaned


class GiveUpForm(AsksKnowingly, TransitionForm):
    """Whose part of the claim is not paid any more; ``cleaned_data["parts"]`` are ids of shares, ``[None]`` the payee's."""

    parts = forms.MultipleChoiceField(
        label=gettext_lazy("Who is not paid"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "What was certified stays; it is not ordered any more, and no other person is paid it. The beneficiary reads"
            " the reason."
        ),
        error_messages={"required": gettext_lazy("Say whose part is given up.")},
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.left = left_to_order(self.instance)
        self.fields["parts"].choices = [
            (str(share.pk if share else 0), f"{share.person_name if share else payee} – {format_euros(amount)}")
            for share, payee, amount in self.left
        ]
        part = self.instance.instalment.tranche_id
        self.offer_the_box(self.instance.agreement, lambda: self._payable(self.left), of=[part])

    def _payable(self, given_up: list[tuple]) -> dict[int | None, Decimal]:
        """The parts of the agreement, once these are given up."""
        return payable_without(self.instance, sum_money(amount for _share, _payee, amount in given_up))

    def clean_parts(self):
        """The ids of the shares."""
        return [int(part) or None for part in self.cleaned_data["parts"]]

    def clean(self):
        """What was asked from the Commission and will not be paid is read before."""
        cleaned = super().clean()
        if parts := cleaned.get("parts"):
            given_up = [part for part in self.left if (part[0].pk if part[0] else None) in parts]
            self.check_what_was_asked(self._payable(given_up))
        return cleaned


class CloseForNothingForm(AsksKnowingly, TransitionForm):
    """A claim for which nothing is due: on an agreement that has ended, what its settlement kept for it is paid no more."""

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.instance.agreement.ended_on:
            self.offer_the_box(self.instance.agreement, self._payable, of=[self.instance.instalment.tranche_id])

    def _payable(self) -> dict[int | None, Decimal]:
        """The parts of the agreement, once it is closed."""
        return payable_without(self.instance, above_what_is_due(self.instance) + kept_for(self.instance))

    def clean(self):
        """As when a part is given up."""
        cleaned = super().clean()
        if self.instance.agreement.ended_on:
            self.check_what_was_asked(self._payable())
        return cleaned


class OrderForm(TransitionForm):
    """The batch in which a payment goes."""

    @cached_property
    def facts(self) -> list[tuple[str, Decimal]]:
        """What was paid on its act and is to be asked back, in euros: nothing of it is taken off this payment."""
        owed = owed_of(self.instance)
        return [(_("Paid on this act, to be asked back and not taken off here"), owed)] if owed else []

    batch = forms.ModelChoiceField(
        label=gettext_lazy("Batch"),
        queryset=None,
        empty_label=None,
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        batches = apps.get_model("agreements", "PaymentBatch").objects.for_user(self.actor)
        year, field = timezone.localdate().year, self.fields["batch"]
        field.queryset = batches.filter(state="open", year=year)
        words = {"year": year, "url": reverse("admin:agreements_paymentbatch_add")}
        none_open = _('No batch of %(year)s is open: <a href="%(url)s">open one</a>, then order this payment.') % words
        other = _("This batch is closed, or of another budget year: choose an open one of %(year)s.")
        field.error_messages["invalid_choice"] = other % words
        field.error_messages["required"] = _("Choose the batch; when none is open, open one first.")
        if not field.queryset.exists():
            field.help_text = none_open
            return
        parts = to_order([self.instance])[self.instance.pk]
        if parts.now and parts.waiting:
            words = {"now": format_euros(parts.now), "waiting": format_euros(parts.waiting)}
            words["reasons"] = " ".join(parts.reasons)
            told = _("Ordered now: %(now)s. Waits for a bank account: %(waiting)s. %(reasons)s")
            field.help_text = told % words


class PaymentDoneForm(TransitionForm):
    """What the public accountant reports."""

    paid_on = PastDayField(label=gettext_lazy("Paid on"))
    external_reference = forms.CharField(
        label=gettext_lazy("Number in the finance software"), max_length=60, required=False
    )

    replaced_account_reason = sometimes(
        forms.CharField(label=gettext_lazy("Paid on an account that was replaced: how you know"), max_length=300)
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        since = replaced_since(self.instance.bank_account)
        if since is None:
            del self.fields["replaced_account_reason"]
            return
        self.fields["replaced_account_reason"].help_text = _(
            "The account of this order was replaced on %(day)s. Only if it was paid on that day or later: what the public"
            " accountant wrote to you. If it was not paid, cancel the order and order it again."
        ) % {"day": format_date_long(since)}

    def clean_replaced_account_reason(self):
        """Some words, not blanks."""
        return self.cleaned_data["replaced_account_reason"].strip()

    def clean_paid_on(self):
        """A payment follows its order."""
        day = self.cleaned_data["paid_on"]
        follows(day, self.instance.ordered_at, _("the order"))
        follows(day, self.instance.batch.closed_at, _("the sending of the batch to finance"))
        return day


class CancelOrderForm(TransitionForm):
    """Where the payment goes instead; nowhere once less is due than what is ordered: no batch would leave with it."""

    batch = forms.ModelChoiceField(
        label=gettext_lazy("Pay again in the batch"),
        queryset=None,
        required=False,
        help_text=gettext_lazy("To the account that is verified today. Empty: it is to be ordered again."),
    )

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if self.warnings:
            del self.fields["batch"]
            return
        batches = apps.get_model("agreements", "PaymentBatch").objects.filter(state="open")
        batches = batches.filter(year=timezone.localdate().year)
        self.fields["batch"].queryset = batches.exclude(pk=self.instance.batch_id)

    @cached_property
    def warnings(self) -> list[str]:
        """Why it is not paid again as it stands."""
        reason = why_not_placed_again(self.instance)
        return [reason] if reason else []
