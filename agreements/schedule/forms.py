"""Until when more time to claim is given."""

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from agreements.forms.transitions import TransitionForm
from agreements.schedule.services import claim_days
from core.dates import format_date_long
from core.lib.planned_days import PlannedDayField, plans


class ExtensionForm(TransitionForm):
    """The new last day to claim, later than those that hold now and not past."""

    until = PlannedDayField(label=gettext_lazy("Claims are taken until"), horizon=plans)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.days = claim_days(self.instance)
        words = {
            gettext_lazy("first claim"): self.days.first_in_force,
            gettext_lazy("last claim"): self.days.last_in_force,
        }
        known = [f"{label}: {format_date_long(day)}" for label, day in words.items() if day]
        self.fields["until"].help_text = _("Now: %(days)s. The beneficiary is told by mail.") % {
            "days": ", ".join(known)
        }

    def clean_until(self):
        """An extension that gives no time is none."""
        until = self.cleaned_data["until"]
        present = [day for day in (self.days.first_in_force, self.days.last_in_force) if day]
        if self.days.extended and until <= self.days.extended or present and until <= min(present):
            raise ValidationError(_("Claims are taken until this day already: give a later one."))
        return until
