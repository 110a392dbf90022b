"""Amounts as people type them."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from core.money import EuroField, format_number
from core.workbooks.values import CellRefused, to_integer, to_money
from grants.rules.answers import not_an_amount, parse_amount, typed_amount


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
        ("1.234.567", "1234567"),
        ("-1,234,567.8", "-1234567.8"),
        ("1.000,50", "1000.50"),
    ],
)
def test_what_people_type_is_understood(typed: str, amount: str) -> None:
    """In the forms, in an application, in workbooks and CSV files: one rule."""
    assert EuroField().clean(typed) == Decimal(amount)
    if "€1" not in typed:  # a currency before the amount is read by forms alone
        assert parse_amount(typed) == to_money(typed) == Decimal(amount)


@pytest.mark.parametrize(
    "typed",
    [
        "douze", "1,234", "12,3,4", "1e5000", "NaN", "inf", "99999999999999999", "1.000", "1,000", "12.500", "-1.500",
        "12345.000", "1.5.2", "1.2.3.4", "1.2.345,67", "1234.567,89", "1.234.56", "1,23.5", "1.234,567.89", ".000",
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused(typed: str) -> None:
    with pytest.raises(ValidationError):
        EuroField().clean(typed)
    assert parse_amount(typed) is None
    with pytest.raises(CellRefused):
        to_money(typed)


@pytest.mark.parametrize(
    ("typed", "amount"),
    [
        ("9,500", "9500"),
        ("18,000", "18000"),
        ("-1,500", "-1500"),
        ("€9,500.50", "9500.50"),
        ("9,5", "9.5"),
        ("9,50", "9.50"),
    ],
)
def test_an_english_page_takes_the_amounts_that_it_prints(typed: str, amount: str) -> None:
    """A cell of text of a workbook is read as its page reads amounts; what is stored is read alike in every language."""
    with translation.override("en"):
        assert EuroField().clean(typed) == typed_amount(typed) == to_money(typed) == Decimal(amount)
        for refused in ("12,34.50", "9.500", "12345,678", "1,2345", "0,500"):
            assert typed_amount(refused) is None
            with pytest.raises(ValidationError):
                EuroField().clean(refused)
            with pytest.raises(CellRefused):
                to_money(refused)
        with pytest.raises(CellRefused, match=r"1234\.50"):
            to_money("9.500")
        assert EuroField(decimal_places=4).clean("9,125") == Decimal("9.125")
        assert parse_amount("9,500") is None
    with pytest.raises(CellRefused, match="1234,50"):
        to_money("9,500")
    assert typed_amount("9,500") is None, "in French nothing changes"


@pytest.mark.parametrize("typed", ["1.000", "12,500"])
def test_a_whole_number_of_a_file_is_not_a_thousandth(typed: str) -> None:
    with pytest.raises(CellRefused):
        to_integer(typed)


def test_an_amount_is_shown_as_it_is_read() -> None:
    field = EuroField()
    assert field.prepare_value(Decimal("26000")) == "26\u202f000,00"
    assert field.prepare_value("as typed") == "as typed"
    with translation.override("en"):
        assert field.clean(field.prepare_value(Decimal("26000.5"))) == Decimal("26000.50")


@pytest.mark.parametrize(("language", "shown"), [("fr", "1\u202f234,56"), ("en", "1,234.56")])
def test_what_is_asked_for_is_written_as_it_is_shown_and_read(language: str, shown: str) -> None:
    """One way of writing an amount in each language: of pages, of what fields take, and of the sentences of refusals."""
    with translation.override(language):
        assert EuroField().prepare_value(Decimal("1234.56")) == shown
        assert EuroField().clean(shown) == parse_amount(shown) == Decimal("1234.56")
        with pytest.raises(ValidationError) as refused:
            EuroField().clean("9,5001")
        assert shown in refused.value.messages[0]
        assert parse_amount("9,500") is parse_amount("12,34.50") is None
        assert format_number(Decimal("1250.50")) in not_an_amount("9,500")
