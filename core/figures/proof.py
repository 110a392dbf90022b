"""The proof goes on: events are sealed, files are read again, anchors are made, each as often as it should be."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.engine.anchors import has_destination
from core.engine.lines import Lines
from core.figures.invariants import Broken, Invariant, Severity, Unit, register
from core.figures.names import action_words
from core.history import tracked_models
from core.models.document import Document
from core.models.event import Event, EventSeal
from core.models.outbox import OutboxMessage
from core.text import is_number

PROOF = _("Regulation (EU) 2021/1060, Articles 69(6) and 82: the documents of the audit trail are kept.")
# Anchors are made once a day (config/celery.py); one that was missed is made up for the next.
DAYS = 2


def _minutes() -> dict[str, Any]:
    return {"minutes": settings.ESSOR_SEALED_WITHIN}


def _days() -> dict[str, Any]:
    return {"days": settings.ESSOR_FILES_READ_WITHIN}


def without_anchor() -> Iterator[Broken]:
    """The first seal of which no anchor speaks for too long, where the settings want anchors; two queries.

    In production no folder and no address is no reason to want none: the first seal of all is named.
    """
    if not has_destination() and not settings.ESSOR_ANCHORS_EXPECTED:
        return
    folder, addresses = settings.ESSOR_ANCHOR_FOLDER, settings.ESSOR_ANCHOR_MAIL
    made = [datetime.fromtimestamp(0, UTC)]
    if folder:
        made += [datetime.fromtimestamp(path.stat().st_mtime, UTC) for path in Path(folder).glob("essor-anchor-*.json")]
    if addresses:
        mails = OutboxMessage.objects.filter(key__startswith="anchor.").order_by("-created_at")
        made += mails.values_list("created_at", flat=True)[:1]
    last = max(made)
    since = EventSeal.objects.filter(sealed_at__gt=last).exclude(event_id=None).order_by("position").first()
    if since is not None and since.sealed_at < timezone.now() - timedelta(days=DAYS):
        found = timezone.localdate(last) if last.year > 1970 else None
        yield Broken(
            since.event_id,
            gettext("seal no. %(number)s") % {"number": since.position},
            timezone.localdate(since.sealed_at),
            found,
        )


def unsealed_lines() -> Iterator[Broken]:
    """Of each history, the first line that waits too long for its seal; one statement, as ``verify_history`` asks."""
    models = tracked_models()
    parts = []
    for place, model in enumerate(models):
        lines = Lines.of(model)
        parts.append(
            f"SELECT {place} AS place, count(*) AS lines, {day_of('min(line.pgh_created_at)')} AS day,"  # noqa: S608
            f" (array_agg(line.{lines.key}::text ORDER BY line.pgh_id))[1] AS row FROM {lines.table} AS line"
            " WHERE line.pgh_created_at < clock_timestamp() - make_interval(mins => %(minutes)s) AND NOT EXISTS ("
            f"SELECT FROM core_historyseal AS seal WHERE seal.\"table\" = '{lines.name}' AND seal.line = line.pgh_id)"
            " HAVING count(*) > 0"
        )
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY place", _minutes())
        rows = cursor.fetchall()
    for place, count, day, row in rows:
        model = models[place]
        yield Broken(
            int(row) if is_number(row) else 0, f"{model._meta.verbose_name_plural} ({count})", day, None, subject=model
        )


register(
    Invariant(
        code="core.events-are-sealed",
        name=_("Seals of the events"),
        sentence=_("No event waits for its seal longer than the settings allow."),
        source=_("Settings of the Region (ESSOR_SEALED_WITHIN): what is not sealed can be removed without a trace."),
        subject=Event,
        sql=f"""
            SELECT event.id, event.action AS label, {day_of("event.created_at")} AS expected, NULL AS found FROM core_event event
            WHERE coalesce(event.recorded_at, event.created_at) < clock_timestamp() - make_interval(mins => %(minutes)s)
              AND NOT EXISTS (SELECT 1 FROM core_eventseal seal WHERE seal.event_id = event.id) ORDER BY event.id
        """,  # noqa: S608 - the day of a moment
        parameters=_minutes,
        unit=Unit.DAY,
        label_words=action_words,
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="core.lines-are-sealed",
        name=_("Seals of the row history"),
        sentence=_("No line of the row history waits for its seal longer than the settings allow."),
        source=_("Settings of the Region (ESSOR_SEALED_WITHIN): what is not sealed can be removed without a trace."),
        subject=Event,
        rows=unsealed_lines,
        unit=Unit.DAY,
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="core.files-are-read-again",
        name=_("Reading of the stored files"),
        sentence=_(
            "No stored file goes unread for longer than the settings allow, whether or not the nightly reading ever began."
        ),
        source=_(
            "Regulation (EU) 2021/1060, Articles 69(6) and 82: the documents of the audit trail are kept; settings of the "
            "Region (ESSOR_FILES_READ_WITHIN)."
        ),
        subject=Document,
        # A database that was filled today may hold files of last year: it counts from its oldest seal.
        sql=f"""
            SELECT doc.id, doc.name AS label, {day_of("now() - make_interval(days => %(days)s)")} AS expected,
                   {day_of("looked.checked_at")} AS found
            FROM core_storedfile file JOIN core_document doc ON doc.id = (SELECT min(id) FROM core_document WHERE file_id = file.id)
            LEFT JOIN core_filecheck looked ON looked.file_id = file.id
            WHERE coalesce(looked.checked_at, file.created_at) < now() - make_interval(days => %(days)s)
              AND EXISTS (SELECT 1 FROM core_eventseal WHERE sealed_at < now() - make_interval(days => %(days)s))
            ORDER BY doc.id
        """,  # noqa: S608 - the day of a moment
        parameters=_days,
        unit=Unit.DAY,
        relation="≥",
        severity=Severity.FOLLOW_UP,
    ),
    Invariant(
        code="core.anchors-are-made",
        name=_("Anchors of the proof"),
        sentence=_(
            "In production, and wherever the settings name a folder or an address for anchors, none is more than two days late."
        ),
        source=_(
            "Settings of the Region (ESSOR_ANCHOR_FOLDER, ESSOR_ANCHOR_MAIL): the end of the chain is noted outside."
        ),
        subject=Event,
        rows=without_anchor,
        unit=Unit.DAY,
        relation="≥",
        severity=Severity.FOLLOW_UP,
    ),
)
