"""Who must have left an event: a line of the row history that names a person needs one of theirs in its transaction.

What needs none is declared here, each with its reason, and nowhere else.
"""

from datetime import UTC, datetime

from django.db.migrations.recorder import MigrationRecorder

# From this migration on, the database writes on each line and each event in which transaction it was written.
BEGINS_WITH = ("core", "0006_proof_of_the_row_history")
# (table, beginning of the label) -> why a change by a person has no event of its own there.
WITHOUT_EVENT: dict[tuple[str, str], str] = {}


def needs_no_event(table: str, label: str) -> bool:
    """Whether a line of ``table`` that was written under ``label`` is among the declared exceptions."""
    return any(table == name and label.startswith(beginning) for name, beginning in WITHOUT_EVENT)


def begins_at() -> datetime:
    """The instant from which lines bear their transaction; what is older is proven by its seal alone."""
    app, name = BEGINS_WITH
    applied = MigrationRecorder.Migration.objects.filter(app=app, name=name).values_list("applied", flat=True).first()
    return applied or datetime.max.replace(tzinfo=UTC)
