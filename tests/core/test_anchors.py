"""Anchors: a chain that was computed anew does not pass through what somebody else kept."""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from core.checks import time_stamps_can_be_verified
from core.engine.anchors import AnchorError, is_stamped_unverified, make_anchor, read_anchor, text_of
from core.engine.daily import anchor_seals
from core.engine.seals import seal_all, seal_hash
from core.engine.timestamps import TimestampError, check_timestamp
from core.events import record
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.models import OutboxMessage
from core.models.event import EventSeal
from core.roles import Role
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db
TSA = """
[tsa]
default_tsa = one
[one]
serial = {folder}/serial
signer_cert = {folder}/cert.pem
signer_key = {folder}/key.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
"""


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    with translation.override("en"):
        yield


@pytest.fixture
def sealed(case) -> None:
    for number in range(3):
        record(case, f"step {number}")
    seal_all()


def anchored(tmp_path: Path) -> Path:
    output = StringIO()
    call_command("anchor", "--folder", str(tmp_path), stdout=output)
    return Path(output.getvalue().strip().rpartition(": ")[2])


def found(path: Path) -> str:
    """What the command says of an anchor (the rows of these tests were made by nobody: other lines are not looked at)."""
    with pytest.raises(CommandError) as caught:
        call_command("verify_history", "--anchor", str(path))
    return "\n".join(line for line in str(caught.value).splitlines() if line.startswith("core_eventseal"))


def rewrite_the_chain() -> None:
    """By the administrator of the database: the first event gets another hash, and every seal after it is made to fit."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        previous = ""
        for seal in EventSeal.objects.order_by("position"):
            if seal.position == 1:
                seal.event_hash = "0" * 64
                cursor.execute("UPDATE core_event SET hash = %s WHERE id = %s", [seal.event_hash, seal.event_id])
            previous = seal.hash = seal_hash(previous, seal)
            cursor.execute(
                "UPDATE core_eventseal SET event_hash = %s, hash = %s WHERE position = %s",
                [seal.event_hash, seal.hash, seal.position],
            )
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_an_anchor_says_where_the_chain_ends(sealed, tmp_path):
    path = anchored(tmp_path)
    content = read_anchor(path)
    last = EventSeal.objects.last()
    assert (content["position"], content["hash"], content["events"]) == (last.position, last.hash, 3)
    assert content["region"] and content["made_at"] and content["signature"]
    assert anchored(tmp_path) == path  # nothing new: the same anchor
    assert found(path) == ""


def test_a_chain_made_anew_is_found_by_the_anchor(sealed, tmp_path):
    path = anchored(tmp_path)
    rewrite_the_chain()
    assert "the chain of all events is not the one that was noted" in found(path)


def test_an_anchor_made_to_fit_has_no_signature(sealed, tmp_path):
    path = anchored(tmp_path)
    rewrite_the_chain()
    content = read_anchor(path) | {"hash": EventSeal.objects.last().hash}
    path.write_text(text_of(content))
    assert "the anchor itself was edited" in found(path)


def test_the_key_is_a_setting_and_an_earlier_one_still_counts(sealed, tmp_path, settings):
    settings.SECRET_KEY = "the first key"
    path = anchored(tmp_path)
    settings.SECRET_KEY, settings.ESSOR_ANCHOR_KEY = "the second", "a key of its own"
    assert "signed with a key that Essor no longer has" in found(path)
    settings.SECRET_KEY_FALLBACKS = ["the first key"]
    assert found(path) == ""


@pytest.mark.parametrize(
    "text", ["", "nonsense", "{}", '{"essor_anchor": 1}', '{"essor_anchor": 9, "position": 1, "hash": "x"}']
)
def test_what_is_no_anchor_is_said(tmp_path, text, db):
    path = tmp_path / "anchor.json"
    path.write_text(text)
    with pytest.raises(AnchorError, match="anchor"):
        read_anchor(path)
    with pytest.raises(CommandError, match="anchor"):
        call_command("verify_history", "--anchor", str(path))


def test_nothing_sealed_nothing_anchored(db):
    with pytest.raises(AnchorError, match="nothing to anchor"):
        make_anchor()


def test_every_day_to_the_folder_and_by_mail(sealed, tmp_path, settings):
    settings.ESSOR_ANCHOR_FOLDER, settings.ESSOR_ANCHOR_MAIL = str(tmp_path / "out"), ["audit@example.org"]
    anchor_seals()
    anchor_seals()
    (path,) = (tmp_path / "out").iterdir()
    message = OutboxMessage.objects.get()
    assert message.to == ["audit@example.org"]
    mail = tmp_path / "saved.eml"
    mail.write_text(message.body)
    assert read_anchor(mail) == json.loads(path.read_text())
    assert found(mail) == ""


def test_anchors_that_go_nowhere_do_not_hold_in_production(sealed, settings, tmp_path):
    """Unset is no answer: the figure names the first seal once it is two days old, and the page says it from the first day."""
    figure = invariant_of("core.anchors-are-made")
    client = Client()
    client.force_login(UserFactory(roles=[Role.FINANCE_OFFICER]))
    page, words = reverse("admin:core_figurecheck_changelist"), "n’est notée nulle part"
    assert words in client.get(page).content.decode()
    assert look_at(figure).holds
    settings.ESSOR_ANCHORS_EXPECTED = True
    assert look_at(figure).holds  # made today
    with time_machine.travel(timezone.now() + timedelta(days=3)):
        assert look_at(figure).count == 1
        settings.ESSOR_ANCHOR_FOLDER = str(tmp_path)
        assert look_at(figure).count == 1
        settings.ESSOR_ANCHORS_EXPECTED = False
        assert look_at(figure).count == 1  # a folder in which there is none
        anchor_seals()
        os.utime(next(tmp_path.iterdir()), (timezone.now().timestamp(),) * 2)
        assert look_at(figure).holds
    assert words not in client.get(page).content.decode()


# --- RFC 3161 --------------------------------------------------------------------------------------------------------


def authority(folder: Path) -> Path:
    """Somebody who stamps with a key of their own; every one of them is called "TSA"."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(TSA.format(folder=folder))
    subject = ("-subj", "/CN=TSA", "-addext", "extendedKeyUsage=critical,timeStamping")
    keys = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-nodes", "-days", "2")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", *keys, *subject], check=True, capture_output=True)
    return folder


