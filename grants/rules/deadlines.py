"""Time limits of a case: pure functions over dates.

Sources: ``france.md`` B7 (CRPA L231-4 3°: silence on a financial request is a refusal after two months, unless the
programme sets another figure; CRPA L114-5: the limit is suspended while requested pieces are awaited, at most until
the date given to the applicant).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from core.dates import add_months

DEFAULT_SILENCE_MONTHS = 2
"""Months of silence that make a refusal, when the programme says nothing."""

SOON_DAYS = 10
"""A limit that falls within these days is shown as urgent."""


@dataclass(frozen=True)
class Suspension:
    """A period in which the clock stands still: from the request to the answer, or to the date given."""

    asked_on: date
    due_on: date
    answered_on: date | None = None

    def days(self, today: date) -> int:
        """Whole days for which the limit is put off, as known on ``today``."""
        end = min(self.answered_on or today, self.due_on)
        return max((end - self.asked_on).days, 0)

    def runs(self, today: date) -> bool:
        """Whether the clock still stands still on ``today``."""
        return self.answered_on is None and today < self.due_on


def implied_decision_date(
    received_on: date,
    silence_months: int = DEFAULT_SILENCE_MONTHS,
    suspensions: Iterable[Suspension] = (),
    *,
    today: date | None = None,
) -> date:
    """The day on which silence becomes a refusal.

    Args:
        received_on: the day the application was received.
        silence_months: the programme's figure (2 by default).
        suspensions: the requests for pieces; an open one counts up to ``today``.
        today: needed only when a suspension is still open.

    15/03/2026 and two months give 15/05/2026 (``france.md`` G).
    """
    limit = add_months(received_on, silence_months)
    put_off = sum(item.days(today or item.due_on) for item in suspensions)
    return limit + timedelta(days=put_off)


def days_left(limit: date, today: date) -> int:
    """Days until ``limit``; negative when it is past."""
    return (limit - today).days


def urgency(limit: date | None, today: date) -> str:
    """``late``, ``soon`` or ``later`` for a limit; ``none`` where there is none."""
    if limit is None:
        return "none"
    left = days_left(limit, today)
    if left < 0:
        return "late"
    return "soon" if left <= SOON_DAYS else "later"
