"""The last day of a limit: at midnight a limit is the end of the day before."""

from datetime import date, datetime

import pytest
from django.utils import timezone, translation

from core.dates import add_months, add_years, format_closing, last_day
from core.templatetags import essor


def paris(*parts: int) -> datetime:
    return timezone.make_aware(datetime(*parts))


@pytest.mark.parametrize(
    ("limit", "day"),
    [
        (paris(2026, 12, 15, 0, 0), date(2026, 12, 14)),
        (paris(2026, 12, 15, 0, 1), date(2026, 12, 15)),
        (paris(2026, 12, 14, 23, 59), date(2026, 12, 14)),
        (paris(2026, 12, 14, 12, 0), date(2026, 12, 14)),
        (paris(2026, 3, 29, 0, 0), date(2026, 3, 28)),  # the night of summer time
        (paris(2027, 1, 1, 0, 0), date(2026, 12, 31)),
        (date(2026, 12, 15), date(2026, 12, 15)),
    ],
)
def test_midnight_belongs_to_the_day_before(limit, day):
    assert last_day(limit) == day
    assert essor.last_day(limit) == day


def test_a_closing_is_said_by_its_last_day_and_hour():
    assert format_closing(paris(2026, 12, 15, 0, 0)) == "14 décembre 2026 à minuit"
    assert format_closing(paris(2026, 12, 14, 12, 0)).startswith("14 décembre 2026, 12")
    with translation.override("en"):
        assert format_closing(paris(2026, 12, 15, 0, 0)) == "14 December 2026 at midnight"


def test_days_left_count_to_the_last_day(monkeypatch):
    monkeypatch.setattr(timezone, "localdate", lambda: date(2026, 12, 14))
    assert essor.days_left(paris(2026, 12, 15, 0, 0)) == "dernier jour aujourd’hui"
    assert "1" in essor.days_left(paris(2026, 12, 15, 0, 1))


def test_months_beyond_the_calendar_end_with_it():
    assert add_months(date(9999, 1, 31), 12) == add_years(date(9998, 5, 1), 10) == date.max
    assert add_months(date(1, 1, 31), -12) == date.min
    assert add_months(date(9999, 1, 31), 1) == date(9999, 2, 28)
