"""Batches of payment orders: open, fill, close, record the payments. Screens and commands call these functions."""

from collections.abc import Iterable
from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from agreements.models import PaymentBatch, PaymentClaim, PaymentOrder
from core.engine.standing import reason_reads_only
from core.engine.versions import lock
from core.events import record
from core.roles import Role
from core.sequences import next_number
from core.transitions import TransitionRefused, perform

PREFIX = "BORD"


def this_year() -> int:
    """The budget year of today."""
    return timezone.localdate().year


def open_batch(*, actor, label: str = "") -> PaymentBatch:
    """An empty batch of this budget year. The one that this person has opened just so and not filled is given again: a
    form sent twice opens one batch.

    Raises:
        TransitionRefused: only a finance officer opens a batch.
    """
    if not actor.has_role(Role.FINANCE_OFFICER):
        raise TransitionRefused("permission", {"__all__": _("Only a finance officer opens a batch.")})
    if reason := reason_reads_only(actor):
        raise TransitionRefused("permission", {"__all__": reason})
    year, label = this_year(), label.strip()
    with transaction.atomic():
        lock(actor)
        same = PaymentBatch.objects.filter(state="open", year=year, label=label, opened_by=actor, orders__isnull=True)
        if empty := same.first():
            return empty
        batch = PaymentBatch.objects.create(number=next_number(PREFIX, year), year=year, label=label, opened_by=actor)
        record(batch, "open", actor=actor, data={"year": year})
    return batch


def order_claims(batch: PaymentBatch, claims: Iterable[PaymentClaim], *, actor) -> int:
    """Put certified claims in the batch, all of them or none; how many.

    Raises:
        TransitionRefused: with the reason of each claim that cannot be ordered, under its number.
    """
    errors: dict[str, list[str]] = {}
    count = 0
    with transaction.atomic():
        for claim in claims:
            try:
                name = "order_rest" if claim.state == PaymentClaim.State.ORDERED else "order"
                perform(claim, name, actor=actor, data={"batch": batch.pk})
                count += 1
            except TransitionRefused as refusal:
                errors[claim.number] = [f"{claim.number}: {refusal}"]
        if errors:
            raise TransitionRefused("conditions", errors)
    return count


def close_batch(batch: PaymentBatch, *, actor) -> PaymentBatch:
    """Close the batch and write its workbook. Raises TransitionRefused."""
    return perform(batch, "close", actor=actor)


def confirm_payments(orders: Iterable[PaymentOrder], *, paid_on: date, actor, external_reference: str = "") -> int:
    """Record that these orders were paid on one day, all of them or none; how many.

    Raises:
        TransitionRefused: with the reason of each order that cannot be, under its reference.
    """
    errors: dict[str, list[str]] = {}
    count = 0
    with transaction.atomic():
        for order in orders:
            data = {"paid_on": paid_on, "external_reference": external_reference}
            try:
                perform(order, "confirm", actor=actor, data=data)
                count += 1
            except TransitionRefused as refusal:
                errors[order.reference] = [f"{order.reference}: {refusal}"]
        if errors:
            raise TransitionRefused("conditions", errors)
    return count
