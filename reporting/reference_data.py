"""The reference tables that come with the product, read from ``reporting/data`` after every migration.

A row that is missing is put back; a row that an administrator changed or added stays as it is.
Sources: Regulation (EU) 2021/1060, Annex I Table 1 (fields of intervention), Article 2(29) (accounting years).
"""

import csv
from collections.abc import Iterator
from pathlib import Path

from django.db import transaction

from core.acting import acting_as
from reporting.models import AccountingYear, ErrorType, Fund, InterventionField

DATA = Path(__file__).resolve().parent / "data"
TABLES = (
    (Fund, "funds.csv"),
    (ErrorType, "error_types.csv"),
    (InterventionField, "intervention_fields.csv"),
)
REFERENCE = (*(model for model, _file in TABLES), AccountingYear)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def ensure_reference_data() -> None:
    """Add the missing funds, types of error, fields of intervention and accounting years."""
    with acting_as(label="command migrate"), transaction.atomic():
        for model, file in TABLES:
            model.objects.bulk_create((model(**row) for row in _rows(file)), ignore_conflicts=True)
        if not AccountingYear.objects.exists():
            AccountingYear.objects.bulk_create(AccountingYear(**row) for row in _rows("accounting_years.csv"))
