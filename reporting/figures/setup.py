"""The invariants that reporting declares: importing the files registers them."""

from core.figures.numbers import register_numbers
from core.figures.parameters import register_parameters
from reporting.figures import certificates, control, identity, impartial, operations, payment_applications, shares
from reporting.models import (
    AccountingYear,
    Certificate,
    CofinancingRule,
    ErrorType,
    EUProgramme,
    ExpenditureDeclaration,
    Fund,
    InterventionField,
    Operation,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)

DECLARED = (operations, identity, control, impartial, certificates, payment_applications, shares)

register_numbers((Certificate, "number"), (ExpenditureDeclaration, "number"), (Operation, "code"))
register_parameters(
    EUProgramme,
    CofinancingRule,
    Fund,
    ErrorType,
    InterventionField,
    AccountingYear,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
