"""The cover of a workbook: what a printed sheet is traced back with."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.dates import format_date_long
from core.workbooks.cells import (
    boolean_text,
    clean_text,
    date_text,
    datetime_text,
    money_text,
    serial_of_date,
    serial_of_datetime,
    xml_text,
)
from core.workbooks.columns import Cover
from core.workbooks.digests import Hashes
from core.workbooks.sheetxml import XML_HEAD, SheetResult, quoted
from core.workbooks.styles import STYLE


class _Rows:
    """The cover's rows, built one after the other."""

    def __init__(self):
        self.xml: list[str] = []
        self.links: list[tuple[str, str]] = []

    @property
    def next(self) -> int:
        return len(self.xml) + 1

    def add(self, *cells: tuple[Any, str] | None, height: float | None = None) -> None:
        """Add a row of (value, style) cells from column A on; None leaves a cell empty."""
        row = self.next
        written = "".join(
            _cell(f"{letter}{row}", *cell) for letter, cell in zip("ABCD", cells, strict=False) if cell is not None
        )
        size = f' ht="{height}" customHeight="1"' if height else ""
        self.xml.append(f'<row r="{row}"{size}>{written}</row>')


def _cell(place: str, value: Any, style: str) -> str:
    number = None
    if isinstance(value, bool):
        value = boolean_text(value)
    elif isinstance(value, Decimal):
        number, style = money_text(value), "money"
    elif isinstance(value, int):
        number, style = str(value), "integer"
    elif isinstance(value, datetime):
        text = datetime_text(value)
        number, style, value = serial_of_datetime(text), "datetime", text
    elif isinstance(value, date):
        text = date_text(value)
        number, style, value = serial_of_date(text), "date", text
    if number is not None:
        return f'<c r="{place}" s="{STYLE[style]}"><v>{number}</v></c>'
    return f'<c r="{place}" s="{STYLE[style]}" t="inlineStr"><is>{xml_text(clean_text(value))}</is></c>'


def _odd_days(results: Sequence[SheetResult]) -> Iterator[str]:
    """What the cover says of cells of which the database holds no day: where they are, and how many."""
    for result in results:
        for column, count in result.odd_days.items():
            note = ngettext(
                "%(sheet)s, “%(column)s”: %(count)d cell says “no day”, because the database keeps none of the calendar there.",
                "%(sheet)s, “%(column)s”: %(count)d cells say “no day”, because the database keeps none of the calendar there.",
                count,
            )
            yield note % {"sheet": result.title, "column": column, "count": count}


def _removals(hashes: Hashes) -> Iterator[str]:
    """What the cover says of texts that the law had removed."""
    note = ngettext(
        "%(count)d text of the data was removed since, as the law asks; its cell is empty.",
        "%(count)d texts of the data were removed since, as the law asks; their cells are empty.",
        hashes.removed,
    )
    yield note % {"count": hashes.removed}
    if hashes.before:
        yield _(
            "The SHA-256 of the data is that of the report made on %(day)s, before the removal. All that is not removed is "
            "the same as in that report, word for word."
        ) % {"day": format_date_long(timezone.localdate(hashes.before.made_at))}
    elif hashes.erased:
        yield _(
            "No report of the same data was made before the removal, once the cut-off day was over: the SHA-256 of the "
            "data cannot be known any more, and that of what is shown stands for it."
        )


def cover_xml(cover: Cover, results: Sequence[SheetResult], hashes: Hashes) -> str:
    """Return the cover's part: title, facts, what each sheet holds with its control totals, hash, notes."""
    rows = _Rows()
    rows.add((cover.title, "title"), height=30)
    rows.add()
    for label, value in cover.facts:
        rows.add((label, "label"), ("" if value is None else value, "wrapped"))
    rows.add()
    rows.add((_("Sheet"), "header"), (_("Control"), "header"), (_("Value"), "header"))
    for result in results:
        labels = {column.key: str(column.label) for column in result.prepared.columns if column.kind == "money"}
        rows.links.append((f"A{rows.next}", f"{quoted(result.parts[0].name)}!A1"))
        rows.add((result.title, "link"), (_("Rows"), "normal"), (result.rows, "integer"))
        for key, total in result.totals.items():
            if key in labels:
                rows.add(None, (_("Total of “%s”") % labels[key], "normal"), (total, "money"))
    rows.add()
    rows.add((_("SHA-256 of the data"), "label"), (hashes.data or _("not known any more"), "wrapped"))
    if hashes.removed:
        rows.add((_("SHA-256 of what is shown"), "label"), (hashes.shown, "wrapped"))
        for note in _removals(hashes):
            rows.add(None, (note, "note"))
    for note in [*_odd_days(results), *cover.notes]:
        rows.add(None, (note, "note"))
    links = "".join(f'<hyperlink ref="{cell}" location={quoteattr(place)}/>' for cell, place in rows.links)
    return (
        f'{XML_HEAD}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        '<sheetPr><tabColor rgb="FF0F5C46"/><pageSetUpPr fitToPage="1"/></sheetPr>'
        '<sheetViews><sheetView workbookViewId="0" showGridLines="0" tabSelected="1"/></sheetViews>'
        '<sheetFormatPr defaultRowHeight="14"/><cols><col min="1" max="1" width="34" customWidth="1"/>'
        '<col min="2" max="2" width="72" customWidth="1"/><col min="3" max="3" width="20" customWidth="1"/></cols>'
        f"<sheetData>{''.join(rows.xml)}</sheetData>"
        + (f"<hyperlinks>{links}</hyperlinks>" if links else "")
        + '<pageMargins left="0.6" right="0.6" top="0.8" bottom="0.8" header="0.3" footer="0.3"/>'
        '<pageSetup paperSize="9" orientation="portrait" fitToWidth="1" fitToHeight="0"/>'
        f"<headerFooter><oddHeader>&amp;L{escape(str(cover.title).replace('&', '&&'))}</oddHeader>"
        "<oddFooter>&amp;L&amp;F&amp;R&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
    )
