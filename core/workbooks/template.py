"""The workbook that a person fills and sends back: the columns that the reader expects, lists, and instructions."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from core.workbooks.columns import Column, Cover, Sheet
from core.workbooks.writer import Written, write_workbook


def write_template(
    path: str | os.PathLike,
    columns: Sequence[Column],
    *,
    title: Any,
    facts: Sequence[tuple[Any, Any]] = (),
    rows: Iterable[Any] = (),
    blank_rows: int = 500,
    key: str = "form",
    names: Sequence[tuple[str, str]] = (),
) -> Written:
    """Write a form with the columns, ``rows`` already filled, ``blank_rows`` to fill, and a sheet of instructions.

    ``facts`` stand on the cover (case number, beneficiary, period). ``names`` are further defined names: the constants
    by which the form is recognised when it comes back. What ``read_table`` accepts is what is written
    here: both take the same columns.
    """
    form = Sheet(title, columns, rows, key=key, blank_rows=blank_rows)
    guide_columns = [
        Column("label", _("Column"), width=28),
        Column("required", _("To be filled"), width=16),
        Column("help", _("What to write"), width=80),
    ]
    guide = [
        {
            "label": str(column.label),
            "required": _("always") if column.required else _("if it applies"),
            "help": _explained(column),
        }
        for column in columns
    ]
    cover = Cover(title=title, facts=facts, notes=[_("Fill the sheet “%s”. Leave the headers as they are.") % title])
    return write_workbook(
        path, [form, Sheet(_("Instructions"), guide_columns, guide, key="guide", derived=True)], cover, names=names
    )


def _explained(column: Column) -> str:
    forms = {
        "money": _("An amount in euros, such as 1234.56."),
        "date": _("A date, such as 31/12/2026."),
        "integer": _("A whole number."),
        "percent": _("A percentage, such as 80 %."),
        "boolean": _("Yes or no."),
    }
    parts = [str(column.help), str(forms.get(column.kind, ""))]
    if column.choices:
        parts.append(str(_("One of: %s.")) % " · ".join(column.labels_by_choice.values()))
    return " ".join(part for part in parts if part)
