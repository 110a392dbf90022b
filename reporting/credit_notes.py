"""Credit notes under control: each is decided with its invoice, which it follows.

Whoever decides on an invoice decides on its credit notes too: they are accepted, rejected or parked with it, and cut in the
same proportion, unless they are decided themselves, with it in the grid or after it. What is retained of an invoice and its
notes is never more than they declare, nor less than nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.utils.translation import gettext as _

from core.money import ZERO, format_euros, sum_money, to_cents
from core.transitions import TransitionRefused, perform
from reporting.models import ExpenditureItem
from reporting.models.credit_notes import together, wrong_together

# The items decided so far by whoever decides on several at once, and settles them in the end.
_decided: ContextVar[set[int] | None] = ContextVar("essor_decided_together", default=None)


@dataclass(frozen=True, slots=True)
class Pair:
    """A credit note and one item of its invoice, or another note on it: ids, and how the other one is called."""

    note: int
    other: int
    note_here: bool  # in the declaration that is looked at
    other_here: bool
    other_is_note: bool
    note_named: str
    other_named: str


def pairs_of(declaration) -> list[Pair]:
    """The credit notes that have to do with the items of a declaration, with each item that is one with them; one query."""
    of_agreement = "its.agreement_id = (SELECT agreement_id FROM agreements_paymentclaim WHERE id = %(claim)s)"
    which = (
        f"{of_agreement} AND (credit_item.declaration_id = %(declaration)s OR item.declaration_id = %(declaration)s)"
    )
    named = "{0}.invoice_number || ' (' || {1}.number || '/' || {2}.rank || ')'"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT credit_item.id, item.id, credit_item.declaration_id = %(declaration)s,
                   item.declaration_id = %(declaration)s, item.declared_amount < 0,
                   {named.format("credit", "held_in", "credit_item")}, {named.format("line", "d", "item")}
            {together(which)} ORDER BY credit_item.id, item.id
            """,
            {"claim": declaration.claim_id, "declaration": declaration.pk},
        )
        return [Pair(*row) for row in cursor.fetchall()]


def clusters(pairs: list[Pair]) -> list[set[int]]:
    """The items of the declaration that are decided together: each invoice with its notes."""
    found: list[set[int]] = []
    by_note: dict[int, set[int]] = {}
    for pair in pairs:
        by_note.setdefault(pair.note, set()).update(
            pk for pk, is_here in ((pair.note, pair.note_here), (pair.other, pair.other_here)) if is_here
        )
    for members in by_note.values():
        joined = [one for one in found if one & members]
        found = [one for one in found if not one & members] + [members.union(*joined)]
    return found


def wrong_in(declaration) -> list[str]:
    """What is decided of credit notes otherwise than of their invoice; one query."""
    return [sentence for _items, sentence in _wrong_in(declaration)]


def _wrong_in(declaration) -> list[tuple[set[int], str]]:
    agreement = "(SELECT agreement_id FROM agreements_paymentclaim WHERE id = %(claim)s)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT named, declared, retained, has_invoice, beyond, items "  # noqa: S608 - fragments of our own
            f"FROM ({wrong_together(agreement, '%(declaration)s')}) wrong ORDER BY id",
            {"claim": declaration.claim_id, "declaration": declaration.pk},
        )
        rows = cursor.fetchall()
    found: dict[str, set[int]] = {}
    for named, declared, retained, has_invoice, beyond, items in rows:
        found.setdefault(_sentence(named, declared, retained, has_invoice, beyond), set()).update(items)
    return [(items, sentence) for sentence, items in found.items()]


def _sentence(named: str, declared: Decimal, retained: Decimal, has_invoice: bool, beyond: bool) -> str:
    words = {"items": named, "declared": format_euros(declared), "retained": format_euros(retained)}
    if beyond and has_invoice:
        sentence = _(
            "%(items)s: %(retained)s would be retained of an invoice and its credit notes, which declare %(declared)s together. "
            "Accept the credit note, or reject as much of the invoice."
        )
    elif beyond:
        sentence = _(
            "%(items)s: nothing is declared of the invoice of this credit note, and more would be retained of the declaration "
            "than it declares. Accept the credit note."
        )
    else:
        sentence = _(
            "%(items)s: a credit note is decided with its invoice, and %(retained)s would be retained of both. Reject or park "
            "the credit note with its invoice, or retain as much of the invoice as the credit note takes back."
        )
    return sentence % words


