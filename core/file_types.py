"""What a file really is, told from its bytes; only an allow-list gets in, and the name must agree with it."""

import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO

from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy


class DocumentRefused(ValidationError):
    """A file that is not taken. ``str()`` is a sentence that says what is wrong and what to do."""

    def __init__(self, sentence: str, code: str = "document"):
        super().__init__(sentence, code=code)

    def __str__(self) -> str:
        return str(self.message)


@dataclass(frozen=True, slots=True)
class FileType:
    """A kind of file that may be taken: its media type, its extensions, what people call it."""

    media_type: str
    extensions: tuple[str, ...]
    label: str | Promise


_OFFICE = "application/vnd.openxmlformats-officedocument."
PDF = FileType("application/pdf", (".pdf",), "PDF")
PNG = FileType("image/png", (".png",), "PNG")
JPEG = FileType("image/jpeg", (".jpg", ".jpeg"), "JPEG")
DOCX = FileType(_OFFICE + "wordprocessingml.document", (".docx",), "Word (.docx)")
XLSX = FileType(_OFFICE + "spreadsheetml.sheet", (".xlsx",), "Excel (.xlsx)")
ODT = FileType("application/vnd.oasis.opendocument.text", (".odt",), "LibreOffice (.odt)")
ODS = FileType("application/vnd.oasis.opendocument.spreadsheet", (".ods",), "LibreOffice (.ods)")
TEXT = FileType("text/plain", (".txt", ".csv"), gettext_lazy("text or CSV"))
XLS = FileType("application/vnd.ms-excel", (".xls",), "Excel 97 (.xls)")
ZIP = FileType("application/zip", (".zip",), "ZIP")


def type_words(media_type: str) -> str:
    """What people call a type of file; the type itself where it is none of those known here."""
    known = {item.media_type: item.label for item in (PDF, PNG, JPEG, DOCX, XLSX, ODT, ODS, TEXT, XLS, ZIP)}
    return str(known.get(media_type, media_type))


PIECE_TYPES: tuple[FileType, ...] = (PDF, PNG, JPEG, DOCX, XLSX, ODT, ODS, TEXT)
IMAGE_TYPES: tuple[FileType, ...] = (PDF, PNG, JPEG)
WORKBOOK_TYPES: tuple[FileType, ...] = (XLSX, XLS, TEXT)

_HEAD = 4096
_MAX_ENTRIES = 20_000
_MAX_UNPACKED = 1024**3
_MAX_RATIO = 200
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MAIN_PART = {
    b"wordprocessingml.document.main+xml": DOCX,
    b"spreadsheetml.sheet.main+xml": XLSX,
}
_OPEN_DOCUMENT = {ODT.media_type: ODT, ODS.media_type: ODS}
_MACRO_PARTS = re.compile(r"(vbaproject\.bin$|^basic/|^scripts/|macrosheets/|activex/)", re.IGNORECASE)
# A text that a browser or a shell would run.
_ACTIVE_TEXT = re.compile(
    rb"<\s*(!doctype|html|head|body|script|svg|iframe|\?xml|\?php|%|meta|link|object|embed)|^#!|^\s*@echo",
    re.IGNORECASE,
)
_CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")


def sniff(file: BinaryIO) -> FileType | None:
    """The type of a seekable file, from its content; None when it is none of those known here.

    Raises:
        DocumentRefused: the file is known and dangerous (macros, password, a page or a script), or broken.
    """
    file.seek(0)
    head = file.read(_HEAD)
    if head.startswith(b"%PDF-"):
        return PDF
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if head.startswith(b"\xff\xd8\xff"):
        return JPEG
    if head.startswith(b"PK\x03\x04"):
        return _sniff_zip(file)
    if head.startswith(_OLE):
        return _sniff_ole(file)
    return _sniff_text(file)


