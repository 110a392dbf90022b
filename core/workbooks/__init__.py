"""Workbooks: columns declared once as typed data, written and read the same way everywhere.

Write with ``write_workbook`` (or ``write_csv``), read with ``read_table``, give refused rows back with
``write_rejected``, hand out an upload form with ``write_template``. Columns are ``Column``; the kinds of value are in
``core.workbooks.columns``.
"""

from core.workbooks.columns import Column, Cover, Erased, Link, Ratio, Removed, Sheet, Stated, SumIfs, Terms, in_format
from core.workbooks.csvfile import write_csv
from core.workbooks.problems import RowProblem, TableReading, TableRow
from core.workbooks.reader import read_table
from core.workbooks.rejected import write_rejected
from core.workbooks.template import write_template
from core.workbooks.writer import Written, write_workbook

__all__ = [
    "Column",
    "Cover",
    "Erased",
    "Link",
    "Ratio",
    "Removed",
    "RowProblem",
    "Sheet",
    "Stated",
    "SumIfs",
    "TableReading",
    "TableRow",
    "Terms",
    "Written",
    "in_format",
    "read_table",
    "write_csv",
    "write_rejected",
    "write_template",
    "write_workbook",
]
