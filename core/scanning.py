"""Virus scanning of documents: one interface, ClamAV behind it where ``ESSOR_SCANNER`` names a daemon.

``ESSOR_SCANNER`` is empty (nothing is scanned, and screens say so), ``clamd://host:3310``,
``clamd+unix:///run/clamav/clamd.ctl``, or the dotted path of a callable that returns a :class:`Scanner`.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from core.models.document import ScanState

TIMEOUT_SECONDS = 45
CHUNK = 64 * 1024


class ScannerUnavailable(Exception):
    """The scanner did not answer: the file waits, nobody is told that it is clean."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What the scanner says: ``state`` is clean or infected; ``detail`` names what was found."""

    state: ScanState
    detail: str = ""


class Scanner(Protocol):
    """Anything that can look at a file."""

    def scan(self, file: BinaryIO) -> ScanResult:
        """Read ``file`` from its present position to its end. Raises ScannerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class ClamdScanner:
    """ClamAV's daemon, spoken to by its INSTREAM command over TCP or a Unix socket."""

    address: tuple[str, int] | str
    timeout: float = TIMEOUT_SECONDS

    def scan(self, file: BinaryIO) -> ScanResult:
        """Stream the file to the daemon in pieces, so that none is held whole in memory."""
        try:
            with self._connect() as connection:
                connection.sendall(b"zINSTREAM\0")
                while chunk := file.read(CHUNK):
                    connection.sendall(struct.pack("!L", len(chunk)) + chunk)
                connection.sendall(struct.pack("!L", 0))
                answer = self._read_answer(connection)
        except OSError as error:
            raise ScannerUnavailable(str(error)) from error
        return self._understand(answer)

    def _connect(self) -> socket.socket:
        if isinstance(self.address, tuple):
            return socket.create_connection(self.address, timeout=self.timeout)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(self.timeout)
        try:
            connection.connect(self.address)
        except OSError:
            connection.close()
            raise
        return connection

    @staticmethod
    def _read_answer(connection: socket.socket) -> str:
        answer = b""
        while not answer.endswith(b"\0") and (part := connection.recv(4096)):
            answer += part
        return answer.rstrip(b"\0").decode("utf-8", "replace").strip()

    @staticmethod
    def _understand(answer: str) -> ScanResult:
        # "stream: OK", "stream: Eicar-Signature FOUND", or "… ERROR"
        verdict = answer.removeprefix("stream:").strip()
        if verdict == "OK":
            return ScanResult(ScanState.CLEAN)
        if verdict.endswith(" FOUND"):
            return ScanResult(ScanState.INFECTED, verdict.removesuffix(" FOUND")[:200])
        raise ScannerUnavailable(answer or "no answer")


def configured_scanner() -> Scanner | None:
    """The scanner of the settings; None when documents are not scanned.

    Raises:
        ImproperlyConfigured: the setting is neither an address nor a dotted path.
    """
    setting: str = settings.ESSOR_SCANNER
    if not setting:
        return None
    if setting.startswith(("clamd://", "clamd+unix://")):
        parts = urlsplit(setting)
        if parts.scheme == "clamd+unix":
            return ClamdScanner(parts.path)
        return ClamdScanner((parts.hostname or "localhost", parts.port or 3310))
    try:
        factory: Callable[[], Scanner] = import_string(setting)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"ESSOR_SCANNER is {setting!r}: write clamd://host:3310, clamd+unix:///path or a dotted path."
        ) from error
    return factory()
