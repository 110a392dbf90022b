"""Under which names Essor itself writes when no person acts, and what was written under any other name.

A repair by SQL is accepted when it says who made it. It is listed all the same: only what Essor's own commands, tasks,
jobs and pages write goes without saying.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from celery import current_app
from django.core.management import get_commands
from django.urls import Resolver404, resolve

from core.engine.findings import Finding
from core.engine.lines import Lines, fetch
from core.history import tracked_models
from core.job_runner import kinds

_own: set[str] = set()


def own_label(*labels: str) -> None:
    """Declare names under which the product writes, beside its commands, tasks, jobs and pages."""
    _own.update(labels)


def is_own(label: str) -> bool:
    """Whether the product writes under this name.

    "command migrate", "task core.tasks.run_job", "job reports.esf #12", "POST /compte/" and what apps declare.
    """
    if label in _own:
        return True
    head, _space, rest = label.partition(" ")
    if head == "command":
        return re.split(r"[:\s]", rest, maxsplit=1)[0] in get_commands()
    if head == "task":
        return rest in current_app.tasks
    if head == "job":
        return rest.partition(" #")[0] in {kind.name for kind in kinds()}
    return head.isupper() and rest.startswith("/") and _is_page(rest)


def _is_page(path: str) -> bool:
    try:
        resolve(path)
    except Resolver404:
        return False
    return True


@dataclass
class Repair:
    """What one name wrote that is none of Essor's: how many rows of which tables, from when to when."""

    label: str
    rows: int
    first: datetime
    last: datetime
    tables: list[str]


@dataclass
class Repairs:
    """All that was written under names that are none of Essor's own."""

    found: dict[str, Repair] = field(default_factory=dict)

    def look(self) -> Iterator[Finding]:
        """Read the names in every table. A name that an event of the same transaction bears is told by that event."""
        for model in tracked_models():
            self._look_at(Lines.of(model))
        yield from ()

    def _look_at(self, lines: Lines) -> None:
        query = f"""
            SELECT label, sum(count) AS count, min(first) AS first, max(last) AS last FROM (
                SELECT coalesce(pgh_context ->> 'label', '') AS label, pgh_context_id AS number, count(*) AS count,
                       min(pgh_created_at) AS first, max(pgh_created_at) AS last
                FROM {lines.table} WHERE pgh_context IS NOT NULL AND pgh_context ->> 'user' IS NULL GROUP BY 1, 2
            ) AS named
            WHERE label = '' OR NOT EXISTS (
                SELECT FROM core_event AS event WHERE event.transaction = named.number AND event.actor_label = named.label
            )
            GROUP BY label
        """  # noqa: S608
        for row in fetch(query):
            if is_own(row["label"]):
                continue
            repair = self.found.setdefault(row["label"], Repair(row["label"], 0, row["first"], row["last"], []))
            repair.rows += int(row["count"])
            repair.first, repair.last = min(repair.first, row["first"]), max(repair.last, row["last"])
            repair.tables.append(lines.name)
