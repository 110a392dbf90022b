"""A file as it comes: recognised by its bytes, measured before anything parses it, then given out as rows of cells."""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _
from lxml import etree
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
INFLATION = 40  # a workbook of real data inflates six to fifteen times
MIN_INFLATED = 64 * 1024 * 1024
MAX_COLUMNS = 256
_READ = 1 << 20
_DELIMITERS = (";", ",", "\t", "|")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")


class FileRefused(Exception):
    """The file cannot be used at all; the text is a sentence that says why and what to do."""


@dataclass
class RawSheet:
    """One sheet or CSV file: its name and its rows of untyped cells with the numbers that the spreadsheet shows."""

    name: str
    rows: Iterator[tuple[int, list[Any]]]


def take_bytes(file: str | Path | bytes | IO[bytes], max_bytes: int) -> bytes:
    """Return the content of a path, an upload or bytes. Raises FileRefused beyond ``max_bytes``."""
    if isinstance(file, bytes):
        content = file[: max_bytes + 1]
    elif isinstance(file, str | Path):
        with open(file, "rb") as stream:
            content = stream.read(max_bytes + 1)
    else:
        file.seek(0)
        content = file.read(max_bytes + 1)
        file.seek(0)
    if len(content) > max_bytes:
        limit = f"{max_bytes / (1024 * 1024):.0f}"
        raise FileRefused(
            _(
                "The file is larger than %(limit)s MB. Split it, or remove the sheets and pictures that it does not need."
            )
            % {"limit": limit}
        )
    if not content:
        raise FileRefused(_("The file is empty. Choose the file again, after having saved it."))
    return content


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def open_sheets(content: bytes, *, max_rows: int, max_inflated: int | None = None) -> list[RawSheet]:
    """Return the sheets of an .xlsx, .xls or .csv file. Raises FileRefused with what to do about it."""
    if content.startswith(_ZIP):
        _check_zip(content, max_rows, max_inflated or max(MIN_INFLATED, INFLATION * len(content)))
        return _calamine(content, max_rows)
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise FileRefused(_("The workbook is protected by a password. Save it without one and send it again."))
        return _calamine(content, max_rows)
    return [_csv(content, max_rows)]


# --- workbooks ---------------------------------------------------------------------------------------------------


