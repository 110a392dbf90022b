"""Telephone numbers: one writing for comparing them, whatever the spaces and the prefix."""

import re

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

_BETWEEN = re.compile(r"[\s\u00a0\u202f.\-()/]+")
_FRENCH = re.compile(r"^(?:0|\+330?)([1-9][0-9]{8})$")
_FOREIGN = re.compile(r"^\+[1-9][0-9]{7,14}$")  # ITU-T E.164: fifteen digits at most


def normal_number(text: str) -> str:
    """The number as +33326000000: French in ten digits or with +33, any other with + and the country's code.

    Raises ValidationError with a sentence for what is not a telephone number.
    """
    typed = _BETWEEN.sub("", text)
    typed = f"+{typed[2:]}" if typed.startswith("00") else typed
    if found := _FRENCH.match(typed):
        return f"+33{found[1]}"
    if _FOREIGN.match(typed) and not typed.startswith("+33") and len(set(typed[1:])) > 1:
        return typed
    raise ValidationError(
        _("“%(value)s” is not a telephone number: write 10 digits, or + and the country’s code.") % {"value": text},
        code="phone",
    )


def same_number(text: str, number: str) -> bool:
    """Whether ``text``, typed by somebody, is the ``number`` (in normal writing)."""
    try:
        return normal_number(text) == number
    except ValidationError:
        return False


def validate_phone(text: str) -> None:
    """Validator of a field that holds a telephone number."""
    normal_number(text)
