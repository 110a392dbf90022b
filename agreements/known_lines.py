"""Rows of a workbook beside the lines of their claim: which of them are one invoice."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from agreements.models import ExpenditureLine
from agreements.rules.duplicates import Invoice, Suppliers, contradict
from core.money import format_euros
from core.text import listed


def invoice_of(line: ExpenditureLine | dict[str, Any]) -> Invoice:
    if not isinstance(line, dict):
        return line.invoice
    return Invoice(
        line["supplier_name"], line["supplier_siret"], line["invoice_number"], line["invoice_date"],
        line["invoice_total"],
    )  # fmt: skip


class Register:
    """Lines by what makes two of them one: the same invoice, on the same account, for the same amount.

    A supplier is one whichever of its rows, in the file or in the claim, carries its number.
    """

    def __init__(self, suppliers: Suppliers):
        self._suppliers = suppliers
        self._found: dict[tuple, list[tuple[Invoice, Any]]] = {}

    def _keys(self, line: ExpenditureLine | dict[str, Any]) -> Iterable[tuple]:
        get = line.get if isinstance(line, dict) else lambda name: getattr(line, name)
        invoice = invoice_of(line)
        for key in self._suppliers.keys_of(invoice):
            yield key, invoice.day, invoice.total, get("account_code"), get("declared_amount")

    def add(self, line: ExpenditureLine | dict[str, Any], what: Any) -> None:
        """Keep ``what`` under the invoice of ``line``."""
        for key in self._keys(line):
            self._found.setdefault(key, []).append((invoice_of(line), what))

    def get(self, line: ExpenditureLine | dict[str, Any]) -> Any:
        """What was kept first under the same invoice; None when it was not met."""
        for key in self._keys(line):
            for invoice, what in self._found.get(key, ()):
                if not contradict(invoice, invoice_of(line)):
                    return what
        return None


class ByNumber:
    """The lines of the claim by supplier and number, whatever their amounts: those that a row may have meant."""

    def __init__(self, suppliers: Suppliers, lines: Iterable[ExpenditureLine]):
        self._suppliers = suppliers
        self._found: dict[str, list[ExpenditureLine]] = {}
        for line in lines:
            for key in suppliers.keys_of(line.invoice):
                self._found.setdefault(key, []).append(line)

    def get(self, values: dict[str, Any]) -> list[ExpenditureLine]:
        """The lines that give the supplier and the number of a row, in their order; a credit note is none of them."""
        invoice = invoice_of(values)
        found = {
            line.rank: line
            for key in self._suppliers.keys_of(invoice)
            for line in self._found.get(key, ())
            if (line.invoice_total > 0) == (invoice.total > 0) and not contradict(line.invoice, invoice)
        }
        return [found[rank] for rank in sorted(found)]


def said_again(lines: list[ExpenditureLine]) -> str:
    """What is said of a row that gives an invoice of the claim again, with another amount or account."""
    words = _("line %(rank)s (%(amount)s)")
    named = [words % {"rank": line.rank, "amount": format_euros(line.declared_amount)} for line in lines]
    return _(
        "The claim has this invoice already: %(lines)s. This row adds another line. To correct a line, write its number "
        "in the first column."
    ) % {"lines": listed(named)}
