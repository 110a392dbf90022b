"""The invariants that applicants declares: importing the files registers them."""

from applicants.figures import accounts, de_minimis

DECLARED = (accounts, de_minimis)
