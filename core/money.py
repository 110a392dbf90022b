"""Money: decimal euros with two digits, in the column, in Python, on the screen and in words. Never a float."""

import re
from collections.abc import Iterable, Sequence
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal
from typing import Any

from django import forms
from django.core.validators import DecimalValidator
from django.db import models
from django.utils.functional import lazy
from django.utils.translation import get_language, gettext
from num2words import num2words

from core.text import without_invisible

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
MAX_DIGITS = 17
MAX_AMOUNT = Decimal("99999999999.99")
"""The greatest amount that is taken for one, above what any Region spends: more is a slip of the hand, and the sum
of thousands of such amounts still has its place in a column."""

_NARROW_SPACE = "\u202f"
_EXACT = Context(prec=60)


_DIGITS = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?|[+-]?\.[0-9]+")


def is_written_with_digits(text: str) -> bool:
    """Whether a number, its decimal sign a point, is written with digits alone: "1e4" and "infinity" are no amounts."""
    return bool(_DIGITS.fullmatch(text))


_GROUPS = {sign: re.compile(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}})+") for sign in ",."}
_THREE_DIGITS = re.compile(r"[+-]?[0-9]*[,.][0-9]{3}")


def with_point(text: str) -> str:
    """A number without spaces, as it is typed, with a point before its decimals: the one rule of forms and workbooks.

    Of a comma and a point, the last one is the decimal sign and the other one groups thousands: 12.345,67 and 12,345.67
    are the same. A sign that stands several times groups thousands. What is grouped otherwise than by three is no
    number: 1.5.2.

    Raises:
        ValueError: so.
    """
    whole, cents = text, ""
    if "," in text and "." in text:
        place = max(text.rfind(","), text.rfind("."))
        whole, cents = text[:place], "." + text[place + 1 :]
    elif text.count(",") + text.count(".") <= 1:
        return text.replace(",", ".")
    sign = "," if "," in whole else "."
    if not _GROUPS[sign].fullmatch(whole):
        raise ValueError(text)
    return whole.replace(sign, "") + cents


def typed_with_point(text: str) -> str:
    """The same for what somebody types into a page, read as that page writes amounts: where it is in English, a comma
    before exactly three digits groups thousands, so that 9,500 is what the page prints as €9,500.00.

    A cell of text of a workbook is read as the page it is sent on reads amounts; what is stored is read alike in every
    language: see :func:`with_point`.
    """
    if (get_language() or "").startswith("en") and _GROUPS[","].fullmatch(text) and text.lstrip("+-")[0] != "0":
        return text.replace(",", "")
    return with_point(text)


def may_be_thousands(text: str) -> bool:
    """Whether one sign stands before exactly three digits: 1.000 is a thousand for some, one for others."""
    return bool(_THREE_DIGITS.fullmatch(text))


def too_large(amount: Decimal | int) -> str:
    """Why an amount is no plausible one, or "": the one rule of forms, workbooks and services."""
    if Decimal(amount).is_finite() and abs(amount) <= MAX_AMOUNT:
        return ""
    return gettext("This amount is too large: at most %(most)s. Check the number of its digits.") % {
        "most": format_euros(MAX_AMOUNT)
    }


def _two_digits_at_most() -> str:
    return gettext("Write cents with two digits at most: %(example)s.") % {"example": format_number(Decimal("1234.56"))}


two_digits_at_most = lazy(_two_digits_at_most, str)
"""What is said of an amount with more decimals, in the way of writing of whoever reads it."""


class EuroField(forms.DecimalField):
    """An amount as people type it or copy it from a screen: ``26 000,00``, ``26000.5``, ``12 345,67 €``."""

    def __init__(self, **kwargs: Any):
        kwargs.setdefault("max_digits", MAX_DIGITS)
        kwargs.setdefault("decimal_places", 2)
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal", "class": "num"}))
        super().__init__(**kwargs)
        for validator in self.validators:
            if isinstance(validator, DecimalValidator) and kwargs["decimal_places"] == 2:
                words = {"max_decimal_places": two_digits_at_most()}
                validator.messages = validator.messages | words

    def in_words(self, value: Decimal) -> str:
        """An amount as pages say it."""
        return format_euros(value)

    def prepare_value(self, value: Any) -> Any:
        return format_number(value) if isinstance(value, Decimal) else value

    def to_python(self, value: Any) -> Decimal | None:
        if isinstance(value, str):
            value = "".join(without_invisible(value).split()).replace("€", "")
            try:
                # A number with three decimals and more (a rate) has them behind a comma too.
                value = typed_with_point(value) if self.decimal_places <= 2 else with_point(value)
            except ValueError:
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from None
            if value and not is_written_with_digits(value):
                raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)

    def validate(self, value: Decimal | None) -> None:
        """Refuse what is no plausible amount."""
        super().validate(value)
        if value is not None and (sentence := too_large(value)):
            raise forms.ValidationError(sentence, code="too_large")


