"""The side column of a case's page: the envelope, the pieces, the conversation and the notes."""

from decimal import Decimal

from django.utils.translation import gettext as _

from core.admin import Panel
from core.money import ZERO
from grants.admin.case_reader import CaseReader
from grants.admin.forms import BodyForm
from grants.instruction import UNTIL_PROPOSAL
from grants.models import Application, Envelope, Piece
from grants.rules.conditions import expected_pieces
from grants.services.missing import form_facts
from grants.states import ApplicationState as State


def envelope_panel(case: Application) -> Panel | None:
    """The envelope of the call: voted, committed, proposed, available."""
    if case.call.envelope_id is None:
        return None
    envelope = Envelope.objects.with_figures().get(pk=case.call.envelope_id)
    return Panel(
        title=envelope.label,
        template="admin/grants/envelope/figures.html",
        side=True,
        anchor="envelope",
        context={"envelope": envelope, "meter": meter(envelope)},
    )


def meter(envelope: Envelope) -> dict[str, int]:
    """Whole percentages of what was voted, for the bar; never more than 100 together."""
    if not envelope.voted_amount:
        return {"committed": 0, "proposed": 0}
    committed = _points(envelope.used_amount, envelope.voted_amount)
    proposed = min(_points(envelope.proposed_total, envelope.voted_amount), 100 - committed)
    return {"committed": committed, "proposed": proposed}


def _points(part: Decimal, whole: Decimal) -> int:
    return min(100, int((part or ZERO) * 100 / whole))


def pieces_panel(case: Application, reader: CaseReader) -> Panel:
    """The expected pieces with the files given, and the requests for missing ones."""
    given: dict[str, list[Piece]] = {}
    for piece in case.pieces.all():
        if piece.state != Piece.State.REPLACED:
            given.setdefault(piece.code, []).append(piece)
    rows = [(rule, given.pop(rule.code, [])) for rule in expected_pieces(case.rules, form_facts(case))]
    others = [piece for pieces in given.values() for piece in pieces]
    return Panel(
        title=_("Pieces"),
        template="admin/grants/application/pieces.html",
        side=True,
        anchor="pieces",
        context={
            "rows": rows,
            "others": others,
            "requests": list(case.piece_requests.all()),
            "may_judge": reader.may_instruct and case.state in UNTIL_PROPOSAL,
            "refused": reader.forms.get("piece"),
        },
    )


def messages_panel(case: Application, reader: CaseReader) -> Panel:
    """The conversation with the applicant."""
    return Panel(
        title=_("Messages with the applicant"),
        template="admin/grants/application/messages.html",
        side=True,
        anchor="messages",
        context={
            "thread": list(case.messages.all()),
            "unread": any(not message.from_staff and message.read_at is None for message in case.messages.all()),
            "form": reader.form("message", lambda: BodyForm(auto_id="id_message_%s")),
            "may_write": reader.may_write and case.state != State.DRAFT,
        },
    )


def notes_panel(case: Application, reader: CaseReader) -> Panel:
    """Internal notes, never shown to the applicant."""
    return Panel(
        title=_("Internal notes"),
        template="admin/grants/application/notes.html",
        side=True,
        anchor="notes",
        context={
            "notes": list(case.notes.all()),
            "form": reader.form("note", lambda: BodyForm(auto_id="id_note_%s")),
            "may_write": reader.may_write,
        },
    )
