"""Expenditure that comes in a workbook: the template, the preview with all that is wrong, the rows taken in at once.

The layout is not trusted: columns are found by their headers (``core.workbooks``), the claim is recognised by a
defined name of the template, every amount is checked as if it had been typed, and nothing is written before the person
has seen what will be.
"""

import re
import tempfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.axes import axis_choices
from agreements.claims import LINE_FIELDS, ClaimRefused, charge_accounts, line_problems
from agreements.credit_notes import credit_alone, declared_with
from agreements.known_lines import ByNumber, Register, invoice_of, said_again
from agreements.models import ExpenditureLine, ExpenditureUpload, PaymentClaim
from agreements.permissions import may_edit_claim
from agreements.rules.duplicates import Suppliers, credits_without_invoice
from agreements.workbooks import FORM_ID, FORM_VERSION, expenditure_columns
from applicants.rules.identifiers import compact
from core.documents import WORKBOOK_TYPES, open_document, store
from core.engine import versions
from core.engine.refusals import refusal_message
from core.events import record
from core.money import sum_money
from core.workbooks import Column, RowProblem, TableReading, TableRow, read_table, write_rejected, write_template

MAX_ROWS = 5_000
MAX_BYTES = 10 * 1024 * 1024
FORM_NAME = "ESSOR_FORM"
CATEGORY_LENGTH = 120
_DEFINED = re.compile(rb'<definedName[^>]*name="ESSOR_FORM"[^>]*>(.{0,400}?)</definedName>', re.DOTALL)


@dataclass
class Intake:
    """What a workbook would do to a claim: rows to add, lines to change, rows already there, rows refused."""

    reading: TableReading
    added: list[dict[str, Any]] = field(default_factory=list)
    changed: list[tuple[ExpenditureLine, dict[str, Any]]] = field(default_factory=list)
    known: int = 0
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
        return len(self.added) + len(self.changed) + self.known + len(self.refused)

    @property
    def outcome(self) -> str:
        """What it would do, row by row, as a digest: a page that was read before says whether this is still so."""
        changed = [(line.rank, sorted(values.items())) for line, values in self.changed]
        added = [sorted(values.items()) for values in self.added]
        return versions.digest(repr((added, changed, self.known, [row.number for row in self.refused])))

    @property
    def total_added(self) -> Decimal:
        """Euros declared by the rows to add."""
        return sum_money(values["declared_amount"] for values in self.added)

    @property
    def does_something(self) -> bool:
        """Whether taking it in changes the claim."""
        return bool(self.added or self.changed)


# --- the template ---------------------------------------------------------------------------------------------------


def write_form(path: Path, claim: PaymentClaim) -> None:
    """Write the workbook to fill for a claim: its number, its period and its budget, the lines already there."""
    agreement = claim.agreement
    accounts = charge_accounts(agreement)
    axes = axis_choices(agreement)
    labels = {code: f"{code} {label}" for code, label in accounts}
    rows = [
        {"rank": line.rank}
        | {name: getattr(line, name) for name in LINE_FIELDS}
        | {"account_code": labels.get(line.account_code, line.account_code), "axis": dict(axes).get(line.axis, "")}
        for line in claim.lines.order_by("rank")
    ]
    write_template(
        path,
        expenditure_columns(accounts, axes),
        title=_("Expenditure"),
        facts=[
            (_("Claim"), claim.number),
            (_("Agreement"), agreement.number),
            (_("Beneficiary"), agreement.beneficiary.display_name),
            (_("Identifier"), agreement.beneficiary.identifier),
            (_("Payment"), claim.instalment.label),
            (_("Invoices from"), agreement.start),
            (_("Invoices until"), agreement.end),
            (_("Lines already declared"), len(rows)),
        ],
        rows=rows,
        names=[(FORM_NAME, f'"{FORM_ID}|{FORM_VERSION}|{claim.number}"')],
    )


# --- reading --------------------------------------------------------------------------------------------------------


def read_workbook(claim: PaymentClaim, content: bytes) -> Intake:
    """Return what a workbook would do to ``claim``; never raises for what a person may have done wrong."""
    accounts = charge_accounts(claim.agreement)
    columns = expenditure_columns(accounts, axis_choices(claim.agreement))
    reading = read_table(BytesIO(content), columns, max_rows=MAX_ROWS, max_bytes=MAX_BYTES)
    intake = Intake(reading)
    if reading.is_refused:
        return intake
    if sentence := _of_another_claim(claim, content):
        reading.is_refused = True
        reading.problems.add(RowProblem(None, "", None, sentence))
        return intake
    intake.refused = list(reading.rejected)
    _sort_rows(intake, claim, dict(accounts))
    return intake