class PointsField(EuroField):
    """A number that is no money, typed as amounts are: the points of a score."""

    def in_words(self, value: Decimal) -> str:
        """A number, without a currency."""
        return format_number(value)


class MoneyField(models.DecimalField):
    """An amount in euros: ``numeric(17, 2)``, signed."""

    def __init__(self, *args, **kwargs):
        kwargs.setdefault("max_digits", MAX_DIGITS)
        kwargs.setdefault("decimal_places", 2)
        super().__init__(*args, **kwargs)

    def formfield(self, **kwargs: Any) -> forms.Field:
        return super().formfield(**{"form_class": EuroField, **kwargs})


def to_cents(amount: Decimal | int | str) -> Decimal:
    """Return ``amount`` rounded to the cent, half away from zero. Raises TypeError on a float: it has no cents."""
    if isinstance(amount, float):
        raise TypeError("Money is never a float: pass a Decimal, an int or a text.")
    return Decimal(amount).quantize(CENT, ROUND_HALF_UP, _EXACT)


def sum_money(amounts: Iterable[Decimal | int | None]) -> Decimal:
    """Return the exact sum in cents; None (an empty cell, an aggregate of no row) counts for nothing."""
    return to_cents(sum((amount for amount in amounts if amount is not None), ZERO))


def share_floor(amount: Decimal, part: Decimal, whole: Decimal | int = 100) -> Decimal:
    """Return ``amount × part / whole`` rounded down to the cent, without any intermediate rounding.

    ``share_floor(base, rate)`` takes a rate in percent; ``share_floor(certified, eu_grant, eligible)`` takes the
    rate as the fraction that a financing plan states, which often has no finite decimal form.
    Raises ZeroDivisionError when ``whole`` is zero.
    """
    numerator = Decimal(amount).as_integer_ratio()
    fraction_part = Decimal(part).as_integer_ratio()
    fraction_whole = Decimal(whole).as_integer_ratio()
    top = numerator[0] * fraction_part[0] * fraction_whole[1] * 100
    bottom = numerator[1] * fraction_part[1] * fraction_whole[0]
    return (Decimal(top // bottom) / 100).quantize(CENT, ROUND_FLOOR, _EXACT)


def spread(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """Return ``total`` shared like ``weights``, to the cent, adding up to it exactly; nothing where they are all zero.

    Each share is the difference between two cumulative shares rounded down, so that no cent is lost or made; where
    ``total`` and the weights are euros and ``total`` is at most their sum, no share is above its weight.
    """
    whole = sum(weights, ZERO)
    if not whole:
        return [ZERO for _weight in weights]
    shares, running, given = [], ZERO, ZERO
    for weight in weights:
        running += weight
        until_here = total if running == whole else share_floor(total, running, whole)
        shares.append(until_here - given)
        given = until_here
    return shares


def format_number(amount: Decimal, digits: int = 2) -> str:
    """Return the number as the active language writes it: ``12 345,67`` in French, ``12,345.67`` in English."""
    text = f"{amount:,.{digits}f}"
    if (get_language() or "fr").startswith("en"):
        return text
    return text.replace(",", _NARROW_SPACE).replace(".", ",")


def format_euros(amount: Decimal | None) -> str:
    """Return ``12 345,67 €`` with narrow no-break spaces (``€12,345.67`` in English); "" for None."""
    if amount is None:
        return ""
    amount = to_cents(amount)
    if (get_language() or "fr").startswith("en"):
        return f"{'-' if amount < 0 else ''}€{abs(amount):,.2f}"
    return f"{format_number(amount)}{_NARROW_SPACE}€"


def amount_in_words(amount: Decimal, lang: str = "fr") -> str:
    """Return the amount in words, as acts write it: "vingt-trois mille euros et dix centimes"."""
    amount = to_cents(amount)
    units, cents = divmod(int(abs(amount) * 100), 100)
    words = {"fr": ("euro", "euros", "centime", "centimes", "et", "moins"),
             "en": ("euro", "euros", "cent", "cents", "and", "minus")}[lang]  # fmt: skip
    plural_from = {"fr": 2, "en": None}[lang]  # French: "zéro euro"; English: "zero euros", "one euro"
    parts = []
    if units or not cents:
        plural = units >= plural_from if plural_from else units != 1
        # French: "un million d'euros", but "un million mille euros".
        link = "d'" if lang == "fr" and units and units % 1_000_000 == 0 else ""
        parts.append(f"{num2words(units, lang=lang)} {link}{words[1] if plural else words[0]}")
    if cents:
        parts.append(f"{num2words(cents, lang=lang)} {words[3] if cents > 1 else words[2]}")
    text = f" {words[4]} ".join(parts)
    return f"{words[5]} {text}" if amount < 0 else text
