"""Cells as people type them, turned into typed values, or into a sentence that says what to type instead."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from math import isfinite
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from core.money import CENT, is_written_with_digits, may_be_thousands, too_large, typed_with_point
from core.personal_numbers import find_national_number
from core.text import fold, in_a_sentence, without_invisible
from core.workbooks.columns import Column

_SPACES = re.compile(r"[\s\u00a0\u202f\u2009\u2007']")
_DATE_FORMS = (
    re.compile(r"^(?P<d>[0-9]{1,2})[/.\-\s](?P<m>[0-9]{1,2})[/.\-\s](?P<y>[0-9]{4}|[0-9]{2})$"),
    re.compile(
        r"^(?P<y>[0-9]{4})[/.\-](?P<m>[0-9]{1,2})[/.\-](?P<d>[0-9]{1,2})(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?Z?)?$"
    ),
    re.compile(r"^(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})$"),
)
_WORD_DATE = re.compile(r"^(?P<d>[0-9]{1,2})(?:er)? (?P<month>[a-z]+) (?P<y>[0-9]{4})$")
_MONTHS = {
    name: number
    for names in (
        "janvier fevrier mars avril mai juin juillet aout septembre octobre novembre decembre",
        "january february march april may june july august september october november december",
        "janv fevr mars avr mai juin juil aout sept oct nov dec",
        "jan feb mar apr may jun jul aug sep oct nov dec",
    )
    for number, name in enumerate(names.split(), 1)
}
_YES = {"oui", "yes", "vrai", "true", "1", "x", "o", "y"}
_NO = {"non", "no", "faux", "false", "0", "n"}


class CellRefused(ValueError):
    """The cell is not what its column asks for; the text says what to do."""


def is_empty(raw: Any) -> bool:
    return raw is None or (isinstance(raw, str) and not raw.strip())


def to_decimal(raw: Any) -> Decimal:
    """Return the exact number of a cell: floats by their shortest form, texts as a form of the same page reads them."""
    if isinstance(raw, bool) or isinstance(raw, date | time | timedelta):
        raise CellRefused(_("a number is expected"))
    if isinstance(raw, int | Decimal):
        return Decimal(raw)
    if isinstance(raw, float):
        if not isfinite(raw):
            raise CellRefused(_("a number is expected"))
        return Decimal(repr(raw))
    text = _plain(raw)
    negative = text.startswith("(") and text.endswith(")")
    try:
        text = typed_with_point(text.strip("()") if negative else text)
    except ValueError:
        raise CellRefused(_("a number is expected, such as 1234.56")) from None
    if not is_written_with_digits(text):
        raise CellRefused(_("a number is expected, such as 1234.56"))
    number = Decimal(text)
    return -number if negative else number


def _plain(raw: Any) -> str:
    """The text of a number, without its spaces and its currency."""
    text = unicodedata.normalize("NFKC", str(raw)).replace("−", "-")
    return _SPACES.sub("", text).replace("€", "").removesuffix("EUR")


def _refuse_thousands(raw: Any) -> None:
    """A text of one sign and three digits may be two numbers: it is refused where a form of the same page refuses it too,
    and read where that form reads it (9,500 on a page in English)."""
    text = _plain(raw).strip("()") if isinstance(raw, str) else ""
    if may_be_thousands(text) and may_be_thousands(typed_with_point(text)):
        raise CellRefused(_("one sign before three digits may be thousands or decimals: write 1234 or 1234.50"))


def to_money(raw: Any) -> Decimal:
    """Return euros and cents. Digits beyond the cent are refused, save the noise of a spreadsheet's arithmetic."""
    _refuse_thousands(raw)
    number = to_decimal(raw)
    if too_large(number):
        raise CellRefused(_("the amount is too large"))
    rounded = number.quantize(CENT)
    noise = Decimal("0.000001")
    if abs(number - rounded) > (noise if isinstance(raw, float) else 0):
        raise CellRefused(_("an amount has at most two digits after the comma"))
    return rounded


