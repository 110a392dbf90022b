"""The document store: takes files in, keeps them by their hash, says who may read them.

A file is kept once under its SHA-256. It is read in pieces, never whole in memory. What it is comes from its bytes.
"""

import hashlib
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.db import models, transaction
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from core.acting import acting_as
from core.engine.files import FileDamaged, alerts, open_proven, read_whole
from core.events import record
from core.file_types import (
    IMAGE_TYPES,
    PIECE_TYPES,
    TEXT,
    WORKBOOK_TYPES,
    DocumentRefused,
    FileType,
    accept_attribute,
    check_type,
)
from core.models.document import Document, ScanState, StoredFile
from core.models.proof import FileCheck
from core.personal_numbers import find_national_number
from core.scanning import ScannerUnavailable, configured_scanner
from core.storage import documents_storage

if TYPE_CHECKING:
    from core.models import User

__all__ = [
    "IMAGE_TYPES",
    "PIECE_TYPES",
    "WORKBOOK_TYPES",
    "DocumentDamaged",
    "DocumentNotReady",
    "DocumentRefused",
    "accept_attribute",
    "keep_until",
    "may_read",
    "open_document",
    "register_access",
    "safe_name",
    "scan_waiting",
    "store",
]

CHUNK = 64 * 1024
NAME_LENGTH = 150
TEXT_LOOKED_AT = 4 * 1024 * 1024
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]+')
_END_OF_LINE = re.compile(rb"</(?:w:p|si|v|c|text:p|table:table-cell)>")
_TAG = re.compile(rb"<[^>]*>")
_RESERVED = re.compile(r"^(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)

Predicate = Callable[["User", Any], str | None]
_access: dict[str, Predicate] = {}


class DocumentNotReady(Exception):
    """A file that the scanner has not cleared; ``str()`` is a sentence for the reader."""


class DocumentDamaged(DocumentNotReady):
    """A file whose bytes are gone or changed, or cannot be read; ``str()`` is a sentence for the reader."""

    def __init__(self, document: Document, fault: str):
        what = {
            FileCheck.Fault.MISSING: _("“%(name)s” is no longer in the store of files."),
            FileCheck.Fault.UNREADABLE: _("“%(name)s” cannot be read in the store of files."),
            FileCheck.Fault.CHANGED: _("“%(name)s” is no longer the file that was sent: it was changed or damaged."),
        }[FileCheck.Fault(fault)] % {"name": document.name}
        region = settings.ESSOR_REGION
        whom = _("It is not given out. The administrators are told; write to %(email)s and quote document %(number)d.")
        super().__init__(f"{what} {whom % {'email': region['email'], 'number': document.pk}}")


# --- Who may read ---------------------------------------------------------------------------------------------------


def register_access(model: type[models.Model] | str, predicate: Predicate) -> None:
    """Say who reads the documents of ``model`` (a class or "app.Model"): ``predicate(user, subject)`` is None for yes.

    A model that registered nothing has documents that nobody reads.
    """
    label = model if isinstance(model, str) else model._meta.label
    _access[label.lower()] = predicate


def may_read(user: "User", document: Document) -> str | None:
    """None when ``user`` may read ``document``, else the reason. A document without a subject is its sender's."""
    if not user.is_authenticated or not user.is_active:
        return _("Sign in to read this document.")
    if document.content_type_id is None:
        return None if document.uploaded_by_id == user.pk else _("This document is not yours.")
    subject = document.subject
    predicate = _access.get(subject._meta.label.lower()) if subject is not None else None
    if predicate is None:
        return _("Nobody may read this document.")
    return predicate(user, subject)


# --- Taking in ------------------------------------------------------------------------------------------------------


def safe_name(name: str) -> str:
    """``name`` without folders, control and direction marks, or anything a file system or a header would misread."""
    last = unicodedata.normalize("NFC", name).replace("\\", "/").rsplit("/", 1)[-1]
    visible = "".join(character for character in last if unicodedata.category(character) not in {"Cf", "Cc", "Cs"})
    clean = " ".join(_UNSAFE.sub("_", visible).split()).strip(". ")
    path = PurePosixPath(clean or "document")
    if _RESERVED.match(path.name):
        path = PurePosixPath(f"_{path.name}")
    suffix = path.suffix[:10]
    return path.stem[: NAME_LENGTH - len(suffix)].rstrip(". ") + suffix


def store(
    content: File | BinaryIO | bytes,
    *,
    name: str,
    subject: models.Model | None,
    user: "User | None",
    kind: str = "",
    allowed: Iterable[FileType] = PIECE_TYPES,
    max_bytes: int | None = None,
) -> Document:
    """Keep a file and tie it to ``subject``.

    Args:
        content: an upload, an open binary file, or bytes.
        name: the name its sender gave it; kept in a safe form.
        subject: what it belongs to, whose registered predicate says who reads it; None for its sender alone.
        user: who sent it; None for a file that the product made.
        kind: what it is to the subject ("bank_proof", the code of a piece…).
        allowed: the types that are taken; see ``core.file_types``.
        max_bytes: the size limit, ``ESSOR_MAX_UPLOAD_BYTES`` when None.

    Raises:
        DocumentRefused: empty, too large, of another type, with macros, infected: with what to do.
    """
    limit = settings.ESSOR_MAX_UPLOAD_BYTES if max_bytes is None else max_bytes
    name = safe_name(name)
    with _seekable(content, name, limit) as file:
        media = check_type(file, name, allowed)
        digest, size = _hash(file)
        state, detail = _scan(file, name)
        notices = _notices(file, media)
        with transaction.atomic():
            stored = _keep(file, digest, size, media, state, detail)
            document = Document.objects.create(
                file=stored, name=name, kind=kind, subject=subject, uploaded_by=user, notices=notices
            )
            if subject is None and user is not None:  # else the subject's own event says what was joined
                record(document, "upload", actor=user)
            return document


def _seekable(content: File | BinaryIO | bytes, name: str, limit: int) -> BinaryIO:
    """The content as a temporary file on disk, refused as soon as it passes the limit."""
    if isinstance(content, bytes):
        if len(content) > limit:
            raise _too_large(name, len(content), limit)
        chunks: Iterable[bytes] = [content]
    else:
        declared = getattr(content, "size", None)
        if declared is not None and declared > limit:
            raise _too_large(name, declared, limit)
        content.seek(0)
        chunks = iter(lambda: content.read(CHUNK), b"")
    copy = tempfile.SpooledTemporaryFile(max_size=CHUNK * 16)
    try:
        total = 0
        for chunk in chunks:
            total += len(chunk)
            if total > limit:
                raise _too_large(name, None, limit)
            copy.write(chunk)
        if not total:
            raise DocumentRefused(_("“%(name)s” is empty. Check it and send it again.") % {"name": name}, code="empty")
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


def _megabytes(size: int) -> str:
    megabytes = size / (1024 * 1024)
    return _("%(number)s MB") % {"number": number_format(megabytes, 0 if megabytes >= 10 else 1)}


def _too_large(name: str, size: int | None, limit: int) -> DocumentRefused:
    figures = {"name": name, "limit": _megabytes(limit)}
    if size is None:
        sentence = _("“%(name)s” is larger than %(limit)s, the limit.") % figures
    else:
        sentence = _("This file weighs %(size)s; the limit is %(limit)s.") % {**figures, "size": _megabytes(size)}
    advice = _("Scan it at a lower resolution (150 dots per inch) or split it in several files.")
    return DocumentRefused(f"{sentence} {advice}", code="size")


def _hash(file: BinaryIO) -> tuple[str, int]:
    file.seek(0)
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _scan(file: BinaryIO, name: str) -> tuple[ScanState, str]:
    scanner = configured_scanner()
    if scanner is None:
        return ScanState.NOT_SCANNED, ""
    file.seek(0)
    try:
        result = scanner.scan(file)
    except ScannerUnavailable as error:
        return ScanState.PENDING, str(error)[:200]
    if result.state == ScanState.INFECTED:
        raise DocumentRefused(
            _("“%(name)s” was refused by the virus scanner. Check your computer, then send a clean copy.")
            % {"name": name},
            code="infected",
        )
    return result.state, result.detail


def _notices(file: BinaryIO, media: FileType) -> list[str]:
    """What a reader should know: so far, a social security number in a text that can be read without a library."""
    file.seek(0)
    if media is TEXT:
        texts: Iterable[bytes] = [file.read(TEXT_LOOKED_AT)]
    elif zipfile.is_zipfile(file):
        texts = _xml_parts(file)
    else:
        return []
    found = any(find_national_number(text.decode("utf-8", "replace")) for text in texts)
    return [Document.Notice.NATIONAL_NUMBER.value] if found else []


def _xml_parts(file: BinaryIO) -> Iterable[bytes]:
    """The words of an office document, its mark-up taken out (a number may be cut by it)."""
    file.seek(0)
    left = TEXT_LOOKED_AT
    with zipfile.ZipFile(file) as archive:
        for entry in archive.infolist():
            if left <= 0:
                return
            if entry.filename.endswith(".xml"):
                with archive.open(entry) as part:
                    text = part.read(left)
                left -= len(text)
                yield _TAG.sub(b"", _END_OF_LINE.sub(b"\n", text))


def _keep(file: BinaryIO, digest: str, size: int, media: FileType, state: ScanState, detail: str) -> StoredFile:
    stored, created = StoredFile.objects.get_or_create(
        sha256=digest,
        defaults={
            "size": size,
            "media_type": media.media_type,
            "scan_state": state,
            "scan_detail": detail,
            "scanned_at": timezone.now() if state == ScanState.CLEAN else None,
        },
    )
    if not created and state == ScanState.CLEAN and stored.scan_state != ScanState.CLEAN:
        _note_scan(stored, state, detail)
    _write(file, stored)
    return stored


def _write(file: BinaryIO, stored: StoredFile) -> None:
    """Put the bytes in the storage once. A copy that was cut short or changed is written again."""
    storage = documents_storage()
    name = stored.storage_name
    if storage.exists(name):
        if not (fault := read_whole(stored)):
            return
        alerts.error("The stored file %s was %s: it is written again from a new copy.", stored.sha256, fault)
        try:
            storage.delete(name)
        except OSError as error:  # a folder that is not empty: only who keeps the store may say what it is
            raise _not_kept() from error
    file.seek(0)
    try:
        written = storage.save(name, File(file))
    except OSError as error:
        alerts.error("The stored file %s could not be written: %s", stored.sha256, error)
        raise _not_kept() from error
    if written != name:
        # Another session kept the same content at the same moment, under the right name.
        storage.delete(written)


def _not_kept() -> DocumentRefused:
    """What is said to who sends a file that the store does not take."""
    return DocumentRefused(
        _(
            "The store of files could not keep this file. Send it again later; if it is refused again, write to the Region."
        ),
        code="store",
    )


# --- Giving out -----------------------------------------------------------------------------------------------------


def open_document(document: Document) -> File:
    """The bytes of ``document``, opened for reading.

    They are compared with their hash first: nothing but what was kept ever leaves.

    Raises:
        DocumentNotReady: a scanner is configured and has not cleared the file.
        DocumentDamaged: the store lost the file, cannot read it, or holds other bytes.
    """
    _ensure_scanned(document.file)
    if document.file.scan_state == ScanState.INFECTED:
        raise DocumentNotReady(
            _("“%(name)s”: the virus scanner blocked this file, it cannot be opened.") % {"name": document.name}
        )
    if document.file.scan_state == ScanState.PENDING:
        raise DocumentNotReady(
            _("“%(name)s” is being scanned for viruses. Come back in a few minutes.") % {"name": document.name}
        )
    try:
        return open_proven(document.file)
    except FileDamaged as error:
        raise DocumentDamaged(document, error.fault) from error


def _ensure_scanned(stored: StoredFile) -> None:
    """Scan a file that waits, or that came before the scanner."""
    scanner = configured_scanner()
    if stored.scan_state in {ScanState.CLEAN, ScanState.INFECTED}:
        return
    if scanner is None:
        if stored.scan_state == ScanState.PENDING:
            _note_scan(stored, ScanState.NOT_SCANNED, "")
        return
    try:
        with documents_storage().open(stored.storage_name, "rb") as file:
            result = scanner.scan(file)
    except OSError:
        return  # whoever reads it is told
    except ScannerUnavailable as error:
        _note_scan(stored, ScanState.PENDING, str(error))
    else:
        _note_scan(stored, result.state, result.detail)


def _note_scan(stored: StoredFile, state: ScanState, detail: str) -> None:
    stored.scan_state = state
    stored.scan_detail = detail[:200]
    stored.scanned_at = timezone.now() if state in {ScanState.CLEAN, ScanState.INFECTED} else None
    # The scanner's word, whoever's reading or sending made it speak.
    with acting_as(label="scanner"):
        stored.save(update_fields=["scan_state", "scan_detail", "scanned_at"])


def scan_waiting(limit: int = 200) -> int:
    """Scan the files that wait for the scanner, oldest first; how many got an answer. For the periodic task."""
    answered = 0
    for stored in StoredFile.objects.filter(scan_state=ScanState.PENDING).order_by("pk")[:limit]:
        _ensure_scanned(stored)
        answered += stored.scan_state != ScanState.PENDING
    return answered


def keep_until(document: Document, day: date) -> None:
    """Keep ``document`` at least until ``day``; a date that is already later stays."""
    if document.retention_until is None or document.retention_until < day:
        document.retention_until = day
        document.save(update_fields=["retention_until"])
