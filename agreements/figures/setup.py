"""The invariants that agreements declares: importing the files registers them."""

from agreements.figures import expenditure, payments, schedule, terms, totals, work

DECLARED = (schedule, totals, payments, expenditure, terms, work)
