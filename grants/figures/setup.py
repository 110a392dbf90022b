"""The invariants that grants declares: importing the files registers them."""

from grants.figures import decisions, envelopes, filing, impartial, kept, state_aid, work

DECLARED = (envelopes, decisions, impartial, state_aid, filing, kept, work)
