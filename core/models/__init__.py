"""The models of the engine."""

from core.figures.models import FigureCheck, FigureFinding
from core.models.document import Document, StoredFile
from core.models.event import Event, EventSeal
from core.models.incompatible import IncompatibleRoles
from core.models.job import Job
from core.models.outbox import MessageAttachment, OutboxMessage
from core.models.proof import Erasure, FileCheck, HistorySeal, PersonSalt
from core.models.retention import Retention
from core.models.sent_form import SentForm
from core.models.sequence import Sequence
from core.models.user import RoleGroup, User, UserRole
from core.models.workflow import StaleSave, WorkflowModel

__all__ = [
    "Document",
    "Erasure",
    "Event",
    "EventSeal",
    "FigureCheck",
    "FigureFinding",
    "FileCheck",
    "HistorySeal",
    "IncompatibleRoles",
    "Job",
    "MessageAttachment",
    "OutboxMessage",
    "PersonSalt",
    "Retention",
    "RoleGroup",
    "SentForm",
    "Sequence",
    "StaleSave",
    "StoredFile",
    "User",
    "UserRole",
    "WorkflowModel",
]
