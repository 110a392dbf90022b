"""Whether Essor works: the database, the storage of documents, the worker, what waits for it, and the figures."""

import logging
import os
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from celery.signals import task_postrun
from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.models import Min
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from core.figures.alerts import broken_codes, is_silent
from core.figures.jobs import has_failed
from core.models.job import Job
from core.models.outbox import OutboxMessage
from core.models.proof import FileCheck

logger = logging.getLogger("essor.health")

WORKER_SEEN = "essor:worker-seen"
WORKER_SILENT_AFTER = 5 * 60  # seconds; the schedule gives the worker something to do every minute
WAITING_TOO_LONG = 15 * 60  # seconds
LITTLE_SPACE = 1024**3  # bytes


def note_worker(**kwargs: Any) -> None:
    """A worker has just ended a task: it is alive."""
    cache.set(WORKER_SEEN, timezone.now().isoformat(), None)


def connect() -> None:
    task_postrun.connect(note_worker, dispatch_uid="core_health_note_worker")


def check_all() -> dict[str, Any]:
    """Every check, and the whole: "ok", "degraded" (something waits) or "down" (people cannot work)."""
    vital = {"database": _guarded(_database), "storage": _guarded(_storage)}
    background = {
        "worker": _guarded(_worker),
        "queue": _guarded(_queue),
        "figures": _guarded(_figures),
        "files": _guarded(_files),
    }
    whole = "ok"
    if not all(part["ok"] for part in background.values()):
        whole = "degraded"
    if not all(part["ok"] for part in vital.values()):
        whole = "down"
    return {"status": whole, **vital, **background}


def _guarded(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return check()
    except (DatabaseError, OSError) as error:
        logger.warning("Health check %s: %s", check.__name__, error)
        return {"ok": False, "error": type(error).__name__}


def _database() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {"ok": True}


def _storage() -> dict[str, Any]:
    """The folder of documents, or the nearest one above it that exists (it is made with the first document)."""
    folder = Path(settings.ESSOR_DOCUMENT_ROOT)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return {"ok": os.access(folder, os.W_OK) and free > LITTLE_SPACE, "free_bytes": free}


def _files() -> dict[str, Any]:
    """Whether the last reading of every stored file found the bytes that were kept."""
    return {"ok": not FileCheck.objects.exclude(fault="").exists()}


def _worker() -> dict[str, Any]:
    seen = parse_datetime(cache.get(WORKER_SEEN) or "")
    age = _age(seen)
    return {"ok": age is not None and age < WORKER_SILENT_AFTER, "last_seen_seconds": age}


def _queue() -> dict[str, Any]:
    """How long the oldest mail and the oldest job have been waiting."""
    pending = OutboxMessage.objects.filter(state=OutboxMessage.State.PENDING)
    mail = _age(pending.aggregate(oldest=Min("created_at"))["oldest"])
    queued = Job.objects.filter(state=Job.State.QUEUED)
    job = _age(queued.aggregate(oldest=Min("created_at"))["oldest"])
    oldest = max(mail or 0, job or 0)
    return {"ok": oldest < WAITING_TOO_LONG, "oldest_mail_seconds": mail, "oldest_job_seconds": job}


def _figures() -> dict[str, Any]:
    """Whether the figures held at the last look, which did not fail and is not older than two nights."""
    return {"ok": not broken_codes() and not is_silent() and not has_failed()}


def _age(moment: datetime | None) -> int | None:
    return int((timezone.now() - moment).total_seconds()) if moment else None
