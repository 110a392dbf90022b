"""The calendar of the demonstration: a Region at work for more than a year, lived in a minute.

Every act of the demonstration goes through the workflows at the moment it would have happened; the clock of this
process is moved, nothing is dated afterwards. Days are counted from today, so that deadlines lie ahead whenever the
demonstration is made.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

import time_machine
from django.utils import timezone

EARLIEST_HOUR = 9


class Clock:
    """Moments of the demonstration, counted in days from the day it is made."""

    def __init__(self) -> None:
        self.today: date = timezone.localdate()

    def day(self, offset: int) -> date:
        """The day ``offset`` days from today."""
        return self.today + timedelta(days=offset)

    def moment(self, offset: int, hour: int = EARLIEST_HOUR, minute: int = 0) -> datetime:
        """An aware moment on the day ``offset`` days from today."""
        return timezone.make_aware(datetime.combine(self.day(offset), time(hour, minute)))

    @contextmanager
    def at(self, offset: int, hour: int = EARLIEST_HOUR, minute: int = 0) -> Iterator[datetime]:
        """Act as if it were that day. Time goes on inside, so that one act comes after the other."""
        moment = self.moment(offset, hour, minute)
        with time_machine.travel(moment, tick=True):
            yield moment
