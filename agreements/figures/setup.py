"""The invariants that agreements declares: importing the files registers them."""

from agreements.figures import (
    days,
    de_minimis,
    due,
    ends,
    expenditure,
    gates,
    hands,
    impartial,
    kept,
    payments,
    plan,
    schedule,
    terms,
    totals,
    work,
    years,
)
from agreements.models import Agreement, PaymentBatch, PaymentClaim
from core.figures.numbers import register_numbers

DECLARED = (
    de_minimis,
    schedule,
    plan,
    totals,
    payments,
    due,
    days,
    ends,
    gates,
    hands,
    impartial,
    expenditure,
    terms,
    kept,
    work,
    years,
)

register_numbers((Agreement, "number"), (PaymentClaim, "number"), (PaymentBatch, "number"))