def _of_another_claim(claim: PaymentClaim, content: bytes) -> str:
    """Why this template is not the one of the claim; empty for a file that says nothing of itself."""
    if not content.startswith(b"PK"):
        return ""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        found = _DEFINED.search(archive.read("xl/workbook.xml"))
    if found is None:
        return ""
    form, _sep, rest = found[1].decode("utf-8", "replace").replace("&quot;", '"').strip('"').partition("|")
    version, _sep, number = rest.partition("|")
    if form != FORM_ID or version != FORM_VERSION:
        return _("This template is no longer the current one. Download it again and copy your rows into it.")
    if number != claim.number:
        return _(
            "This workbook was made for the claim %(other)s, and you are on the claim %(number)s."
            " Send it on the page of its own claim, or download the template of this page."
        ) % {"other": number[:30], "number": claim.number}
    return ""


def _sort_rows(intake: Intake, claim: PaymentClaim, accounts: dict[str, str]) -> None:
    """Put each good row where it belongs: a line to change, one to add, one already there, or refused."""
    axes = axis_choices(claim.agreement)
    columns = {column.key: str(column.label) for column in expenditure_columns(list(accounts.items()), axes)}
    lines = list(claim.lines.all())
    by_rank = {line.rank: line for line in lines}
    checked = [
        (row, values := _values(row, accounts), line_problems(claim.agreement, values, set(accounts), axes))
        for row in intake.reading.rows
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
            errors["rank"] = _("No line of the claim has this number: leave the cell empty to add a line.")
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
                sentence = said_again(others)
                intake.warnings.append(
                    RowProblem(
                        row.number, columns["invoice_number"], values["invoice_number"], sentence, blocking=False
                    )
                )
        else:
            touched.add(line.pk)
            if _same(line, values):
                intake.known += 1
            else:
                intake.changed.append((line, values))
    intake.refused.sort(key=lambda row: row.number)
    intake.untouched = len(lines) - len(touched)


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


def _values(row: TableRow, accounts: dict[str, str]) -> dict[str, Any]:
    values = {name: row.get(name) for name in LINE_FIELDS if name != "category"}
    values["supplier_siret"] = compact(values["supplier_siret"] or "", "SIRET")
    values["corrects_number"] = values["corrects_number"] or ""
    values["axis"] = values["axis"] or ""
    values["paid_before_why"] = _why_before(values)
    values["category"] = accounts.get(values["account_code"], "")[:CATEGORY_LENGTH]
    return values


def _why_before(values: dict[str, Any]) -> str:
    """What the row answers where it is paid before its invoice; nothing is asked where it is not."""
    paid, invoiced = values["paid_on"], values["invoice_date"]
    return (values["paid_before_why"] or "") if paid and invoiced and paid < invoiced else ""


def _same(line: ExpenditureLine, values: dict[str, Any]) -> bool:
    compared = (name for name in LINE_FIELDS if name != "category")
    return all((getattr(line, name) or "") == (values[name] or "") for name in compared)


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


def take_in(upload: ExpenditureUpload, *, actor, checked: str = "") -> ExpenditureUpload:
    """Write the good rows, all of them or none; the same file twice changes nothing.

    Args:
        checked: the outcome that the person has read; empty for a caller who has just looked.

    Raises:
        CheckedOtherwise: it would do something else now.
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
        _write(claim, intake)
        upload.state, upload.taken_at = ExpenditureUpload.State.TAKEN, timezone.now()
        upload.rows_added, upload.rows_changed = len(intake.added), len(intake.changed)
        upload.rows_known, upload.rows_refused = intake.known, len(intake.refused)
        upload.save()
        counts = {"added": upload.rows_added, "changed": upload.rows_changed, "refused": upload.rows_refused}
        record(claim, "workbook", actor=actor, data={"file": upload.document, **counts})
    return upload


def _write(claim: PaymentClaim, intake: Intake) -> None:
    lines = [
        ExpenditureLine(claim=claim, rank=claim.last_rank + place, **values)
        for place, values in enumerate(intake.added, 1)
    ]
    for line, values in intake.changed:
        for name, value in values.items():
            setattr(line, name, value)
    try:
        with transaction.atomic():
            _save(line for line, _values in intake.changed)
            _save(lines)
    except IntegrityError as error:
        if text := refusal_message(error):
            raise ClaimRefused(text) from error
        raise


def _save(lines: Iterable[ExpenditureLine]) -> None:
    for line in lines:
        line.save()
