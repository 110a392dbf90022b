"""What becomes of a grant when less is spent than planned, in one sentence: that of its act, which the portal says again."""

from decimal import Decimal

from django.utils.translation import gettext as _

from agreements.axes import axes_of
from agreements.rules.proration import BEYOND, NONE, STRICT
from core.money import format_number

YEAR, AXIS, WHOLE = "year", "axis", "whole"


def percent_of(rate: Decimal | None) -> str:
    """A rate in percent as the acts write it; empty where there is none."""
    if not rate:
        return ""
    digits = 0 if rate == rate.to_integral_value() else 2
    return f"{format_number(rate, digits)}\u202f%"


def reduction_of(agreement) -> str:
    """The sentence, in the active language; empty for a fixed amount on which no expenditure is declared.

    What is spent is compared year by year where the grant has years, else axis by axis where it has several, else with
    the whole base: as ``agreements.due`` does.
    """
    if agreement.proration == NONE:
        declared = any(item.needs_expenditure for item in agreement.instalments.all())
        return _("This amount is fixed, within the real cost.") if declared else ""
    has_axes = any(axis.amount for axis in axes_of(agreement))
    compared = YEAR if agreement.tranches.all() else AXIS if has_axes else WHOLE
    if agreement.proration == STRICT:
        return _strict(compared)
    part = {"part": percent_of(agreement.proration_tolerance)}
    return (_beyond(compared) if agreement.proration_cut == BEYOND else _from(compared)) % part


def _strict(compared: str) -> str:
    return {
        YEAR: _(
            "If the real eligible expenditure of a year is below the eligible cost of that year, the tranche of that year is"
            " reduced in the same proportion."
        ),
        AXIS: _(
            "If the real eligible expenditure of an axis is below the eligible cost of that axis, the share of the grant that"
            " belongs to it is reduced in the same proportion."
        ),
        WHOLE: _(
            "If the real eligible expenditure is below the eligible base, the grant is reduced in the same proportion."
        ),
    }[compared]


def _from(compared: str) -> str:
    return {
        YEAR: _(
            "If the real eligible expenditure of a year is %(part)s or more below the eligible cost of that year, the tranche"
            " of that year is reduced in the same proportion."
        ),
        AXIS: _(
            "If the real eligible expenditure of an axis is %(part)s or more below the eligible cost of that axis, the share"
            " of the grant that belongs to it is reduced in the same proportion."
        ),
        WHOLE: _(
            "If the real eligible expenditure is %(part)s or more below the eligible base, the grant is reduced in the same"
            " proportion."
        ),
    }[compared]


def _beyond(compared: str) -> str:
    return {
        YEAR: _(
            "If the real eligible expenditure of a year is more than %(part)s below the eligible cost of that year, the"
            " tranche of that year is reduced in the same proportion."
        ),
        AXIS: _(
            "If the real eligible expenditure of an axis is more than %(part)s below the eligible cost of that axis, the"
            " share of the grant that belongs to it is reduced in the same proportion."
        ),
        WHOLE: _(
            "If the real eligible expenditure is more than %(part)s below the eligible base, the grant is reduced in the same"
            " proportion."
        ),
    }[compared]
