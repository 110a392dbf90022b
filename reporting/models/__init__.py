"""Models of the reporting app."""

from reporting.models.certificate import Certificate, CertificateAllocation
from reporting.models.declaration import DeclarationState, ExpenditureDeclaration
from reporting.models.financing import PUBLIC_SOURCES, FinancingLine, SourceKind
from reporting.models.flag import FlagAnswer, FlagKind, FlagState, OperationFlag
from reporting.models.item import ExpenditureItem, ItemState
from reporting.models.operation import BeneficiaryKind, EUBeneficiary, Operation, OperationVersion
from reporting.models.operation_import import OperationImport
from reporting.models.payment_application import (
    PaymentApplication,
    PaymentApplicationLine,
    PaymentApplicationState,
)
from reporting.models.payment_application_entry import PaymentApplicationEntry
from reporting.models.programme import (
    Basis,
    CofinancingRule,
    EUProgramme,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
from reporting.models.reference import (
    AccountingYear,
    CategoryOfRegion,
    ErrorType,
    Fund,
    InterventionField,
    ProgrammingPeriod,
)

__all__ = [
    "PUBLIC_SOURCES",
    "AccountingYear",
    "Basis",
    "BeneficiaryKind",
    "CategoryOfRegion",
    "Certificate",
    "CertificateAllocation",
    "CofinancingRule",
    "DeclarationState",
    "EUBeneficiary",
    "EUProgramme",
    "ErrorType",
    "ExpenditureDeclaration",
    "ExpenditureItem",
    "FinancingLine",
    "FlagAnswer",
    "FlagKind",
    "FlagState",
    "Fund",
    "InterventionField",
    "ItemState",
    "Operation",
    "OperationFlag",
    "OperationImport",
    "OperationVersion",
    "PaymentApplication",
    "PaymentApplicationEntry",
    "PaymentApplicationLine",
    "PaymentApplicationState",
    "Priority",
    "PriorityAllocation",
    "ProgrammingPeriod",
    "SourceKind",
    "SpecificObjective",
]
