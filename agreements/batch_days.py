"""The last day on which an open batch may be sent, for every page that shows it: before it has passed, and after."""

from datetime import date

from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.rules.deadlines import last_day_to_send
from core.dates import format_date_long


def last_day_of(batch) -> date | None:
    """The last day to send a batch (``with_totals``): earlier where it holds an order on the credits of an investment.
    None once it is no longer open."""
    return last_day_to_send(batch.year, investment=batch.holds_investment) if batch.state == "open" else None


def is_late(batch) -> bool:
    """Whether the batch can no longer be sent as it is."""
    last = last_day_of(batch)
    return last is not None and last < timezone.localdate()


def words_of_last_day(batch) -> str:
    """Until when the batch is sent, in a few words; empty once it is no longer open."""
    last = last_day_of(batch)
    if last is None:
        return ""
    words = _("was to be sent by %(day)s") if is_late(batch) else _("to be sent by %(day)s")
    return words % {"day": format_date_long(last)}


def what_to_do_late(batch) -> str:
    """What is left to do with an open batch of which the last day has passed, in a sentence."""
    words = {"day": format_date_long(last_day_of(batch)), "year": batch.year}
    if last_day_to_send(batch.year) < timezone.localdate():
        sentence = _(
            "The budget year %(year)s took orders until %(day)s: take its claims out, and order them in a batch of this"
            " year."
        )
    else:
        sentence = _(
            "The investment credits of %(year)s took orders until %(day)s: take their claims out, and order them in a batch"
            " of this year."
        )
    return sentence % words
