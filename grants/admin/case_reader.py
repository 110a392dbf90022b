"""What a case's page reads, and for whom: a fixed number of queries, whatever the number of rows."""

from dataclasses import dataclass

from django.db.models import Prefetch, prefetch_related_objects

from grants.instruction import BEFORE_ADMISSION, UNTIL_PROPOSAL
from grants.models import (
    AgendaItem,
    AidComputation,
    Application,
    CheckAnswer,
    Message,
    Note,
    Opinion,
    Piece,
    Proposal,
    Score,
)
from grants.rules.schema import QuestionKind
from grants.states import ApplicationState as State
from grants.void import with_other_establishments

COMMITTEE = (State.READY_FOR_COMMITTEE, State.SCHEDULED, State.APPROVED, State.REJECTED, State.CONTRACTED, State.CLOSED)


def load_case(case: Application) -> None:
    """Fetch what the page shows: one query a relation, none a row. What the case cannot have is not asked for."""
    rules = case.rules
    relations = [
        Prefetch("check_answers", CheckAnswer.objects.select_related("answered_by")),
        Prefetch("scores", Score.objects.select_related("scored_by")),
        Prefetch("pieces", Piece.objects.select_related("document__file")),
        "piece_requests",
        Prefetch("opinions", Opinion.objects.select_related("document__file", "answer_document")),
        Prefetch("messages", Message.objects.select_related("author")),
        Prefetch("notes", Note.objects.select_related("author")),
    ]
    tables = {
        QuestionKind.BUDGET: "budget_lines",
        QuestionKind.PARTNERS: "partners",
        QuestionKind.PERSONS: "persons",
    }
    for kind, relation in tables.items():
        if rules.question_of_kind(kind):
            relations.append(relation)
        else:
            _know_empty(case, relation)
    if case.state not in BEFORE_ADMISSION:
        relations.append(Prefetch("computations", AidComputation.objects.with_basis_now().defer("facts")))
    if case.state not in UNTIL_PROPOSAL:
        proposals = Proposal.objects.select_related("made_by", "visa_by", "sent_back_by")
        relations.append(Prefetch("proposals", with_other_establishments(proposals)))
    if case.state in COMMITTEE:
        relations.append(Prefetch("agenda_items", AgendaItem.objects.select_related("session")))
    prefetch_related_objects([case], *relations)


def _know_empty(case: Application, relation: str) -> None:
    """The programme has no such table: what reads the relation afterwards asks the database nothing."""
    cache = case.__dict__.setdefault("_prefetched_objects_cache", {})
    cache.setdefault(relation, getattr(case, relation).none())


@dataclass(frozen=True)
class CaseReader:
    """Who reads the page, and the forms that were typed in and refused."""

    user: object
    forms: dict
    may_instruct: bool
    may_write: bool

    def form(self, name: str, make):
        """The refused form of this name with what was typed, else a fresh one."""
        return self.forms.get(name) or make()
