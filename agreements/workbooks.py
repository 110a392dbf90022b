"""Workbooks of the app, as typed columns: the batch for the finance software, the expenditure form."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.money import sum_money
from core.past_days import HasCome
from core.workbooks import Column, Cover, Sheet, write_workbook

#: One line a transfer: what finance software asks for (reference: france.md B8).
BATCH_COLUMNS = [
    Column("reference", gettext_lazy("Order"), width=20),
    Column("commitment", gettext_lazy("Commitment"), source="claim.agreement.commitment.reference", width=18),
    Column("envelope", gettext_lazy("Envelope"), source="claim.agreement.commitment.envelope.code", width=16),
    Column(
        "account", gettext_lazy("Budget account"), source="claim.agreement.commitment.envelope.budget_account", width=14
    ),
    Column("payee", gettext_lazy("Third party"), source="payee.display_name", width=34),
    Column("identifier", gettext_lazy("Identifier"), source="payee.identifier", width=20),
    Column("holder", gettext_lazy("Account holder"), source="bank_account.holder_name", width=30),
    Column("iban", gettext_lazy("IBAN"), source="bank_account.iban", width=32),
    Column("bic", gettext_lazy("BIC"), source="bank_account.bic", width=14),
    Column("amount", gettext_lazy("Amount"), "money", total=True),
    Column("object", gettext_lazy("Object"), source=lambda order: object_of(order), width=60),
    Column("agreement", gettext_lazy("Agreement"), source="claim.agreement.number", width=18),
    Column("claim", gettext_lazy("Claim"), source="claim.number", width=18),
    Column("decision", gettext_lazy("Deliberation"), source="claim.agreement.decision_reference", width=18),
    Column("certified_by", gettext_lazy("Certified by"), source=lambda order: str(order.claim.certified_by), width=26),
    Column("certified_at", gettext_lazy("Certified on"), "datetime", source="claim.certified_at"),
    Column("evidence", gettext_lazy("Evidence"), source=lambda order: evidence_of(order), width=60),
]


def object_of(order) -> str:
    """Return the object of a transfer, as the beneficiary reads it on the bank statement."""
    claim = order.claim
    person = f" – {order.share.person_name}" if order.share_id else ""
    return f"{claim.agreement.number} – {claim.instalment.label} – {claim.agreement.title}{person}"[:140]


def evidence_of(order) -> str:
    """Return the references of what the public accountant asks for (CGCT annexe I, rubrique 7)."""
    agreement = order.claim.agreement
    parts = [
        _("deliberation %(reference)s") % {"reference": agreement.decision_reference}
        if agreement.decision_reference
        else "",
        _("%(kind)s %(number)s") % {"kind": agreement.get_kind_display(), "number": agreement.number},
        _("claim %(number)s certified") % {"number": order.claim.number},
        _("SHA-256 of the act %(sha)s") % {"sha": agreement.document_pdf.file.sha256[:16]},
    ]
    return " ; ".join(part for part in parts if part)


def write_batch_workbook(path: Path, batch, orders: Sequence[Any], actor) -> Decimal:
    """Write the workbook of a batch and return its total in euros."""
    total = sum_money(order.amount for order in orders)
    cover = Cover(
        title=_("Payment batch %(number)s") % {"number": batch.number},
        facts=[
            (_("Batch"), batch.number),
            (_("Budget year"), batch.year),
            (_("Closed by"), str(actor)),
            (_("Closed on"), timezone.localtime(batch.closed_at)),
            (_("Orders"), len(orders)),
            (_("Total"), total),
        ],
        notes=[
            _("Every account was verified by two people. A refused transfer is cancelled in Essor, with the reason.")
        ],
    )
    written = write_workbook(path, [Sheet(_("Orders"), BATCH_COLUMNS, orders, key="orders")], cover)
    if written.totals["orders"]["amount"] != total:
        raise ValueError(f"The batch {batch.number} comes to {total} and its workbook to another total.")
    return total


FORM_ID = "essor-expenditure"
FORM_VERSION = "1"


def expenditure_columns(accounts: Sequence[tuple[str, str]] = (), axes: Sequence[tuple[str, str]] = ()) -> list[Column]:
    """Return the columns of the expenditure form: what is written in the template is what the reader takes.

    ``accounts`` are the (code, label) of the budget annexed to the agreement; without them any account goes. ``axes``
    are those of the grant, asked for where there are several.
    """
    part = Column(
        "axis",
        _("Part of the project"),
        width=22,
        required=True,
        choices=list(axes) or None,
        help=_("Each part is aided by its own rule: its spending is counted apart."),
        aliases=("Axe", "Volet", "Partie du projet"),
    )
    choices = [(code, f"{code} {label}") for code, label in accounts] or None
    return [
        Column(
            "rank",
            _("No."),
            "integer",
            width=7,
            help=_("Leave it empty on a new line; it marks lines that are already in the claim."),
            aliases=("No", "N°", "Rank", "Rang", "Line", "Ligne"),
        ),
        Column(
            "account_code",
            _("Budget account"),
            width=34,
            required=True,
            choices=choices,
            max_length=20 if not choices else None,
            help=_("The line of the annexed budget."),
            aliases=("Account", "Compte", "Compte budgétaire", "Poste"),
        ),
        *([part] if axes else []),
        Column(
            "supplier_name",
            _("Supplier"),
            width=28,
            required=True,
            max_length=200,
            help=_("Its name as on the invoice; for salaries, the employee's initials and month."),
            aliases=("Fournisseur", "Supplier name", "Prestataire"),
        ),
        Column(
            "supplier_siret",
            _("SIRET of the supplier"),
            width=18,
            help=_("14 digits, when the supplier has one."),
            aliases=("SIRET", "SIRET du fournisseur"),
        ),
        Column(
            "invoice_number",
            _("Invoice number"),
            width=18,
            required=True,
            max_length=60,
            help=_("As on the invoice; for salaries, the reference of the pay slip."),
            aliases=("Invoice", "Numéro de facture", "N° de facture", "Facture"),
        ),
        Column(
            "corrects_number",
            _("Corrects the invoice"),
            width=18,
            max_length=60,
            help=_("On a credit note only: the number of the invoice that it corrects."),
            aliases=("Facture corrigée", "Corrige la facture", "Avoir sur facture"),
        ),
        Column(
            "invoice_date",
            _("Invoice date"),
            "date",
            required=True,
            days=HasCome(),
            aliases=("Date de facture", "Date de la facture"),
        ),
        Column(
            "paid_on",
            _("Paid on"),
            "date",
            required=True,
            days=HasCome(),
            help=_("When the bank account was debited."),
            aliases=("Payé le", "Date de paiement", "Date d'acquittement", "Payment date"),
        ),
        Column(
            "description",
            _("What was bought"),
            width=40,
            required=True,
            max_length=300,
            aliases=("Objet", "Description", "Nature de la dépense"),
        ),
        Column(
            "invoice_total",
            _("Total of the invoice"),
            "money",
            required=True,
            help=_("What was paid to the supplier, tax included unless you recover it."),
            aliases=("Montant de la facture", "Total de la facture", "Montant TTC"),
        ),
        Column(
            "declared_amount",
            _("Declared amount"),
            "money",
            required=True,
            total=True,
            help=_("The part of the invoice that belongs to this project."),
            aliases=("Montant déclaré", "Montant imputé", "Amount"),
        ),
        Column(
            "paid_before_why",
            _("Why it was paid before its invoice"),
            width=28,
            max_length=300,
            help=_("Only where it was: a deposit with the order, a salary paid before its pay slip…"),
            aliases=("Motif du paiement avant facture", "Pourquoi payé avant facture"),
        ),
        Column(
            "other_year_why",
            _("Why it belongs to this year"),
            width=28,
            max_length=300,
            help=_("Only where the invoice is dated in another year than the one that the claim is about."),
            aliases=("Motif de l’autre année", "Pourquoi cette année"),
        ),
    ]
