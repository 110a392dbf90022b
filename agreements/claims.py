"""Payment claims as beneficiaries write them: opening, lines, proofs, pieces, filing.

Screens and commands call these functions. Each locks the claim, checks the right again, writes and leaves an event.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.closing import BALANCE, closed_for, closed_parts, why_closed
from agreements.credit_notes import kept_beyond
from agreements.due import due_of_claim
from agreements.line_problems import line_problems
from agreements.models import (
    Agreement,
    ClaimPiece,
    ClaimReply,
    ExpenditureLine,
    Instalment,
    PaymentClaim,
)
from agreements.permissions import may_edit_claim, may_reply, may_review, may_write_claims
from applicants.rules.identifiers import compact
from core.documents import PIECE_TYPES, store
from core.engine.refusals import refusal_message
from core.events import record
from core.lib.same_file import joined_as, sha256_of
from core.models.document import Document
from core.money import format_euros
from core.sequences import next_number
from core.transitions import perform

PREFIX = "VERS"
LINE_FIELDS = (
    "account_code",
    "axis",
    "category",
    "supplier_name",
    "supplier_siret",
    "invoice_number",
    "corrects_number",
    "invoice_date",
    "paid_on",
    "paid_before_why",
    "other_year_why",
    "description",
    "invoice_total",
    "declared_amount",
)


class ClaimRefused(Exception):
    """What a claim does not take; ``str()`` is the sentence, ``errors`` the sentences by field of a line."""

    def __init__(self, text: str, errors: Mapping[str, str] | None = None):
        super().__init__(str(text))
        self.errors = dict(errors or {})


# --- opening --------------------------------------------------------------------------------------------------------


def claimable(agreement: Agreement) -> list[Instalment]:
    """The instalments that may be claimed now: released, of an account that no balance closed, and not claimed yet unless
    the claim was rejected."""
    if not agreement.is_in_force:
        return []
    live = {claim.instalment_id: claim for claim in agreement.claims.exclude(state="rejected")}
    planned = list(agreement.instalments.select_related("tranche").order_by("rank"))
    closed = closed_parts(planned, live)
    return [
        item
        for item in planned
        if item.pk not in live
        and (item.tranche is None or item.tranche.is_released)
        and (item.kind == BALANCE or item.tranche_id not in closed)
    ]


def open_claim(agreement: Agreement, instalment: Instalment, *, actor, amount: Decimal | None = None) -> PaymentClaim:
    """A claim of an instalment, for all of it unless ``amount`` says less. Opening it again gives the same claim.

    Raises:
        ClaimRefused: not this person's, the agreement is not in force, or the tranche is not released.
    """
    if refusal := may_write_claims(actor, agreement):
        raise ClaimRefused(refusal)
    with transaction.atomic():
        locked = Agreement.objects.select_for_update(of=("self",), no_key=True).get(pk=agreement.pk)
        existing = locked.claims.exclude(state="rejected").filter(instalment=instalment).first()
        if existing is not None:
            return existing
        if (closing := closed_for(locked, instalment)) is not None:
            raise ClaimRefused(why_closed(closing.number))
        if instalment not in claimable(locked):
            raise ClaimRefused(_("This payment cannot be claimed yet: the agreement or its tranche is not open."))
        claim = PaymentClaim.objects.create(
            number=next_number(PREFIX, timezone.localdate().year),
            agreement=locked,
            instalment=instalment,
            claimed_amount=_asked(instalment, amount),
            opened_by=actor,
        )
        record(claim, "open", actor=actor, data={"instalment": instalment.label, "amount": claim.claimed_amount})
    return claim


def set_amount(claim: PaymentClaim, amount: Decimal, *, actor, statement: str | None = None) -> PaymentClaim:
    """Ask for another amount of the same instalment, and say what the money did.

    Raises:
        ClaimRefused: the claim was filed, or the amount is nothing, or above the instalment.
    """
    with transaction.atomic():
        locked = _writable(claim, actor)
        locked.claimed_amount = _asked(locked.instalment, amount)
        if statement is not None:
            locked.statement = statement.strip()
        locked.save()
        record(locked, "amount", actor=actor, data={"amount": locked.claimed_amount})
    claim.refresh_from_db()
    return claim


def _asked(instalment: Instalment, amount: Decimal | None) -> Decimal:
    amount = instalment.amount if amount is None else amount
    if amount <= 0:
        sentence = _("Ask for more than %(amount)s.") % {"amount": format_euros(Decimal(0))}
        raise ClaimRefused(sentence, {"claimed_amount": sentence})
    if amount > instalment.amount:
        raise ClaimRefused(
            _("Ask for at most %(amount)s, the amount of this payment.") % {"amount": format_euros(instalment.amount)},
            {"claimed_amount": _("At most %(amount)s.") % {"amount": format_euros(instalment.amount)}},
        )
    return amount


def _writable(claim: PaymentClaim, actor) -> PaymentClaim:
    locked = PaymentClaim.objects.select_for_update(of=("self",), no_key=True).get(pk=claim.pk)
    if refusal := may_edit_claim(actor, locked):
        raise ClaimRefused(refusal)
    return locked


# --- lines ----------------------------------------------------------------------------------------------------------


def add_line(
    claim: PaymentClaim, values: Mapping[str, Any], *, actor, proof=None, proof_name: str = ""
) -> ExpenditureLine:
    """Add a line, with its proof when there is one (an upload, bytes or a Document of the claim).

    Raises:
        ClaimRefused: with ``errors`` by field.
        DocumentRefused: the proof is not taken.
    """
    with transaction.atomic():
        locked = _writable(claim, actor)
        rank = locked.last_rank + 1
        line = _save_line(locked, ExpenditureLine(claim=locked, rank=rank), values)
        if proof is not None:
            attach_proof(locked, [line], proof, actor=actor, name=proof_name)
        record(locked, "add_line", actor=actor, data={"line": rank, "amount": line.declared_amount})
    return line


def change_line(line: ExpenditureLine, values: Mapping[str, Any], *, actor, proof=None) -> ExpenditureLine:
    """Correct a line, and replace its proof when another is given.

    Raises:
        ClaimRefused: with ``errors`` by field.
        DocumentRefused: the proof is not taken.
    """
    with transaction.atomic():
        locked = _writable(line.claim, actor)
        _save_line(locked, line, values)
        if proof is not None:
            attach_proof(locked, [line], proof, actor=actor)
        record(locked, "change_line", actor=actor, data={"line": line.rank, "amount": line.declared_amount})
    return line


def remove_line(line: ExpenditureLine, *, actor) -> None:
    """Take a line out of a claim that is being written. Raises ClaimRefused."""
    with transaction.atomic():
        locked = _writable(line.claim, actor)
        record(locked, "remove_line", actor=actor, data={"line": line.rank, "amount": line.declared_amount})
        line.delete()


def _save_line(claim: PaymentClaim, line: ExpenditureLine, values: Mapping[str, Any]) -> ExpenditureLine:
    clean = {name: values[name] for name in LINE_FIELDS if name in values}
    if clean.get("supplier_siret"):
        clean["supplier_siret"] = compact(clean["supplier_siret"], "SIRET")
    if errors := line_problems(claim, clean):
        raise ClaimRefused(_("This line is not right yet: correct what is marked."), errors)
    if clean["paid_on"] >= clean["invoice_date"]:
        clean["paid_before_why"] = ""  # nothing is asked
    if not claim.is_of_another_year(clean["invoice_date"]):
        clean["other_year_why"] = ""
    for name, value in clean.items():
        setattr(line, name, value.strip() if isinstance(value, str) else value)
    try:
        with transaction.atomic():
            # What was kept of it is not the writer's to say: a line that was read before is not written back.
            line.save(update_fields=None if line._state.adding else [*clean])
    except IntegrityError as error:
        if text := refusal_message(error):
            raise ClaimRefused(text) from error
        raise
    # What was kept of the line as it was is forgotten by the database.
    line.refresh_from_db(fields=["certified_amount", "certified_reason"])
    return line


def attach_proof(claim: PaymentClaim, lines: Iterable[ExpenditureLine], proof, *, actor, name: str = "") -> Document:
    """Join one file to one or several lines. Where all of them have its very bytes already, that proof is given back.

    Raises:
        ClaimRefused, DocumentRefused.
    """
    with transaction.atomic():
        locked = _writable(claim, actor)
        document, lines = proof, list(lines)
        if not isinstance(proof, Document):
            if (same := _proof_of_all(lines, proof)) is not None:
                return same
            document = store(
                proof,
                name=name or getattr(proof, "name", "") or "justificatif.pdf",
                subject=locked,
                user=actor,
                kind="proof",
                allowed=PIECE_TYPES,
            )
        for line in lines:
            line.proof = document
            line.save(update_fields=["proof"])
        record(locked, "proof", actor=actor, data={"file": document, "lines": [line.rank for line in lines]})
    return document


def _proof_of_all(lines: list[ExpenditureLine], content) -> Document | None:
    """The proof of these lines where the bytes of ``content`` are it for each of them."""
    same = ExpenditureLine.objects.filter(pk__in=[line.pk for line in lines], proof__file__sha256=sha256_of(content))
    found = [line.proof for line in same.select_related("proof").order_by("rank")]
    return found[0] if found and len(found) == len(lines) else None


def join_piece(claim: PaymentClaim, code: str, content, *, actor, name: str = "") -> ClaimPiece:
    """Join a piece that the instalment asks for (registration certificate, financial report…). The same bytes stay joined
    once: that piece is given back.

    Raises:
        ClaimRefused, DocumentRefused.
    """
    with transaction.atomic():
        locked = _writable(claim, actor)
        rule = next((piece for piece in locked.instalment.required_pieces if piece["code"] == code), None)
        if rule is None:
            raise ClaimRefused(_("This payment does not ask for such a piece."))
        if (same := joined_as(locked.pieces.filter(code=code), content)) is not None:
            return same
        document = store(
            content,
            name=name or getattr(content, "name", "") or f"{code}.pdf",
            subject=locked,
            user=actor,
            kind="claim_piece",
            allowed=PIECE_TYPES,
        )
        piece = ClaimPiece.objects.create(claim=locked, code=code, label=rule["label"], document=document)
        record(locked, "join_piece", actor=actor, data={"piece": rule["label"], "file": document})
    return piece


def remove_piece(piece: ClaimPiece, *, actor) -> None:
    """Take a piece out of a claim that is being written. Raises ClaimRefused."""
    with transaction.atomic():
        locked = _writable(piece.claim, actor)
        record(locked, "remove_piece", actor=actor, data={"piece": piece.label, "file": piece.document})
        piece.delete()


def reply(claim: PaymentClaim, text: str, *, actor, upload=None) -> ClaimReply:
    """Answer while the claim is suspended, with a document or not; the officer finds it on the claim and in their work.

    Raises:
        ClaimRefused: not this person's, nothing is written, or the claim is not suspended.
        DocumentRefused: the file is not taken.
    """
    with transaction.atomic():
        locked = PaymentClaim.objects.select_for_update(of=("self",), no_key=True).get(pk=claim.pk)
        if refusal := may_reply(actor, locked):
            raise ClaimRefused(refusal)
        if not text.strip():
            raise ClaimRefused(_("Write your answer."), {"text": _("Write your answer.")})
        document = upload and store(
            upload, name=upload.name, subject=locked, user=actor, kind="claim_reply", allowed=PIECE_TYPES
        )
        answer = ClaimReply.objects.create(claim=locked, text=text.strip(), document=document or None, author=actor)
        record(locked, "reply", actor=actor, data={"file": document} if document else {}, comment=answer.text)
    return answer


def submit(claim: PaymentClaim, *, actor) -> PaymentClaim:
    """File the claim. Raises TransitionRefused with what is missing."""
    return perform(claim, "submit", actor=actor, data={"attested": "on"})


def due_of(claim: PaymentClaim) -> Decimal:
    """Euros that may be certified at most on a claim whose lines were reviewed."""
    return due_of_claim(claim).amount


# --- review ---------------------------------------------------------------------------------------------------------


def certify_line(line: ExpenditureLine, amount: Decimal, *, actor, reason: str = "") -> ExpenditureLine:
    """Keep ``amount`` euros of a line under review; a cut needs its reason.

    Raises:
        ClaimRefused: not this person's, not under review, above what was declared, or cut without a reason.
    """
    certify_lines(line.claim, {line.pk: (amount, reason)}, actor=actor)
    line.refresh_from_db()
    return line


def certify_lines(claim: PaymentClaim, kept: Mapping[int, tuple[Decimal, str]], *, actor) -> int:
    """Keep euros of several lines, all of them or none: ``kept`` is amount and reason by id. How many changed.

    Raises:
        ClaimRefused: with ``errors`` by ``amount-<id>`` and ``reason-<id>``.
    """
    with transaction.atomic():
        locked = PaymentClaim.objects.select_for_update(of=("self",), no_key=True).get(pk=claim.pk)
        if refusal := may_review(actor, locked):
            raise ClaimRefused(refusal)
        if locked.state != PaymentClaim.State.UNDER_REVIEW:
            raise ClaimRefused(_("Lines are certified while the claim is under review."))
        errors: dict[str, str] = {}
        changed = []
        for line in locked.lines.filter(pk__in=kept).order_by("rank"):
            amount, reason = kept[line.pk][0], kept[line.pk][1].strip()
            reason = "" if amount == line.declared_amount else reason
            errors |= _review_problems(line, amount, reason)
            if (line.certified_amount, line.certified_reason) != (amount, reason):
                line.certified_amount, line.certified_reason = amount, reason
                changed.append(line)
        if errors:
            raise ClaimRefused(" ".join(errors.values()), errors)
        for line in changed:
            line.save(update_fields=["certified_amount", "certified_reason"])
        if errors := _credit_note_problems(locked, {line.pk for line in changed}):
            raise ClaimRefused(" ".join(dict.fromkeys(errors.values())), errors)
        if changed:
            lines = [{"line": item.rank, "kept": item.certified_amount} for item in changed]
            record(locked, "certify_lines", actor=actor, data={"lines": lines})
    return len(changed)


def _credit_note_problems(claim: PaymentClaim, changed: set[int]) -> dict[str, str]:
    """Of the lines just written: those whose invoice is kept above what its credit notes leave."""
    return {
        f"amount-{pk}": str(beyond)
        for beyond in (kept_beyond(claim) if changed else ())
        for pk in beyond.lines
        if pk in changed
    }


def _review_problems(line: ExpenditureLine, amount: Decimal, reason: str) -> dict[str, str]:
    low, high = sorted((Decimal(0), line.declared_amount))
    words = {"rank": line.rank, "amount": format_euros(line.declared_amount)}
    if not low <= amount <= high:
        sentence = _("Line %(rank)s: keep between zero and what was declared, %(amount)s.") % words
        return {f"amount-{line.pk}": sentence}
    if amount != line.declared_amount and not reason:
        return {f"reason-{line.pk}": _("Line %(rank)s: say why less is kept; the beneficiary reads it.") % words}
    return {}
