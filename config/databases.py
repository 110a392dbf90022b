"""Which address of the database a process takes: the owner's for migrations and tests, else the application's."""

import hashlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ

from config.embedded import APPLICATION_ROLE, database_settings

# The commands that define tables, or prepare a database before anybody works in it.
OWNER_COMMANDS = {"migrate", "flush", "sqlflush", "createcachetable", "demo", "run", "erase_person"}
LASTING = {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}


def works_as_owner(arguments: list[str], settings_module: str) -> bool:
    """Whether this process may define tables: a test run, or one of the owner's commands."""
    if settings_module == "config.settings.test":
        return True
    is_command = Path(arguments[0]).name in ("manage.py", "django-admin") if arguments else False
    return is_command and len(arguments) > 1 and arguments[1] in OWNER_COMMANDS


def default_database(env: environ.Env, *, owner: bool) -> tuple[dict[str, Any], str]:
    """Django's ``default`` database, and the role of the application in it.

    Without ``DATABASE_OWNER_URL``, both addresses are ``DATABASE_URL`` (tests on a server of one's own; production
    refuses it). Without ``DATABASE_URL``, the embedded server, which has both roles.
    """
    if not env.str("DATABASE_URL", ""):
        return database_settings(owner=owner), APPLICATION_ROLE
    application = env.db("DATABASE_URL")
    chosen = env.db("DATABASE_OWNER_URL") if owner and env.str("DATABASE_OWNER_URL", "") else application
    return chosen | LASTING, str(application["USER"])


def cache_prefix(database: Mapping[str, Any]) -> str:
    """What the keys of a cache begin with: what is remembered of one database is not told of its copy."""
    place = f"{database.get('HOST', '')}:{database.get('PORT', '')}/{database['NAME']}"
    return hashlib.sha256(place.encode()).hexdigest()[:12]


def process_works_as_owner(settings_module: str) -> bool:
    """:func:`works_as_owner` of this process."""
    return works_as_owner(sys.argv, settings_module)
