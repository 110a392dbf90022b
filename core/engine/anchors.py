"""The end of the chain of seals, noted outside of the database: what precedes an anchor cannot be rewritten any more.

An anchor is a small signed file. Whoever holds the database, and even its administrator, can compute a whole new chain;
but not one that passes through the position and hash that somebody else keeps, nor an anchor signed with a key that the
database does not hold.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.engine.timestamps import TimestampError, check_timestamp, time_stamp
from core.engine.verification import check_anchor
from core.events import canonical
from core.models.document import StoredFile
from core.models.event import Event, EventSeal
from core.models.proof import HistorySeal

FORMAT = 1


class AnchorError(ValueError):
    """An anchor that cannot be made or read; ``str()`` is a sentence."""


def has_destination() -> bool:
    """Whether the settings say where the daily anchors go."""
    return bool(settings.ESSOR_ANCHOR_FOLDER or settings.ESSOR_ANCHOR_MAIL)


def _keys() -> list[bytes]:
    """The present signing key first, then the earlier ones."""
    own = [settings.ESSOR_ANCHOR_KEY] if settings.ESSOR_ANCHOR_KEY else []
    secrets = [*own, settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [hashlib.sha256(f"essor.anchor|{secret}".encode()).digest() for secret in secrets]


def _mark(key: bytes) -> str:
    """What tells which key signed, without telling the key."""
    return hashlib.sha256(b"mark|" + key).hexdigest()[:16]


def _signature(content: dict[str, Any], key: bytes) -> str:
    signed = {name: value for name, value in content.items() if name not in ("signature", "timestamp")}
    return hmac.new(key, canonical(signed).encode(), hashlib.sha256).hexdigest()


def make_anchor() -> dict[str, Any]:
    """The anchor of now: where the chain ends, what there is, signed; with a time-stamp where a service is set.

    Raises:
        AnchorError: nothing was sealed yet, or the time-stamping service does not answer as it should.
    """
    last = EventSeal.objects.order_by("position").last()
    if last is None:
        raise AnchorError(_("Nothing is sealed yet: there is nothing to anchor."))
    key = _keys()[0]
    content: dict[str, Any] = {
        "essor_anchor": FORMAT,
        "region": settings.ESSOR_REGION["name"],
        "version": settings.SPECTACULAR_SETTINGS["VERSION"],
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "position": last.position,
        "hash": last.hash,
        "events": Event.objects.count(),
        "history_lines": HistorySeal.objects.count(),
        "files": StoredFile.objects.count(),
        "key": _mark(key),
    }
    content["signature"] = _signature(content, key)
    if settings.ESSOR_TIMESTAMP_URL:
        try:
            token = time_stamp(content["signature"].encode())
        except TimestampError as error:
            raise AnchorError(str(error)) from error
        content["timestamp"] = base64.b64encode(token).decode()
    return content


def text_of(content: dict[str, Any]) -> str:
    """An anchor as it is written in a file or a mail."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write_anchor(content: dict[str, Any], folder: Path) -> Path:
    """Put an anchor into a folder under a name of its own; an anchor that is there is never written over."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"essor-anchor-{content['position']:010d}-{content['hash'][:12]}.json"
    if not path.exists():
        draft = path.with_suffix(".part")
        draft.write_text(text_of(content), encoding="utf-8")
        draft.rename(path)
    return path


def read_anchor(path: Path) -> dict[str, Any]:
    """The anchor in a file, or in a saved mail.

    Raises:
        AnchorError: the file cannot be read, or holds no anchor.
    """
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text[text.index("{") : text.rindex("}") + 1])
        valid = content["essor_anchor"] == FORMAT and content["position"] > 0 and len(content["hash"]) == 64
    except OSError as error:
        raise AnchorError(_("%(path)s cannot be read: %(error)s.") % {"path": path, "error": error.strerror}) from error
    except (ValueError, KeyError, TypeError) as error:
        raise AnchorError(_("%(path)s holds no anchor of Essor.") % {"path": path}) from error
    if not valid:
        raise AnchorError(_("%(path)s is an anchor of another format.") % {"path": path})
    return content


def is_stamped_unverified(content: dict[str, Any]) -> bool:
    """Whether the anchor keeps a time-stamp whose signature nothing here can verify: it is told, not counted as proof."""
    return bool(content.get("timestamp")) and not settings.ESSOR_TIMESTAMP_CA


def unverified_stamp() -> str:
    """What is said of such a stamp, wherever an anchor is made or read."""
    return _(
        "The time-stamp of the anchor is kept, but its signature was not verified: it proves nothing until "
        "ESSOR_TIMESTAMP_CA names the certificates of the service."
    )


def check_anchor_file(content: dict[str, Any]) -> Iterator[Finding]:
    """The anchor was signed here, its time-stamp is its own, and the chain still passes through it."""
    table, position, made_at = EventSeal._meta.db_table, content["position"], content.get("made_at")
    key = next((key for key in _keys() if _mark(key) == content.get("key")), None)
    if key is None:
        sentence = _("the anchor was signed with a key that Essor no longer has: give it by ESSOR_ANCHOR_KEY.")
        yield Finding(table, position, "signature", content.get("key"), None, made_at, sentence)
    elif not hmac.compare_digest(_signature(content, key), str(content.get("signature"))):
        sentence = _("the anchor itself was edited: its signature is not the one of its content.")
        yield Finding(table, position, "signature", content.get("signature"), None, made_at, sentence)
    if content.get("timestamp"):
        try:
            check_timestamp(base64.b64decode(content["timestamp"]), str(content.get("signature")).encode())
        except (TimestampError, ValueError) as error:
            sentence = _("the time-stamp of the anchor does not hold: %(error)s") % {"error": error}
            yield Finding(table, position, "timestamp", None, None, made_at, sentence)
    yield from check_anchor(f"{position}:{content['hash']}")
