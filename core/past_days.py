"""Days on which something happened: not to come, not before what it follows. One rule for every form that records one.

A form declares ``PastDayField`` where it had a ``DateField``; what the day follows is given by :func:`follows`.
"""

from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from core.dates import format_date_long


def day_of(moment: date | datetime | None) -> date | None:
    """Return the day of a moment in the Region's time zone; a day is its own."""
    if isinstance(moment, datetime):
        return timezone.localdate(moment) if timezone.is_aware(moment) else moment.date()
    return moment


def not_in_future(day: date | None) -> None:
    """Refuse a day that has not come. Raises ValidationError."""
    if day and day > timezone.localdate():
        raise ValidationError(_("This date is in the future: check it."))


def follows(day: date | None, earlier: date | datetime | None, what: str) -> None:
    """Refuse a ``day`` before that of ``earlier``; ``what`` names the earlier fact in a sentence ("its order").

    Raises ValidationError. Nothing is refused while one of the two is unknown.
    """
    first = day_of(earlier)
    if day and first and day < first:
        raise ValidationError(
            _("This date comes before %(what)s of %(day)s: check it.") % {"what": what, "day": format_date_long(first)}
        )


class PastDayField(forms.DateField):
    """A date field for something that has happened, with the browser's calendar up to today."""

    default_validators = [not_in_future]

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("widget", forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
        super().__init__(**kwargs)
