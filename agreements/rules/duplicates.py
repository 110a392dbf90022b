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


def duplicate_key(*, supplier: str, number: str, day: date, total: Decimal) -> str:
    """Return the key of an invoice: supplier, number, date and total, whatever the capitals, accents and dashes.

    ``supplier`` is the SIREN where it is known (two offices of one firm send the same invoice once), else the name.
    """
    compact = _SEPARATORS.sub("", fold(number)) or fold(number)
    return f"{fold(supplier)[:80]}|{compact[:60]}|{day.isoformat()}|{total:.2f}"


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


def credits_without_invoice(lines: Iterable[tuple[Invoice, Decimal]]) -> list[int]:
    """The places of the credit notes (negative lines) that take back more than the supplier's invoices declared.

    ``lines`` are the invoices with the euros declared on each. A credit note alone, or one above what was declared of
    its supplier, lowers what other suppliers were paid.
    """
    lines = list(lines)
    suppliers = Suppliers(invoice for invoice, _declared in lines)
    declared: dict[str, Decimal] = defaultdict(Decimal)
    for invoice, amount in lines:
        if amount > 0:
            declared[suppliers.supplier_of(invoice)] += amount
    alone = []
    for place, (invoice, amount) in enumerate(lines):
        if amount >= 0:
            continue
        supplier = suppliers.supplier_of(invoice)
        if declared[supplier] + amount < 0:
            alone.append(place)
        else:
            declared[supplier] += amount
    return alone
