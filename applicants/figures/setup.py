"""The invariants that applicants declares: importing the files registers them."""

from applicants.figures import accounts, de_minimis, impartial

DECLARED = (accounts, impartial, de_minimis)
