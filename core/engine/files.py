"""Stored files against their hash: at each reading, by a nightly round over all of them, and by ``verify_history``."""

import hashlib
import logging
import tempfile
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import File
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core.acting import acting_as
from core.engine.findings import Finding
from core.models.document import Document, StoredFile
from core.models.proof import FileCheck
from core.storage import documents_storage

alerts = logging.getLogger("essor.alerts")

CHUNK = 1024 * 1024
IN_MEMORY = 8 * CHUNK
# A file is read again at most once in this time: the round of a night ends when all were.
ROUND = timedelta(hours=20)
Fault = FileCheck.Fault
# Who writes down what a reading found.
READING = "reading of a file"


class FileDamaged(Exception):
    """The bytes of a stored file are gone, cannot be read, or are not those that were kept."""

    def __init__(self, fault: str):
        self.fault = fault
        super().__init__(fault)


def read_whole(stored: StoredFile, into: BinaryIO | None = None) -> str:
    """The fault of the bytes ("" for none), after reading all of them; ``into`` gets a copy."""
    digest, size = hashlib.sha256(), 0
    try:
        with documents_storage().open(stored.storage_name, "rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
                if into is not None:
                    into.write(chunk)
    except FileNotFoundError:
        return Fault.MISSING
    except OSError as error:  # a folder or a broken link in its place, a bad disk, no right to it
        alerts.error("The stored file %s cannot be read: %s", stored.sha256, error)
        return Fault.UNREADABLE
    return "" if size == stored.size and digest.hexdigest() == stored.sha256 else Fault.CHANGED


def open_proven(stored: StoredFile) -> File:
    """A copy of the bytes, compared with their hash before the first of them leaves.

    Raises:
        FileDamaged: they are gone or changed, or cannot be read; the alert is given.
    """
    copy = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)
    try:
        if fault := read_whole(stored, copy):
            note(stored, fault)
            raise FileDamaged(fault)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return File(copy, name=stored.storage_name)


def note(stored: StoredFile, fault: str) -> None:
    """Write down what the reading of a file found; a fault is an alert (log, health, page of the figures)."""
    with acting_as(label=READING):  # whoever opens a file finds its fault, and does not make it
        FileCheck.objects.update_or_create(file=stored, defaults={"checked_at": timezone.now(), "fault": fault})
    if fault:
        alerts.error("The stored file %s is %s: %s", stored.sha256, fault, names_of(stored) or "no document")


def names_of(stored: StoredFile) -> str:
    """The documents that are this file, for whoever has to find it again in a backup."""
    return ", ".join(f"{document.name} ({document.pk})" for document in stored.documents.order_by("pk")[:5])


def check_some(limit: int | None = None) -> int:
    """Read again the files whose last reading is the oldest; how many were read. The periodic task's slice.

    Where it stands is kept with each file: a restart loses nothing.
    """
    limit = settings.ESSOR_FILE_CHECK_SLICE if limit is None else limit
    due = StoredFile.objects.filter(
        Q(check_of_bytes=None) | Q(check_of_bytes__checked_at__lt=timezone.now() - ROUND)
    ).order_by(F("check_of_bytes__checked_at").asc(nulls_first=True), "pk")
    read = 0
    for stored in due[:limit]:
        note(stored, read_whole(stored))
        read += 1
    return read


def slices(size: int = 200) -> Iterator[list[int]]:
    """The keys of all stored files, in slices that several sessions share."""
    keys = list(StoredFile.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(keys), size):
        yield keys[start : start + size]


def check_files(keys: Iterable[int]) -> Iterator[Finding]:
    """Every stored file is there, with the bytes that its hash was made of."""
    for stored in StoredFile.objects.filter(pk__in=list(keys)).order_by("pk"):
        fault = read_whole(stored)
        if not fault:
            continue
        used = Document.objects.filter(file=stored).order_by("pk").values_list("pk", "name")
        which = (
            ", ".join(_("%(name)s (document no. %(number)s)") % {"name": name, "number": pk} for pk, name in used[:5])
            or "–"
        )
        if fault == Fault.MISSING:
            sentence = _("the stored file is gone: %(documents)s.")
        elif fault == Fault.UNREADABLE:
            sentence = _("the stored file cannot be read: look at the store of files: %(documents)s.")
        else:
            sentence = _("the bytes of the stored file are not those that were kept: %(documents)s.")
        yield Finding(
            "core_storedfile", stored.pk, "sha256", stored.sha256, str(Fault(fault).label), stored.created_at, sentence,
            {"documents": which},
        )  # fmt: skip
