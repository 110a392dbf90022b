"""Under which names Essor itself writes when no person acts, and what was written under any other name.

A repair by SQL is accepted when it says who made it. It is listed all the same: only what Essor's own commands, tasks,
jobs and pages write goes without saying, and only where an event stands in the transaction, or the table is one that the
name writes (:func:`own_tables`): a score changed under the name of a command is a finding.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from celery import current_app
from django.apps import apps
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import get_commands
from django.urls import Resolver404, resolve
from django.utils.translation import gettext as _

from core.engine.authors import begins_at
from core.engine.findings import Finding
from core.engine.lines import Lines, fetch
from core.history import tracked_models
from core.job_runner import kinds

# What machinery writes beside what it was asked for: mails, jobs, files and how long they are kept, numbers.
MACHINERY = frozenset(
    {
        "core_document",
        "core_filecheck",
        "core_job",
        "core_outboxmessage",
        "core_outboxmessage_attachments",
        "core_retention",
        "core_sequence",
        "core_storedfile",
    }
)
ANYTHING = "*"
MIGRATE = "command migrate"
# A data step of a migration writes any table, shortly before the database notes that the migration was applied. The
# application's role cannot write these notes.
MIGRATION_LASTS = "24 hours"

_own: set[str] = set()
_tables: dict[str, set[str]] = {}
_whole: set[str] = set()


def own_label(*labels: str, tables: Iterable[str] = ()) -> None:
    """Declare names under which the product writes, beside its commands, tasks, jobs and pages, and what they write."""
    _own.update(labels)
    for label in labels:
        own_tables(label, *tables)


def own_tables(name: str, *tables: str) -> None:
    """Declare what a name writes without an event: a command, a task, a kind of jobs, or a label of its own.

    Tables by their names; ``reporting_*`` are all of an app; :data:`ANYTHING` is for tests.
    """
    _tables.setdefault(name, set()).update(tables)


def own_database(label: str) -> None:
    """Declare a name that writes anything in a database that began under it: a demonstration."""
    _whole.add(label)


def may_write(label: str, table: str) -> bool:
    """Whether this name, one of Essor's own, writes this table without an event of its own in the transaction."""
    name = _name_of(label)
    if name in _whole and _began_with(name):
        return True
    allowed = _tables.get(name, set())
    if not name.startswith("command "):
        allowed = allowed | MACHINERY
    return not allowed.isdisjoint({table, ANYTHING, f"{table.partition('_')[0]}_*"})


def _name_of(label: str) -> str:
    """The part of a label that was declared: "command migrate: …", "job reports.esf #12", "POST /compte/" is a page."""
    head, _space, rest = label.partition(" ")
    if head == "command":
        return "command " + re.split(r"[:\s]", rest, maxsplit=1)[0]
    if head == "job":
        return f"job {rest.partition(' #')[0]}"
    return "page" if rest.startswith("/") else label


def _began_with(label: str) -> bool:
    """Whether the first account of all was made under this name: that line was sealed before there was anything to forge."""
    accounts = Lines.of(get_user_model()).table
    first = f"SELECT pgh_context ->> 'label' AS label FROM {accounts} ORDER BY pgh_id LIMIT 1"  # noqa: S608
    return any(row["label"] == label for row in fetch(first))


def is_own(label: str) -> bool:
    """Whether the product writes under this name.

    "command migrate", "task core.tasks.run_job", "job reports.esf #12", "POST /compte/" and what apps declare.
    """
    if label in _own:
        return True
    head, _space, rest = label.partition(" ")
    if head == "command":
        return _is_command(re.split(r"[:\s]", rest, maxsplit=1)[0])
    if head == "task":
        return rest in current_app.tasks
    if head == "job":
        return rest.partition(" #")[0] in {kind.name for kind in kinds()}
    return head.isupper() and rest.startswith("/") and _is_page(rest)


def _is_command(name: str) -> bool:
    """A command of Essor, or one of Django's that says who acts: no other ever writes under its name."""
    return f"command {name}" in _tables or get_commands().get(name) in {
        config.name for config in apps.get_app_configs() if Path(config.path).parent == settings.BASE_DIR
    }


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
            yield from self._look_at(Lines.of(model))

    def _look_at(self, lines: Lines) -> Iterator[Finding]:
        query = f"""
            SELECT label, sum(count) AS count, min(first) AS first, max(last) AS last, coalesce(sum(count) FILTER (
                WHERE last >= %s AND NOT EXISTS (SELECT FROM core_event AS event WHERE event.transaction = named.number)
            ), 0) AS silent FROM (
                SELECT coalesce(pgh_context ->> 'label', '') AS label, pgh_context_id AS number, count(*) AS count,
                       min(pgh_created_at) AS first, max(pgh_created_at) AS last
                FROM {lines.table} WHERE pgh_context IS NOT NULL AND pgh_context ->> 'user' IS NULL GROUP BY 1, 2
            ) AS named
            WHERE label = '' OR NOT EXISTS (
                SELECT FROM core_event AS event WHERE event.transaction = named.number AND event.actor_label = named.label
            ) AND NOT (label LIKE '{MIGRATE}%%' AND EXISTS (
                SELECT FROM django_migrations WHERE applied BETWEEN first AND last + interval '{MIGRATION_LASTS}'
            ))
            GROUP BY label
        """  # noqa: S608
        for row in fetch(query, [begins_at()]):
            if is_own(row["label"]):
                if row["silent"] and not may_write(row["label"], lines.name):
                    yield self._under_a_name_of_ours(lines, row)
                continue
            repair = self.found.setdefault(row["label"], Repair(row["label"], 0, row["first"], row["last"], []))
            repair.rows += int(row["count"])
            repair.first, repair.last = min(repair.first, row["first"]), max(repair.last, row["last"])
            repair.tables.append(lines.name)

    def _under_a_name_of_ours(self, lines: Lines, row: dict[str, Any]) -> Finding:
        sentence = _(
            "rows changed in the name of “%(label)s”, which writes nothing here without an event (%(count)d changes): "
            "they were made outside Essor."
        )
        words = {"count": int(row["silent"]), "label": row["label"]}
        return Finding(lines.name, "*", "*", None, None, row["first"], sentence, words)
