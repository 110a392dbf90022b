"""The invariants that agreements declares: importing the files registers them."""

from agreements.figures import (
    days,
    de_minimis,
    decided,
    doubts,
    due,
    ends,
    expenditure,
    gates,
    hands,
    impartial,
    kept,
    payees,
    payments,
    plan,
    schedule,
    terms,
    totals,
    work,
    years,
)
from agreements.models import (
    Agreement,
    GivenUpPart,
    Instalment,
    PaymentBatch,
    PaymentClaim,
    PaymentOrder,
    SettlementLine,
)
from core.figures.numbers import register_numbers
from core.figures.one_parent import register_one_parent

DECLARED = (
    de_minimis,
    schedule,
    plan,
    totals,
    payments,
    payees,
    due,
    days,
    ends,
    decided,
    gates,
    hands,
    impartial,
    expenditure,
    doubts,
    terms,
    kept,
    work,
    years,
)

register_numbers((Agreement, "number"), (PaymentClaim, "number"), (PaymentBatch, "number"))
register_one_parent(
    (Agreement, "application", "commitment__application"),
    (Agreement, "beneficiary", "application__applicant"),
    (Instalment, "agreement", "tranche__agreement"),
    (PaymentClaim, "agreement", "instalment__agreement"),
    (PaymentOrder, "claim__agreement", "share__agreement"),
    (PaymentOrder, "payee", "bank_account__applicant"),
    (GivenUpPart, "claim__agreement", "share__agreement"),
    (SettlementLine, "settlement__agreement", "claim__agreement"),
)
# Not to whom the share says now, but to whom it was granted: a share that was given to somebody else accuses itself, and not
# the order that paid before; a cancelled order pays nobody.
register_one_parent((PaymentOrder, "payee", "share__applicant"), held_by="agreements.order-to-its-beneficiary")
