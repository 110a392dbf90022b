"""The tables of the form (budget, partners, persons, years): from typed rows to clean rows. Pure functions.

A row is a mapping of texts. Rows without any text are dropped. A table is taken whole or not at all: errors are by row
and column so that the screen can point at the cell, and what was typed stays in the page.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from applicants.rules.identifiers import validate_siret
from core.money import ZERO
from core.personal_numbers import find_national_number
from grants.rules.accounts import accounts
from grants.rules.answers import not_an_amount, not_an_email, typed_amount
from grants.rules.schema import Question, QuestionKind

Row = Mapping[str, str]
MAX_TEXT = 200
STATUSES = ("", "asked", "granted", "own")
AXES = ("general", "engineering")


@dataclass(frozen=True)
class TableReading:
    """Clean rows, or the problems: ``errors[(row, column)]`` counts rows from 0; column "" is the whole table."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: dict[tuple[int, str], str] = field(default_factory=dict)


COLUMNS: dict[QuestionKind, tuple[str, ...]] = {
    QuestionKind.BUDGET: ("account", "label", "amount", "axis", "status"),
    QuestionKind.PARTNERS: ("name", "siret", "role", "contribution"),
    QuestionKind.PERSONS: ("first_name", "last_name", "email", "own_contribution"),
    QuestionKind.TRANCHES: ("summary", "cost", "requested"),
}
# What must be there for a row to count as filled in: choices with a default do not.
TELLING: dict[QuestionKind, tuple[str, ...]] = {
    QuestionKind.BUDGET: ("account", "label", "amount"),
    QuestionKind.PARTNERS: COLUMNS[QuestionKind.PARTNERS],
    QuestionKind.PERSONS: COLUMNS[QuestionKind.PERSONS],
    QuestionKind.TRANCHES: COLUMNS[QuestionKind.TRANCHES],
}


def read_table(question: Question, typed: Sequence[Row]) -> TableReading:
    """The rows of a table as typed; see the module for what happens to errors."""
    kind = question.kind
    reading = TableReading()
    for index, row in enumerate(typed):
        texts = {name: str(row.get(name) or "").strip() for name in COLUMNS[kind]}
        if not any(texts[name] for name in TELLING[kind]):
            continue
        errors: dict[str, str] = {}
        clean = READERS[kind](texts, errors)
        for name, text in texts.items():
            if find_national_number(text):
                errors[name] = _(
                    "This text seems to hold a social security number. Remove it: it is never needed here."
                )
            elif len(text) > MAX_TEXT:
                errors[name] = _("At most %(limit)d characters.") % {"limit": MAX_TEXT}
        reading.errors.update({(index, name): message for name, message in errors.items()})
        rank = index + 1 if kind == QuestionKind.TRANCHES else len(reading.rows) + 1
        reading.rows.append({"rank": rank} | clean)
    if len(reading.rows) > question.max_rows:
        reading.errors[0, ""] = ngettext(
            "This table takes %(limit)d line.", "This table takes %(limit)d lines at most.", question.max_rows
        ) % {"limit": question.max_rows}
    return reading


def _amount(texts: Row, name: str, errors: dict[str, str]) -> Decimal:
    if not texts[name]:
        return ZERO
    amount = typed_amount(texts[name])
    if amount is None:
        errors[name] = not_an_amount(texts[name])
        return ZERO
    if amount < 0:
        errors[name] = _("An amount is not negative here.")
    return amount


def _budget_row(texts: Row, errors: dict[str, str]) -> dict[str, Any]:
    account = accounts().get(texts["account"])
    if account is None:
        errors["account"] = _("Choose the account of this line.")
    amount = _amount(texts, "amount", errors)
    is_product = account is not None and account.side == "product"
    return {
        "side": account.side if account else "charge",
        "account_code": texts["account"],
        "label": texts["label"] or (account.label if account else ""),
        "amount": amount,
        "axis": texts["axis"] if texts["axis"] in AXES and not is_product else "general",
        "financer_status": texts["status"] if texts["status"] in STATUSES and is_product else "",
    }


def _partner_row(texts: Row, errors: dict[str, str]) -> dict[str, Any]:
    siret = ""
    if not texts["name"]:
        errors["name"] = _("Give the name of the partner.")
    if texts["siret"]:
        try:
            siret = validate_siret(texts["siret"])
        except ValidationError as error:
            errors["siret"] = " ".join(error.messages)
    return {
        "name": texts["name"],
        "siret": siret,
        "role": texts["role"],
        "contribution": _amount(texts, "contribution", errors),
    }


def _person_row(texts: Row, errors: dict[str, str]) -> dict[str, Any]:
    if texts["email"]:
        try:
            validate_email(texts["email"])
        except ValidationError:
            errors["email"] = not_an_email(texts["email"])
    return {
        "first_name": texts["first_name"],
        "last_name": texts["last_name"],
        "email": texts["email"],
        "own_contribution": _amount(texts, "own_contribution", errors),
    }


def _tranche_row(texts: Row, errors: dict[str, str]) -> dict[str, Any]:
    return {
        "summary": texts["summary"],
        "cost": _amount(texts, "cost", errors),
        "requested": _amount(texts, "requested", errors),
    }


READERS: dict[QuestionKind, Callable[[Row, dict[str, str]], dict[str, Any]]] = {
    QuestionKind.BUDGET: _budget_row,
    QuestionKind.PARTNERS: _partner_row,
    QuestionKind.PERSONS: _person_row,
    QuestionKind.TRANCHES: _tranche_row,
}
