"""The application must not own what it writes in: a role that owns the tables can switch every guard off."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

ASK = """
    SELECT rolsuper, (SELECT pg_has_role(session_user, relowner, 'USAGE') FROM pg_class
                      WHERE oid = to_regclass('public.core_event'))
    FROM pg_roles WHERE rolname = session_user
"""


def fault_of(cursor: Any) -> str:
    """Why the present session is no session of an application; empty when it is a good one."""
    cursor.execute(ASK)
    is_superuser, is_owner = cursor.fetchone()
    if is_superuser:
        return "its role is a superuser"
    if is_owner:
        return "its role owns the tables"
    return ""


def _sentence(fault: str) -> str:
    return (
        f"DATABASE_URL connects Essor in a way in which it could switch off its own guards: {fault}. Give DATABASE_URL a "
        "role of its own (CREATE ROLE essor_app LOGIN PASSWORD '…'), put the owner's address in DATABASE_OWNER_URL, "
        "and run manage.py migrate, which gives that role its rights."
    )


def roles_are_two(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Where the setting asks for it (production), the application is neither superuser nor owner."""
    if not settings.ESSOR_TWO_DATABASE_ROLES or settings.ESSOR_WORKS_AS_OWNER:
        return []
    try:
        with connection.cursor() as cursor:
            fault = fault_of(cursor)
    except (DatabaseError, ImproperlyConfigured) as error:
        return [Error(str(error), id="essor.E002")] if isinstance(error, ImproperlyConfigured) else []
    return [Error(_sentence(fault), id="essor.E001")] if fault else []


def refuse_owner(sender: object, connection: Any, **kwargs: Any) -> None:
    """connection_created receiver: a process of production never works as owner, whether it runs checks or not."""
    if not settings.ESSOR_TWO_DATABASE_ROLES or settings.ESSOR_WORKS_AS_OWNER:
        return
    with connection.connection.cursor() as cursor:
        if fault := fault_of(cursor):
            connection.close()
            raise ImproperlyConfigured(_sentence(fault))
