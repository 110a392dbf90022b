"""Days on which something happened: not to come, not before what it follows. One rule for every form that records one.

A form declares ``PastDayField`` where it had a ``DateField``; what the day follows is given by :func:`follows`.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from core.dates import format_date_long

EARLIEST = date(2000, 1, 1)
"""No fact that Essor records, and nothing that it plans, is older: the euro and the oldest rows taken over are younger."""


def day_of(moment: date | datetime | None) -> date | None:
    """Return the day of a moment in the Region's time zone; a day is its own."""
    if isinstance(moment, datetime):
        return timezone.localdate(moment) if timezone.is_aware(moment) else moment.date()
    return moment


def not_before(day: date | None, earliest: date) -> None:
    """Refuse a day too long ago to be meant. Raises ValidationError."""
    if day and day < earliest:
        raise ValidationError(_("This date is before %(day)s: check its year.") % {"day": format_date_long(earliest)})


def in_the_future() -> str:
    """Why a day to come is not taken where something has happened."""
    return _("This date is in the future, and only what has happened is recorded here: correct it.")


@dataclass(frozen=True)
class HasCome:
    """Refuses a day, or a moment, that has not come, or before ``earliest``. Raises ValidationError."""

    earliest: date = EARLIEST
    future: str = ""
    """What is said of a day to come, where there is more to say than to check it."""

    def __call__(self, value: date | datetime | None) -> None:
        if value is None:
            return
        is_ahead = value > timezone.now() if isinstance(value, datetime) else value > timezone.localdate()
        if is_ahead:
            raise ValidationError(self.future or in_the_future())
        not_before(day_of(value), self.earliest)


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

    earliest = EARLIEST

    def __init__(self, *, future: str = "", **kwargs: Any):
        kwargs.setdefault("widget", forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
        super().__init__(**kwargs)
        self.validators = [*self.validators, HasCome(self.earliest, future)]


class BirthDayField(PastDayField):
    """The day of birth of somebody alive."""

    earliest = date(1901, 1, 1)


class PastMomentField(forms.DateTimeField):
    """A date and a time for something that has happened."""

    default_validators = [HasCome()]

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("widget", forms.DateTimeInput(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"}))
        super().__init__(**kwargs)
