"""Every stored file is there, with its size. Its content is compared with its hash by ``verify_history``."""

from collections.abc import Iterator

from django.core.files.storage import Storage
from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.models.document import Document, StoredFile
from core.models.proof import FileCheck
from core.storage import documents_storage

ALL_FILES = """
    SELECT file.sha256, file.size, doc.id, doc.name FROM core_storedfile file
    JOIN LATERAL (SELECT id, name FROM core_document WHERE file_id = file.id ORDER BY id LIMIT 1) AS doc ON TRUE
    ORDER BY doc.id
"""


def missing() -> Iterator[Broken]:
    """The documents whose file is not in the store, or not whole: one look at the store for each file."""
    storage = documents_storage()
    with connection.cursor() as cursor:
        cursor.execute(ALL_FILES)
        files = cursor.fetchall()
    for sha256, size, pk, name in files:
        found = _size(storage, StoredFile(sha256=sha256).storage_name)
        if found != size:
            yield Broken(pk, name, size, found)


def _size(storage: Storage, name: str) -> int | str | None:
    """The bytes of a stored file; None where there is none, "unreadable" where what is there is no file."""
    try:
        if not storage.exists(name):
            return None
        with storage.open(name, "rb"):
            return storage.size(name)
    except FileNotFoundError:
        return None
    except OSError:  # a folder, a broken link, no right to it: said of this file, and the others are looked at
        return FileCheck.Fault.UNREADABLE.value


CHANGED = """
    SELECT doc.id, doc.name AS label, file.sha256 AS expected, looked.fault AS found
    FROM core_filecheck looked JOIN core_storedfile file ON file.id = looked.file_id
    JOIN LATERAL (SELECT id, name FROM core_document WHERE file_id = file.id ORDER BY id LIMIT 1) AS doc ON TRUE
    WHERE looked.fault <> '' ORDER BY doc.id
"""

register(
    Invariant(
        code="core.files-are-unchanged",
        name=_("Bytes of the stored files"),
        sentence=_("At its last reading, every stored file was the one whose hash was kept when it came."),
        source=_("Regulation (EU) 2021/1060, Articles 69(6) and 82: the documents of the audit trail are kept."),
        subject=Document,
        sql=CHANGED,
        unit=Unit.HASH,
        words=dict(FileCheck.Fault.choices),
    ),
    Invariant(
        code="core.files-are-there",
        name=_("Stored files"),
        sentence=_("Every document has its file in the store, with the number of bytes that it had when it came."),
        source=_("Regulation (EU) 2021/1060, Articles 69(6) and 82: the documents of the audit trail are kept."),
        subject=Document,
        rows=missing,
        unit=Unit.NUMBER,
        counted=_("bytes"),
        words=dict(FileCheck.Fault.choices),
    ),
)
