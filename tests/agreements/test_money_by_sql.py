"""Every rule on money is one of the database: SQL with all guards on writes no false order, batch, claim, act or end."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agreements import payments
from agreements.models import Agreement, PaymentClaim
from core.transitions import perform
from tests.factories.agreements import certified, drafted, in_force, ordered, sent, submitted

pytestmark = pytest.mark.django_db


class Rows:
    """What the attempts are made on: acts, claims, batches, each as far as it goes by the product's own way."""

    def __init__(self) -> None:
        self.agreement, self.house = in_force()
        self.claim, self.batch = ordered(self.agreement, self.house)
        self.order = self.batch.orders.get()
        other, house = in_force()
        self.certified = certified(other, house)
        self.draft, _house = drafted()
        self.sent, _house = sent()
        third, self.third_house = in_force()
        self.submitted = submitted(third, self.third_house)
        self.early = timezone.now() - timedelta(days=30)
        self.today = timezone.localdate()


def update(row, **values: Any) -> None:
    type(row)._base_manager.filter(pk=row.pk).update(**values)


def a_copy_of(row, **values: Any) -> None:
    """INSERT of the row under another id, with other values."""
    table, columns = row._meta.db_table, [field.column for field in row._meta.concrete_fields if not field.primary_key]
    named = ", ".join(f'"{column}"' for column in columns)
    taken = ", ".join("%s" if column in values else f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({named}) SELECT {taken} FROM {table} WHERE id = %s",  # noqa: S608
            [*(values[column] for column in columns if column in values), row.pk],
        )


def pay_from_open_batch(rows: Rows) -> None:
    update(rows.order, state="paid", paid_on=rows.today, confirmed_by=rows.house.finance)


def close_with_another_total(rows: Rows) -> None:
    document = rows.agreement.document_pdf
    closed = {"closed_by": rows.house.finance, "closed_at": timezone.now(), "workbook": document}
    update(rows.batch, state="sent", closed_total=rows.order.amount - 1, **closed)


def close_empty(rows: Rows) -> None:
    batch = payments.open_batch(actor=rows.house.finance, label="Vide")
    closed = {"closed_by": rows.house.finance, "closed_at": timezone.now(), "workbook": rows.agreement.document_pdf}
    update(batch, state="sent", closed_total=0, **closed)


def settle_with(rows: Rows, *, kept: int = 0, line: int = 0, days: int = 0) -> None:
    """An end by SQL of the act whose claim was filed: its settlement keeps the claim, with these differences."""
    claim, act = rows.submitted, Agreement.objects.get(pk=rows.submitted.agreement_id)
    amounts = {"granted_amount": act.granted_amount, "paid_amount": 0}
    amounts["kept_amount"] = claim.claimed_amount + kept
    amounts["freed_amount"] = act.granted_amount - amounts["kept_amount"]
    settlements = Agreement.settlement.related.related_model.objects
    settlement = settlements.create(agreement=act, target="terminated", reason="Fin.", **amounts)
    settlement.lines.create(claim=claim, claim_state=claim.state, outcome="pay", amount=claim.claimed_amount + line)
    update(act, state="terminated", ended_on=rows.today + timedelta(days=days))


def close_for_nothing_and_say(rows: Rows) -> None:
    claim = rows.certified
    update(claim, certified_amount=0, certification_reason="Rien.")
    update(claim, state="paid", ordered_by=rows.house.finance, ordered_at=timezone.now(), overpaid_amount=12)


def give_back_then_forget_the_day(rows: Rows) -> None:
    claim = PaymentClaim.objects.get(pk=rows.submitted.pk)
    perform(claim, "start_review", actor=rows.third_house.instructor)
    perform(claim, "give_back", actor=rows.third_house.instructor, comment="Illisible.")
    update(claim, answer_due_on=None)


FALSE: dict[str, tuple[str, Callable[[Rows], None]]] = {
    "a claim born certified": ("first state", lambda r: a_copy_of(r.certified, number="X")),
    "an order born paid": ("first state", lambda r: a_copy_of(r.order, reference="X", state="paid", paid_on=r.today)),
    "an agreement born in force": ("first state", lambda r: a_copy_of(r.agreement, number="X")),
    "a payment from a batch that was not sent": ("was not sent", pay_from_open_batch),
    "a batch sent with another total": ("orders of the batch come to", close_with_another_total),
    "a batch sent empty": ("holds no order", close_empty),
    "a claim taken out while its order stands": (
        "once its orders are cancelled",
        lambda r: update(r.claim, state="certified", ordered_by=None, ordered_at=None),
    ),
    "an order cancelled behind its claim": (
        "as long as one of its orders stands|payment credits",
        lambda r: update(r.order, state="cancelled", cancel_reason="x"),
    ),
    "an order before its certificate": (
        "once its claim is certified",
        lambda r: a_copy_of(r.order, reference="X", ordered_at=r.early),
    ),
    "a payment on another day than its order": (
        "day of its last payment",
        lambda r: update(r.claim, paid_on=r.today),
    ),
    "an overpaid amount of one's own": ("above what is due", close_for_nothing_and_say),
    "a claim given back for ever": ("with the day by which", give_back_then_forget_the_day),
    "a claim filed before its act": (
        "once its act was notified|does not change",
        lambda r: update(r.submitted, submitted_at=r.early, opened_at=r.early),
    ),
    "an act of more than was voted": (
        "were voted|annexed budget says",
        lambda r: update(r.draft, granted_amount=r.draft.granted_amount + 1, state="sent"),
    ),
    "an act in force without its money": (
        "are committed for its case",
        lambda r: update(
            r.sent, state="in_force", commitment=None, notified_on=r.today, region_signed_on=r.today, terms_sha256="x"
        ),
    ),
    "an act signed for the Region by who drew it up": (
        "agreement_drafter_does_not_sign",
        lambda r: update(r.sent, entered_by=r.sent.drafted_by_id),
    ),
    "a settlement that keeps more than its claims": ("in all and", lambda r: settle_with(r, kept=5)),
    "a settlement of more than a claim asks": ("at stake on a claim", lambda r: settle_with(r, line=1)),
    "an end on another day than its settlement": ("the day of its settlement", lambda r: settle_with(r, days=1)),
    "a claim ordered twice": (
        "order_once|within|would be ordered of the claim",
        lambda r: a_copy_of(r.order, reference="X"),
    ),
}


def refusal_of(rows: Rows, attempt: Callable[[Rows], None]) -> str:
    """What the database says of an attempt, which leaves nothing; empty when it takes it."""
    try:
        with transaction.atomic():
            attempt(rows)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    except DatabaseError as error:
        return str(error)
    return ""


def test_the_database_refuses_what_is_false():
    rows, taken = Rows(), {}
    for what, (said, attempt) in FALSE.items():
        refusal = refusal_of(rows, attempt)
        if not re.search(said, refusal):
            taken[what] = refusal or "done"
    assert taken == {}
