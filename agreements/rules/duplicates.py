"""When two lines are the same invoice, and which invoice a credit note takes back. Pure functions."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.text import fold

_SEPARATORS = re.compile(r"[\W_]+")
SIREN_LENGTH = 9


def number_key(number: str) -> str:
    """The number of an invoice as it is compared: whatever its capitals, accents and dashes."""
    return (_SEPARATORS.sub("", fold(number)) or fold(number))[:60]


def duplicate_key(*, supplier: str, number: str, day: date, total: Decimal) -> str:
    """Return the key of an invoice: supplier, number, date and total, whatever the capitals, accents and dashes.

    ``supplier`` is the SIREN where it is known (two offices of one firm send the same invoice once), else the name.
    """
    return f"{fold(supplier)[:80]}|{number_key(number)}|{day.isoformat()}|{total:.2f}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What tells an invoice: who sent it, its number, its date, its total in euros."""

    supplier_name: str
    supplier_siret: str
    number: str
    day: date
    total: Decimal

    @property
    def siren(self) -> str:
        """The enterprise of the supplier; empty where no number was given."""
        return self.supplier_siret[:SIREN_LENGTH]

    @property
    def name_key(self) -> str:
        """The key of the invoice by the name of its supplier."""
        return self.key(self.supplier_name)

    def key(self, supplier: str) -> str:
        """The key of the invoice under a number or a name of its supplier."""
        return duplicate_key(supplier=supplier, number=self.number, day=self.day, total=self.total)


class Suppliers:
    """Suppliers that several rows name, one whichever of the rows carries its number.

    A name that comes with one enterprise's number on any row has that number on all of them; a name that comes with
    several numbers (namesakes) stands for none of them.
    """

    def __init__(self, invoices: Iterable[Invoice]):
        self._sirens: dict[str, set[str]] = defaultdict(set)
        for invoice in invoices:
            if invoice.siren:
                self._sirens[fold(invoice.supplier_name)].add(invoice.siren)

    def siren_of(self, invoice: Invoice) -> str:
        """The number of the supplier, its own or the one that another row gives; empty where nobody gives one."""
        known = self._sirens.get(fold(invoice.supplier_name), ())
        return invoice.siren or (next(iter(known)) if len(known) == 1 else "")

    def supplier_of(self, invoice: Invoice) -> str:
        """What the supplier is known by: its number where there is one, else its name."""
        return self.siren_of(invoice) or fold(invoice.supplier_name)

    def keys_of(self, invoice: Invoice) -> tuple[str, ...]:
        """The keys under which the same invoice may stand on another row, the best first."""
        return tuple(dict.fromkeys((invoice.key(self.supplier_of(invoice)), invoice.name_key)))


def contradict(one: Invoice, other: Invoice) -> bool:
    """Whether two rows name different enterprises: namesakes may send invoices with the same number."""
    return bool(one.siren and other.siren and one.siren != other.siren)


def credits_without_invoice(lines: Iterable[tuple[Invoice, Decimal, str]]) -> list[int]:
    """The places of the credit notes (negative lines) that take back more than is declared of the invoice they correct.

    ``lines`` are the invoices with the euros declared on each and, of a credit note, the number of the invoice that it
    corrects. A credit note without it (they were not asked for it once) is compared with all the invoices of its
    supplier. One that corrects nothing, or another supplier's invoice, would lower what others were paid.
    """
    lines = list(lines)
    suppliers = Suppliers(invoice for invoice, _declared, _corrects in lines)
    declared: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
    for invoice, amount, _corrects in lines:
        if amount > 0:
            supplier = suppliers.supplier_of(invoice)
            declared[supplier,] += amount
            declared[supplier, number_key(invoice.number)] += amount
    alone = []
    for place, (invoice, amount, corrects) in enumerate(lines):
        if amount >= 0:
            continue
        supplier = suppliers.supplier_of(invoice)
        rests_on = [(supplier,), (supplier, number_key(corrects))] if corrects else [(supplier,)]
        if any(declared[key] + amount < 0 for key in rests_on):
            alone.append(place)
            continue
        for key in rests_on:
            declared[key] += amount
    return alone
