"""Typing an application: creating a draft, saving answers as they are typed, joining pieces.

The screens and the demonstration call the same functions. Each locks the application, checks the right again and
saves; two tabs or two people never overwrite one another silently.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from applicants.permissions import may_act_for
from core.documents import IMAGE_TYPES, store
from core.events import record
from core.file_types import DOCX, JPEG, ODS, ODT, PDF, PNG, XLSX, DocumentRefused, FileType
from core.lib.same_file import joined_as
from grants.models import Application, BudgetLine, Call, Partner, PersonLine, Piece
from grants.permissions import may_change_piece, may_edit
from grants.rules.answers import normalise, period_of
from grants.rules.conditions import is_answered
from grants.rules.schema import PieceRule, ProgrammeRules, Question, QuestionKind
from grants.rules.tables import read_table
from grants.services.amounts import refresh_amounts, tranche_rows
from grants.services.facts import seat_refusal

FILE_FAMILIES: dict[str, tuple[FileType, ...]] = {
    "pdf": (PDF,),
    "image": (PNG, JPEG),
    "office": (DOCX, ODT),
    "spreadsheet": (XLSX, ODS),
}
MEGABYTE = 1024 * 1024


class FilingRefused(Exception):
    """Something the person may not do now; ``str()`` is the sentence that says why and what to do."""


@dataclass(frozen=True)
class Conflict:
    """An answer that somebody else, or another tab, changed meanwhile."""

    code: str
    label: str
    theirs: Any
    version: int
    by: str
    at: datetime | None
    is_own: bool = False
    """Changed by the same person, in another window or on another device."""

    @property
    def message(self) -> str:
        if self.is_own:
            return _(
                "You changed this answer yourself in another window or on another device. Check it, then save this one "
                "again if it is right."
            )
        return _("%(person)s changed this answer in the meantime. Check it, then save yours again if it is right.") % {
            "person": self.by or _("Somebody")
        }


@dataclass
class Saved:
    """What a save did: the new version of each saved question, conflicts, and errors of cells of tables."""

    at: datetime
    versions: dict[str, int] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    table_errors: dict[str, dict[tuple[int, str], str]] = field(default_factory=dict)
    typed_on: Mapping[str, int] = field(default_factory=dict)
    """The version of each question on which what was sent was typed."""

    @property
    def ok(self) -> bool:
        return not self.conflicts and not self.table_errors


# --- a draft --------------------------------------------------------------------------------------------------------


def create_draft(*, call: Call, applicant, user, token: uuid.UUID | None = None, title: str = "") -> Application:
    """A draft under a call; the same token gives the same draft (double click, answer that was lost).

    Raises:
        FilingRefused: not for this applicant, or the call is over.
    """
    if token is not None and (existing := Application.objects.filter(creation_token=token, created_by=user).first()):
        return existing
    rules = call.programme_version.rules
    if refusal := may_act_for(user, applicant):
        raise FilingRefused(refusal)
    if applicant.kind not in rules.applicant_kinds:
        raise FilingRefused(_applicant_refusal(rules))
    if refusal := seat_refusal(rules, applicant):
        raise FilingRefused(refusal)
    if not call.is_published or timezone.now() >= call.closes_at:
        raise FilingRefused(call.closed_to_readers)
    with transaction.atomic():
        application, is_new = Application.objects.get_or_create(
            creation_token=token or uuid.uuid4(),
            defaults={
                "call": call,
                "programme_version": call.programme_version,
                "applicant": applicant,
                "created_by": user,
                "title": title,
            },
        )
        if is_new and rules.question_of_kind(QuestionKind.BUDGET):
            application.budget_lines.create(
                rank=0,
                side=BudgetLine.Side.PRODUCT,
                account_code="74region",
                label=str(rules.name),
                financer_status=BudgetLine.FinancerStatus.THIS_REQUEST,
            )
    return application


def _applicant_refusal(rules: ProgrammeRules) -> str:
    if rules.applicant_kinds == ("legal",):
        return _("This programme is for organisations: choose one of yours, or create it under “My organisation”.")
    return _("This programme is for persons: choose yourself as the applicant.")


# --- answers --------------------------------------------------------------------------------------------------------


def save_answers(
    application: Application,
    *,
    user,
    typed: Mapping[str, Any],
    versions: Mapping[str, int] | None = None,
) -> Saved:
    """Save what was typed: ``{question code: text, list, period mapping, or list of rows for a table}``.

    Args:
        versions: the version of each question that the page shows; a question that changed since is a conflict and
            is not saved. None: the caller (a command, the demonstration) has looked.

    Raises:
        FilingRefused: the case is filed, or is not this person's to edit.
    """
    with transaction.atomic():
        locked = lock(application)
        if refusal := may_edit(user, locked):
            raise FilingRefused(refusal)
        saved = Saved(at=timezone.now(), typed_on=versions or {})
        for code, raw in typed.items():
            question = locked.rules.questions.get(code)
            if question is not None:
                _save_one(locked, question, raw, user, saved, versions)
        if saved.versions:
            refresh_amounts(locked)
            locked.save()
            _say(locked, "answers", user, questions=sorted(saved.versions))
    application.refresh_from_db()
    return saved


def _say(application: Application, action: str, user, **data: Any) -> None:
    """Leave an event of what is changed after the case was filed; a draft has no reader but its author yet."""
    if application.submitted_at is not None:
        record(application, action, actor=user, data=data)


def lock(application: Application) -> Application:
    """The application as it is in the database now, locked until the transaction ends."""
    return (
        Application.objects.select_related("applicant", "call", "programme_version__programme")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=application.pk)
    )


def version_of(application: Application, code: str) -> int:
    """The version of the answer to a question; 0 when it was never answered."""
    return application.answer_versions.get(code, {}).get("v", 0)


def _save_one(application: Application, question: Question, raw: Any, user, saved: Saved, versions) -> None:
    if question.is_table:
        reading = read_table(question, raw)
        if reading.errors:
            saved.table_errors[question.code] = reading.errors
            return
        value, current = reading.rows, current_rows(application, question)
    else:
        value, current = normalise(question, raw), application.answers.get(question.code)
    present = version_of(application, question.code)
    if value == current or (not is_answered(value) and not is_answered(current)):
        saved.versions.setdefault(question.code, present)
        return
    if versions is not None and versions.get(question.code, 0) != present:
        saved.conflicts.append(_conflict(application, question, current, user))
        return
    if question.is_table:
        TABLE_WRITERS[question.kind](application, question, value)
    else:
        application.answers[question.code] = value
        _copy_to_target(application, question, value)
    application.answer_versions[question.code] = {
        "v": present + 1,
        "by": user.get_full_name() or user.email,
        "id": user.pk,
        "at": saved.at.isoformat(),
    }
    saved.versions[question.code] = present + 1


def _conflict(application: Application, question: Question, current: Any, user: Any) -> Conflict:
    meta = application.answer_versions.get(question.code, {})
    return Conflict(
        code=question.code,
        label=str(question.label),
        theirs=current,
        version=meta.get("v", 0),
        by=meta.get("by", ""),
        at=parse_datetime(meta["at"]) if meta.get("at") else None,
        is_own=meta.get("id") == user.pk,
    )


def _copy_to_target(application: Application, question: Question, value: Any) -> None:
    if question.target == "title":
        application.title = value[:200]
    elif question.target == "early_start_reason":
        application.early_start_reason = value
    elif question.target == "project_period":
        start, end = period_of(value)
        if start and end and end < start:
            end = None
        application.project_start, application.project_end = start, end


# --- tables ---------------------------------------------------------------------------------------------------------


def current_rows(application: Application, question: Question) -> list[dict[str, Any]]:
    """The rows of a table as they are kept, in the shape of ``read_table``."""
    return TABLE_READERS[question.kind](application)


def _budget_rows(application: Application) -> list[dict[str, Any]]:
    lines = [line for line in application.budget_lines.all() if line.financer_status != "this_request"]
    lines.sort(key=lambda line: line.rank)
    names = ("rank", "side", "account_code", "label", "amount", "axis", "financer_status")
    return [{name: getattr(line, name) for name in names} for line in lines]


def _partner_rows(application: Application) -> list[dict[str, Any]]:
    names = ("rank", "name", "siret", "role", "contribution")
    return [{name: getattr(partner, name) for name in names} for partner in application.partners.all()]


def _person_rows(application: Application) -> list[dict[str, Any]]:
    names = ("rank", "first_name", "last_name", "email", "own_contribution")
    return [{name: getattr(person, name) for name in names} for person in application.persons.all()]


def _tranche_rows(application: Application) -> list[dict[str, Any]]:
    return [
        {
            "rank": row["year"],
            "summary": row["summary"],
            "cost": Decimal(row["cost"]),
            "requested": Decimal(row["requested"]),
        }
        for row in tranche_rows(application)
    ]


TABLE_READERS = {
    QuestionKind.BUDGET: _budget_rows,
    QuestionKind.PARTNERS: _partner_rows,
    QuestionKind.PERSONS: _person_rows,
    QuestionKind.TRANCHES: _tranche_rows,
}


def _replace(application: Application, model: type, rows: Sequence[dict[str, Any]], kept, key=("rank",)) -> None:
    """Write rows: update those that are there, add the new ones, delete what is left over."""
    existing = {tuple(getattr(row, name) for name in key): row for row in kept}
    for values in rows:
        row = existing.pop(tuple(values[name] for name in key), None) or model(application=application)
        if row.pk is None or any(getattr(row, name) != value for name, value in values.items()):
            for name, value in values.items():
                setattr(row, name, value)
            row.save()
    for row in existing.values():
        row.delete()


def _write_budget(application: Application, question: Question, rows: Sequence[dict[str, Any]]) -> None:
    kept = application.budget_lines.exclude(financer_status="this_request")
    _replace(application, BudgetLine, rows, kept, key=("side", "rank"))


def _write_partners(application: Application, question: Question, rows: Sequence[dict[str, Any]]) -> None:
    _replace(application, Partner, rows, application.partners.all())


def _write_persons(application: Application, question: Question, rows: Sequence[dict[str, Any]]) -> None:
    _replace(application, PersonLine, rows, application.persons.all())


def _write_tranches(application: Application, question: Question, rows: Sequence[dict[str, Any]]) -> None:
    application.answers[question.code] = [
        {
            "year": row["rank"],
            "summary": row["summary"],
            "cost": str(row["cost"]),
            "requested": str(row["requested"]),
        }
        for row in rows
    ]


TABLE_WRITERS = {
    QuestionKind.BUDGET: _write_budget,
    QuestionKind.PARTNERS: _write_partners,
    QuestionKind.PERSONS: _write_persons,
    QuestionKind.TRANCHES: _write_tranches,
}


# --- pieces ---------------------------------------------------------------------------------------------------------


def allowed_types(rule: PieceRule) -> tuple[FileType, ...]:
    """The types of files that a piece takes."""
    return tuple(kind for family in rule.types for kind in FILE_FAMILIES[family]) or IMAGE_TYPES


def attach_piece(application: Application, *, code: str, content, name: str, user) -> Piece:
    """Join a file. In answer to a request it replaces the files that the service refused. The same bytes that are joined to
    this piece already, a moment ago or at once, stay joined once: that piece is given back. A piece that the service asks
    for again may be sent again as it was.

    Raises:
        FilingRefused: no such piece, not now, or too many files.
        DocumentRefused: the file is empty, too large, of another type…
    """
    with transaction.atomic():
        locked = lock(application)
        rule = _piece_rule(locked, code)
        if refusal := may_change_piece(user, locked, code):
            raise FilingRefused(refusal)
        locked.pieces.filter(code=code, state=Piece.State.REFUSED).update(state=Piece.State.REPLACED)
        if (same := joined_as(_joined_now(locked, code), content)) is not None:
            return same
        if locked.pieces.current().filter(code=code).count() >= rule.max_files:
            raise FilingRefused(
                _("“%(piece)s” takes %(count)d file(s): remove one before you join another.")
                % {"piece": rule.label, "count": rule.max_files}
            )
        document = store(
            content,
            name=name,
            subject=locked,
            user=user,
            kind=code,
            allowed=allowed_types(rule),
            max_bytes=rule.max_megabytes * MEGABYTE,
        )
        piece = Piece.objects.create(application=locked, code=code, document=document, added_by=user)
        _say(locked, "piece_joined", user, piece=code, file=document)
    return piece


def _joined_now(application: Application, code: str) -> QuerySet[Piece]:
    """The files of a piece that nobody has asked for again since they were joined."""
    request = application.open_piece_request()
    pieces = application.pieces.current().filter(code=code)
    return pieces if request is None else pieces.filter(added_at__gte=request.requested_at)


def remove_piece(piece: Piece, *, user) -> None:
    """Take a file back: from a draft it is gone; of a filed case the row stays for the snapshot that names it. Where it was
    joined for one that the service refused, that one stands again, with what is asked of it.

    Raises:
        FilingRefused: the piece can no longer be changed, or it is the one that the service refused.
    """
    with transaction.atomic():
        application = lock(piece.application)
        if refusal := may_change_piece(user, application, piece.code):
            raise FilingRefused(refusal)
        if piece.state == Piece.State.REFUSED:
            raise FilingRefused(
                _("The service asks for another version of this file: join it, and it takes the place of this one.")
            )
        if application.submitted_at is None:
            document = piece.document
            piece.delete()
            document.delete()
        else:
            piece.state = Piece.State.REPLACED
            piece.save(update_fields=["state"])
            _refused_before(application, piece.code).update(state=Piece.State.REFUSED)
            _say(application, "piece_removed", user, piece=piece.code, file=piece.document)


def _refused_before(application: Application, code: str) -> QuerySet[Piece]:
    """The files that the open request refused, where nothing that was joined since takes their place any more."""
    request = application.open_piece_request()
    pieces = application.pieces.filter(code=code)
    if request is None or pieces.current().filter(added_at__gte=request.requested_at).exists():
        return pieces.none()
    earlier = application.piece_requests.filter(requested_at__lt=request.requested_at).order_by("-requested_at").first()
    refused = pieces.filter(state=Piece.State.REPLACED, added_at__lt=request.requested_at).exclude(note="")
    return refused.filter(added_at__gte=earlier.requested_at) if earlier is not None else refused


def _piece_rule(application: Application, code: str) -> PieceRule:
    try:
        return application.rules.piece(code)
    except LookupError as error:
        raise FilingRefused(_("This programme does not ask for such a piece.")) from error


__all__ = [
    "Conflict",
    "DocumentRefused",
    "FilingRefused",
    "Saved",
    "allowed_types",
    "attach_piece",
    "create_draft",
    "current_rows",
    "remove_piece",
    "save_answers",
    "version_of",
]
