"""Days that are set for the time to come: not past, not further than people plan. One rule for every form that sets one.

A form declares ``PlannedDayField``; a form of the staff site made of a model names a ``Planned`` in ``days`` of its admin
class. ``core.past_days`` is the sibling, for days on which something happened.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.past_days import EARLIEST, day_of, not_before

MOST_ANSWER_DAYS = 2 * 366
"""Days: no setting makes the time to answer longer than this; the database refuses it."""
MOST_PLAN_DAYS = 10 * 366
"""Days: no setting makes a plan longer than this; the database refuses it. Source: a programming period of the European
funds is seven years of commitments and three to spend them (Regulation (EU) 2021/1060, Art. 63(2) and 105)."""


def answers() -> int:
    """Days that somebody may be given to answer, at most."""
    return min(settings.ESSOR_LONGEST_ANSWER_DAYS, MOST_ANSWER_DAYS)


def plans() -> int:
    """Days ahead for which the Region plans: calls, sessions, more time to claim."""
    return min(settings.ESSOR_LONGEST_PLAN_DAYS, MOST_PLAN_DAYS)


def periods() -> int:
    """Days ahead of what a law dates: a programming period, a ceiling of de minimis aid."""
    return MOST_PLAN_DAYS


@dataclass(frozen=True)
class Planned:
    """Refuses a day further away than ``horizon()`` days from today, before 2000, or past where it must be to come.

    Raises ValidationError; says the last day that may be given.
    """

    horizon: Callable[[], int]
    may_be_past: bool = False

    def __call__(self, value: date | datetime | None) -> None:
        day, today = day_of(value), timezone.localdate()
        if day is None:
            return
        if not self.may_be_past and day < today:
            raise ValidationError(_("This date is past: give today or a day to come."))
        not_before(day, EARLIEST)
        last = today + timedelta(days=self.horizon())
        if day > last:
            raise ValidationError(
                _("This date is too far away: give %(day)s at the latest.") % {"day": format_date_long(last)}
            )


class PlannedDayField(forms.DateField):
    """A date field for a day to come, with the browser's calendar."""

    def __init__(self, *, horizon: Callable[[], int], **kwargs: Any):
        kwargs.setdefault("widget", forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}))
        super().__init__(validators=[Planned(horizon)], **kwargs)


def within(day: str, since: str, days: int) -> models.Q:
    """The condition of a check: the day ``day`` is at most ``days`` after the moment ``since``, and not before 2000."""
    return models.Q(**{f"{day}__gte": EARLIEST, f"{day}__lte": models.F(since) + timedelta(days=days)})
