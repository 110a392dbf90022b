"""What the transitions do besides setting their own fields: money, files, orders.

Called by the bodies of the models' transitions, inside their transaction. Models of this app are reached through
relations only. What the money refuses becomes a ``ValidationError``, which the runner tells like a condition.
"""

import tempfile
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.order_parts import payees_left, to_order
from agreements.settlements.services import settle
from agreements.terms import sha256_of_terms, terms_of
from agreements.workbooks import write_batch_workbook
from applicants.bank_accounts import payable_account
from core.documents import PIECE_TYPES, WORKBOOK_TYPES, store
from core.models.document import Document
from grants.commitments import CreditExhausted, EnvelopeExhausted, commit, release_credit, use_credit
from grants.models import CreditUse


def noon_of(day: date) -> datetime:
    """Return noon of ``day`` in the Region's time zone: a date that a paper bears has no hour."""
    return timezone.make_aware(datetime.combine(day, time(12)))


def store_signed_copy(agreement, upload, actor) -> Document:
    """Keep the signed copy of an act."""
    return store(upload, name=upload.name, subject=agreement, user=actor, kind="signed_copy", allowed=PIECE_TYPES)


def keep_signed_copy(agreement, data, actor) -> None:
    """Write down who signed what, and when: the hash of the copy is what was signed."""
    document = store_signed_copy(agreement, data["file"], actor)
    agreement.signed_document = document
    agreement.signed_sha256 = document.file.sha256
    agreement.beneficiary_signatory = data["signatory"]
    agreement.beneficiary_quality = data["quality"]
    agreement.beneficiary_signed_at = noon_of(data["signed_on"])


def store_report(tranche, upload, actor) -> Document:
    """Keep the report on a tranche."""
    return store(upload, name=upload.name, subject=tranche.agreement, user=actor, kind="report", allowed=PIECE_TYPES)


def commit_money(agreement, actor) -> None:
    """Reserve the granted amount on the envelope of the call."""
    try:
        agreement.commitment = commit(agreement.application, agreement.granted_amount, actor)
    except EnvelopeExhausted as error:
        raise ValidationError(str(error)) from error


def freeze_terms(agreement) -> None:
    """Write down what was agreed, with its fingerprint: nothing rewrites it."""
    agreement.terms = terms_of(agreement)
    agreement.terms_sha256 = sha256_of_terms(agreement.terms)


def end_agreement(agreement, target: str, data, actor, comment: str) -> None:
    """Date the end; of an agreement in force, settle what is under way first."""
    agreement.ended_on = timezone.localdate()
    if agreement.is_in_force:
        outcomes, day = data.get("outcomes") or {}, data.get("answer_due_on")
        settle(agreement, target, outcomes, actor=actor, reason=comment, answer_due_on=day)


def place_orders(claim, batch, actor) -> None:
    """Put the certified amount in the batch: one order to the beneficiary, or one to each person by their share.

    A person who cannot be paid yet does not hold up the others: their order is placed later.
    """
    parts = to_order([claim])[claim.pk]
    if not parts.ready:
        raise ValidationError(" ".join(parts.reasons) or _("Nobody of this claim can be paid yet."))
    for part in parts.ready:
        place_order(claim, batch, actor, share=part.share, payee=part.payee, amount=part.amount)


def left_to_order(claim) -> list[tuple]:
    """Return (share or None, applicant, euros) of those with something due, neither ordered nor given up."""
    return [(share, payee, amount) for share, payee, amount in payees_of(claim) if amount > 0]


def give_up(claim, parts, *, actor, reason: str) -> None:
    """Give up the parts of these shares (ids, or None for the one payee) that are not ordered; ``None``: all of them."""
    left = left_to_order(claim)
    wanted = [part for part in left if parts is None or (part[0].pk if part[0] else None) in parts]
    if not wanted:
        raise ValidationError(_("Everything certified is ordered, or was given up."))
    for share, _payee, amount in wanted:
        claim.given_up.create(share=share, amount=amount, reason=reason, decided_by=actor)


def payees_of(claim) -> list[tuple]:
    """Return (share or None, applicant, euros) for each transfer that a claim still needs."""
    return payees_left([claim])[claim.pk]


def place_order(claim, batch, actor, *, share, payee, amount: Decimal):
    """Create one order on the payee's verified account, and take its payment credits of the year of the batch."""
    account, reason = payable_account(payee)
    if account is None:
        raise ValidationError(reason)
    order = claim.orders.create(
        batch=batch,
        share=share,
        payee=payee,
        bank_account=account,
        reference=f"{claim.number}-{claim.orders.count() + 1:02d}",
        amount=amount,
        ordered_by=actor,
    )
    _take_credits(order, actor)
    return order


def _take_credits(order, actor) -> None:
    envelope = order.claim.agreement.commitment.envelope
    try:
        use_credit(envelope, order.batch.year, order.amount, reference=order.reference, actor=actor)
    except CreditExhausted as error:
        raise ValidationError(str(error)) from error


def free_credits(order) -> None:
    """Give back the payment credits of an order that is not paid."""
    for use in CreditUse.objects.filter(reference=order.reference):
        release_credit(use)


def write_batch(batch, actor) -> None:
    """Write the workbook for the finance software, and fix the total."""
    orders = list(
        batch.orders.exclude(state="cancelled")
        .select_related(
            "payee",
            "bank_account",
            "share",
            "claim__instalment",
            "claim__certified_by",
            "claim__agreement__commitment__envelope",
            "claim__agreement__application__programme_version__programme",
        )
        .order_by("pk")
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{batch.number}.xlsx"
        written = write_batch_workbook(path, batch, orders, actor)
        with path.open("rb") as file:
            batch.workbook = store(
                file, name=path.name, subject=batch, user=actor, kind="batch_workbook", allowed=WORKBOOK_TYPES
            )
    batch.closed_total = written
