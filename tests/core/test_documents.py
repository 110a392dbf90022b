"""The document store: what gets in, under which name, who reads it, how it is served, what the database keeps."""

import io
import socketserver
import struct
import threading
import zipfile
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, InternalError, connection, transaction
from django.utils import timezone

from core import documents
from core.documents import (
    IMAGE_TYPES,
    WORKBOOK_TYPES,
    DocumentNotReady,
    DocumentRefused,
    keep_until,
    may_read,
    open_document,
    register_access,
    safe_name,
    scan_waiting,
    store,
)
from core.file_types import DOCX, JPEG, ODT, PDF, PNG, TEXT, XLS, XLSX, sniff
from core.models import Document, StoredFile, User
from core.models.document import ScanState
from core.personal_numbers import find_national_number
from core.scanning import ClamdScanner, ScannerUnavailable, ScanResult
from core.storage import documents_storage
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db

PDF_BYTES = b"%PDF-1.7\n%%EOF\n"
PNG_BYTES = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
NIR = "2 95 10 99 126 111 93"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


@pytest.fixture
def user() -> User:
    return UserFactory(applicant=True)


def office(main: str, extra: dict[str, bytes] | None = None, part: str = "word/document.xml", text: str = "") -> bytes:
    """A minimal Office file whose main part has the content type ``main``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        kind = f"application/vnd.openxmlformats-officedocument.{main}+xml"
        archive.writestr("[Content_Types].xml", f'<Types><Override PartName="/{part}" ContentType="{kind}"/></Types>')
        archive.writestr(part, f"<w:document><w:p><w:t>{text}</w:t></w:p></w:document>")
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def open_document_file(media_type: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", media_type)
        archive.writestr("content.xml", "<office/>")
    return buffer.getvalue()


WORD = office("wordprocessingml.document.main")
EXCEL = office("spreadsheetml.sheet.main", part="xl/workbook.xml")
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


# --- Types -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PDF_BYTES, PDF),
        (PNG_BYTES, PNG),
        (b"\xff\xd8\xff\xe0rest", JPEG),
        (WORD, DOCX),
        (EXCEL, XLSX),
        (open_document_file(ODT.media_type), ODT),
        ("Compte;Montant\n622;18 500,00 €\n".encode(), TEXT),
        ("Déplacements".encode("cp1252"), TEXT),
        (OLE + "Workbook\0".encode("utf-16-le"), XLS),
        (OLE + b"something else", None),
        (b"\x7fELF\x02\x01\x01\x00\x00", None),
        (b"MZ\x90\x00", None),
    ],
)
def test_the_type_comes_from_the_bytes(content: bytes, kind: object) -> None:
    assert sniff(io.BytesIO(content)) is kind


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"<!DOCTYPE html><script>alert(1)</script>", "page.txt", "active_content"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "dessin.csv", "active_content"),
        (b"<?xml version='1.0'?><svg/>", "dessin.txt", "active_content"),
        (b"a;b\n1;<script>x</script>", "table.csv", "active_content"),
        (b"#!/bin/sh\nrm -rf /", "script.txt", "active_content"),
        (office("wordprocessingml.document.main", {"word/vbaProject.bin": b"x"}), "lettre.docx", "macros"),
        (office("wordprocessingml.document.macroEnabled.main"), "lettre.docm", "macros"),
        (OLE + "_VBA_PROJECT\0".encode("utf-16-le"), "vieux.xls", "macros"),
        (OLE + "EncryptedPackage\0".encode("utf-16-le"), "secret.xlsx", "password"),
        (b"PK\x03\x04 cut short", "lettre.docx", "damaged"),
        (OLE + "Workbook\0".encode("utf-16-le"), "vieux.xls", "type"),
        (b"\x7fELF\x00", "programme.pdf", "type"),
        (PDF_BYTES, "rapport.png", "extension"),
        (PDF_BYTES, "rapport", "extension"),
        (WORD, "tableau.xlsx", "extension"),
        (b"", "vide.pdf", "empty"),
    ],
)
def test_refused_with_a_sentence(user: User, content: bytes, name: str, code: str) -> None:
    with pytest.raises(DocumentRefused) as caught:
        store(content, name=name, subject=None, user=user)
    assert caught.value.code == code
    assert str(caught.value).endswith(".")
    assert not Document.objects.exists()


def test_a_zip_bomb_is_not_unpacked(user: User) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", b"\0" * 60_000_000)
    with pytest.raises(DocumentRefused) as caught:
        store(buffer.getvalue(), name="bombe.docx", subject=None, user=user)
    assert caught.value.code == "bomb"


def test_the_types_of_a_piece_are_a_choice(user: User) -> None:
    with pytest.raises(DocumentRefused, match="PDF, PNG, JPEG"):
        store(WORD, name="lettre.docx", subject=None, user=user, allowed=IMAGE_TYPES)
    assert (
        store(EXCEL, name="t.xlsx", subject=None, user=user, allowed=WORKBOOK_TYPES).file.media_type == XLSX.media_type
    )


# --- Sizes and names -------------------------------------------------------------------------------------------------


def test_a_file_that_is_too_large_is_refused_in_words(user: User) -> None:
    class Upload(io.BytesIO):
        size = 80 * 1024 * 1024

    with pytest.raises(DocumentRefused) as caught:
        store(Upload(PDF_BYTES), name="plan.pdf", subject=None, user=user)
    assert "80" in str(caught.value) and "20" in str(caught.value)


def test_a_declared_size_is_not_trusted(user: User) -> None:
    class Upload(io.BytesIO):
        size = 3

    with pytest.raises(DocumentRefused) as caught:
        store(Upload(PDF_BYTES + b" " * 2_000), name="plan.pdf", subject=None, user=user, max_bytes=1_000)
    assert caught.value.code == "size"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("../../etc/passwd.pdf", "passwd.pdf"),
        ("C:\\Users\\moi\\RIB.pdf", "RIB.pdf"),
        ('facture "n° 3" <x>.pdf', "facture _n° 3_ _x_.pdf"),
        ("rapport\u202efdp.exe.pdf", "rapportfdp.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie_ x.pdf"),
        ("con.pdf", "_con.pdf"),
        ("...", "document"),
        ("e\u0301te\u0301.pdf", "été.pdf"),
    ],
)
def test_names_are_made_safe(typed: str, kept: str) -> None:
    assert safe_name(typed) == kept


def test_a_long_name_keeps_its_extension() -> None:
    name = safe_name("x" * 400 + ".pdf")
    assert len(name) == 150 and name.endswith(".pdf")


# --- Contents --------------------------------------------------------------------------------------------------------


def test_the_same_content_is_kept_once(user: User) -> None:
    first = store(PDF_BYTES, name="a.pdf", subject=user, user=user)
    second = store(io.BytesIO(PDF_BYTES), name="b.pdf", subject=user, user=user)
    assert first.file == second.file
    assert StoredFile.objects.count() == 1
    with open_document(second) as file:
        assert file.read() == PDF_BYTES
    assert list(Document.objects.about(user)) == [first, second]


def test_a_copy_cut_short_by_a_crash_is_written_again(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    path = documents_storage().path(document.file.storage_name)
    with open(path, "wb") as file:
        file.write(PDF_BYTES[:3])
    again = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    with open_document(again) as file:
        assert file.read() == PDF_BYTES


def test_documents_have_no_public_address(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    with pytest.raises(ValueError, match="no public address"):
        documents_storage().url(document.file.storage_name)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (f"Nom;NIR\nDupont;{NIR}\n".encode(), "liste.csv"),
        (office("wordprocessingml.document.main", text=f"son numéro est {NIR}, merci"), "lettre.docx"),
    ],
)
def test_a_social_security_number_is_pointed_out(user: User, content: bytes, name: str) -> None:
    document = store(content, name=name, subject=None, user=user)
    assert len(document.notice_sentences) == 1


def test_other_long_numbers_are_left_in_peace(user: User) -> None:
    text = "SIRET 41816609600051, IBAN FR7630006000011234567890189, facture 295109912611199\n"
    assert find_national_number(text) is None
    assert store(text.encode(), name="a.txt", subject=None, user=user).notices == []
    assert find_national_number(f"({NIR})") == NIR


# --- The database ----------------------------------------------------------------------------------------------------


def test_no_delete_before_the_retention_date(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    keep_until(document, timezone.localdate() + timedelta(days=1))
    for attempt in (lambda: document.delete(), lambda: Document.objects.all()._raw_delete("default")):
        with pytest.raises(DatabaseError, match="must be kept"), transaction.atomic():
            attempt()
    assert Document.objects.count() == 1


def test_a_document_without_a_date_or_past_it_can_go(user: User) -> None:
    store(PDF_BYTES, name="a.pdf", subject=None, user=user).delete()
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    keep_until(document, timezone.localdate() - timedelta(days=1))
    document.delete()
    assert not Document.objects.exists()


def test_the_retention_date_only_moves_later(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    day = timezone.localdate() + timedelta(days=10)
    keep_until(document, day)
    keep_until(document, day - timedelta(days=5))
    assert Document.objects.get().retention_until == day
    for wrong in (None, day - timedelta(days=1)):
        with pytest.raises(DatabaseError, match="must be kept"), transaction.atomic():
            Document.objects.update(retention_until=wrong)


@pytest.mark.parametrize("change", [{"name": "autre.pdf"}, {"uploaded_by": None}, {"object_id": 1}])
def test_a_document_is_fixed(user: User, change: dict) -> None:
    store(PDF_BYTES, name="a.pdf", subject=user, user=user)
    with pytest.raises((InternalError, IntegrityError, DatabaseError)), transaction.atomic():
        Document.objects.update(**change)


def test_contents_are_fixed(user: User) -> None:
    store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE core_storedfile SET sha256 = %s", ["0" * 64])


# --- The scanner -----------------------------------------------------------------------------------------------------


class _Clamd(socketserver.StreamRequestHandler):
    """As much of clamd as INSTREAM needs: finds the test virus, and answers an error to "broken"."""

    def handle(self) -> None:
        assert self.rfile.read(10) == b"zINSTREAM\0"
        content = b""
        while size := struct.unpack("!L", self.rfile.read(4))[0]:
            content += self.rfile.read(size)
        if b"broken" in content:
            self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
        else:
            self.wfile.write(b"stream: Eicar-Signature FOUND\0" if b"EICAR" in content else b"stream: OK\0")


@pytest.fixture
def clamd() -> Iterator[str]:
    """The address of a scanner."""
    with socketserver.TCPServer(("127.0.0.1", 0), _Clamd) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"clamd://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_a_clean_file_is_marked_so(settings, clamd: str, user: User) -> None:
    settings.ESSOR_SCANNER = clamd
    document = store(PDF_BYTES + b"x" * 200_000, name="a.pdf", subject=None, user=user)
    assert document.file.scan_state == ScanState.CLEAN
    assert document.file.scanned_at


def test_an_infected_file_is_not_taken(settings, clamd: str, user: User) -> None:
    settings.ESSOR_SCANNER = clamd
    with pytest.raises(DocumentRefused) as caught:
        store(EICAR, name="virus.txt", subject=None, user=user)
    assert caught.value.code == "infected"
    assert not StoredFile.objects.exists()


def test_without_a_scanner_files_are_visibly_not_scanned(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    assert document.file.scan_state == ScanState.NOT_SCANNED
    open_document(document).close()


def test_when_the_scanner_is_away_the_file_waits(settings, clamd: str, user: User) -> None:
    settings.ESSOR_SCANNER = "clamd://127.0.0.1:1"
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    assert document.file.scan_state == ScanState.PENDING
    with pytest.raises(DocumentNotReady):
        open_document(document)
    settings.ESSOR_SCANNER = clamd
    assert scan_waiting() == 1
    document.file.refresh_from_db()
    open_document(document).close()


def test_a_file_of_before_the_scanner_is_scanned_before_it_is_served(settings, clamd: str, user: User) -> None:
    document = store(EICAR, name="vieux.txt", subject=None, user=user)
    settings.ESSOR_SCANNER = clamd
    with pytest.raises(DocumentNotReady):
        open_document(document)
    document.file.refresh_from_db()
    assert (document.file.scan_state, document.file.scan_detail) == (ScanState.INFECTED, "Eicar-Signature")


def test_an_error_of_the_scanner_is_no_verdict(clamd: str) -> None:
    address = ("127.0.0.1", int(clamd.rpartition(":")[2]))
    with pytest.raises(ScannerUnavailable, match="size limit"):
        ClamdScanner(address).scan(io.BytesIO(b"broken"))
    assert ClamdScanner(address).scan(io.BytesIO(b"fine")) == ScanResult(ScanState.CLEAN)


# --- Who reads -------------------------------------------------------------------------------------------------------


def test_a_document_of_nobody_is_its_senders(user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    assert may_read(user, document) is None
    assert may_read(UserFactory(administrator=True), document)


def test_a_model_that_registered_nothing_has_unreadable_documents(user: User, monkeypatch) -> None:
    monkeypatch.setattr(documents, "_access", {})
    document = store(PDF_BYTES, name="a.pdf", subject=user, user=user)
    assert may_read(user, document)
    register_access(User, lambda reader, subject: None if reader == subject else "non")
    assert may_read(user, document) is None
    assert may_read(UserFactory(), document) == "non"
    register_access("core.User", lambda reader, subject: None)
    assert may_read(UserFactory(is_active=False), document)


# --- Serving ---------------------------------------------------------------------------------------------------------


def test_served_as_an_attachment_that_nothing_runs(client, user: User) -> None:
    document = store(PDF_BYTES, name="reçu d'été.pdf", subject=None, user=user)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(document.get_absolute_url())
    assert response.status_code == 200
    assert b"".join(response.streaming_content) == PDF_BYTES
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''re%C3%A7u")
    assert response["Content-Type"] == "application/pdf"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"].startswith("sandbox")
    assert "no-store" in response["Cache-Control"] and "private" in response["Cache-Control"]


def test_a_stranger_gets_the_same_answer_as_for_nothing(client, user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    client.force_login(UserFactory(instructor=True), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(document.get_absolute_url()).status_code == 404
    assert client.get("/documents/999999/").status_code == 404


def test_nobody_is_sent_to_sign_in(client, user: User) -> None:
    document = store(PDF_BYTES, name="a.pdf", subject=None, user=user)
    response = client.get(document.get_absolute_url())
    assert response.status_code == 302 and "/connexion/" in response.url


def test_a_blocked_file_is_explained(client, settings, clamd: str, user: User) -> None:
    document = store(EICAR, name="a.txt", subject=None, user=user)
    settings.ESSOR_SCANNER = clamd
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(document.get_absolute_url())
    assert response.status_code == 409
    assert EICAR not in response.content
