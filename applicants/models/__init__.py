from applicants.models.applicant import Applicant, SingleUndertaking
from applicants.models.bank_account import BankAccount, CallBack
from applicants.models.de_minimis import DeMinimisAid, DeMinimisCeiling
from applicants.models.kept_interest import InterestPeriod, KeptInterest
from applicants.models.no_interest import NoInterest
from applicants.models.people import Invitation, JoinRequest, Membership
from applicants.models.reference import Department, LegalCategory
from applicants.models.undertaking import UndertakingAnswer

__all__ = [
    "Applicant",
    "BankAccount",
    "CallBack",
    "DeMinimisAid",
    "DeMinimisCeiling",
    "Department",
    "InterestPeriod",
    "Invitation",
    "JoinRequest",
    "KeptInterest",
    "LegalCategory",
    "Membership",
    "NoInterest",
    "SingleUndertaking",
    "UndertakingAnswer",
]
