"""The invariants that reporting declares: importing the files registers them."""

from reporting.figures import certificates, control, identity, impartial, operations, payment_applications

DECLARED = (operations, identity, control, impartial, certificates, payment_applications)
