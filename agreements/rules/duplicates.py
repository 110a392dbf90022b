"""When two lines are the same invoice."""

import re
from datetime import date
from decimal import Decimal

from core.text import fold

_SEPARATORS = re.compile(r"[^a-z0-9]+")


def duplicate_key(*, supplier: str, number: str, day: date, total: Decimal) -> str:
    """Return the key of an invoice: supplier, number, date and total, whatever the capitals, accents and dashes.

    ``supplier`` is the SIREN where it is known (two offices of one firm send the same invoice once), else the name.
    """
    compact = _SEPARATORS.sub("", fold(number)) or fold(number)
    return f"{fold(supplier)[:80]}|{compact[:60]}|{day.isoformat()}|{total:.2f}"
