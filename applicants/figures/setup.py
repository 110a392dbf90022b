"""The invariants that applicants declares: importing the files registers them."""

from applicants.figures import accounts, de_minimis, impartial, interests, people
from applicants.models import DeMinimisCeiling, Department, InterestPeriod, LegalCategory
from core.figures.parameters import register_parameters

DECLARED = (accounts, impartial, interests, people, de_minimis)

register_parameters(DeMinimisCeiling, Department, InterestPeriod, LegalCategory)
