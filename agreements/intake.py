"""Expenditure that comes in a workbook: the preview with all that is wrong, the rows taken in at once.

The layout is not trusted: columns are found by their headers (``core.workbooks``), the claim is recognised by a
defined name of the template, every amount is checked as if it had been typed, and nothing is written before the person
has seen what will be: of each line that changes, what it says now and what it would say.
"""

import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.axes import axis_choices
from agreements.budget_accounts import BudgetAccount, accounts_of, charge_accounts, labels_of
from agreements.claims import LINE_FIELDS, ClaimRefused
from agreements.credit_notes import credit_alone, declared_with
from agreements.expenditure_form import of_another_claim, says_of_itself
from agreements.known_lines import ByNumber, Register, invoice_of, said_again
from agreements.line_problems import line_problems
from agreements.line_versions import (
    LineChange,
    NotAnswered,
    as_they_were,
    change_of,
    is_untouched,
    merged,
    settled,
)
from agreements.models import ExpenditureLine, ExpenditureUpload, PaymentClaim
from agreements.permissions import may_edit_claim
from agreements.rules.duplicates import Suppliers, credits_without_invoice
from agreements.workbooks import expenditure_columns
from applicants.rules.identifiers import compact
from core.documents import WORKBOOK_TYPES, open_document, store
from core.engine import versions
from core.engine.refusals import refusal_message
from core.events import record
from core.money import sum_money
from core.workbooks import Column, RowProblem, TableReading, TableRow, read_table, write_rejected

MAX_ROWS = 5_000
MAX_BYTES = 10 * 1024 * 1024
CATEGORY_LENGTH = 120


@dataclass
class Intake:
    """What a workbook would do to a claim: rows to add, lines to change, rows already there, rows refused."""

    reading: TableReading
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[LineChange] = field(default_factory=list)
    known: int = 0
    newer: list[int] = field(default_factory=list)
    """The lines (by rank) that were changed here since the workbook was made, and not in it: they stay."""
    gone: list[int] = field(default_factory=list)
    """Those that were removed here since, and not changed in the workbook: they are not added again."""
    refused: list[TableRow] = field(default_factory=list)
    warnings: list[RowProblem] = field(default_factory=list)
    untouched: int = 0

    @property
    def is_refused(self) -> bool:
        """Whether the file as a whole cannot be used."""
        return self.reading.is_refused

    @property
    def problems(self) -> list[RowProblem]:
        """All that is wrong, in the order of the file."""
        if self.is_refused:
            return list(self.reading.problems)
        general = [item for item in self.reading.problems if item.record is None]
        rows = [problem for row in self.refused for problem in row.problems]
        return [*general, *sorted([*rows, *self.warnings], key=lambda item: item.row or 0)]

    @property
    def rows_read(self) -> int:
        """Rows of the file that hold something."""
        return len(self.added) + len(self.changed) + self.known + len(self.gone) + len(self.refused)

    @property
    def clashing(self) -> list[LineChange]:
        """The lines changed both here and in the workbook: the person chooses."""
        return [change for change in self.changed if change.clashes]

    @property
    def plain(self) -> list[LineChange]:
        """The other lines that change."""
        return [change for change in self.changed if not change.clashes]

    @property
    def asks_to_be_read(self) -> bool:
        """Whether lines change of which nobody can say if they were corrected here since the workbook was made."""
        return any(not change.is_of_known_time for change in self.changed)

    @property
    def outcome(self) -> str:
        """What it would do, row by row, as a digest: a page that was read before says whether this is still so."""
        changed = [change.told for change in self.changed]
        added = [sorted(values.items()) for values in self.added]
        left = (self.known, self.newer, self.gone, [row.number for row in self.refused])
        return versions.digest(repr((added, changed, *left)))

    @property
    def total_added(self) -> Decimal:
        """Euros declared by the rows to add."""
        return sum_money(values["declared_amount"] for values in self.added)

    @property
    def does_something(self) -> bool:
        """Whether taking it in changes the claim."""
        return bool(self.added or self.changed)


# --- reading --------------------------------------------------------------------------------------------------------


