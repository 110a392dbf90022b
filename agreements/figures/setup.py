"""The invariants that agreements declares: importing the files registers them."""

from agreements.figures import de_minimis, expenditure, payments, schedule, terms, totals, work

DECLARED = (de_minimis, schedule, totals, payments, expenditure, terms, work)
