"""Every door through which a file comes in: too large, mistyped, badly named. A sentence, and what was typed stays."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.models import Document, User
from tests.factories.agreements import add_line, in_force, line_values, opened
from tests.factories.applicants import iban
from tests.factories.core import UserFactory
from tests.factories.grants import draft

pytestmark = pytest.mark.django_db

MB = 1024 * 1024
TYPED = "Coopérative du Fil Bleu"
PROGRAM = b"MZ\x90\x00\x03" + b"\x00" * 300


@dataclass(frozen=True)
class Door:
    """Where a file is sent, by whom, under which name, with what else typed."""

    address: str
    user: User
    name: str
    typed: dict[str, Any] = field(default_factory=dict)
    suffix: str = ".pdf"


def piece() -> Door:
    application = draft()
    return Door(reverse("grants:add_piece", args=[application.public_id, "statutes"]), application.created_by, "files")


def bank_proof() -> Door:
    application = draft()
    typed = {"holder_name": TYPED, "iban": iban(7)}
    address = reverse("applicants:new_bank_account", args=[application.applicant_id])
    return Door(address, application.created_by, "proof", typed)


def expenditure() -> Door:
    agreement, house = in_force()
    claim = opened(agreement, house)
    values = {
        key: value.isoformat() if hasattr(value, "isoformat") else str(value) for key, value in line_values().items()
    }
    del values["category"]  # that of its account: nobody types it
    typed = values | {"supplier_name": TYPED}
    return Door(reverse("agreements:line_add", args=[claim.number]), house.member, "proof", typed)


def proof_of_lines() -> Door:
    agreement, house = in_force()
    claim = opened(agreement, house)
    add_line(claim, house, proof=False)
    return Door(reverse("agreements:line_proof", args=[claim.number]), house.member, "proof", {"lines": ["1"]})


def claim_workbook() -> Door:
    agreement, house = in_force()
    claim = opened(agreement, house)
    address = reverse("agreements:workbook_upload", args=[claim.number])
    return Door(address, house.member, "workbook", suffix=".xlsx")


def list_of_applicants() -> Door:
    typed = {"format": "0", "resource": "0", "change_reason": "Reprise."}
    address = reverse("admin:applicants_applicant_import")
    return Door(address, UserFactory(instructor=True), "import_file", typed, suffix=".xlsx")


def list_of_operations() -> Door:
    typed = {"period": "2014-2020", "mode": "all_or_nothing"}
    address = reverse("admin:reporting_import")
    return Door(address, UserFactory(finance_officer=True), "file", typed, suffix=".xlsx")


DOORS = [piece, bank_proof, expenditure, proof_of_lines, claim_workbook, list_of_applicants, list_of_operations]
every_door = pytest.mark.parametrize("make", DOORS, ids=lambda make: make.__name__)


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = settings.MEDIA_ROOT = tmp_path


def send(door: Door, content: bytes, name: str) -> str:
    """What the person reads after sending this file."""
    client = Client()
    client.force_login(door.user, backend="django.contrib.auth.backends.ModelBackend")
    upload = SimpleUploadedFile(name, content, "application/pdf")
    response = client.post(door.address, door.typed | {door.name: upload}, follow=True)
    assert response.status_code in (200, 413, 422), response.status_code
    return html.unescape(response.text)


@every_door
def test_a_file_of_80_megabytes(make: Callable[[], Door]):
    door, documents = make(), Document.objects.count()
    page = send(door, b"%PDF-1.7\n" + b"\x00" * (80 * MB), f"plan{door.suffix}")
    assert re.search(r"80\sMo|dépasse (la limite de )?\d+\sMo", page)
    assert Document.objects.count() == documents
    assert all(text in page for text in [TYPED] if text in door.typed.values())


@every_door
def test_a_program_under_another_name(make: Callable[[], Door]):
    door, documents = make(), Document.objects.count()
    page = send(door, PROGRAM, f"facture{door.suffix}")
    assert re.search(r"n’est pas|ne sont pas|n’est ni|ne peut pas|PDF|illisible|\.xlsx", page)
    assert re.search(r'class="[^"]*(error|alert|danger|message)', page)
    assert Document.objects.count() == documents
    assert all(text in page for text in [TYPED] if text in door.typed.values())


@every_door
def test_a_name_that_is_a_page(make: Callable[[], Door]):
    door = make()
    client = Client()
    client.force_login(door.user, backend="django.contrib.auth.backends.ModelBackend")
    upload = SimpleUploadedFile(f"<img src=x onerror=alert(1)>{door.suffix}", PROGRAM)
    response = client.post(door.address, door.typed | {door.name: upload}, follow=True)
    assert "<img src=x" not in response.text


@every_door
def test_no_file_at_all(make: Callable[[], Door]):
    door, documents = make(), Document.objects.count()
    client = Client()
    client.force_login(door.user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.post(door.address, door.typed, follow=True)
    assert response.status_code in (200, 422)
    assert Document.objects.count() == documents