def read_workbook(claim: PaymentClaim, content: bytes) -> Intake:
    """Return what a workbook would do to ``claim``; never raises for what a person may have done wrong."""
    accounts = accounts_of(claim.agreement)
    columns = expenditure_columns(list(labels_of(accounts).items()), axis_choices(claim.agreement))
    reading = read_table(BytesIO(content), columns, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
    intake = Intake(reading)
    if reading.is_refused:
        return intake
    said = says_of_itself(content)
    if sentence := of_another_claim(claim, said):
        reading.is_refused = True
        reading.problems.add(RowProblem(None, "", None, sentence))
        return intake
    intake.refused = list(reading.rejected)
    _sort_rows(intake, claim, accounts, as_they_were(claim, said.made_at if said.claim else None))
    return intake


def _sort_rows(intake: Intake, claim: PaymentClaim, accounts: list[BudgetAccount], then: dict[int, Any]) -> None:
    """Put each good row where it belongs: a line to change, one to add, one already there, or refused.

    ``then`` are the lines when the workbook was made, by rank; empty when that is not known.
    """
    axes = axis_choices(claim.agreement)
    labels = labels_of(accounts)
    columns = {column.key: str(column.label) for column in expenditure_columns(list(labels.items()), axes)}
    words = {"account_code": {code: f"{code} {label}" for code, label in labels.items()}, "axis": dict(axes)}
    lines = list(claim.lines.all())
    by_rank = {line.rank: line for line in lines}
    checked = [
        (row, values, line_problems(claim, values, accounts, axes))
        for row, values in _rows_that_say_something(intake, claim, labels, by_rank, then)
    ]
    right = [values for _row, values, errors in checked if not errors]
    suppliers = Suppliers([*map(invoice_of, lines), *map(invoice_of, right)])
    by_invoice, met = Register(suppliers), Register(suppliers)
    by_number = ByNumber(suppliers, lines)
    for line in lines:
        by_invoice.add(line, line)
    _refuse_credits(claim, checked, by_rank)
    touched = set()
    for row, values, errors in checked:
        rank = row.get("rank")
        if rank is not None and rank not in by_rank:
            errors["rank"] = _no_such_line(gone=rank in then)
        if not errors:
            if first := met.get(values):
                errors["invoice_number"] = _(
                    "The same invoice stands on row %(row)s, for the same amount: keep one."
                ) % {"row": first}
            met.add(values, row.number)
        if errors:
            _refuse(intake, row, errors, columns)
            continue
        line = by_rank.get(rank) if rank is not None else by_invoice.get(values)
        if line is not None and line.pk in touched:
            _refuse(intake, row, {"rank": _("Another row of the file is about the same line.")}, columns)
        elif line is None:
            intake.added.append(values)
            if others := by_number.get(values):
                intake.warnings.append(_said_again(row, values, others, columns))
        else:
            touched.add(line.pk)
            _put(intake, change_of(line, then.get(rank), values, columns, words), line, then.get(rank))
    intake.refused.sort(key=lambda row: row.number)
    intake.untouched = len(lines) - len(touched)


def _rows_that_say_something(
    intake: Intake,
    claim: PaymentClaim,
    accounts: dict[str, str],
    by_rank: dict[int, ExpenditureLine],
    then: dict[int, Any],
) -> Iterable[tuple[TableRow, dict[str, Any]]]:
    """The good rows with their values: what the person left as it was is taken from the line as it is now.

    A row that was left whole, and whose line was removed here, asks for nothing.
    """
    for row in intake.reading.rows:
        rank, values = row.get("rank"), _values(row, claim, accounts)
        if (before := then.get(rank)) is None:
            yield row, values
        elif (line := by_rank.get(rank)) is not None:
            yield row, merged(line, before, values)
        elif is_untouched(before, values):
            intake.gone.append(rank)
        else:
            yield row, values


def _no_such_line(*, gone: bool) -> str:
    if gone:
        return _(
            "This line was removed from the claim since the workbook was downloaded: leave the cell empty to add it again."
        )
    return _("No line of the claim has this number: leave the cell empty to add a line.")


def _said_again(
    row: TableRow, values: dict[str, Any], others: list[ExpenditureLine], columns: dict[str, str]
) -> RowProblem:
    return RowProblem(
        row.number, columns["invoice_number"], values["invoice_number"], said_again(others), blocking=False
    )


def _put(intake: Intake, change: LineChange | None, line: ExpenditureLine, before: Any) -> None:
    """Keep what a row does to its line: something, or nothing."""
    if change is not None:
        intake.changed.append(change)
        return
    intake.known += 1
    if before is not None and not is_untouched(before, {name: getattr(line, name) for name in LINE_FIELDS}):
        intake.newer.append(line.rank)


def _refuse_credits(claim: PaymentClaim, checked: list[tuple], by_rank: dict[int, ExpenditureLine]) -> None:
    """Add its error to each row whose credit note takes back no invoice, of the file, the claim or those filed."""
    rows = [(row, values, errors) for row, values, errors in checked if not errors]
    if not any(values["declared_amount"] < 0 for _row, values, _errors in rows):
        return
    replaced = {by_rank[rank].pk for row, _values, _errors in rows if (rank := row.get("rank")) in by_rank}
    others = [
        (line.invoice, line.declared_amount, line.corrects_number)
        for line in declared_with(claim)
        if line.pk not in replaced
    ]
    written = [
        (invoice_of(values), values["declared_amount"], values["corrects_number"]) for _row, values, _errors in rows
    ]
    for place in credits_without_invoice([*others, *written]):
        if place >= len(others):
            rows[place - len(others)][2]["declared_amount"] = credit_alone()


def _refuse(intake: Intake, row: TableRow, errors: dict[str, str], columns: dict[str, str]) -> None:
    for name, sentence in errors.items():
        row.problems.append(RowProblem(row.number, columns.get(name, ""), row.raw.get(name), sentence, record=row.raw))
    intake.refused.append(row)


def _values(row: TableRow, claim: PaymentClaim, accounts: dict[str, str]) -> dict[str, Any]:
    values = {name: row.get(name) for name in LINE_FIELDS if name != "category"}
    values["supplier_siret"] = compact(values["supplier_siret"] or "", "SIRET")
    values["corrects_number"] = values["corrects_number"] or ""
    values["axis"] = values["axis"] or ""
    values["paid_before_why"] = _why_before(values)
    asked = claim.is_of_another_year(values["invoice_date"])
    values["other_year_why"] = (values["other_year_why"] or "") if asked else ""
    values["category"] = accounts.get(values["account_code"], "")[:CATEGORY_LENGTH]
    return values


def _why_before(values: dict[str, Any]) -> str:
    """What the row answers where it is paid before its invoice; nothing is asked where it is not."""
    paid, invoiced = values["paid_on"], values["invoice_date"]
    return (values["paid_before_why"] or "") if paid and invoiced and paid < invoiced else ""


# --- keeping and taking in ------------------------------------------------------------------------------------------


def preview(claim: PaymentClaim, upload, *, actor) -> tuple[ExpenditureUpload | None, Intake]:
    """Read a file and keep it for its confirmation; no upload when the file as a whole cannot be used.

    Raises:
        ClaimRefused: the claim was filed, or is not this person's.
        DocumentRefused: too large, or of another type.
    """
    if refusal := may_edit_claim(actor, claim):
        raise ClaimRefused(refusal)
    with transaction.atomic():
        document = store(
            upload,
            name=upload.name,
            subject=claim,
            user=actor,
            kind="expenditure_workbook",
            allowed=WORKBOOK_TYPES,
            max_bytes=MAX_BYTES,
        )
        intake = read_workbook(claim, _content(document))
        if intake.is_refused:
            transaction.set_rollback(True)
            return None, intake
        kept = ExpenditureUpload.objects.create(
            claim=claim,
            document=document,
            rejected=_rejected(claim, intake, document.name, actor) if intake.refused else None,
            sha256=document.file.sha256,
            rows_read=intake.rows_read,
            rows_added=len(intake.added),
            rows_changed=len(intake.changed),
            rows_known=intake.known,
            rows_refused=len(intake.refused),
            uploaded_by=actor,
        )
        counts = {"read": kept.rows_read, "refused": kept.rows_refused}
        record(claim, "workbook_sent", actor=actor, data={"file": document, **counts})
    return kept, intake


def read_again(upload: ExpenditureUpload) -> Intake:
    """What the kept file would do to the claim as it is now."""
    return read_workbook(upload.claim, _content(upload.document))


def _content(document) -> bytes:
    with open_document(document) as file:
        return file.read()


def _rejected(claim: PaymentClaim, intake: Intake, name: str, actor):
    """The refused rows as a workbook with a column of reasons, to correct and send again."""
    agreement = claim.agreement
    columns: list[Column] = expenditure_columns(charge_accounts(agreement), axis_choices(agreement))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "refused.xlsx"
        write_rejected(path, columns, intake.refused)
        with path.open("rb") as file:
            title = _("refused rows - %(name)s") % {"name": Path(name).stem}
            return store(
                file,
                name=f"{title}.xlsx",
                subject=claim,
                user=actor,
                kind="refused_rows",
                allowed=WORKBOOK_TYPES,
            )


class CheckedOtherwise(ClaimRefused):
    """What the file would do is no longer what the person has read: it is read again first."""


def take_in(
    upload: ExpenditureUpload, *, actor, checked: str = "", choices: Mapping[str, str] | None = None, read: bool = False
) -> ExpenditureUpload:
    """Write the good rows, all of them or none; the same file twice changes nothing.

    Args:
        checked: the outcome that the person has read; empty for a caller who has just looked.
        choices: for the lines changed on both sides (:attr:`LineChange.name`), which values hold.
        read: the person says that they have read the lines that a workbook of unknown age replaces.

    Raises:
        CheckedOtherwise: it would do something else now.
        NotAnswered: a choice or that word lacks.
        ClaimRefused: the claim was filed meanwhile, or the database refuses a row.
    """
    with transaction.atomic():
        claim = PaymentClaim.objects.select_for_update(of=("self",), no_key=True).get(pk=upload.claim_id)
        if refusal := may_edit_claim(actor, claim):
            raise ClaimRefused(refusal)
        upload = ExpenditureUpload.objects.select_for_update().select_related("document__file").get(pk=upload.pk)
        if upload.state == ExpenditureUpload.State.TAKEN:
            return upload
        if taken := claim.uploads.filter(sha256=upload.sha256, state=ExpenditureUpload.State.TAKEN).first():
            return taken
        intake = read_workbook(claim, _content(upload.document))
        if intake.is_refused:
            raise ClaimRefused(" ".join(problem.message for problem in intake.problems))
        if checked and checked != intake.outcome:
            raise CheckedOtherwise(
                _(
                    "The claim was changed since this check, and the workbook would no longer do the same: nothing was "
                    "taken in. Here is the check made again: read it, then take in the rows."
                )
            )
        if intake.asks_to_be_read and not read:
            raise NotAnswered(
                _("Say that you have read the lines that would change: tick the box. Nothing was taken in yet.")
            )
        changed = settled(claim, intake.changed, choices or {})
        _write(claim, intake, changed)
        upload.state, upload.taken_at = ExpenditureUpload.State.TAKEN, timezone.now()
        upload.rows_added, upload.rows_changed = len(intake.added), len(changed)
        upload.rows_known, upload.rows_refused = intake.known, len(intake.refused)
        upload.save()
        counts = {"added": upload.rows_added, "changed": upload.rows_changed, "refused": upload.rows_refused}
        record(claim, "workbook", actor=actor, data={"file": upload.document, **counts})
    return upload


def _write(claim: PaymentClaim, intake: Intake, changed: list[tuple[ExpenditureLine, dict[str, Any]]]) -> None:
    lines = [
        ExpenditureLine(claim=claim, rank=claim.last_rank + place, **values)
        for place, values in enumerate(intake.added, 1)
    ]
    for line, values in changed:
        for name, value in values.items():
            setattr(line, name, value)
    try:
        with transaction.atomic():
            _save(line for line, _values in changed)
            _save(lines)
    except IntegrityError as error:
        if text := refusal_message(error):
            raise ClaimRefused(text) from error
        raise


def _save(lines: Iterable[ExpenditureLine]) -> None:
    for line in lines:
        line.save()
