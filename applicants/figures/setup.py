"""The invariants that applicants declares: importing the files registers them."""

from applicants.figures import accounts

DECLARED = (accounts,)
