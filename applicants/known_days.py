"""For how many days somebody or something must have been known to count as known."""

from django.conf import settings

#: A person is new to a body, and a number to its file, for these days at least: the triggers hold them.
LEAST_DAYS = 30


def days_known() -> int:
    """The days of the setting, and never fewer than the database holds."""
    return max(LEAST_DAYS, settings.ESSOR_CALL_BACK_KNOWN_DAYS)
