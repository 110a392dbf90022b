"""What every database of Essor holds before anybody works."""

from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS

from core.acting import acting_as
from core.documents import register_access
from core.engine.authors import without_event
from core.engine.files import READING
from core.engine.labels import MACHINERY, own_label, own_tables
from core.models.document import StoredFile
from core.models.incompatible import SEPARATED, IncompatibleRoles
from core.models.outbox import MessageAttachment, OutboxMessage
from core.models.sequence import Sequence
from core.permissions import may_see_job
from core.roles import Role


def ensure_roles(using: str = DEFAULT_DB_ALIAS, **kwargs) -> None:
    """post_migrate receiver: one group per role, named by the role's value."""
    groups = Group.objects.using(using)
    missing = set(Role.values) - set(groups.filter(name__in=Role.values).values_list("name", flat=True))
    if missing:
        with acting_as(label="command migrate"):
            groups.bulk_create([Group(name=name) for name in sorted(missing)], ignore_conflicts=True)


def ensure_incompatible_roles(using: str = DEFAULT_DB_ALIAS, **kwargs) -> None:
    """post_migrate receiver: the pairs of roles of every installation are there; one that is no longer enforced stays so."""
    pairs = [
        IncompatibleRoles(first=min(first, second), second=max(first, second), reason=reason, source=source)
        for first, second, reason, source in SEPARATED
    ]
    known = set(IncompatibleRoles.objects.using(using).values_list("first", "second"))
    missing = [pair for pair in pairs if (pair.first, pair.second) not in known]
    if missing:
        with acting_as(label="command migrate"):
            IncompatibleRoles.objects.using(using).bulk_create(missing, ignore_conflicts=True)


def declare_changes_without_event() -> None:
    """What is written beside a decision: the event is that of the decision."""
    # What the bytes of a file are to a case is said by the document, with an event.
    without_event(StoredFile, when="line.pgh_label = 'insert'", reason="bytes kept under their hash say nothing")
    without_event(OutboxMessage, when="line.pgh_label = 'insert'", reason="a mail tells of what was decided")
    without_event(MessageAttachment, when="line.pgh_label = 'insert'", reason="it left with its mail")
    without_event(Sequence, when="true", reason="a number is given to a row, whose event says for what")


def declare_own_labels() -> None:
    """What writes without a person, beside commands, tasks, jobs and pages."""
    own_label("scanner", READING)
    own_label("sign-up", "activation", "password reset", tables=("core_user", "core_user_groups"))
    own_tables("page", "core_user")
    own_tables("command createsuperuser", "core_user", "core_user_groups")
    own_tables("command changepassword")  # with an event of its own
    own_tables("command migrate", "auth_group", "core_incompatibleroles")
    for command in ("check_figures", "report", "import_operations"):
        own_tables(f"command {command}", *MACHINERY)


def register_access_to_jobs() -> None:
    """The file that a job made is for those who see the job."""
    register_access("core.Job", may_see_job)
