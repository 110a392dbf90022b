"""Reserve money of an envelope, and payment credits of a year. The database has the last word."""

from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.events import record
from core.money import format_euros
from core.sequences import next_number
from grants.models import Application, Commitment, CreditUse, Envelope, PaymentCredit


class EnvelopeExhausted(Exception):
    """The envelope cannot bear the amount; ``str()`` is a sentence a person can act on."""


class CreditExhausted(Exception):
    """The payment credits of the year cannot bear the amount; ``str()`` is a sentence a person can act on."""


def commit(application: Application, amount: Decimal, actor) -> Commitment:
    """Reserve ``amount`` euros of the envelope of the case's call.

    Raises:
        EnvelopeExhausted: when there is no envelope, it is closed, or it has not enough left.
    """
    envelope_id = application.call.envelope_id
    if envelope_id is None:
        raise EnvelopeExhausted(_("The call of this case has no envelope: choose one in the call first."))
    try:
        with transaction.atomic():
            # The row lock puts concurrent commitments in a queue: each one sees the money of those before it.
            envelope = Envelope.objects.select_for_update(no_key=True).get(pk=envelope_id)
            _check_envelope(envelope, amount)
            commitment = Commitment.objects.create(
                envelope=envelope,
                application=application,
                reference=next_number("ENG", timezone.localdate().year),
                amount=amount,
                created_by=actor,
            )
            record(envelope, "commit", actor=actor, data={"commitment": commitment, "amount": amount})
    except IntegrityError as error:
        # The row lock makes this rare: the database says it all the same.
        if not _broke(error, "envelope_committed_within_voted"):
            raise
        raise EnvelopeExhausted(_("The envelope has not enough left for this commitment.")) from error
    return commitment


def _broke(error: IntegrityError, constraint: str) -> bool:
    diagnostic = getattr(error.__cause__, "diag", None)
    return getattr(diagnostic, "constraint_name", "") == constraint


def _check_envelope(envelope: Envelope, amount: Decimal) -> None:
    if envelope.is_closed:
        raise EnvelopeExhausted(_("The envelope %(code)s is closed.") % {"code": envelope.code})
    left = envelope.uncommitted_amount
    if amount > left:
        raise EnvelopeExhausted(
            _("The envelope %(code)s has %(left)s left: %(amount)s cannot be committed.")
            % {"code": envelope.code, "left": format_euros(left), "amount": format_euros(amount)}
        )


def release(commitment: Commitment, *, actor, reason: str, amount: Decimal | None = None) -> Commitment:
    """Give money back to the envelope: ``amount`` euros, or all that is still held."""
    with transaction.atomic():
        locked = Commitment.objects.select_for_update(of=("self",), no_key=True).get(pk=commitment.pk)
        amount = locked.net_amount if amount is None else amount
        locked.release(amount, reason=reason)
        record(locked.envelope, "release", actor=actor, data={"commitment": locked, "amount": amount}, comment=reason)
    commitment.refresh_from_db()
    return commitment


def use_credit(envelope: Envelope, year: int, amount: Decimal, *, reference: str, actor) -> CreditUse:
    """Take payment credits of an envelope for one payment order; ``reference`` is unique.

    Raises:
        CreditExhausted: when the year has no credits or not enough left.
    """
    try:
        with transaction.atomic():
            credit = PaymentCredit.objects.select_for_update(no_key=True).filter(envelope=envelope, year=year).first()
            if credit is None:
                raise CreditExhausted(
                    _(
                        "The envelope %(code)s has no payment credits for %(year)s: enter those that were voted on its"
                        " page (Envelopes), then order."
                    )
                    % {"code": envelope.code, "year": year}
                )
            left = credit.voted_amount - credit.ordered_amount
            if amount > left:
                raise CreditExhausted(
                    _("The payment credits of %(year)s on %(code)s have %(left)s left: %(amount)s cannot be ordered.")
                    % {
                        "year": year,
                        "code": envelope.code,
                        "left": format_euros(left),
                        "amount": format_euros(amount),
                    }
                )
            return CreditUse.objects.create(credit=credit, reference=reference, amount=amount, created_by=actor)
    except IntegrityError as error:
        if not _broke(error, "payment_credit_ordered_within_voted"):
            raise
        raise CreditExhausted(_("The payment credits of the year have not enough left for this order.")) from error


def release_credit(use: CreditUse) -> CreditUse:
    """Give the credits of a cancelled order back to their year."""
    with transaction.atomic():
        locked = CreditUse.objects.select_for_update(of=("self",), no_key=True).get(pk=use.pk)
        locked.released_amount = locked.amount
        locked.save(update_fields=["released_amount"])
    use.refresh_from_db()
    return use
