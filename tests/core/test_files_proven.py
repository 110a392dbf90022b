"""Stored files against their hash: when they are read, every night, by the command; never other bytes than were kept."""

import logging
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client, RequestFactory
from django.utils import timezone, translation

from core import health
from core.acting import acting_as
from core.documents import DocumentDamaged, DocumentRefused, open_document, store
from core.engine.files import check_some
from core.engine.seals import seal_all
from core.figures.invariants import invariant_of
from core.jobs import run_now
from core.middleware import UnreadableFileMiddleware
from core.models import Document, FileCheck, OutboxMessage, StoredFile, User
from core.models.job import Job
from core.outbox import enqueue_mail
from core.storage import documents_storage
from core.tasks import deliver_message
from tests.factories.core import UserFactory
from tests.invariants.sabotage import sabotage

pytestmark = pytest.mark.django_db

PDF = b"%PDF-1.7\n%%EOF\n"
OTHER = b"%PDF-1.7\n%%EOX\n"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


@pytest.fixture
def user() -> User:
    with acting_as(label="tests"):
        return UserFactory(applicant=True)


@pytest.fixture
def invoice(user: User) -> Document:
    with acting_as(label="tests"):
        return store(PDF, name="facture.pdf", subject=None, user=user)


def path_of(document: Document) -> Path:
    return Path(documents_storage().path(document.file.storage_name))


def overwrite(document: Document) -> None:
    path_of(document).chmod(0o600)
    path_of(document).write_bytes(OTHER)


def remove(document: Document) -> None:
    path_of(document).unlink()


def folder_in_its_place(document: Document) -> None:
    remove(document)
    path_of(document).mkdir()


def link_to_itself(document: Document) -> None:
    remove(document)
    path_of(document).symlink_to(path_of(document))


DAMAGE = pytest.mark.parametrize(
    ("damage", "fault", "word"),
    [
        (overwrite, "changed", "modifié ou abîmé"),
        (remove, "missing", "n’est plus dans"),
        (folder_in_its_place, "unreadable", "ne peut pas être lu"),
        (link_to_itself, "unreadable", "ne peut pas être lu"),
    ],
)


@DAMAGE
def test_a_download_is_a_clear_page_and_an_alert(client: Client, user, invoice, caplog, damage, fault, word):
    client.force_login(user)
    assert b"".join(client.get(invoice.get_absolute_url()).streaming_content) == PDF
    damage(invoice)
    with caplog.at_level(logging.ERROR, "essor.alerts"):
        response = client.get(invoice.get_absolute_url())
    page = response.content.decode()
    assert response.status_code == 410
    assert word in page and "facture.pdf" in page and str(invoice.pk) in page
    assert FileCheck.objects.get(file=invoice.file).fault == fault
    assert invoice.file.sha256 in caplog.text
    assert health.check_all()["files"] == {"ok": False}
    (broken,) = invariant_of("core.files-are-unchanged").broken()
    assert (broken.pk, broken.found) == (invoice.pk, fault)


def test_any_page_that_needs_a_damaged_file_says_so(invoice):
    overwrite(invoice)
    with pytest.raises(DocumentDamaged) as caught:
        open_document(invoice)
    request = RequestFactory().get("/")
    request.user = invoice.uploaded_by
    request.session = {}
    middleware = UnreadableFileMiddleware(lambda request: None)
    assert middleware.process_exception(request, ValueError()) is None
    assert middleware.process_exception(request, caught.value).status_code == 410


def test_a_mail_never_leaves_with_other_bytes(invoice):
    enqueue_mail(
        to=["a@example.org"],
        template="sample/mails/received",
        context={"number": "PROG-1"},
        key="k",
        attachments=[invoice],
    )
    overwrite(invoice)
    message = OutboxMessage.objects.get()
    deliver_message(message.pk)
    message.refresh_from_db()
    assert not mail.outbox
    assert (message.state, "facture.pdf" in message.reason) == (OutboxMessage.State.PENDING, True)


