"""When two lines may be the same invoice, and which invoice a credit note takes back. Pure functions."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from agreements.rules.look_alikes import TELLING_LENGTH, alike_keys, same_day_keys
from core.text import fold

_SEPARATORS = re.compile(r"[\W_]+")
SIREN_LENGTH = 9
#: Days within which a supplier does not use a number again for another total (numbers begin anew each year).
SAME_NUMBER_DAYS = 183


def number_key(number: str) -> str:
    """The number of an invoice as it is compared: whatever its capitals, accents and dashes."""
    return (_SEPARATORS.sub("", fold(number)) or fold(number))[:60]


def duplicate_key(*, supplier: str, number: str) -> str:
    """Return the key of an invoice: supplier and number, whatever the capitals, accents and dashes.

    ``supplier`` is the SIREN where it is known (two offices of one firm send the same invoice once), else the name. A
    date or a total typed otherwise makes no other invoice of it: they only tell a number that a supplier uses again.
    Two lines of one key ask a question; whether they are one whatever is answered, ``same_invoice.IS_ONE`` tells by exact
    text.
    """
    return f"{fold(supplier)[:80]}|{number_key(number)}"


def total_key(*, number: str, total: Decimal) -> str:
    """The key of an invoice whose supplier may be written in any way: its number and total; none for a short number."""
    key = number_key(number)
    return f"{key}|{total:.2f}" if len(key) >= TELLING_LENGTH else ""


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
    def supplier_key(self) -> str:
        """The name of the supplier as it is compared, whatever its capitals and accents."""
        return fold(self.supplier_name)[:80]

    @property
    def name_key(self) -> str:
        """The key of the invoice by the name of its supplier."""
        return self.key(self.supplier_name)

    @property
    def total_key(self) -> str:
        """The key of the invoice whoever sent it; empty where its number tells nothing."""
        return total_key(number=self.number, total=self.total)

    def alike_keys(self, siren: str = "") -> list[str]:
        """The keys by which it is compared with invoices that look like it; ``siren`` where another row gives it."""
        return alike_keys(siren=self.siren or siren, name=self.supplier_name, number=self.number, total=self.total)

    def same_day_keys(self, body: int) -> list[str]:
        """The keys of the invoices of its supplier, of its day and for its total, to one beneficiary."""
        return same_day_keys(siren=self.siren, name=self.supplier_name, day=self.day, total=self.total, body=body)

    def key(self, supplier: str) -> str:
        """The key of the invoice under a number or a name of its supplier."""
        return duplicate_key(supplier=supplier, number=self.number)


def keys_of(invoice: Invoice, corrects_number: str = "") -> dict[str, str]:
    """The keys that a line keeps of its invoice, by column: by its supplier, its supplier's name, its total, and of the
    invoice that it corrects."""
    return {
        "duplicate_key": invoice.key(invoice.siren or invoice.supplier_name),
        "name_key": invoice.name_key,
        "total_key": invoice.total_key,
        "corrects_key": number_key(corrects_number),
    }


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
        keys = (invoice.key(self.supplier_of(invoice)), invoice.name_key, invoice.total_key)
        return tuple(dict.fromkeys(filter(None, keys)))

    def alike_keys_of(self, invoice: Invoice) -> list[str]:
        """The keys under which an invoice that looks like it may stand on another row."""
        return invoice.alike_keys(self.siren_of(invoice))


def contradict(one: Invoice, other: Invoice) -> bool:
    """Whether two rows name different enterprises: namesakes may send invoices with the same number."""
    return bool(one.siren and other.siren and one.siren != other.siren)


def one_supplier(one: Invoice, other: Invoice) -> bool:
    """Whether two rows name one supplier: by its number where both give one, else by its name."""
    if one.siren and other.siren:
        return one.siren == other.siren
    return one.supplier_key == other.supplier_key


def may_be_one(one: Invoice, other: Invoice) -> bool:
    """Whether two rows that share a key may be one invoice: in SQL, ``agreements.models.same_invoice``."""
    return (
        not contradict(one, other)
        and (one.total > 0) == (other.total > 0)
        and (one.total == other.total or abs((one.day - other.day).days) <= SAME_NUMBER_DAYS)
    )


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
