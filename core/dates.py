"""Calendar arithmetic of grants: months and years that clamp, dates in words, the EU's accounting year."""

import calendar
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from django.utils import formats, timezone
from django.utils.translation import get_language, gettext

from core.lib.odd_days import in_words


def add_months(day: date, months: int) -> date:
    """Return ``day`` plus ``months`` (negative to go back); 31 January plus one month is the last of February.

    The calendar ends with the years 1 and 9999: a day beyond them is the last one that there is, and the page on which a
    wrong year stands still opens to correct it.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        end = date.max if months > 0 else date.min
        return day.replace(year=end.year, month=end.month, day=end.day)
    month += 1
    return day.replace(year=year, month=month, day=min(day.day, calendar.monthrange(year, month)[1]))


def add_years(day: date, years: int) -> date:
    """Return the same day ``years`` later; 29 February becomes the 28th in a common year."""
    return add_months(day, 12 * years)


def format_date_short(day: date) -> str:
    """Return ``23/11/2026`` as the active language writes it."""
    return in_words(day) or _short(day, get_language())


@lru_cache(maxsize=4096)
def _short(day: date, language: str | None) -> str:
    """A list writes the same days in row after row, and Django reads its format anew for each of them."""
    return formats.date_format(day, "SHORT_DATE_FORMAT")


def format_date_long(day: date) -> str:
    """Return ``23 novembre 2026`` (``1er`` for the first of a month in French), in the active language."""
    if odd := in_words(day):
        return odd
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
    if odd := in_words(moment):
        return odd
    local = timezone.localtime(moment) if timezone.is_aware(moment) else moment
    # Translators: the time of a day, as Django's date format. French: "G \\h i".
    return f"{format_date_long(local)}, {formats.date_format(local, gettext('g:i A'))}"


def last_day(limit: date | datetime) -> date:
    """Return the last day that a limit includes, in the Region's time zone.

    A limit at 00:00 is the end of the day before; a limit that is a day includes it.
    """
    if not isinstance(limit, datetime):
        return limit
    local = timezone.localtime(limit) if timezone.is_aware(limit) else limit
    return (local - timedelta(microseconds=1)).date()


def format_closing(limit: datetime) -> str:
    """Return the last day and hour of a limit: ``14 décembre 2026, 12 h 00``, ``14 décembre 2026 à minuit``."""
    local = timezone.localtime(limit) if timezone.is_aware(limit) else limit
    if in_words(limit) or local.time() != time.min:
        return format_moment(limit)
    # Translators: a limit at the end of this day.
    return gettext("%(day)s at midnight") % {"day": format_date_long(last_day(limit))}


def format_closing_short(limit: datetime) -> str:
    """Return the last day and hour of a limit, for a table: ``14/12/2026, 12:00``, ``14/12/2026 at midnight``."""
    if odd := in_words(limit):
        return odd
    local = timezone.localtime(limit) if timezone.is_aware(limit) else limit
    day = formats.date_format(last_day(limit), "SHORT_DATE_FORMAT")
    if local.time() != time.min:
        return f"{day}, {formats.date_format(local, gettext('g:i A'))}"
    return gettext("%(day)s at midnight") % {"day": day}


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


def easter(year: int) -> date:
    """Return Easter Sunday of a year of the Gregorian calendar (Meeus, Jones and Butcher's computation)."""
    golden, century, rest = year % 19, year // 100, year % 100
    moon = (19 * golden + century - century // 4 - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - moon - rest % 4) % 7
    shift = (golden + 11 * moon + 22 * week) // 451
    month, day = divmod(moon + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """Return the eleven public holidays of a year in France (Code du travail, L3133-1), local ones apart."""
    sunday = easter(year)
    movable = {sunday + timedelta(days=days) for days in (1, 39, 50)}
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    return frozenset(movable | {date(year, month, day) for month, day in fixed})


def is_working_day(day: date) -> bool:
    """Whether people of the service work on ``day``: not a Saturday, a Sunday or a public holiday.

    Source: Regulation 1182/71, Art. 2(2): working days are all days other than public holidays, Sundays, Saturdays.
    """
    return day.weekday() < 5 and day not in public_holidays(day.year)


def add_working_days(day: date, count: int) -> date:
    """Return the ``count``-th working day after ``day``, which is not counted (Regulation 1182/71, Art. 3(1))."""
    while count > 0:
        day += timedelta(days=1)
        count -= is_working_day(day)
    return day