def _sniff_zip(file: BinaryIO) -> FileType | None:
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as archive:
            _refuse_bomb(archive)
            names = archive.namelist()
            if any(_MACRO_PARTS.search(name) for name in names):
                raise _macros()
            if "mimetype" in names:
                return _OPEN_DOCUMENT.get(_part(archive, "mimetype").decode("ascii", "replace").strip())
            if "[Content_Types].xml" not in names:
                return ZIP
            types = _part(archive, "[Content_Types].xml")
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, ValueError, zlib.error) as error:
        raise DocumentRefused(
            _("This file is damaged or protected by a password: it cannot be opened. Save it again and send it."),
            code="damaged",
        ) from error
    if b"macroenabled" in types.lower():
        raise _macros()
    return next((kind for part, kind in _MAIN_PART.items() if part in types), None)


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as part:
        return part.read(1024 * 1024)


def _refuse_bomb(archive: zipfile.ZipFile) -> None:
    entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries) or 1
    if (
        len(entries) > _MAX_ENTRIES
        or unpacked > _MAX_UNPACKED
        or (unpacked > 50_000_000 and unpacked / packed > _MAX_RATIO)
    ):
        raise DocumentRefused(
            _("This file grows far too large when it is opened. Save it again without unused sheets or images."),
            code="bomb",
        )


def _macros() -> DocumentRefused:
    return DocumentRefused(
        _("This file holds macros, which are not accepted. Save it without macros (.docx, .xlsx) or as PDF."),
        code="macros",
    )


def _sniff_ole(file: BinaryIO) -> FileType | None:
    """The old Office container: a workbook of Excel 97, or something that is not taken."""
    file.seek(0)
    names = {name: False for name in ("Workbook", "Book", "_VBA_PROJECT", "EncryptedPackage")}
    kept = b""
    while chunk := file.read(1024 * 1024):
        window = kept + chunk
        for name, found in names.items():
            names[name] = found or f"{name}\0".encode("utf-16-le") in window
        kept = window[-64:]
    if names["EncryptedPackage"]:
        raise DocumentRefused(
            _("This file is protected by a password. Save it without a password and send it again."), code="password"
        )
    if names["_VBA_PROJECT"]:
        raise _macros()
    return XLS if names["Workbook"] or names["Book"] else None


def _sniff_text(file: BinaryIO) -> FileType | None:
    """Plain text or CSV in UTF-8 or Windows-1252; a page, a drawing or a script is refused."""
    file.seek(0)
    first = True
    while chunk := file.read(256 * 1024):
        if first:
            if chunk.startswith((b"\xff\xfe", b"\xfe\xff")):
                return None
            if _ACTIVE_TEXT.search(chunk):
                raise DocumentRefused(
                    _("Web pages, drawings with code (SVG) and scripts are not accepted. Send a PDF or an image."),
                    code="active_content",
                )
            first = False
        if _CONTROLS.search(chunk):
            return None
    return None if first else TEXT


def labels_of(types: Iterable[FileType]) -> str:
    """``PDF, PNG, JPEG``: what to tell someone who sent something else."""
    return ", ".join(str(kind.label) for kind in types)


def accept_attribute(types: Iterable[FileType]) -> str:
    """The value of ``accept`` on a file input."""
    return ",".join(extension for kind in types for extension in kind.extensions)


def check_type(file: BinaryIO, name: str, allowed: Iterable[FileType] = PIECE_TYPES) -> FileType:
    """The type of ``file`` when it is one of ``allowed`` and its name says the same.

    Raises:
        DocumentRefused: with what is accepted.
    """
    allowed = tuple(allowed)
    kind = sniff(file)
    file.seek(0)
    if kind is None or kind not in allowed:
        raise DocumentRefused(
            _("“%(name)s” is not of an accepted type. Accepted: %(types)s.")
            % {"name": name, "types": labels_of(allowed)},
            code="type",
        )
    extension = PurePosixPath(name).suffix.lower()
    if extension not in kind.extensions:
        raise DocumentRefused(
            _("“%(name)s” is in fact a %(type)s file: give it the extension %(extension)s and send it again.")
            % {"name": name, "type": kind.label, "extension": kind.extensions[0]},
            code="extension",
        )
    return kind
