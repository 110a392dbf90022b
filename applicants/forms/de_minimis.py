"""The applicant's declaration of de minimis aid received elsewhere."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applicants.models import DeMinimisAid
from core.personal_numbers import NoNationalNumberMixin


class DeMinimisForm(NoNationalNumberMixin, forms.ModelForm):
    """One aid: when it was granted, how much, by whom."""

    class Meta:
        model = DeMinimisAid
        fields = ["granted_on", "amount", "authority", "regime", "reference"]
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
        self.instance.origin = DeMinimisAid.Origin.DECLARED

    def clean_granted_on(self) -> Any:
        day = self.cleaned_data["granted_on"]
        if day > timezone.localdate():
            raise ValidationError(_("This date is in the future: an aid counts from the day it is granted."))
        return day
