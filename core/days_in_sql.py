"""The day and the year of a moment in SQL: those of the Region's time zone, whatever the zone of the session.

The one spelling for the functions of triggers, for figures and for raw queries: ``CURRENT_DATE`` and ``moment::date`` say
the day of the session's zone (UTC here), which from midnight to two o'clock is the day before.
"""

import re

from django.conf import settings

_IS_SUM = re.compile(r"\s[-+]\s")  # AT TIME ZONE binds tighter than a sum


def _here(moment: str) -> str:
    return f"{f'({moment})' if _IS_SUM.search(moment) else moment} AT TIME ZONE '{settings.TIME_ZONE}'"


def day_of(moment: str) -> str:
    """SQL (a date) of the day of ``moment``, which is SQL of a timestamptz."""
    return f"({_here(moment)})::date"


def year_of(moment: str) -> str:
    """SQL (a number) of the calendar year of ``moment``, which is SQL of a timestamptz."""
    return f"EXTRACT(YEAR FROM {_here(moment)})"


def start_of(day: str) -> str:
    """SQL (a timestamptz) of the midnight with which ``day``, SQL of a date, begins."""
    return f"({day}::timestamp AT TIME ZONE '{settings.TIME_ZONE}')"


TODAY = day_of("now()")
"""SQL of today: the day on which the transaction began."""
