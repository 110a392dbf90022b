"""Time-stamps of a third party (RFC 3161), through the ``openssl`` program: Essor reads no DER by itself."""

import hashlib
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

TIMEOUT = 30
MAX_BYTES = 1024 * 1024


class TimestampError(Exception):
    """The service refused, did not answer, or its answer is about something else; ``str()`` is a sentence."""


def _openssl(*arguments: str) -> bytes:
    try:
        done = subprocess.run(["openssl", "ts", *arguments], capture_output=True, timeout=TIMEOUT, check=False)
    except FileNotFoundError as error:
        raise TimestampError(_("The program openssl is not installed: time-stamps need it.")) from error
    except subprocess.TimeoutExpired as error:
        raise TimestampError(_("The program openssl does not answer.")) from error
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise TimestampError(lines[-1] if lines else _("The time-stamp is not accepted."))
    return done.stdout


def time_stamp(content: bytes) -> bytes:
    """The answer of the configured service about ``content`` (DER), looked at before it is kept.

    Raises:
        TimestampError: no answer, a refusal, or a stamp of something else.
    """
    digest = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        query = Path(folder) / "query.tsq"
        _openssl("-query", "-digest", digest, "-sha256", "-cert", "-out", str(query))
        request = urllib.request.Request(  # noqa: S310 - the address is a setting
            settings.ESSOR_TIMESTAMP_URL,
            data=query.read_bytes(),
            headers={"Content-Type": "application/timestamp-query"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                reply = answer.read(MAX_BYTES)
        except (urllib.error.URLError, OSError) as error:
            raise TimestampError(
                _("The time-stamping service does not answer: %(error)s") % {"error": error}
            ) from error
    check_timestamp(reply, content)
    return reply


def check_timestamp(reply: bytes, content: bytes) -> bool:
    """Raise TimestampError unless ``reply`` grants a stamp of ``content``; whether its own signature was verified.

    A signature is verified by the certificates of ``ESSOR_TIMESTAMP_CA`` alone: anybody can make a stamp of anything
    with a key of their own. Without that setting a stamp is kept, and proves nothing until somebody verifies it.
    """
    digest = hashlib.sha256(content).hexdigest()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reply.tsr"
        path.write_bytes(reply)
        text = _openssl("-reply", "-in", str(path), "-text").decode(errors="replace")
        if "Status: Granted" not in text:
            raise TimestampError(_("The time-stamping service refused."))
        if _imprint(text) != digest:
            raise TimestampError(_("It is a stamp of something else."))
        if not settings.ESSOR_TIMESTAMP_CA:
            return False
        _openssl("-verify", "-digest", digest, "-in", str(path), "-CAfile", settings.ESSOR_TIMESTAMP_CA)
        return True


def _imprint(text: str) -> str:
    """The hash that was stamped, from what openssl prints: lines "    0000 - 2c f2 4d …-… text"."""
    _before, _marker, after = text.partition("Message data:")
    found = ""
    for line in after.splitlines()[1:]:
        offset, dash, rest = line.strip().partition(" - ")
        if not dash:
            break
        found += "".join(rest[:48].replace("-", " ").split())
    return found[:64]
