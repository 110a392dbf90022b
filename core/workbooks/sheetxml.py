"""One worksheet written in constant memory, a chunk of rows at a time, column by column inside the chunk.

Working down a column lets one comprehension build all its cells: no call per cell, which is what makes this path
several times faster than openpyxl's (``benchmarks/workbook_writer.py`` measures it).
"""

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import IO, Any
from xml.sax.saxutils import escape, quoteattr

from core.lib.odd_days import OddDay, OddMoment, in_words
from core.workbooks.cells import (
    MAX_EXACT_DIGITS,
    canonical_texts,
    clean_text,
    looks_like_formula,
    serial_of_date,
    serial_of_datetime,
    xml_text,
)
from core.workbooks.columns import Column, Link, Ratio, Sheet, SumIfs, Terms
from core.workbooks.digests import DataDigest
from core.workbooks.styles import STYLE

CHUNK_ROWS = 500
MAX_SHEET_ROWS = 1_048_576
MAX_PART_BYTES = 1_600_000_000  # below the two gigabytes where a plain zip entry ends
MAX_LINKS = 65_000  # a sheet holds 65,530 hyperlinks

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE_REL = "http://schemas.openxmlformats.org/package/2006/relationships"
XML_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def letters_of(number: int) -> str:
    """Return the letters of a column counted from 1: 1 is A, 27 is AA."""
    letters = ""
    while number:
        number, rest = divmod(number - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


@dataclass(frozen=True)
class Part:
    """Where a sheet, or one part of a sheet too long for one tab, lies: its tab's name and its rows of data."""

    name: str
    first_row: int
    last_row: int
    total_row: int | None

    def range_of(self, letters: str, *, absolute: bool = False) -> str:
        mark = "$" if absolute else ""
        cells = f"{mark}{letters}{mark}{self.first_row}:{mark}{letters}{mark}{max(self.last_row, self.first_row)}"
        return f"{quoted(self.name)}!{cells}"


def quoted(name: str) -> str:
    """Return a tab's name as formulas write it."""
    return "'" + name.replace("'", "''") + "'"


class Prepared:
    """A sheet's columns with what every chunk needs: getters, places, the order in which formulas are computed."""

    def __init__(self, sheet: Sheet):
        self.columns = list(sheet.columns)
        self.place = {column.key: number for number, column in enumerate(self.columns)}
        self.letters = [letters_of(number + 1) for number in range(len(self.columns))]
        self.getters = [column.getter() for column in self.columns]
        self.labels = [column.labels_by_choice for column in self.columns]
        for column in self.columns:
            if column.formula:
                missing = [key for key in column.formula.keys if key not in self.place]
                if missing:
                    raise ValueError(f"Column {column.key}: the formula names unknown columns {', '.join(missing)}")

    def values(self, chunk: list[Any]) -> list[list[Any]]:
        """Return the chunk turned into columns, with the values of Ratio and Terms formulas computed."""
        if isinstance(chunk[0], tuple | list):
            values = [list(column) for column in zip(*chunk, strict=True)]
            if len(values) != len(self.columns):
                raise ValueError(f"A row has {len(values)} values for {len(self.columns)} columns")
        else:
            values = [[get(row) for row in chunk] for get in self.getters]
        for number, column in enumerate(self.columns):
            if isinstance(column.formula, Ratio | Terms):
                needed = {key: values[self.place[key]] for key in column.formula.keys}
                values[number] = [
                    column.formula.value({key: column_values[row] for key, column_values in needed.items()})
                    for row in range(len(chunk))
                ]
        return values


@dataclass
class SheetResult:
    """What was written of one sheet: its tabs, rows, totals by column and hash of its data."""

    key: str
    title: str
    prepared: Prepared
    parts: list[Part] = field(default_factory=list)
    rows: int = 0
    totals: dict[str, Decimal] = field(default_factory=dict)
    digest: DataDigest = field(default_factory=DataDigest)
    odd_days: Counter[str] = field(default_factory=Counter)


class LinkSpool:
    """The hyperlinks of one tab, kept on disk beyond a small size: they come after the rows in the part."""

    def __init__(self):
        self.count = self.external = 0
        self.elements = tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8")
        self.relations = tempfile.SpooledTemporaryFile(max_size=1 << 20, mode="w+", encoding="utf-8")

    def add(self, cell: str, target: str) -> bool:
        """Remember one link; False when the tab holds as many as a sheet can."""
        if self.count >= MAX_LINKS:
            return False
        self.count += 1
        if target.startswith("#"):
            self.elements.write(f'<hyperlink ref="{cell}" location={quoteattr(target[1:])}/>')
        else:
            self.external += 1
            self.elements.write(f'<hyperlink ref="{cell}" r:id="rId{self.external}"/>')
            self.relations.write(
                f'<Relationship Id="rId{self.external}" Type="{_REL}/hyperlink" '
                f'Target={quoteattr(target)} TargetMode="External"/>'
            )
        return True

    def close(self) -> None:
        self.elements.close()
        self.relations.close()


def _cells(
    column: Column, letters: str, first: int, texts: list[str], values: list[Any], links: LinkSpool
) -> list[str]:
    """Return the cells' XML of one column of a chunk whose first row is ``first``."""
    style = STYLE[column.kind]
    if column.kind in ("money", "percent"):
        return [
            f'<c r="{letters}{row}" s="{style}"><v>{text}</v></c>' if text else ""
            for row, text in enumerate(texts, first)
        ]
    if column.kind in ("date", "datetime"):
        serial = serial_of_date if column.kind == "date" else serial_of_datetime
        return [_serial_cell(f"{letters}{row}", style, text, serial) for row, text in enumerate(texts, first)]
    if column.kind == "integer":
        return [
            f'<c r="{letters}{row}" s="{style}"><v>{text}</v></c>' if text and len(text) <= MAX_EXACT_DIGITS
            else _text_cell(f"{letters}{row}", STYLE["text"], text)
            for row, text in enumerate(texts, first)
        ]  # fmt: skip
    if column.kind == "link":
        for row, value in enumerate(values, first):
            target = value.target if isinstance(value, Link) else value
            if target and not (isinstance(value, str) and "://" not in value):
                links.add(f"{letters}{row}", str(target))
    return [_text_cell(f"{letters}{row}", style, text) for row, text in enumerate(texts, first)]


def _text_cell(cell: str, style: int, text: str) -> str:
    """Return a cell that is text and stays text, also when a person edits it (the quote prefix)."""
    if not text:
        return ""
    if looks_like_formula(text):
        style = STYLE["quoted"]
    return f'<c r="{cell}" s="{style}" t="inlineStr"><is>{xml_text(text)}</is></c>'


def _serial_cell(cell: str, style: int, text: str, serial) -> str:
    if not text:
        return ""
    number = serial(text)
    if number is None:
        return _text_cell(cell, STYLE["text"], text)
    return f'<c r="{cell}" s="{style}"><v>{number}</v></c>'


class SheetWriter:
    """Writes one sheet's tabs. ``open_part(name, number)`` gives the stream of a new tab."""

    def __init__(self, sheet: Sheet, key: str, title: str, names, known: Mapping[str, SheetResult], max_rows: int):
        self.sheet, self.names, self.known, self.max_rows = sheet, names, known, max_rows
        self.prepared = Prepared(sheet)
        self.result = SheetResult(key, title, self.prepared)
        self.result.totals = {column.key: Decimal(0) for column in self.prepared.columns if column.total}
        ratios = [column.formula for column in self._with_totals() if isinstance(column.formula, Ratio)]
        self.summed = {key for ratio in ratios for key in ratio.keys}
        self.sums = {
            column.key: 0 if column.kind == "integer" else Decimal("0.00")
            for column in self.prepared.columns
            if self._is_summed(column)
        }
        self.digest = self.result.digest = DataDigest(self.prepared.columns)
        self.formulas = {
            number: self._formula_maker(column) for number, column in enumerate(self.prepared.columns) if column.formula
        }

    def _with_totals(self) -> list[Column]:
        return [column for column in self.prepared.columns if column.total]

    def _is_summed(self, column: Column) -> bool:
        return (column.total or column.key in self.summed) and not isinstance(column.formula, Ratio)

    # --- formulas -------------------------------------------------------------------------------------------

    def _formula_maker(self, column: Column):
        formula, place, letters = column.formula, self.prepared.place, self.prepared.letters
        if isinstance(formula, SumIfs):
            other = self.known[formula.sheet]
            other_letters = {key: other.prepared.letters[number] for key, number in other.prepared.place.items()}
            pieces = [
                (part.range_of(other_letters[formula.column], absolute=True),
                 [(part.range_of(other_letters[theirs], absolute=True), letters[place[own]])
                  for theirs, own in formula.where])
                for part in other.parts
            ]  # fmt: skip

            def sumifs(row: int) -> str:
                return "+".join(
                    f"SUMIFS({summed}{''.join(f',{where},{own}{row}' for where, own in conditions)})" if conditions
                    else f"SUM({summed})"
                    for summed, conditions in pieces
                )  # fmt: skip

            return sumifs
        own = [(key, letters[place[key]]) for key in formula.keys]
        return lambda row: formula.formula({key: f"{letter}{row}" for key, letter in own})

    # --- rows -----------------------------------------------------------------------------------------------

    def chunk_xml(self, chunk: list[Any], first: int, links: LinkSpool) -> bytes:
        """Return the XML of a chunk of rows from row ``first`` on; add to the sums and to the hash."""
        columns_of_texts, columns_of_cells = [], []
        values = self.prepared.values(chunk)
        for number, column in enumerate(self.prepared.columns):
            column_values = values[number]
            texts = canonical_texts(column.kind, column_values, self.prepared.labels[number])
            columns_of_texts.append(texts)
            if column.kind in ("date", "datetime") and not {OddDay, OddMoment}.isdisjoint(map(type, column_values)):
                self.result.odd_days[str(column.label)] += sum(bool(in_words(value)) for value in column_values)
            if column.kind == "text":
                texts = self.digest.shown(number, column_values, texts)
            letters = self.prepared.letters[number]
            if number in self.formulas:
                make, style = self.formulas[number], STYLE[column.kind]
                columns_of_cells.append([
                    f'<c r="{letters}{row}" s="{style}"><f>{escape(make(row))}</f><v>{text or 0}</v></c>'
                    for row, text in enumerate(texts, first)
                ])  # fmt: skip
            else:
                columns_of_cells.append(_cells(column, letters, first, texts, column_values, links))
            if column.key in self.sums:
                self.sums[column.key] += sum(v for v in column_values if v is not None)
        self.digest.update(columns_of_texts)
        self.result.rows += len(chunk)
        rows = zip(*columns_of_cells, strict=True)
        return "".join(f'<row r="{row}">{"".join(cells)}</row>' for row, cells in enumerate(rows, first)).encode()

    def write(self, open_part) -> SheetResult:
        """Write every tab of the sheet and return what was written."""
        chunks = _chunks(self.sheet.rows)
        chunk = next(chunks, None)
        while True:
            name = self.names.next_for(self.result.title)
            with open_part(name) as (stream, links):
                chunk = self._write_part(stream, links, name, chunk, chunks)
            if chunk is None:
                break
        return self.result

    def _write_part(self, stream: IO[bytes], links: LinkSpool, name: str, chunk, chunks) -> list[Any] | None:
        stream.write(self._head().encode())
        row, written = 2, 0
        while chunk is not None:
            room = self.max_rows - row  # one row is kept for the totals
            if room <= 0 or written > MAX_PART_BYTES:
                break
            rest = chunk[room:]
            xml = self.chunk_xml(chunk[:room], row, links)
            stream.write(xml)
            written += len(xml)
            row += len(chunk) - len(rest)
            chunk = rest or next(chunks, None)
        last = row - 1
        has_total = chunk is None and bool(self._with_totals()) and not self.sheet.blank_rows
        part = Part(name, 2, last, row if has_total else None)
        self.result.parts.append(part)
        if has_total:
            stream.write(self._total_row(row).encode())
        elif chunk is None and self.sheet.blank_rows:  # a form has no row of totals; its cover says those of its rows
            self.result.totals |= {key: self.sums[key] for key in self.result.totals if key in self.sums}
        stream.write(self._after_rows(max(last, 1)).encode())
        return chunk

    def _total_row(self, row: int) -> str:
        totals = {key: value for key, value in self.sums.items()}
        cells = [f'<c r="A{row}" s="{STYLE["total.text"]}" t="inlineStr"><is><t>Total</t></is></c>']
        for number, column in enumerate(self.prepared.columns):
            cell, style = f"{self.prepared.letters[number]}{row}", STYLE[f"total.{column.kind}"]
            if not column.total:
                if number:
                    cells.append(f'<c r="{cell}" s="{style}"/>')
                continue
            if isinstance(column.formula, Ratio):
                value = column.formula.value(totals)
                formula = self.formulas[number](row)
            else:
                value = totals[column.key]
                formula = "SUM(" + ",".join(self._range_of(part, number) for part in self.result.parts) + ")"
            self.result.totals[column.key] = value
            (text,) = canonical_texts(column.kind, [value], {})
            computed = f"<f>{escape(formula)}</f>" if self.result.rows else ""
            cells.append(f'<c r="{cell}" s="{style}">{computed}<v>{text}</v></c>')
        if self._with_totals() and self.prepared.columns[0].total:
            cells = cells[1:]
        return f'<row r="{row}">{"".join(cells)}</row>'

    def _range_of(self, part: Part, number: int) -> str:
        whole = part.range_of(self.prepared.letters[number])
        return whole.rpartition("!")[2] if part is self.result.parts[-1] else whole

    # --- before and after the rows ----------------------------------------------------------------------------

    def _head(self) -> str:
        columns = self.prepared.columns
        widths = "".join(
            f'<col min="{number}" max="{number}" width="{column.shown_width + 0.71}" customWidth="1"/>'
            for number, column in enumerate(columns, 1)
        )
        header = "".join(
            f'<c r="{letters}1" s="{STYLE["header"]}" t="inlineStr"><is>{xml_text(clean_text(column.label))}</is></c>'
            for letters, column in zip(self.prepared.letters, columns, strict=True)
        )
        colour = f'<tabColor rgb="FF{self.sheet.colour}"/>' if self.sheet.colour else ""
        return (
            f'{XML_HEAD}<worksheet xmlns="{_MAIN}" xmlns:r="{_REL}">'
            f'<sheetPr>{colour}<pageSetUpPr fitToPage="1"/></sheetPr>'
            '<sheetViews><sheetView workbookViewId="0" showGridLines="0">'
            '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
            '<selection pane="bottomLeft" activeCell="A2" sqref="A2"/></sheetView></sheetViews>'
            f'<sheetFormatPr defaultRowHeight="14"/><cols>{widths}</cols>'
            f'<sheetData><row r="1" ht="32" customHeight="1">{header}</row>'
        )

    def _after_rows(self, last: int) -> str:
        below = range(last + 1, last + 1 + self.sheet.blank_rows)
        blank = "".join(f'<row r="{row}">{self._blank_cells(row)}</row>' for row in below)
        last += self.sheet.blank_rows
        return f'{blank}</sheetData><autoFilter ref="A1:{self.prepared.letters[-1]}{last}"/>' + validations_xml(
            self.prepared, last if self.sheet.blank_rows else 0
        )

    def _blank_cells(self, row: int) -> str:
        return "".join(
            f'<c r="{letters}{row}" s="{STYLE[column.kind]}"/>'
            for letters, column in zip(self.prepared.letters, self.prepared.columns, strict=True)
        )


def validations_xml(prepared: Prepared, last: int) -> str:
    """Return the lists of accepted texts and the bounds of a form to fill in; "" for a sheet that is a report."""
    rules = []
    for letters, column in zip(prepared.letters, prepared.columns, strict=True):
        cells = f'sqref="{letters}2:{letters}{last}" allowBlank="1" showErrorMessage="1"'
        listed = ",".join(column.labels_by_choice.values())
        if listed and len(listed) <= 250 and '"' not in listed:
            rules.append(
                f'<dataValidation type="list" {cells}><formula1>{escape(chr(34) + listed + chr(34))}</formula1>'
            )
        elif column.kind == "date":
            rules.append(
                f'<dataValidation type="date" operator="greaterThan" errorStyle="warning" {cells}>'
                "<formula1>36526</formula1>"
            )
        elif column.kind in ("money", "integer"):
            rules.append(
                f'<dataValidation type="decimal" operator="greaterThan" errorStyle="warning" {cells}>'
                "<formula1>-99999999999</formula1>"
            )
    if not rules or not last:
        return ""
    return (
        f'<dataValidations count="{len(rules)}">'
        + "".join(f"{r}</dataValidation>" for r in rules)
        + "</dataValidations>"
    )


def tail_xml(links: LinkSpool, title: str, *, landscape: bool) -> Iterator[str]:
    """Yield what ends a tab: its hyperlinks, then how it is printed (header repeated, page numbers)."""
    if links.count:
        links.elements.seek(0)
        yield "<hyperlinks>"
        yield from iter(lambda: links.elements.read(1 << 16), "")
        yield "</hyperlinks>"
    name = escape(title.replace("&", "&&"))
    yield (
        '<pageMargins left="0.4" right="0.4" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
        f'<pageSetup paperSize="9" orientation="{"landscape" if landscape else "portrait"}" fitToWidth="1" fitToHeight="0"/>'
        f"<headerFooter><oddHeader>&amp;L{name}&amp;R&amp;F</oddHeader>"
        "<oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter></headerFooter></worksheet>"
    )


def relations_xml(links: LinkSpool) -> Iterator[str]:
    """Yield the part that says where the external links of a tab lead."""
    links.relations.seek(0)
    yield f'{XML_HEAD}<Relationships xmlns="{_PACKAGE_REL}">'
    yield from iter(lambda: links.relations.read(1 << 16), "")
    yield "</Relationships>"


def _chunks(rows: Iterable[Any]) -> Iterator[list[Any]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk
