"""What the history of an account shows besides its own fields: its roles, in words."""

from collections.abc import Iterable

from django.conf import settings
from django.contrib.auth.models import Group
from django.utils.translation import gettext, gettext_lazy

from core.admin.changes import part_name, register_parts
from core.admin.values import register_field_name, register_reader, register_row_name
from core.engine.changes import Part, register_told
from core.job_runner import kinds
from core.models.incompatible import REASONS
from core.models.user import User, UserRole
from core.presentation import document_kinds, mail_words, register_event_value
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
register_field_name(UserRole, "group", gettext_lazy("role"))
register_event_value("size", gettext_lazy("Size"), file_size)
register_event_value("roles", gettext_lazy("Roles"), roles_in_words)
register_told(UserRole, actions=("user.roles",))
register_parts(User, Part(UserRole, "user_id", ("group",), part_name(gettext_lazy("access"))))
