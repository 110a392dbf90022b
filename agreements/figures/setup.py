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
    ClaimExtension,
    GivenUpPart,
    Instalment,
    PaymentBatch,
    PaymentClaim,
    PaymentOrder,
    SettlementLine,
    TrancheReport,
)
from core.figures.as_told import Told, Which, register_persons
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
# Who closed a batch and who recorded a payment: agreements.payment-steps-as-told; settlements: agreements.settlement-of-its-end.
register_persons(
    Told(Agreement, "drafted_by", ("draft",)),
    Told(Agreement, "confirmed_by", ("confirm",)),
    Told(Agreement, "entered_by", ("enter_force",)),
    Told(ClaimExtension, "granted_by", ("extend_claims",), of="agreement", which=Which.NTH),
    Told(TrancheReport, "filed_by", ("file", "file_again")),
    Told(TrancheReport, "decided_by", ("accept", "give_back")),
    Told(PaymentClaim, "opened_by", ("open",)),
    Told(PaymentClaim, "submitted_by", ("submit",)),
    Told(PaymentClaim, "certified_by", ("certify", "certify_less")),
    Told(PaymentClaim, "ordered_by", ("order", "close_without_payment")),
    Told(PaymentBatch, "opened_by", ("open",)),
    # One that is cancelled may be replaced at once.
    Told(PaymentOrder, "ordered_by", ("order", "order_rest", "cancel"), which=Which.MADE),
)
