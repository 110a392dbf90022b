"""Amounts as people type them."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from core.money import EuroField


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("26 000,00", "26000.00"),
        ("26000.5", "26000.5"),
        ("12\u202f345,67\u202f€", "12345.67"),
        ("12\u00a0345,67 €", "12345.67"),
        ("€12,345.67", "12345.67"),
        ("12.345,67", "12345.67"),
        ("-5,10", "-5.10"),
        ("0", "0"),
    ],
)
def test_what_people_type_is_understood(typed: str, amount: str) -> None:
    assert EuroField().clean(typed) == Decimal(amount)


@pytest.mark.parametrize("typed", ["douze", "1,234", "12,3,4", "1e5000", "NaN", "inf", "99999999999999999"])
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        EuroField().clean(typed)


def test_an_amount_is_shown_as_it_is_read() -> None:
    field = EuroField()
    assert field.prepare_value(Decimal("26000")) == "26\u202f000,00"
    assert field.prepare_value("as typed") == "as typed"
    with translation.override("en"):
        assert field.clean(field.prepare_value(Decimal("26000.5"))) == Decimal("26000.50")
