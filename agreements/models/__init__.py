"""Models of the agreements app."""

from agreements.models.agreement import Agreement
from agreements.models.annex import AgreementBudgetLine, AgreementShare
from agreements.models.choices import AgreementKind, AgreementState, Payee, Proration, ProrationCut
from agreements.models.claim import ClaimState, PaymentClaim
from agreements.models.duplicate_warning import DuplicateWarning
from agreements.models.expenditure import ExpenditureLine
from agreements.models.payment import BatchState, OrderState, PaymentBatch, PaymentOrder
from agreements.models.piece import ClaimPiece
from agreements.models.reply import ClaimReply
from agreements.models.schedule import Instalment, InstalmentKind, Tranche, TrancheReport
from agreements.models.upload import ExpenditureUpload
from agreements.schedule.models import ClaimExtension
from agreements.settlements.given_up import GivenUpPart
from agreements.settlements.models import Settlement, SettlementLine

__all__ = [
    "Agreement",
    "AgreementBudgetLine",
    "AgreementKind",
    "AgreementShare",
    "AgreementState",
    "BatchState",
    "ClaimExtension",
    "ClaimPiece",
    "ClaimReply",
    "ClaimState",
    "DuplicateWarning",
    "ExpenditureLine",
    "ExpenditureUpload",
    "GivenUpPart",
    "Instalment",
    "InstalmentKind",
    "OrderState",
    "Payee",
    "PaymentBatch",
    "PaymentClaim",
    "PaymentOrder",
    "Proration",
    "ProrationCut",
    "Settlement",
    "SettlementLine",
    "Tranche",
    "TrancheReport",
]
