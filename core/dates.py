"""Calendar arithmetic of grants: months and years that clamp, dates in words, the EU's accounting year."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time

from django.utils import formats, timezone
from django.utils.translation import get_language, gettext


def add_months(day: date, months: int) -> date:
    """Return ``day`` plus ``months`` (negative to go back); 31 January plus one month is the last of February."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def add_years(day: date, years: int) -> date:
    """Return the same day ``years`` later; 29 February becomes the 28th in a common year."""
    return add_months(day, 12 * years)


def format_date_long(day: date) -> str:
    """Return ``23 novembre 2026`` (``1er`` for the first of a month in French), in the active language."""
    if isinstance(day, datetime):
        day = timezone.localtime(day).date() if timezone.is_aware(day) else day.date()
    if (get_language() or "fr").startswith("en"):
        return formats.date_format(day, "j F Y")
    first = "1er" if day.day == 1 else str(day.day)
    return f"{first} {formats.date_format(day, 'F Y').lower()}"


def format_moment(moment: datetime) -> str:
    """Return ``23 novembre 2026, 22 h 47``, in the Region's time zone and the active language.

    The French time does not break over two lines: its spaces are no-break spaces.
    """
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    # Translators: the time of a day, as Django's date format. French: "G \\h i".
    return f"{format_date_long(local)}, {formats.date_format(local, gettext('g:i a'))}"


def end_of_day(day: date) -> datetime:
    """Return the last instant of ``day`` in the Region's time zone, aware: what "up to this date" means."""
    return timezone.make_aware(datetime.combine(day, time.max))


@dataclass(frozen=True)
class AccountingPeriod:
    """One accounting year of the EU funds, 1 July to 30 June (Regulation (EU) 2021/1060, Article 2(29))."""

    start: date
    end: date

    @property
    def label(self) -> str:
        """Return ``2026-2027``."""
        return f"{self.start.year}-{self.end.year}"

    def __contains__(self, day: date) -> bool:
        return self.start <= day <= self.end


def accounting_year_of(day: date) -> AccountingPeriod:
    """Return the accounting year that ``day`` belongs to."""
    first = day.year if day.month >= 7 else day.year - 1
    return AccountingPeriod(date(first, 7, 1), date(first + 1, 6, 30))
