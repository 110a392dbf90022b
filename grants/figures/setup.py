"""The invariants that grants declares: importing the files registers them."""

from core.figures.numbers import register_numbers
from core.figures.one_parent import register_one_parent
from core.figures.parameters import register_parameters
from grants.figures import (
    days,
    decisions,
    envelopes,
    filing,
    hands,
    impartial,
    kept,
    persons,
    plans,
    rules,
    sessions,
    state_aid,
    work,
)
from grants.models import Application, Call, Commitment, Envelope, PaymentCredit, Proposal, Recusal

DECLARED = (
    envelopes,
    decisions,
    plans,
    persons,
    sessions,
    hands,
    impartial,
    state_aid,
    filing,
    days,
    kept,
    rules,
    work,
)

register_numbers((Application, "number"), (Commitment, "reference"))
register_parameters(Envelope, PaymentCredit, Call)
register_one_parent(
    (Recusal, "item__session", "member__session"),
    (Call, "programme_version__programme", "envelope__programme"),
    (Application, "programme_version__programme", "call__programme_version__programme"),
    (Commitment, "application__programme_version__programme", "envelope__programme"),
    (Proposal, "application", "computation__application"),
)
