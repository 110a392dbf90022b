"""The reference tables that come with the product, read from ``applicants/data`` after every migration.

A row of the files is put back when it is missing; a row that an administrator changed or added stays as it is.
"""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db import models, transaction

from applicants.models import DeMinimisCeiling, Department, InterestPeriod, LegalCategory
from core.acting import acting_as

PERIOD_SOURCE = "Choix de la Région, par analogie avec l’article 432-13 du code pénal (trois ans)"
DATA = Path(__file__).resolve().parent / "data"

REFERENCE = (LegalCategory, Department, DeMinimisCeiling, InterestPeriod)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _ceiling(row: dict[str, str]) -> dict[str, Any]:
    return {
        **row,
        "amount": Decimal(row["amount"]),
        "years": int(row["years"]),
        "counts": row["counts"].split(),
        "valid_from": _day(row["valid_from"]),
        "valid_until": _day(row["valid_until"]),
    }


def _add_missing(model: type[models.Model], rows: Iterable[dict[str, Any]]) -> None:
    # ``ignore_conflicts`` leaves the rows that are there, also when two processes migrate at once.
    model.objects.bulk_create((model(**row) for row in rows), ignore_conflicts=True)


def ensure_reference_data() -> None:
    """Add the missing legal categories, departments, de minimis ceilings, and the period of an interest."""
    with acting_as(label="command migrate"), transaction.atomic():
        _add_missing(LegalCategory, _rows("legal_categories.csv"))
        _add_missing(Department, _rows("departments.csv"))
        _add_missing(DeMinimisCeiling, map(_ceiling, _rows("de_minimis_ceilings.csv")))
        _add_missing(InterestPeriod, [{"source": PERIOD_SOURCE}])