def _check_zip(content: bytes, max_rows: int, max_inflated: int) -> None:
    """Refuse what is not a workbook or would not fit in memory, by reading the sheets' bytes without building cells."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        names = archive.namelist()
        if "xl/workbook.xml" not in names:
            raise FileRefused(
                _(
                    "This file is not an Excel workbook (.xlsx). Open it in your spreadsheet and save it as “.xlsx” or “.csv”."
                )
            )
        left = max_inflated
        if sum(info.file_size for info in archive.infolist() if info.filename.startswith("xl/")) > left:
            raise _too_big()
        for name in names:
            if name.endswith(".xml") and name.startswith("xl/"):
                left = _measure_part(archive, name, left, max_rows)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, KeyError) as error:
        raise FileRefused(
            _("The workbook is damaged and cannot be opened. Save it again and send it once more.")
        ) from error


def _too_big() -> FileRefused:
    return FileRefused(
        _(
            "The workbook holds too much data once opened. Keep only the sheet with your rows, without pictures, and save it again."
        )
    )


def _measure_part(archive: zipfile.ZipFile, name: str, left: int, max_rows: int) -> int:
    """Inflate one part and throw it away; return how many bytes may still come. Far cells are looked at closely."""
    far = re.compile(rb' r="(?:[A-Z]{3}|[J-Z][A-Z])\d|' + rb' r="[A-Z]{1,3}\d{%d,}"' % len(str(max_rows)))
    is_sheet, suspicious, tail = name.startswith("xl/worksheets/"), False, b""
    with archive.open(name) as stream:
        while piece := stream.read(_READ):
            left -= len(piece)
            if left < 0:
                raise _too_big()
            if is_sheet and not suspicious:
                suspicious = far.search(tail + piece) is not None
                tail = piece[-32:]
    if suspicious:
        with archive.open(name) as stream:
            _check_extent(stream, max_rows)
    return left


def _check_extent(stream: IO[bytes], max_rows: int) -> None:
    """Refuse a sheet with *filled* cells beyond the limits: a reader would make room for all the cells in between."""
    place = re.compile(r"([A-Z]{1,3})(\d+)$")
    try:
        for _event, cell in etree.iterparse(stream, tag="{*}c", resolve_entities=False, no_network=True):
            found = place.match(cell.get("r", ""))
            if found and len(cell):
                column = 0
                for letter in found[1]:
                    column = column * 26 + ord(letter) - 64
                if int(found[2]) > max_rows + 100 or column > MAX_COLUMNS:
                    raise FileRefused(
                        _("Cell %(cell)s is filled, beyond the %(rows)d rows and %(columns)d columns that can be read. "
                          "Delete what lies below and to the right of your table, and save the workbook again.")
                        % {"cell": cell.get("r"), "rows": max_rows, "columns": MAX_COLUMNS}
                    )  # fmt: skip
            parent = cell.getparent()
            cell.clear()
            if parent is not None:
                while cell.getprevious() is not None:
                    del parent[0]
    except etree.XMLSyntaxError as error:
        raise FileRefused(
            _("The workbook is damaged and cannot be opened. Save it again and send it once more.")
        ) from error


def _calamine(content: bytes, max_rows: int) -> list[RawSheet]:
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = []
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.end is None:
                continue
            first = (sheet.start or (0, 0))[0]
            if sheet.end[0] + 1 > max_rows + 100:
                raise too_many_rows(max_rows)
            sheets.append(RawSheet(name, enumerate(sheet.iter_rows(), _first_number(sheet, first))))
        return sheets
    except PasswordError as error:
        raise FileRefused(
            _("The workbook is protected by a password. Save it without one and send it again.")
        ) from error
    except (CalamineError, OSError, ValueError) as error:
        raise FileRefused(
            _("The workbook is damaged and cannot be opened. Save it again and send it once more.")
        ) from error


def _first_number(sheet, first: int) -> int:
    """Return the number of the first row that is given out: rows above the data are given out as empty ones."""
    return 1 if sheet.total_height > sheet.height else first + 1


def too_many_rows(max_rows: int) -> FileRefused:
    return FileRefused(
        _("The file has more than %(max)d rows. Split it into several files and send them one after the other.")
        % {"max": max_rows}
    )


# --- CSV ---------------------------------------------------------------------------------------------------------


def _csv(content: bytes, max_rows: int) -> RawSheet:
    text = _decode(content)
    head = text[: 1 << 16].lstrip().lower()
    if "\x00" in text or head.startswith(("<!doctype", "<html", "<?xml", "%pdf", "{\\rtf")):
        raise FileRefused(
            _(
                "This file is neither a workbook (.xlsx, .xls) nor a CSV file. Open it in your spreadsheet and save it as “.xlsx”."
            )
        )
    delimiter = _delimiter(text)
    return RawSheet("", _csv_rows(text, delimiter, max_rows))


def _decode(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _delimiter(text: str) -> str:
    """Return the separator that cuts the first lines into the most, and the most equal, cells."""
    lines = [line for line in text[: 1 << 16].splitlines() if line.strip()][:20]

    def score(delimiter: str) -> tuple[int, int]:
        counts = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        usual = max(counts, key=counts.count, default=1)
        return (usual > 1, counts.count(usual) * usual)

    return max(_DELIMITERS, key=score)


def _csv_rows(text: str, delimiter: str, max_rows: int) -> Iterator[tuple[int, list[Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    count, line = 0, 1
    try:
        for cells in reader:
            count += 1
            if count > max_rows + 100:
                raise too_many_rows(max_rows)
            if len(cells) > MAX_COLUMNS:
                raise FileRefused(_("The file has more than %(max)d columns.") % {"max": MAX_COLUMNS})
            # A line begun by an apostrophe is how this product, and others, keep a text from being computed.
            yield line, [c[1:] if len(c) > 1 and c[0] == "'" and c[1] in "=+-@\t\r" else c for c in cells]
            line = reader.line_num + 1
    except csv.Error as error:
        raise FileRefused(
            _("The CSV file is badly formed near line %(line)d (a quotation mark that is not closed?).")
            % {"line": reader.line_num}
        ) from error
