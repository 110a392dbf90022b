"""Who must have left an event: a line of the row history that names a person needs one of theirs in its transaction.

What needs none is declared by its app with :func:`without_event`, each with its reason, and is narrow: a condition on
the line itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import models
from django.db.migrations.recorder import MigrationRecorder

# From this migration on, the database writes on each line and each event in which transaction it was written.
BEGINS_WITH = ("core", "0006_proof_of_the_row_history")


@dataclass(frozen=True)
class Exempt:
    """Lines of one table that need no event: ``when`` is SQL on ``line``, ``reason`` says why to whoever reads this."""

    when: str
    reason: str


_without: dict[str, list[Exempt]] = {}


def without_event(model: type[models.Model], *, when: str, reason: str) -> None:
    """Declare that lines of ``model`` need no event when they fulfil ``when``."""
    _without.setdefault(model._meta.db_table, []).append(Exempt(when, reason))


def exceptions_of(table: str) -> str:
    """SQL on ``line``: true when the line needs no event."""
    return " OR ".join(f"({exempt.when})" for exempt in _without.get(table, ())) or "false"


def tables_with_exceptions() -> dict[str, list[str]]:
    """The tables of which some lines need no event, with the reasons."""
    return {table: [exempt.reason for exempt in found] for table, found in _without.items()}


def begins_at() -> datetime:
    """The instant from which lines bear their transaction; what is older is proven by its seal alone."""
    app, name = BEGINS_WITH
    applied = MigrationRecorder.Migration.objects.filter(app=app, name=name).values_list("applied", flat=True).first()
    return applied or datetime.max.replace(tzinfo=UTC)
