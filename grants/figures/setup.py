"""The invariants that grants declares: importing the files registers them."""

from grants.figures import decisions, envelopes, filing, work

DECLARED = (envelopes, decisions, filing, work)
