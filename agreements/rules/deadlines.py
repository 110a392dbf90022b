"""Dates that the law sets on a grant."""

from datetime import date, timedelta

from core.dates import add_months

PAYMENT_DAYS = 60
REPORT_MONTHS = 6
# The last day to send the orders of a budget year: years after it, month, day. The trigger of the batches reads them too.
LAST_OF_RUNNING_COSTS = (1, 1, 31)
LAST_OF_INVESTMENT = (0, 12, 31)


def payment_due_on(notified_on: date, days: int = PAYMENT_DAYS) -> date:
    """Return the last day to pay a grant that hangs on no event: 60 days from notification (law 2021-875 art. 2)."""
    return notified_on + timedelta(days=days)


def report_due_on(year_end: date, months: int = REPORT_MONTHS) -> date:
    """Return the last day for the financial report: six months after the end of the year (law 2000-321 art. 10)."""
    return add_months(year_end, months)


def accounts_close_on(project_end: date, closing: tuple[int, int] = (12, 31)) -> date:
    """Return the end of the financial year in which the project ends (``closing``: month and day of the accounts)."""
    closes = date(project_end.year, *closing)
    return closes if closes >= project_end else date(project_end.year + 1, *closing)


def first_claim_due_on(decided_on: date, months: int) -> date:
    """Return the last day of the first claim: ``months`` after the decision (each Region sets them, france.md B5)."""
    return add_months(decided_on, months)


def last_day_to_send(year: int, *, investment: bool = False) -> date:
    """The last day on which what was ordered in a budget year may still be sent to the accountant.

    That is the end of the "journée complémentaire" (General Code of Local Authorities, Article L1612-11), which the
    investment section has not: its orders are sent by 31 December. What is sent is paid whenever it is paid.
    """
    years, month, day = LAST_OF_INVESTMENT if investment else LAST_OF_RUNNING_COSTS
    return date(year + years, month, day)
