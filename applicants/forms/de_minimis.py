"""What people type about de minimis aid: declarations, linked enterprises, what the central register was told."""

from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.models import Applicant, DeMinimisAid, SingleUndertaking, UndertakingAnswer
from applicants.models.de_minimis import NACE, Instrument
from core.dates import format_date_long
from core.engine import versions
from core.money import format_euros
from core.past_days import PastDayField
from core.personal_numbers import NoNationalNumberMixin
from core.site.sometimes import sometimes


class DeMinimisForm(NoNationalNumberMixin, forms.ModelForm):
    """One aid: when it was granted, how much, by whom."""

    another = sometimes(
        forms.BooleanField(
            label=gettext_lazy("This is another aid than the one that is there"),
            widget=forms.HiddenInput,  # asked where the same is there already
        )
    )

    class Meta:
        model = DeMinimisAid
        fields = ["granted_on", "amount", "authority", "regime", "reference"]
        field_classes = {"granted_on": PastDayField}
        widgets = {
            "granted_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "amount": forms.TextInput(attrs={"inputmode": "decimal"}),
        }
        help_texts = {
            "granted_on": gettext_lazy("The date of the decision, not of the payment."),
            "amount": gettext_lazy("In euros, before tax."),
            "authority": gettext_lazy("The commune, the State, Bpifrance…"),
            "regime": gettext_lazy("Written in the decision that granted the aid; “general” in most cases."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "amount" in self.fields:  # a reader of the staff site has no field
            self.fields["amount"].localize = True
            self.fields["amount"].widget.is_localized = True
        if self.instance.pk is None:
            self.instance.origin = DeMinimisAid.Origin.DECLARED

    def clean(self) -> dict[str, Any]:
        """An aid of one day, authority, amount and reference is there once, unless somebody says that it is another."""
        data = super().clean()
        applicant = data.get("applicant") or (self.instance.applicant if self.instance.applicant_id else None)
        if (
            self.instance.pk is not None
            or applicant is None
            or not {"granted_on", "amount", "authority"} <= data.keys()
        ):
            return data
        versions.lock(applicant)  # whoever declares one for it at this moment comes first, and is seen
        if (same := the_same(applicant, data)) is not None:
            self.fields["another"].widget = forms.CheckboxInput()
            if not data.get("another"):
                words = {
                    "amount": format_euros(same.amount),
                    "day": format_date_long(same.granted_on),
                    "authority": same.authority,
                }
                question = _(
                    "%(amount)s granted by %(authority)s on %(day)s: this aid is there already. If yours is another one, tick "
                    "the box that says so."
                )
                self.add_error("another", question % words)
        return data


def the_same(applicant: Applicant, typed: dict[str, Any]) -> DeMinimisAid | None:
    """The aid that counts and says the same as what is typed: day, amount, authority and reference."""
    return (
        applicant.de_minimis_aids.counted()
        .filter(
            granted_on=typed["granted_on"],
            amount=typed["amount"],
            authority__iexact=typed["authority"],
            reference__iexact=typed.get("reference", ""),
        )
        .first()
    )


class WithdrawAidForm(NoNationalNumberMixin, forms.Form):
    """Why an aid that was declared does not count."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("Entered twice, of another enterprise, never granted: the history keeps it."),
    )


class SectorField(forms.CharField):
    """A NACE class; a French activity code (94.99Z, 9499Z) is taken for the class that it begins with."""

    def __init__(self, **kwargs: Any) -> None:
        wrong = gettext_lazy("A NACE class is four digits, like 94.99: the activity code (APE) without its letter.")
        super().__init__(
            label=gettext_lazy("Sector (NACE)"),
            help_text=gettext_lazy("The class of the activity that is aided: the APE code without its letter."),
            validators=[RegexValidator(NACE, wrong)],
            max_length=12,
            **kwargs,
        )

    def to_python(self, value: Any) -> str:
        text = "".join(sign for sign in super().to_python(value) if sign.isalnum())
        digits = text[:-1] if text[-1:].isalpha() else text
        return f"{digits[:2]}.{digits[2:]}" if len(digits) == 4 else digits


class EnterForm(NoNationalNumberMixin, forms.Form):
    """When grants were entered in the central register, and under which number."""

    entered_on = PastDayField(label=gettext_lazy("Entered on"), initial=timezone.localdate)
    reference = forms.CharField(label=gettext_lazy("Number in the central register"), max_length=60, required=False)


class CompleteGrantForm(NoNationalNumberMixin, forms.Form):
    """What the central register asks for beside what the case says."""

    sector = SectorField()
    instrument = forms.ChoiceField(label=gettext_lazy("Aid instrument"), choices=Instrument.choices)


class LinksForm(NoNationalNumberMixin, forms.Form):
    """Whether other enterprises are linked with this one, as its people say."""

    answer = forms.ChoiceField(
        label=gettext_lazy("Is your enterprise linked with others?"),
        choices=UndertakingAnswer.Answer.choices,
        widget=forms.RadioSelect,
        help_text=gettext_lazy(
            "Linked: one holds the majority of the votes of the other, appoints its board, or controls it by contract."
        ),
    )
    explanation = sometimes(
        forms.CharField(
            label=gettext_lazy("Which ones?"),
            max_length=2000,
            widget=forms.Textarea(attrs={"rows": 3}),
            help_text=gettext_lazy("Their names and SIREN numbers."),
        )
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("answer") == UndertakingAnswer.Answer.LINKED and not cleaned.get("explanation", "").strip():
            self.add_error("explanation", _("Name the enterprises that are linked with yours."))
        return cleaned


class DecideLinksForm(NoNationalNumberMixin, forms.Form):
    """The service's answer."""

    answer = forms.ChoiceField(
        label=gettext_lazy("Answer of the service"),
        choices=UndertakingAnswer.Answer.choices,
        widget=forms.RadioSelect,
    )
    undertaking = sometimes(
        forms.ModelChoiceField(
            SingleUndertaking.objects.all(),
            label=gettext_lazy("Single undertaking"),
            help_text=gettext_lazy("For linked enterprises: all these establishments join it. Create it first."),
        )
    )
    explanation = forms.CharField(
        label=gettext_lazy("What shows it"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy("The register of companies, the statutes, what the applicant declared."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("answer") == UndertakingAnswer.Answer.LINKED and not cleaned.get("undertaking"):
            self.add_error("undertaking", _("Choose the single undertaking to which the linked enterprises belong."))
        elif cleaned.get("answer") == UndertakingAnswer.Answer.ALONE:
            cleaned["undertaking"] = None
        return cleaned
