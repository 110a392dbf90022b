"""What is kept in an event: plain JSON that reads the same for ever, whatever became of the objects."""

import datetime
import hashlib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.db import models
from django.db.models.fields.files import FieldFile
from django.utils.encoding import force_str
from django.utils.functional import Promise


def sha256_of_file(file: File) -> str:
    """The digest of an upload, which is rewound afterwards."""
    digest = hashlib.sha256()
    file.seek(0)
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _file(file: File) -> dict[str, Any]:
    if isinstance(file, FieldFile):
        return {"name": file.name or ""}
    return {"name": file.name or "", "size": file.size, "sha256": sha256_of_file(file)}


def _instance(instance: models.Model) -> dict[str, Any]:
    kept = {"model": instance._meta.label_lower, "id": json_safe(instance.pk), "label": str(instance)}
    # A document is named by what it holds, which outlives the row.
    digest = getattr(instance, "sha256", "")
    return kept | {"sha256": digest} if isinstance(digest, str) and digest else kept


def json_safe(value: Any) -> Any:
    """JSON types only: money as text, dates in ISO 8601, instances as a reference, files as name and SHA-256."""
    match value:
        case None | bool() | int():
            return int(value) if isinstance(value, int) and not isinstance(value, bool) else value
        case str() | Promise():
            return force_str(value).replace("\x00", "")
        case datetime.datetime():
            return value.astimezone(datetime.UTC).isoformat() if value.tzinfo else value.isoformat()
        case datetime.date() | datetime.time():
            return value.isoformat()
        case float() | Decimal() | UUID() | datetime.timedelta():
            return str(value)
        case models.Model():
            return _instance(value)
        case File():
            return _file(value)
        case bytes():
            return {"size": len(value), "sha256": hashlib.sha256(value).hexdigest()}
        case Mapping():
            return {str(json_safe(key)): json_safe(item) for key, item in value.items()}
        case set() | frozenset():
            return sorted((json_safe(item) for item in value), key=str)
        case Iterable():
            return [json_safe(item) for item in value]
    return str(value)
