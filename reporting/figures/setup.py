"""The invariants that reporting declares: importing the files registers them."""

from reporting.figures import certificates, control, operations, payment_applications

DECLARED = (operations, control, certificates, payment_applications)
