"""The invariants that grants declares: importing the files registers them."""

from core.figures.numbers import register_numbers
from core.figures.parameters import register_parameters
from grants.figures import days, decisions, envelopes, filing, impartial, kept, rules, sessions, state_aid, work
from grants.models import Application, Call, Commitment, Envelope, PaymentCredit

DECLARED = (envelopes, decisions, sessions, impartial, state_aid, filing, days, kept, rules, work)

register_numbers((Application, "number"), (Commitment, "reference"))
register_parameters(Envelope, PaymentCredit, Call)
