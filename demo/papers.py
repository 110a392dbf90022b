"""The papers that applicants and suppliers of the demonstration would scan: small real PDFs, each with its own text."""

from datetime import date
from decimal import Decimal

from core.dates import format_date_long
from core.money import format_euros
from core.printing import render_pdf

FOOTER = "Document de démonstration : organisations et personnes inventées."


def _paper(**data) -> bytes:
    empty = {"lines": [], "amounts": [], "header": [], "signature": "", "footer": FOOTER, "place": ""}
    return render_pdf("demo/paper.typ", empty | data)


def piece(title: str, applicant, on: date) -> bytes:
    """A piece of an application: statutes, accounts, a letter of commitment."""
    return _paper(
        issuer=applicant.display_name,
        place=f"{applicant.postcode} {applicant.city}",
        title=title,
        lines=[f"{title} de {applicant.display_name}.", f"Établi le {format_date_long(on)}."],
        signature="Signé par la représentante ou le représentant légal",
    )


def letter(issuer: str, title: str, lines: list[str], on: date) -> bytes:
    """A signed letter: an opinion, a registration certificate, a yearly report."""
    return _paper(issuer=issuer, title=title, lines=[*lines, f"Fait le {format_date_long(on)}."], signature="Signature")


def invoice(supplier: str, number: str, on: date, description: str, amount: Decimal, customer: str) -> bytes:
    """An invoice as it would be scanned."""
    return _paper(
        issuer=supplier,
        title=f"Facture n° {number}",
        lines=[f"Date : {format_date_long(on)}", f"Client : {customer}"],
        header=["Désignation", "Montant"],
        amounts=[[description, format_euros(amount)]],
        signature="Acquittée",
    )


def bank_details(holder: str, iban: str) -> bytes:
    """The paper that a bank gives with the account number."""
    return _paper(issuer="Banque de démonstration", title="Relevé d’identité bancaire", lines=[holder, f"IBAN {iban}"])
