"""What the history of an account shows besides its own fields: its roles, in words."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.translation import gettext, gettext_lazy

from core.admin.changes import do_not_show, part_name, register_parts
from core.admin.values import register_field_name, register_reader, register_row_name
from core.engine.changes import Part, register_told
from core.engine.files import READING
from core.file_types import type_words
from core.job_runner import kinds
from core.models.document import StoredFile
from core.models.incompatible import REASONS
from core.models.job import Job
from core.models.proof import FileCheck
from core.models.sequence import Sequence
from core.models.user import User, UserRole
from core.presentation import document_kinds, mail_words, register_actors, register_event_value
from core.retention import rules
from core.roles import Role
from core.templatetags.essor import file_size


def role_in_words(group: Group) -> str:
    """What a role is called; the name of a group that is no role."""
    return str(Role(group.name).label) if group.name in Role.values else group.name


def roles_in_words(names: Iterable[str] | None) -> str:
    """Several roles, as an event keeps them."""
    return ", ".join(str(Role(name).label) if name in Role.values else name for name in names or ())


def rule_in_words(code: str) -> str:
    """What a retention rule is called; its code where no rule of now has it."""
    return next((str(rule.label) for rule in rules() if rule.code == code), code)


def language_in_words(code: str) -> str:
    """What a language is called on the screens; its code where Essor does not speak it."""
    return next((str(gettext(name)).lower() for known, name in settings.LANGUAGES if known == code), code)


def job_in_words(name: str) -> str:
    """What a kind of job does; its name where there is no such job any more."""
    return next((str(kind.label) for kind in kinds() if kind.name == name), name)


register_reader("core.Document", "kind", lambda kind: document_kinds().get(kind, kind))
register_reader("core.StoredFile", "size", file_size)
register_reader("core.Retention", "rule", rule_in_words)
register_reader("core.OutboxMessage", "template", mail_words)
register_reader("core.OutboxMessage", "language", language_in_words)
register_reader("core.Job", "kind", job_in_words)
register_reader("core.IncompatibleRoles", "reason", lambda reason: str(REASONS.get(reason, reason)))
register_row_name(Group, role_in_words)
register_row_name(StoredFile, lambda file: f"{type_words(file.media_type)}, {file_size(file.size)}")
register_field_name(UserRole, "group", gettext_lazy("role"))
register_field_name(FileCheck, "checked_at", gettext_lazy("read again on"))
register_field_name(FileCheck, "fault", gettext_lazy("fault found"))
register_field_name(Sequence, "prefix", gettext_lazy("kind of number"))
register_field_name(Sequence, "year", gettext_lazy("year"))
register_field_name(Sequence, "last_value", gettext_lazy("last number given"))
do_not_show(Job, "claim")  # the mark of the worker that has it
register_actors(
    {
        "command migrate": gettext_lazy("update of the database"),
        "command createsuperuser": gettext_lazy("opening of the first account"),
        "command changepassword": gettext_lazy("change of a password"),
        "command check_figures": gettext_lazy("figure checks"),
        "command verify_history": gettext_lazy("verification of the history"),
        "command anchor": gettext_lazy("anchor of the history"),
        "command erase_person": gettext_lazy("erasure of a person"),
        "command states_document": gettext_lazy("page of the states"),
        "command figures_document": gettext_lazy("page of the figure checks"),
        "task core.tasks.deliver_message": gettext_lazy("sending of a mail"),
        "task core.tasks.deliver_outbox": gettext_lazy("sending of the mails that wait"),
        "task core.tasks.run_job": gettext_lazy("work on a long job"),
        "task core.tasks.recover_stale_jobs": gettext_lazy("recovery of interrupted jobs"),
        "task core.tasks.scan_waiting_files": gettext_lazy("scan of the files that wait"),
        "task core.tasks.keep_what_must_be_kept": gettext_lazy("retention of cases and files"),
        "task core.tasks.seal_events": gettext_lazy("sealing of the history"),
        "task core.tasks.check_stored_files": gettext_lazy("new reading of the stored files"),
        "task core.engine.daily.anchor_seals": gettext_lazy("anchor of the history"),
        "task core.engine.daily.forget_forms": gettext_lazy("forgetting of the forms that were sent"),
        "task core.figures.jobs.check_figures_at_night": gettext_lazy("figure checks"),
        "scanner": gettext_lazy("scanner of files"),
        "sign-up": gettext_lazy("opening of an account by its owner"),
        "activation": gettext_lazy("activation of an account"),
        "password reset": gettext_lazy("new password chosen by its owner"),
        READING: gettext_lazy("reading of a file"),
    }
)
register_event_value("size", gettext_lazy("Size"), file_size)
register_event_value("open_findings", gettext_lazy("Rows that break a figure"), str)
register_event_value("roles", gettext_lazy("Roles"), roles_in_words)
register_told(UserRole, actions=("user.roles",))
register_parts(User, Part(UserRole, "user_id", ("group",), part_name(gettext_lazy("access"))))
