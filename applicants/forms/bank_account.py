"""Forms about bank accounts: what the applicant enters, what the verifier notes."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.known_days import days_known
from applicants.rules.identifiers import validate_bic, validate_iban
from core.dates import format_date_long, format_moment
from core.lib.telephones import normal_number
from core.past_days import PastDayField, PastMomentField
from core.personal_numbers import NoNationalNumberMixin
from core.site.chosen_files import ChosenFileField

PROOF_MONTHS_OLD = 12


class TransitionForm(NoNationalNumberMixin, forms.Form):
    """A form of a transition: it is told on what and by whom."""

    def __init__(self, *args: Any, instance: Any = None, actor: Any = None, **kwargs: Any) -> None:
        self.instance = instance
        self.actor = actor
        super().__init__(*args, **kwargs)


class BankAccountForm(NoNationalNumberMixin, forms.Form):
    """Bank details as the applicant copies them from the bank's paper."""

    holder_name = forms.CharField(
        label=gettext_lazy("Account holder"),
        max_length=140,
        help_text=gettext_lazy("As written on the bank details document (RIB)."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    iban = forms.CharField(
        label=gettext_lazy("IBAN"),
        max_length=50,
        help_text=gettext_lazy("27 characters for a French account. Spaces do not matter."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    bic = forms.CharField(
        label=gettext_lazy("BIC"),
        max_length=20,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    proof = ChosenFileField(
        label=gettext_lazy("Bank details document (RIB)"),
        help_text=gettext_lazy("PDF or image from your bank, with the name of the holder."),
        error_messages={"required": gettext_lazy("Join the bank details document (RIB) that your bank gives you.")},
    )

    def clean_iban(self) -> str:
        return validate_iban(self.cleaned_data["iban"])

    def clean_bic(self) -> str:
        return validate_bic(self.cleaned_data["bic"]) if self.cleaned_data["bic"] else ""


class VerifyBankAccountForm(TransitionForm):
    """What the verifier saw and heard."""

    proof_dated = PastDayField(
        label=gettext_lazy("Date of the bank details document"),
        help_text=gettext_lazy("The date printed on the document, or the day it was received."),
    )
    phone = forms.CharField(
        label=gettext_lazy("Number called"),
        max_length=30,
        required=False,
        help_text=gettext_lazy("A number known before this request: never the one written in it."),
        widget=forms.TextInput(attrs={"inputmode": "tel"}),
    )
    person = forms.CharField(label=gettext_lazy("Person spoken to"), max_length=120, required=False)
    called_at = PastMomentField(label=gettext_lazy("Date and time of the call"), required=False)
    note = forms.CharField(label=gettext_lazy("Note"), max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = self.instance.numbers_known_before() if self.instance and self.instance.is_change else []
        if self.known:
            choices = [
                (item.shown, f"{item.shown} · {item.whose} · {format_date_long(timezone.localdate(item.since))}")
                for item in self.known
            ]
            self.fields["phone"].widget = forms.Select(choices=[("", "–"), *choices])
            self.fields["phone"].help_text = _(
                "On file long enough before this change, with whose it is and since when."
            )

    def clean_phone(self) -> str:
        """A real number; for a change, one that was known long before it."""
        typed = self.cleaned_data["phone"].strip()
        if not typed:
            return ""
        number = normal_number(typed)
        if self.known and number not in {item.number for item in self.known}:
            raise forms.ValidationError(
                _("This number was not on file %(days)d days before the change: call one of these: %(numbers)s.")
                % {
                    "days": days_known(),
                    "numbers": ", ".join(item.shown for item in self.known),
                }
            )
        return typed

    def clean_proof_dated(self) -> Any:
        dated = self.cleaned_data["proof_dated"]
        today = timezone.localdate()
        if dated < today - timedelta(days=31 * PROOF_MONTHS_OLD):
            raise forms.ValidationError(_("This document is more than a year old: ask for a recent one."))
        return dated

    def clean_called_at(self) -> Any:
        called = self.cleaned_data["called_at"]
        if called and self.instance and called < self.instance.entered_at.replace(second=0, microsecond=0):
            raise forms.ValidationError(
                _("This call was made before the account was entered, on %(moment)s.")
                % {"moment": format_moment(self.instance.entered_at)}
            )
        return called


class VouchForm(TransitionForm):
    """The proof of a change where nobody can be called: no number was known long before it."""

    reason = forms.CharField(
        label=gettext_lazy("How you made sure that the change comes from the applicant"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Met in person, minutes of the board, letter of the bank… Another person verifies."),
    )
    document = ChosenFileField(
        label=gettext_lazy("Document that proves it"),
        help_text=gettext_lazy("Other than the bank details document: minutes, letter of the bank, identity seen."),
        error_messages={"required": gettext_lazy("Join the second document: without a call, the proof is on paper.")},
    )


class RejectBankAccountForm(TransitionForm):
    """Why the account is refused; the applicant reads it."""

    reason = forms.CharField(
        label=gettext_lazy("Reason, as the applicant will read it"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
