"""What an officer writes when the service answers a request to join."""

from django import forms
from django.utils.translation import gettext_lazy

from applicants.forms.bank_account import TransitionForm


class AnswerRequestForm(TransitionForm):
    """Why: the service says it, the representatives of the body need not."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=gettext_lazy(
            "How you made sure who the person is. The service always gives it; the representatives and the body read it."
        ),
    )
