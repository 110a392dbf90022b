"""``write_workbook``: sheets of typed columns and a cover, into an .xlsx file, in constant memory.

openpyxl writes no value beside a formula and is slow on large sheets; this writer gives every formula the value that
it has, so that a reader which does not calculate sees the same figures, and the same data give the same bytes.
"""

import hashlib
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

from django.utils.translation import gettext as _

from core.text import fold
from core.workbooks.columns import Cover, Sheet, Stated, SumIfs
from core.workbooks.coversheet import cover_xml
from core.workbooks.digests import DataDigest, Hashes
from core.workbooks.package import (
    Tab,
    TabNames,
    content_types_xml,
    core_properties_xml,
    name_of_column,
    root_relations_xml,
    workbook_relations_xml,
    workbook_xml,
)
from core.workbooks.sheetxml import MAX_SHEET_ROWS, LinkSpool, SheetResult, SheetWriter, relations_xml, tail_xml
from core.workbooks.styles import styles_xml

COMPRESSION = 1  # three times as quick as the usual 6 for a third more bytes


@dataclass(frozen=True)
class Written:
    """What was written: data rows by sheet, totals by sheet and column, and the SHA-256 of the data.

    ``shown_sha256`` differs from it when ``removed`` texts of the data are not shown any more. ``lasting_sha256`` is the
    hash without what the law may remove. Where texts were erased, ``data_sha256`` is what a report of before stated, and
    empty when there is none.
    """

    path: Path
    rows: dict[str, int] = field(default_factory=dict)
    totals: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    data_sha256: str = ""
    shown_sha256: str = ""
    removed: int = 0
    lasting_sha256: str = ""

    @property
    def row_count(self) -> int:
        return sum(self.rows.values())


def write_workbook(
    path: str | os.PathLike,
    sheets: Iterable[Sheet],
    cover: Cover | None = None,
    *,
    names: Sequence[tuple[str, str]] = (),
    max_rows: int = MAX_SHEET_ROWS,
) -> Written:
    """Write the workbook and return its counts, totals and hash. The file appears whole or not at all.

    Sheets keep their order; those whose formulas look at others are written after them. ``names`` adds defined names.
    Raises TypeError on a float in a money column, ValueError on rows that do not fit the columns.
    """
    path = Path(path)
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as temporary:
        package = Package(temporary)
        try:
            written = _write(package, path, list(sheets), cover, names, max_rows)
        except BaseException:
            package.abandon()
            os.unlink(temporary.name)
            raise
    os.chmod(temporary.name, 0o644)
    os.replace(temporary.name, path)
    return written


def _write(package: "Package", path: Path, sheets: list[Sheet], cover, names, max_rows: int) -> Written:
    keys = [sheet.key or fold(str(sheet.title)).replace(" ", "_") for sheet in sheets]
    tab_names = TabNames()
    cover_name = tab_names.next_for(str(cover.sheet_title or _("Cover"))) if cover else ""
    results: dict[str, SheetResult] = {}
    late = [any(isinstance(column.formula, SumIfs) for column in sheet.columns) for sheet in sheets]
    for number in sorted(range(len(sheets)), key=lambda number: late[number]):
        sheet, title = sheets[number], str(sheets[number].title)
        writer = SheetWriter(sheet, keys[number], title, tab_names, results, min(max_rows, MAX_SHEET_ROWS))
        results[keys[number]] = writer.write(lambda name, s=sheet, t=title: package.tab(name, t, landscape=s.landscape))
    ordered = [results[key] for key in keys]
    hashed = [result for sheet, result in zip(sheets, ordered, strict=True) if not sheet.derived]
    hashes = hashes_of({result.key: result.digest for result in hashed}, cover.stated if cover else None)
    tabs = [
        Tab(part.name, package.files[part.name], part, result.prepared.letters[-1])
        for result in ordered
        for part in result.parts
    ]
    if cover:
        package.add("xl/worksheets/cover.xml", cover_xml(cover, ordered, hashes))
        tabs.insert(0, Tab(cover_name, "cover.xml"))
    package.finish(tabs, [*_column_names(ordered), *names], str(cover.title) if cover else path.stem)
    return Written(
        path=path,
        rows={result.key: result.rows for result in ordered},
        totals={result.key: result.totals for result in ordered},
        data_sha256=hashes.data,
        shown_sha256=hashes.shown,
        removed=hashes.removed,
        lasting_sha256=hashes.lasting,
    )


def hashes_of(digests: Mapping[str, DataDigest], stated: Callable[[str], Stated | None] | None = None) -> Hashes:
    """Return the hashes of several sheets, by key; ``stated`` finds that of data of which texts were erased."""
    data, shown, lasting = (
        data_hash((key, getattr(digest, of)) for key, digest in digests.items())
        for of in ("of_data", "of_shown", "of_lasting")
    )
    removed, erased = (sum(getattr(digest, of) for digest in digests.values()) for of in ("removed", "erased"))
    if not erased:
        return Hashes(data, shown, lasting, removed)
    before = stated(lasting) if stated else None
    return Hashes(before.sha256 if before else "", shown, lasting, removed, erased, before)


def data_hash(digests: Iterable[tuple[str, str]]) -> str:
    """Return the hash of the data of several sheets from (key, hash of the sheet's rows).

    A sheet's own hash is over its rows: the cells' exact texts joined by the character 31, each row ended by a
    newline; amounts as ``-1234.50``, dates as ``2026-11-24``, empty cells empty.
    """
    return hashlib.sha256("".join(f"{key}:{digest}\n" for key, digest in digests).encode()).hexdigest()


def _column_names(results: Sequence[SheetResult]) -> list[tuple[str, str]]:
    return [
        (name_of_column(result.key, column.key, number), part.range_of(letters, absolute=True))
        for result in results
        for column, letters in zip(result.prepared.columns, result.prepared.letters, strict=True)
        for number, part in enumerate(result.parts)
    ]


class Package:
    """The zip file of a workbook. Entries carry the same date always, so that the same data give the same bytes."""

    def __init__(self, target: IO[bytes]):
        self.zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=COMPRESSION)
        self.files: dict[str, str] = {}

    def add(self, name: str, text: str | Iterable[str]) -> None:
        with self.zip.open(name, "w") as stream:
            for piece in [text] if isinstance(text, str) else text:
                stream.write(piece.encode())

    @contextmanager
    def tab(self, name: str, title: str, *, landscape: bool) -> Iterator[tuple[IO[bytes], LinkSpool]]:
        """Open the stream of a new tab; on leaving, end its XML and write where its links lead."""
        file = f"sheet{len(self.files) + 1}.xml"
        self.files[name] = file
        links = LinkSpool()
        with self.zip.open(f"xl/worksheets/{file}", "w") as stream:
            yield stream, links
            for piece in tail_xml(links, title, landscape=landscape):
                stream.write(piece.encode())
        if links.external:
            self.add(f"xl/worksheets/_rels/{file}.rels", relations_xml(links))
        links.close()

    def abandon(self) -> None:
        """Leave an unfinished package as it is: its file is about to be removed."""
        self.zip.fp = None

    def finish(self, tabs: list[Tab], names: list[tuple[str, str]], title: str) -> None:
        self.add("xl/styles.xml", styles_xml())
        self.add("xl/workbook.xml", workbook_xml(tabs, names))
        self.add("xl/_rels/workbook.xml.rels", workbook_relations_xml(tabs))
        self.add("docProps/core.xml", core_properties_xml(title))
        self.add("_rels/.rels", root_relations_xml())
        self.add("[Content_Types].xml", content_types_xml(tabs))
        self.zip.close()