def to_date(raw: Any) -> date:
    """Return the day: a spreadsheet's date, its number, or 31/12/2026, 2026-12-31, 31 décembre 2026."""
    if isinstance(raw, datetime):
        return raw.date()
    if isinstance(raw, date):
        return raw
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if 1 <= raw < 2_958_466 and raw != 60 and float(raw).is_integer():
            return date(1899, 12, 30) + timedelta(days=int(raw) + (raw < 60))
        raise CellRefused(_("a date is expected, such as 31/12/2026"))
    text = str(raw).strip()
    found = next((match for form in _DATE_FORMS if (match := form.match(text))), None)
    if found is None:
        found = _WORD_DATE.match(fold(text))
    if found is None:
        raise CellRefused(_("a date is expected, such as 31/12/2026"))
    parts = found.groupdict()
    month = int(parts["m"]) if "m" in parts else _MONTHS.get(parts["month"], 0)
    year = int(parts["y"])
    try:
        return date(year + 2000 if year < 100 else year, month, int(parts["d"]))
    except ValueError:
        raise CellRefused(_("this day does not exist in the calendar")) from None


def to_datetime(raw: Any) -> datetime:
    if isinstance(raw, datetime):
        return raw
    try:
        return datetime.fromisoformat(str(raw).strip())
    except ValueError:
        return datetime.combine(to_date(raw), time.min)


def to_integer(raw: Any) -> int:
    _refuse_thousands(raw)
    number = to_decimal(raw)
    if number != number.to_integral_value():
        raise CellRefused(_("a whole number is expected"))
    return int(number)


def to_percent(raw: Any) -> Decimal:
    """Return a fraction: "80 %" is 0.8; a bare number is a fraction already, as spreadsheets store it."""
    if isinstance(raw, str) and raw.strip().endswith("%"):
        return to_decimal(raw.strip().removesuffix("%")) / 100
    return to_decimal(raw)


def to_boolean(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    word = fold(str(int(raw) if isinstance(raw, float) and raw.is_integer() else raw))
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellRefused(_("“yes” or “no” is expected"))


def to_text(raw: Any) -> str:
    """Return the text; a whole number loses the ".0" that spreadsheets give it (SIRET, postcode, invoice number)."""
    if isinstance(raw, float):
        number = Decimal(repr(raw))
        return format(number, "f").removesuffix(".0")
    if isinstance(raw, datetime):
        return raw.date().isoformat() if raw.time() == time.min else raw.isoformat(sep=" ")
    # A form feed or another control character that came with a paste is no part of a text.
    text = "".join(c if c in "\n\t" or unicodedata.category(c) != "Cc" else " " for c in str(raw))
    return without_invisible(text).strip()


_READERS = {
    "text": to_text, "link": to_text, "money": to_money, "date": to_date, "datetime": to_datetime,
    "integer": to_integer, "percent": to_percent, "boolean": to_boolean,
}  # fmt: skip


def read_value(column: Column, raw: Any, *, is_bound: bool = True) -> Any:
    """Return the typed value of a filled cell. Raises CellRefused with a sentence that says what to type.

    A day is held to what it may be, unless ``is_bound`` says that its shape alone counts.
    """
    value = _READERS[column.kind](raw)
    if isinstance(value, str) and find_national_number(value):
        raise CellRefused(_("this seems to hold a social security number. Remove it: Essor never needs nor keeps it"))
    if column.days is not None and is_bound:
        try:
            column.days(value)
        except ValidationError as error:
            raise CellRefused(" ".join(map(in_a_sentence, error.messages)).removesuffix(".")) from error
    if column.choices:
        by_text = {fold(str(value)): value for value in column.labels_by_choice}
        by_text |= {fold(label): value for value, label in column.labels_by_choice.items()}
        if fold(str(value)) not in by_text:
            accepted = " · ".join(column.labels_by_choice.values())
            raise CellRefused(_("this value is not in the list. Choose one of: %(accepted)s") % {"accepted": accepted})
        return by_text[fold(str(value))]
    if column.max_length and isinstance(value, str) and len(value) > column.max_length:
        raise CellRefused(
            _("the text is too long: %(length)d characters, %(max)d at most")
            % {"length": len(value), "max": column.max_length}
        )
    return value


def is_readable(column: Column, raw: Any) -> bool:
    """Whether the cell could stand in this column."""
    try:
        read_value(column, raw, is_bound=False)
    except CellRefused:
        return False
    return True
