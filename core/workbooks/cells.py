"""Values of cells as text: exact, harmless, and the same every time."""

import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from django.utils import timezone
from django.utils.translation import gettext as _

from core.lib.odd_days import in_words
from core.money import to_cents
from core.workbooks.columns import Link

MAX_TEXT = 32_767  # characters in one cell of a workbook
MAX_EXACT_DIGITS = 15  # a workbook's numbers are doubles

# What XML 1.0 cannot carry, and what a spreadsheet would show as a box.
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_UNCLEAN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ufffe\uffff\ud800-\udfff]")
_SPECIAL = re.compile("[&<>\n]|^\\s|\\s$|_x[0-9A-Fa-f]{4}_")
_ESCAPED_LOOK = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
# A spreadsheet computes a text that begins so, when it is typed again or read from a CSV file.
FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")

_ORDINAL_OF_SERIAL_ZERO = date(1899, 12, 30).toordinal()
_FIRST_TRUE_SERIAL = date(1900, 3, 1)  # before it, spreadsheets count a 29 February 1900 that never was
_FIRST_DATE = date(1900, 1, 1)


def clean_text(value: Any) -> str:
    """Return the text without control characters, cut (and said to be cut) at what a cell can hold."""
    text = CONTROL.sub("", str(value)).replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > MAX_TEXT:
        mark = " […] " + _("(cut: the text is longer than a cell can hold)")
        text = text[: MAX_TEXT - len(mark)] + mark
    return text


def xml_text(text: str) -> str:
    """Return ``<t>`` with a clean text, safe in XML; edge spaces kept."""
    if not _SPECIAL.search(text):
        return f"<t>{text}</t>"
    text = _ESCAPED_LOOK.sub("_x005F_", text)
    keep = ' xml:space="preserve"' if text != text.strip() or "\n" in text else ""
    return f"<t{keep}>{escape(text)}</t>"


def looks_like_formula(text: str) -> bool:
    return text.startswith(FORMULA_START)


def neutralised(text: str) -> str:
    """Return the clean text for a CSV cell: an apostrophe before what a spreadsheet would compute."""
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_START) else text


def money_text(value: Any) -> str:
    """Return ``-1234.50``, exact. Raises TypeError on a float."""
    return format(to_cents(value), "f")


def number_text(value: Any) -> str:
    """Return an integer or Decimal as plain digits."""
    if isinstance(value, float):
        raise TypeError("A float has no exact digits: give a Decimal or an int.")
    return format(value, "f") if isinstance(value, Decimal) else str(int(value))


def local_naive(value: datetime) -> datetime:
    """Return the instant as a local clock shows it: workbooks know no time zone."""
    value = timezone.localtime(value).replace(tzinfo=None) if timezone.is_aware(value) else value
    return value.replace(microsecond=0)


def date_text(value: date) -> str:
    """Return ``2026-11-24``; words for what the database says and no calendar has (``-infinity``)."""
    return in_words(value) or (local_naive(value).date() if isinstance(value, datetime) else value).isoformat()


def datetime_text(value: datetime) -> str:
    return in_words(value) or local_naive(value).isoformat(sep=" ")


def boolean_text(value: Any) -> str:
    return _("Yes") if value else _("No")


def serial_of_date(text: str) -> str | None:
    """Return a spreadsheet's number for an ISO date; None when there is none (before 1900, words for what is no day)."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    if day < _FIRST_DATE:
        return None
    serial = day.toordinal() - _ORDINAL_OF_SERIAL_ZERO
    return str(serial if day >= _FIRST_TRUE_SERIAL else serial - 1)


def serial_of_datetime(text: str) -> str | None:
    """Return a spreadsheet's number for an ISO date and time, to the second."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    day = serial_of_date(instant.date().isoformat())
    if day is None:
        return None
    seconds = instant.hour * 3600 + instant.minute * 60 + instant.second
    return f"{Decimal(day) + (Decimal(seconds) / 86400).quantize(Decimal('0.0000000001')):f}"


def canonical_texts(kind: str, values: list[Any], labels: dict[Any, str]) -> list[str]:
    """Return the exact text of each value of a column; "" for an empty cell. This is what is hashed and written."""
    if labels:
        values = [labels.get(value, value) for value in values]
    if kind == "money":
        return [
            ""
            if v is None
            else format(v, ".2f")
            if type(v) is Decimal and v.as_tuple().exponent == -2
            else money_text(v)
            for v in values
        ]
    if kind == "date":
        return ["" if v is None else v.isoformat() if type(v) is date else date_text(v) for v in values]
    if kind == "datetime":
        return ["" if v is None else datetime_text(v) for v in values]
    if kind in ("integer", "percent"):
        return ["" if v is None else str(v) if type(v) is int else number_text(v) for v in values]
    if kind == "boolean":
        return ["" if v is None else boolean_text(v) for v in values]
    if kind == "link":
        return _cleaned(["" if v is None else v.text if type(v) is Link else str(v) for v in values])
    return _cleaned(["" if v is None else v if type(v) is str else str(v) for v in values])


def _cleaned(texts: list[str]) -> list[str]:
    """Return the texts as a cell can hold them; one look at all of them together serves nearly every chunk."""
    if _UNCLEAN.search("\n".join(texts)) or max(map(len, texts)) > MAX_TEXT:
        return [clean_text(text) for text in texts]
    return texts
