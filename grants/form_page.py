"""One step of the form as a template shows it: questions with what was typed, what is wrong, and who changed it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.money import ZERO, format_number
from grants.programmes.kinds import KINDS, Kind
from grants.rules.accounts import Account, accounts, accounts_of
from grants.rules.aid import AidResult
from grants.rules.answers import LISTS, number_text, parse_amount, parse_day
from grants.rules.budget import BudgetTotals, retained, totals_of
from grants.rules.conditions import FormFacts, expected_pieces, holds, is_answered, shown_sections
from grants.rules.schema import PieceRule, Question, QuestionKind, Section
from grants.rules.tables import COLUMNS
from grants.services.amounts import budget_item, budget_items, possible_aid
from grants.services.drafting import Saved, allowed_types, current_rows, version_of
from grants.services.missing import Missing, form_facts, pieces_by_code, question_problems, unanswered_pieces

BLANK_ROWS = {QuestionKind.BUDGET: 2, QuestionKind.PARTNERS: 2, QuestionKind.PERSONS: 2, QuestionKind.TRANCHES: 0}
GROUPS = ("charge", "product", "kind")
AMOUNT_COLUMNS = {"amount", "contribution", "own_contribution", "cost", "requested"}


@dataclass
class CellView:
    """One cell of a table: its column, text and error."""

    column: str
    name: str
    value: str
    error: str = ""

    @property
    def id(self) -> str:
        return f"cell-{self.name}"

    @property
    def is_amount(self) -> bool:
        return self.column in AMOUNT_COLUMNS


@dataclass
class RowView:
    """One row of a table; ``number`` is its number in the names of its cells."""

    number: int
    cells: dict[str, CellView]
    group: str = ""
    retained: Decimal | None = None
    is_blank: bool = False

    @property
    def year(self) -> int:
        return self.number + 1

    @property
    def place(self) -> str:
        """The number that people read, as text."""
        return str(self.number + 1)


@dataclass
class PieceView:
    """An expected piece and the files joined to it."""

    rule: PieceRule
    files: list
    extensions: str
    is_missing: bool
    is_lacking: bool = False

    @property
    def kinds(self) -> str:
        """The types of files as people name them: "PDF, PNG, JPG"."""
        return ", ".join(extension.lstrip(".").upper() for extension in self.extensions.split(","))

    @property
    def is_to_replace(self) -> bool:
        """The service wants another version of a piece that is there."""
        return bool(self.files) and (self.is_lacking or bool(self.note))

    @property
    def has_room(self) -> bool:
        return len([piece for piece in self.files if piece.state != "refused"]) < self.rule.max_files

    @property
    def note(self) -> str:
        return next((piece.note for piece in self.files if piece.state == "refused"), "")


@dataclass
class QuestionView:
    """One question with what to show in it."""

    question: Question
    value: Any
    version: int
    is_shown: bool
    errors: list[str] = field(default_factory=list)
    conflict: Any = None
    kept: "QuestionView | None" = None
    """What is kept now, where what is shown is in conflict with it."""
    typed_on: int | None = None
    """The version on which what is in conflict was typed."""
    rows: list[RowView] = field(default_factory=list)
    pieces: list[PieceView] = field(default_factory=list)
    budget: "BudgetView | None" = None
    facts: FormFacts | None = None
    applicant_name: str = ""
    is_refused: bool = False
    """What is shown was typed and is not kept: a conflict, or a cell that cannot be read."""

    @property
    def name(self) -> str:
        return f"q-{self.question.code}"

    @property
    def id(self) -> str:
        return f"question-{self.question.code}"

    @property
    def kind(self) -> Kind:
        """What its kind says of how it is drawn."""
        return KINDS[self.question.kind]

    @property
    def template(self) -> str:
        return f"grants/form/{self.kind.template}.html"

    @property
    def input_type(self) -> str:
        return self.kind.input_type

    @property
    def input_mode(self) -> str:
        return self.kind.input_mode

    @property
    def autocomplete(self) -> str:
        return self.kind.autocomplete

    @property
    def is_number(self) -> bool:
        return self.kind.is_number

    @property
    def is_group(self) -> bool:
        """Several controls under one label: a fieldset."""
        return self.kind.is_group

    @property
    def text(self) -> str:
        if self.value in (None, ""):
            return ""
        if self.question.kind == QuestionKind.DECIMAL:
            return number_text(self.value)
        amount = parse_amount(str(self.value)) if self.question.kind == QuestionKind.MONEY else None
        return str(self.value) if amount is None else format_number(amount)

    @property
    def choices(self) -> list[tuple[str, Any, bool]]:
        """``(value, choice, chosen)`` of the choices that concern this applicant."""
        chosen = self.value if isinstance(self.value, list) else [self.value]
        return [
            (choice.value, choice, choice.value in chosen)
            for choice in self.question.choices
            if holds(choice.show_if, self.facts)
        ]

    @property
    def period(self) -> list[dict[str, str]]:
        """The two days of a period, as their inputs show them."""
        value = self.value if isinstance(self.value, Mapping) else {}
        return [{"side": side, "value": value.get(side) or "", "is_day": bool(parse_day(value.get(side) or "x"))}
                for side in ("start", "end")]  # fmt: skip

    @property
    def columns(self) -> tuple[str, ...]:
        return COLUMNS[self.question.kind]

    def rows_of(self, group: str) -> list[RowView]:
        return [row for row in self.rows if row.group == group]

    @property
    def next_number(self) -> int:
        return max((row.number for row in self.rows), default=-1) + 1


@dataclass
class BudgetView:
    """The budget beside its rows: totals, gap, the line of this request, the aid possible."""

    totals: BudgetTotals
    request_label: str
    request_amount: Decimal
    aid: AidResult
    accounts: dict[str, list[Account]]
    eligible: dict[str, str]
    has_axes: bool
    retained: Decimal


@dataclass
class StepView:
    """A step in the list of steps: done, with something missing, or not begun."""

    section: Section
    number: int
    missing: int
    is_current: bool
    is_begun: bool

    @property
    def status(self) -> str:
        if self.is_begun and not self.missing:
            return "done"
        return "miss" if self.is_begun and self.missing else ""


def steps_of(application, missing: list[Missing], current: str) -> list[StepView]:
    """The steps of the form with what is missing in each."""
    facts = form_facts(application)
    steps = []
    for number, section in enumerate(shown_sections(application.rules, facts), 1):
        count = sum(item.section == section.code for item in missing)
        begun = not count or any(_is_begun(application, question) for question in section.questions)
        steps.append(StepView(section, number, count, section.code == current, begun))
    return steps


def _is_begun(application, question: Question) -> bool:
    if question.kind == QuestionKind.PIECES:
        return any(piece.state != "replaced" for piece in application.pieces.all())
    return question.code in application.answer_versions


def questions_of(
    application,
    section: Section,
    *,
    typed: Mapping[str, Any] | None = None,
    saved: Saved | None = None,
    check: bool = False,
    more_rows: str = "",
) -> list[QuestionView]:
    """The questions of a step. What was typed and not saved is shown instead of what is kept.

    Args:
        check: also say what is missing, not only what is wrong in what was typed.
        more_rows: the code of a table that gets more blank rows.
    """
    facts = form_facts(application)
    typed = typed or {}
    conflicts = {conflict.code: conflict for conflict in saved.conflicts} if saved else {}
    cells = saved.table_errors if saved else {}
    views = []
    for question in section.questions:
        unsaved = question.code in conflicts or question.code in cells
        value = typed[question.code] if unsaved else application.answers.get(question.code)
        view = QuestionView(
            question=question,
            value=value,
            version=version_of(application, question.code),
            is_shown=holds(question.show_if, facts),
            conflict=conflicts.get(question.code),
            facts=facts,
            applicant_name=application.applicant.display_name,
            is_refused=unsaved,
        )
        if saved and question.code in conflicts:
            view.kept, view.typed_on = as_kept(application, question.code), saved.typed_on.get(question.code, 0)
        elif saved and question.code in cells:
            view.version = saved.typed_on.get(question.code, view.version)
        if question.is_table:
            errors = cells.get(question.code, {})
            blank = BLANK_ROWS[question.kind] + (5 if more_rows == question.code else 0)
            view.rows = _rows(application, question, value if unsaved else None, errors, blank)
        if question.kind == QuestionKind.PIECES:
            view.pieces = piece_views(application, facts)
        if question.kind == QuestionKind.BUDGET:
            view.budget = budget_view(application)
        if view.is_shown:
            view.errors = _errors(application, question, facts, check, cells.get(question.code))
        views.append(view)
    return views


def as_kept(application, code: str) -> QuestionView:
    """A question with what is kept of it."""
    sections = application.rules.sections
    section = next(item for item in sections if any(question.code == code for question in item.questions))
    return next(view for view in questions_of(application, section) if view.question.code == code)


def _errors(application, question: Question, facts: FormFacts, check: bool, cells) -> list[str]:
    if cells is not None:
        return [message for (_row, column), message in cells.items() if not column]
    if question.kind == QuestionKind.PIECES:
        return []
    touched = is_answered(application.answers.get(question.code)) and question.kind not in LISTS
    if question.is_table:
        touched = False
    return question_problems(application, question, facts) if check or touched else []


# --- tables ---------------------------------------------------------------------------------------------------------


def _rows(application, question: Question, typed: list[dict] | None, errors: dict, blank: int) -> list[RowView]:
    texts = typed if typed is not None else [_texts(question, row) for row in current_rows(application, question)]
    if question.kind == QuestionKind.TRANCHES:
        by_year = {row["rank"]: _texts(question, row) for row in current_rows(application, question)}
        count = application.rules.tranches.count
        texts = typed or [by_year.get(year, {}) for year in range(1, count + 1)]
    rows = [_row(question, number, row, errors) for number, row in enumerate(texts)]
    if question.kind == QuestionKind.BUDGET:
        return _budget_rows(application, question, rows, blank)
    blank -= bool(rows) and blank > 1
    rows += [_row(question, len(rows) + number, {}, {}, is_blank=True) for number in range(blank)]
    return rows


def _row(question: Question, number: int, texts: Mapping[str, str], errors: dict, *, is_blank: bool = False) -> RowView:
    cells = {
        column: CellView(column, f"q-{question.code}-{number}-{column}", texts.get(column) or "", errors.get((number, column), ""))
        for column in COLUMNS[question.kind]
    }  # fmt: skip
    return RowView(number, cells, is_blank=is_blank)


def _texts(question: Question, row: dict[str, Any]) -> dict[str, str]:
    """A kept row as the texts of its cells."""
    names = {"account": "account_code", "status": "financer_status"}
    texts = {}
    for column in COLUMNS[question.kind]:
        value = row[names.get(column, column)]
        texts[column] = format_number(value) if isinstance(value, Decimal) else value
    return texts


def _budget_rows(application, question: Question, rows: list[RowView], blank: int) -> list[RowView]:
    lines = {line.rank: line for line in application.budget_lines.all() if line.financer_status != "this_request"}
    bases = {axis.base.axis: axis.base for axis in application.rules.aid.axes if axis.base.kind == "budget"}
    for row in rows:
        account = accounts().get(row.cells["account"].value)
        row.group = "charge" if account is None else "kind" if account.in_kind else account.side
        line = lines.get(row.number + 1)
        if line is not None and row.group == "charge":
            base = bases.get(line.axis)
            row.retained = retained(budget_item(line), base.accounts, base.excluded_accounts) if base else ZERO
    number = len(rows)
    for group in GROUPS:
        for _extra in range(blank - any(row.group == group for row in rows)):
            view = _row(question, number, {}, {}, is_blank=True)
            view.group = group
            rows.append(view)
            number += 1
    return rows


def budget_view(application) -> BudgetView:
    """Totals, gap and the aid possible, as computed on the server."""
    items = budget_items(application)
    aid = possible_aid(application)
    request = next((line for line in application.budget_lines.all() if line.financer_status == "this_request"), None)
    bases = {axis.base.axis: axis.base for axis in application.rules.aid.axes if axis.base.kind == "budget"}
    eligible = {axis: " ".join(base.accounts) for axis, base in bases.items()}
    return BudgetView(
        totals=totals_of(items),
        request_label=request.label if request else str(application.rules.name),
        request_amount=request.amount if request else ZERO,
        aid=aid,
        accounts={
            "charge": accounts_of("charge"),
            "product": accounts_of("product"),
            "kind": accounts_of("charge", "kind") + accounts_of("product", "kind"),
        },
        eligible=eligible,
        has_axes=len(bases) > 1,
        retained=aid.eligible_base if bases else ZERO,
    )


# --- pieces ---------------------------------------------------------------------------------------------------------


def piece_views(application, facts: FormFacts | None = None, only: list[str] | None = None) -> list[PieceView]:
    """The expected pieces with their files; ``only`` keeps those that the service asked for."""
    present = pieces_by_code(application)
    lacking = unanswered_pieces(application)
    rules = expected_pieces(application.rules, facts or form_facts(application))
    if only is not None:
        rules = [rule for rule in application.rules.pieces if rule.code in only]
    return [
        PieceView(
            rule=rule,
            files=present.get(rule.code, []),
            extensions=",".join(extension for kind in allowed_types(rule) for extension in kind.extensions),
            is_missing=(rule.required or rule.code in lacking)
            and not any(piece.state != "refused" for piece in present.get(rule.code, [])),
            is_lacking=rule.code in lacking,
        )
        for rule in rules
    ]
