"""The clock of the implied decision (france.md B7 and G), and the urgency of a limit."""

from datetime import date

import pytest

from grants.rules.deadlines import Suspension, days_left, implied_decision_date, urgency


def test_silence_of_two_months_is_a_refusal():
    """Worked case of france.md G: received 15/03/2026, implied refusal 15/05/2026."""
    assert implied_decision_date(date(2026, 3, 15)) == date(2026, 5, 15)


def test_a_programme_may_set_its_own_silence():
    assert implied_decision_date(date(2026, 3, 15), 4) == date(2026, 7, 15)


def test_the_last_day_of_a_longer_month_is_clamped():
    assert implied_decision_date(date(2025, 12, 31)) == date(2026, 2, 28)


def test_waiting_for_pieces_puts_the_limit_off_by_the_days_waited():
    waited = Suspension(asked_on=date(2026, 4, 1), due_on=date(2026, 4, 30), answered_on=date(2026, 4, 11))
    assert implied_decision_date(date(2026, 3, 15), 2, [waited]) == date(2026, 5, 25)


def test_the_clock_stands_still_at_most_until_the_date_given():
    """CRPA L114-5: the suspension lasts for the time given to the applicant, no longer."""
    late = Suspension(asked_on=date(2026, 4, 1), due_on=date(2026, 4, 16), answered_on=date(2026, 6, 1))
    assert implied_decision_date(date(2026, 3, 15), 2, [late]) == date(2026, 5, 30)


def test_an_open_request_counts_up_to_today():
    waiting = Suspension(asked_on=date(2026, 4, 1), due_on=date(2026, 4, 30))
    assert implied_decision_date(date(2026, 3, 15), 2, [waiting], today=date(2026, 4, 6)) == date(2026, 5, 20)
    assert waiting.runs(date(2026, 4, 6))
    assert not waiting.runs(date(2026, 4, 30))


def test_two_suspensions_add_up():
    both = [
        Suspension(date(2026, 3, 20), date(2026, 4, 20), date(2026, 3, 25)),
        Suspension(date(2026, 4, 1), date(2026, 5, 1), date(2026, 4, 11)),
    ]
    assert implied_decision_date(date(2026, 3, 15), 2, both) == date(2026, 5, 30)


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        (None, "none"),
        (date(2026, 11, 23), "late"),
        (date(2026, 11, 24), "soon"),
        (date(2026, 12, 4), "soon"),
        (date(2026, 12, 5), "later"),
    ],
)
def test_urgency(limit, expected):
    assert urgency(limit, date(2026, 11, 24)) == expected


def test_days_left_is_negative_once_past():
    assert days_left(date(2026, 11, 20), date(2026, 11, 24)) == -4
