"""The staff screens of reporting."""

from reporting.admin import history_parts as history_parts
from reporting.admin import way_back as way_back
from reporting.admin.certificate import CertificateAdmin
from reporting.admin.declaration import ExpenditureDeclarationAdmin, ExpenditureItemAdmin
from reporting.admin.flag import OperationFlagAdmin
from reporting.admin.operation import EUBeneficiaryAdmin, OperationAdmin, OperationImportAdmin
from reporting.admin.payment_application import PaymentApplicationAdmin
from reporting.admin.reference import (
    AccountingYearAdmin,
    CofinancingRuleAdmin,
    ErrorTypeAdmin,
    EUProgrammeAdmin,
    FundAdmin,
    InterventionFieldAdmin,
    PriorityAdmin,
    SpecificObjectiveAdmin,
)

__all__ = [
    "AccountingYearAdmin",
    "CertificateAdmin",
    "CofinancingRuleAdmin",
    "EUBeneficiaryAdmin",
    "EUProgrammeAdmin",
    "ErrorTypeAdmin",
    "ExpenditureDeclarationAdmin",
    "ExpenditureItemAdmin",
    "FundAdmin",
    "InterventionFieldAdmin",
    "OperationAdmin",
    "OperationFlagAdmin",
    "OperationImportAdmin",
    "PaymentApplicationAdmin",
    "PriorityAdmin",
    "SpecificObjectiveAdmin",
]