@contextmanager
def decided_together() -> Iterator[set[int]]:
    """Decide on several items, and settle them in the end: yields the ids of those that were decided."""
    decided: set[int] = set()
    token = _decided.set(decided)
    try:
        yield decided
    finally:
        _decided.reset(token)


def follow_or_refuse(item, actor) -> None:
    """What comes of the decision on an item: its credit notes follow it. Raises TransitionRefused."""
    decided = _decided.get()
    if decided is not None:
        decided.add(item.pk)
        return
    settle(item.declaration, {item.pk}, actor=actor)


def settle(declaration, decided: set[int], *, actor) -> None:
    """Let the credit notes of the items that were just decided follow them, unless they were decided themselves.

    Raises TransitionRefused: a note is decided otherwise than its invoice, or before it.
    """
    pairs = pairs_of(declaration)
    concerned = [members for members in clusters(pairs) if members & decided]
    if not concerned:
        return
    items = ExpenditureItem.objects.in_bulk(set().union(*concerned))
    for members in concerned:
        notes = [items[pk] for pk in sorted(members) if items[pk].declared_amount < 0]
        invoices = [items[pk] for pk in sorted(members) if items[pk].declared_amount > 0]
        if any(invoice.state == "pending" for invoice in invoices):
            if early := [note for note in notes if note.pk in decided]:
                raise TransitionRefused("conditions", {"__all__": _too_early(early[0], pairs)})
            continue
        if invoices and members & decided & {invoice.pk for invoice in invoices}:
            followers = [note for note in notes if note.pk not in decided]
            with decided_together():
                _follow(invoices, followers, actor)
    touched = set().union(*concerned)
    if wrong := [sentence for its, sentence in _wrong_in(declaration) if its & touched]:
        raise TransitionRefused("conditions", {"__all__": wrong})


def _too_early(note, pairs: list[Pair]) -> str:
    ours = [pair for pair in pairs if pair.note == note.pk and not pair.other_is_note]
    words = {"note": ours[0].note_named, "invoices": ", ".join(pair.other_named for pair in ours)}
    return (
        _(
            "%(note)s corrects %(invoices)s: decide on the invoice, its credit note follows, or on both at once in the grid."
        )
        % words
    )


def _follow(invoices: list, notes: list, actor) -> None:
    """Decide on notes as on their invoice: in proportion where it is cut, to the cent in all."""
    of_invoice = sum_money(invoice.declared_amount for invoice in invoices)
    retained = sum_money(invoice.retained_amount for invoice in invoices)
    why = next((invoice for invoice in invoices if invoice.rejected_amount), None) or next(
        (invoice for invoice in invoices if invoice.state == "parked"), invoices[0]
    )
    declared_before = kept_before = ZERO
    for note in notes:
        if not retained and not why.rejected_amount:
            _take(note, "park", actor, parked=note.declared_amount, comment=why.reason)
            continue
        kept = note.declared_amount
        if why.rejected_amount:
            declared_before += note.declared_amount
            kept = to_cents(declared_before * retained / of_invoice) - kept_before
            kept_before += kept
        rejected = note.declared_amount - kept
        if not rejected:
            _take(note, "accept", actor)
            continue
        data = {"rejected_amount": str(rejected), "error_type": why.error_type_id}
        _take(note, "reject_partly" if kept else "reject", actor, rejected=rejected, data=data, comment=why.reason)


def _take(note, name: str, actor, *, rejected=ZERO, parked=ZERO, **arguments) -> None:
    """Decide on a note, unless this is decided of it."""
    if note.state == "pending" or (note.rejected_amount, note.parked_amount) != (rejected, parked):
        perform(note, name, actor=actor, **arguments)
