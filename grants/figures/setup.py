"""The invariants that grants declares: importing the files registers them."""

from core.figures.as_told import Told, Which, register_persons
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
from grants.models import (
    AgendaItem,
    AidComputation,
    Application,
    Call,
    Commitment,
    CommitteeSession,
    Envelope,
    PaymentCredit,
    PieceRequest,
    Proposal,
    Recusal,
)

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
register_persons(
    Told(Application, "submitted_by", ("submit",)),
    Told(PieceRequest, "requested_by", ("request_pieces",), of="application", which=Which.NTH),
    Told(PieceRequest, "answered_by", ("complete",), of="application", which=Which.NTH),
    Told(AidComputation, "computed_by", ("compute",), of="application", which=Which.NTH),
    Told(Proposal, "made_by", ("propose",), of="application", which=Which.NTH),
    Told(Proposal, "visa_by", ("give_visa",), of="application", which=Which.NTH),
    Told(Proposal, "sent_back_by", ("send_back",), of="application", which=Which.NTH),
    Told(CommitteeSession, "created_by", ("create",)),
    Told(AgendaItem, "decided_by", ("decide",), of="session", which=Which.NAMED, key="item"),
    Told(Commitment, "created_by", ("commit",), of="envelope", which=Which.NTH),
)