def test_a_job_that_reads_it_fails_with_the_same_sentence(user, invoice):
    overwrite(invoice)
    with translation.override("fr"):
        job = run_now("sample.read", {"document": invoice.pk}, user=user)
    assert job.state == Job.State.FAILED
    assert "modifié ou abîmé" in job.reason


def test_the_same_file_sent_again_repairs_what_was_changed(user, invoice, caplog):
    overwrite(invoice)
    with caplog.at_level(logging.ERROR, "essor.alerts"):
        again = store(PDF, name="facture.pdf", subject=None, user=user)
    assert again.file == invoice.file
    assert invoice.file.sha256 in caplog.text
    with open_document(invoice) as file:
        assert file.read() == PDF


def test_the_round_reads_every_file_once_a_night_and_goes_on_where_it_stood(user, invoice, settings):
    others = [store(PDF + bytes([number]), name="a.pdf", subject=None, user=user) for number in range(4)]
    overwrite(others[-1])
    settings.ESSOR_FILE_CHECK_SLICE = 2
    assert [check_some(), check_some(), check_some(), check_some()] == [2, 2, 1, 0]
    assert FileCheck.objects.count() == StoredFile.objects.count() == 5
    assert FileCheck.objects.get(fault="changed").file == others[-1].file
    documents_storage().delete(others[-1].file.storage_name)
    FileCheck.objects.update(checked_at=timezone.now() - timedelta(days=1))
    assert check_some(10) == 5
    assert FileCheck.objects.get(file=others[-1].file).fault == "missing"


def test_files_that_no_night_ever_read_are_found(user, settings):
    """No round that began is no reason to wait for none: it counts from the first seal and from the file itself."""
    settings.ESSOR_FILES_READ_WITHIN = 2
    figure = invariant_of("core.files-are-read-again")
    with acting_as(label="tests"), time_machine.travel(timezone.now() - timedelta(days=4)):
        old = store(PDF, name="ancienne.pdf", subject=None, user=user)
    store(OTHER, name="nouvelle.pdf", subject=None, user=user)
    seal_all()
    assert list(figure.broken()) == []  # the database is of today, whatever it was filled with
    sabotage(["UPDATE core_eventseal SET sealed_at = now() - interval '4 days'"])
    assert [broken.pk for broken in figure.broken()] == [old.pk]
    check_some()
    assert list(figure.broken()) == []
    FileCheck.objects.update(checked_at=timezone.now() - timedelta(days=4))
    assert len(list(figure.broken())) == StoredFile.objects.count() == 2


@pytest.mark.parametrize("damage", [folder_in_its_place, link_to_itself])
def test_a_file_that_cannot_be_read_stops_no_round_and_is_written_again(user, invoice, damage):
    other = store(PDF + b"2", name="autre.pdf", subject=None, user=user)
    damage(invoice)
    remove(other)
    found = {broken.pk: broken.found for broken in invariant_of("core.files-are-there").broken()}
    assert found == {invoice.pk: "unreadable", other.pk: None}
    assert check_some() == 2
    assert set(FileCheck.objects.values_list("fault", flat=True)) == {"unreadable", "missing"}
    store(PDF, name="facture.pdf", subject=None, user=user)
    with open_document(invoice) as file:
        assert file.read() == PDF


def test_a_file_that_the_store_does_not_take_is_refused_in_words(user, invoice):
    folder_in_its_place(invoice)
    (path_of(invoice) / "kept").write_bytes(b"what somebody put there")
    with translation.override("fr"), pytest.raises(DocumentRefused, match="n’a pas pu conserver ce fichier"):
        store(PDF, name="facture.pdf", subject=None, user=user)
    assert (path_of(invoice) / "kept").exists()


@DAMAGE
@pytest.mark.infrastructure
def test_verify_history_names_the_file(invoice, damage, fault, word):
    call_command("verify_history", stdout=StringIO())
    damage(invoice)
    with translation.override("fr"), pytest.raises(CommandError) as caught:
        call_command("verify_history")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"Fichier conservé (core_storedfile) n°\xa0{invoice.file_id}, champ sha256\u202f: ")
    assert f"facture.pdf (document n°\xa0{invoice.pk})" in line
    call_command("verify_history", "--no-files", stdout=StringIO())
