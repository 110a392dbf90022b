"""The invariants that applicants declares: importing the files registers them."""

from applicants.figures import accounts, de_minimis, impartial, interests, people
from applicants.models import (
    BankAccount,
    CallBack,
    DeMinimisCeiling,
    Department,
    InterestPeriod,
    JoinRequest,
    LegalCategory,
)
from core.figures.as_told import Told, register_persons
from core.figures.parameters import register_parameters

DECLARED = (accounts, impartial, interests, people, de_minimis)

register_parameters(DeMinimisCeiling, Department, InterestPeriod, LegalCategory)
register_persons(
    Told(BankAccount, "entered_by", ("enter",)),
    Told(BankAccount, "verified_by", ("verify",)),
    Told(BankAccount, "vouched_by", ("vouch",)),
    Told(CallBack, "called_by", ("verify",), of="bank_account"),
    Told(JoinRequest, "decided_by", ("accept", "refuse", "withdraw")),
    Told(JoinRequest, "confirmed_by", ("confirm",)),
)
