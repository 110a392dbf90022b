"""The staff screens on applicants."""

from applicants.admin import history_parts as history_parts
from applicants.admin.applicant import ApplicantAdmin, JoinRequestAdmin, SingleUndertakingAdmin
from applicants.admin.bank_account import BankAccountAdmin
from applicants.admin.de_minimis import DeMinimisAidAdmin
from applicants.admin.reference import DeMinimisCeilingAdmin, DepartmentAdmin, LegalCategoryAdmin

__all__ = [
    "ApplicantAdmin",
    "BankAccountAdmin",
    "DeMinimisAidAdmin",
    "DeMinimisCeilingAdmin",
    "DepartmentAdmin",
    "JoinRequestAdmin",
    "LegalCategoryAdmin",
    "SingleUndertakingAdmin",
]