def stamp(folder: Path, query: bytes) -> bytes:
    """What the one of this folder answers."""
    (folder / "query").write_bytes(query)
    command = ["openssl", "ts", "-reply", "-config", str(folder / "tsa.cnf")]
    files = ["-queryfile", str(folder / "query"), "-out", str(folder / "reply")]
    subprocess.run([*command, *files], check=True, capture_output=True)
    return (folder / "reply").read_bytes()


def stamp_of(folder: Path, content: bytes) -> str:
    """A stamp of ``content``, as an anchor keeps it."""
    digest = hashlib.sha256(content).hexdigest()
    query = ["openssl", "ts", "-query", "-digest", digest, "-sha256", "-cert"]
    asked = subprocess.run(query, check=True, capture_output=True).stdout
    return base64.b64encode(stamp(folder, asked)).decode()


@pytest.fixture
def service(tmp_path, settings) -> Iterator[Path]:
    """A time-stamping service on this machine: ``openssl ts -reply`` behind a small server."""
    folder = authority(tmp_path / "tsa")

    class Service(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer = stamp(folder, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.ESSOR_TIMESTAMP_URL = f"http://127.0.0.1:{server.server_port}/"
    settings.ESSOR_TIMESTAMP_CA = str(folder / "cert.pem")
    yield folder
    server.shutdown()
    server.server_close()


def test_an_anchor_is_time_stamped_where_a_service_is_set(sealed, service, tmp_path, settings):
    path = anchored(tmp_path / "anchors")
    assert read_anchor(path)["timestamp"]
    assert found(path) == ""
    content = read_anchor(path)
    other = json.loads(path.read_text()) | {"timestamp": "AAAA"}
    path.write_text(text_of(other))
    assert "the time-stamp of the anchor does not hold" in found(path)
    path.write_text(text_of(content | {"signature": "0" * 64}))
    assert "the time-stamp of the anchor does not hold: It is a stamp of something else." in found(path)


DOES_NOT_HOLD = "the time-stamp of the anchor does not hold"


def test_a_stamp_by_somebody_else_does_not_hold(sealed, service, tmp_path):
    """It is of the right content, and whoever made it bears the same name: only the signature tells."""
    foreign = authority(tmp_path / "foreign")
    path = anchored(tmp_path / "anchors")
    content = read_anchor(path)
    signature = content["signature"].encode()
    path.write_text(text_of(content | {"timestamp": stamp_of(service, signature)}))
    assert found(path) == ""  # the service's own second stamp
    path.write_text(text_of(content | {"timestamp": stamp_of(foreign, signature)}))
    assert DOES_NOT_HOLD in found(path)
    edited = bytearray(base64.b64decode(content["timestamp"]))
    edited[-1] ^= 1  # the signature is the end of the answer
    path.write_text(text_of(content | {"timestamp": base64.b64encode(edited).decode()}))
    assert DOES_NOT_HOLD in found(path)


def test_no_anchor_is_made_with_a_stamp_by_somebody_else(sealed, service, tmp_path, settings):
    settings.ESSOR_TIMESTAMP_CA = str(authority(tmp_path / "foreign") / "cert.pem")
    with pytest.raises(CommandError):
        call_command("anchor", "--folder", str(tmp_path / "anchors"))
    assert not (tmp_path / "anchors").exists()


def test_a_stamp_that_nothing_verifies_is_kept_and_said_not_to_be_verified(sealed, service, tmp_path, settings):
    """Without the certificates of the service a stamp by anybody would do: none is said to be accepted."""
    settings.ESSOR_TIMESTAMP_CA = ""
    output, errors = StringIO(), StringIO()
    call_command("anchor", "--folder", str(tmp_path / "anchors"), stdout=output, stderr=errors)
    assert "its signature was not verified" in errors.getvalue()
    (path,) = (tmp_path / "anchors").iterdir()
    content = read_anchor(path)
    assert content["timestamp"] and is_stamped_unverified(content)
    signature = content["signature"].encode()
    assert check_timestamp(base64.b64decode(content["timestamp"]), signature) is False
    for kept in (content["timestamp"], stamp_of(authority(tmp_path / "foreign"), signature)):
        path.write_text(text_of(content | {"timestamp": kept}))
        output = StringIO()
        with pytest.raises(CommandError):  # the rows of these tests were made by nobody
            call_command("verify_history", "--anchor", str(path), stdout=output)
        assert "its signature was not verified" in output.getvalue()
    settings.ESSOR_TIMESTAMP_CA = str(service / "cert.pem")
    assert check_timestamp(base64.b64decode(content["timestamp"]), signature) is True
    assert not is_stamped_unverified(content)
    assert DOES_NOT_HOLD in found(path)  # the foreign one, once there is what verifies it


def test_time_stamps_without_certificates_are_said_at_the_start(settings, tmp_path):
    def ids() -> list[str]:
        return [str(message.id) for message in time_stamps_can_be_verified(None)]

    assert ids() == []
    settings.ESSOR_TIMESTAMP_URL = "https://tsa.example.org/"
    assert ids() == ["essor.W003"]
    settings.ESSOR_TIMESTAMP_CA = str(tmp_path / "nowhere.pem")
    assert ids() == ["essor.W003"]
    (tmp_path / "nowhere.pem").write_text("certificates")
    assert ids() == []


def test_a_service_that_does_not_answer_is_said(sealed, settings, tmp_path):
    settings.ESSOR_TIMESTAMP_URL = "http://127.0.0.1:9/"
    with pytest.raises(CommandError, match="does not answer"):
        call_command("anchor", "--folder", str(tmp_path))
    with pytest.raises(TimestampError):
        check_timestamp(b"nothing", b"content")
