from grants.models.agenda import AgendaItem, Decision, Recusal
from grants.models.application import Application
from grants.models.budget import BudgetLine
from grants.models.call import Call
from grants.models.commitment import Commitment
from grants.models.committee import CommitteeMember, CommitteeSession, SessionProgramme, SessionState
from grants.models.envelope import Envelope
from grants.models.instruction import (
    AidComputation,
    Answer,
    CheckAnswer,
    Note,
    Opinion,
    OpinionResult,
    Proposal,
    Score,
    Stage,
)
from grants.models.message import Message
from grants.models.payment_credit import CreditUse, PaymentCredit
from grants.models.people import Partner, PersonLine
from grants.models.piece import Piece, PieceRequest
from grants.models.programme import Programme, ProgrammeAssignment, ProgrammeVersion
from grants.models.snapshot import Snapshot

__all__ = [
    "AgendaItem",
    "AidComputation",
    "Answer",
    "Application",
    "BudgetLine",
    "Call",
    "CheckAnswer",
    "Commitment",
    "CommitteeMember",
    "CommitteeSession",
    "CreditUse",
    "Decision",
    "Envelope",
    "Message",
    "Note",
    "Opinion",
    "OpinionResult",
    "Partner",
    "PaymentCredit",
    "PersonLine",
    "Piece",
    "PieceRequest",
    "Programme",
    "ProgrammeAssignment",
    "ProgrammeVersion",
    "Proposal",
    "Recusal",
    "Score",
    "SessionProgramme",
    "SessionState",
    "Snapshot",
    "Stage",
]
