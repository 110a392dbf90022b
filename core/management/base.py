"""Base of Essor's commands: who acts is recorded, problems are sentences, the exit code is right."""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.acting import acting_as
from core.documents import DocumentNotReady, DocumentRefused
from core.job_runner import JobError
from core.transitions import TransitionRefused

INTERRUPTED = 130


@contextmanager
def lines_alone(logger: str, options: Mapping[str, Any]) -> Iterator[None]:
    """What goes wrong inside is told by lines of the command: the log of it is left out, but with ``--traceback``."""
    log = logging.getLogger(logger)
    level = log.level
    if not options.get("traceback"):
        log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


class Problems(CommandError):
    """What stops a command: one sentence per problem."""

    def __init__(self, problems: Iterable[str], returncode: int = 1):
        self.problems = [str(problem) for problem in problems]
        super().__init__("\n".join(self.problems), returncode=returncode)


class EssorCommand(BaseCommand):
    """A command that writes in the name of "command <name>" and tells each problem on one line of stderr.

    Raise :class:`Problems` (or ``CommandError``) to stop with exit code 1. Refused transitions, jobs and documents are
    told in their own words. ``--traceback`` shows where any of them came from.
    """

    requires_migrations_checks = True

    @property
    def command_name(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def check_migrations(self) -> None:
        """Say in the reader's language what Django says in English: the database is older than the code."""
        try:
            executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        except ImproperlyConfigured:  # no database
            return
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if not waiting:
            return
        apps = ", ".join(sorted({migration.app_label for migration, _backwards in waiting}))
        said = ngettext(
            "The database awaits %(count)d migration (%(apps)s): what is said of it may be wrong until it is applied, "
            "by “python manage.py migrate”.",
            "The database awaits %(count)d migrations (%(apps)s): what is said of it may be wrong until they are applied, "
            "by “python manage.py migrate”.",
            len(waiting),
        )
        self.stdout.write(self.style.NOTICE(said % {"count": len(waiting), "apps": apps}))

    def execute(self, *args: Any, **options: Any) -> str | None:
        from_command_line = getattr(self, "_called_from_command_line", False)
        try:
            with acting_as(label=f"command {self.command_name}"):
                return super().execute(*args, **options)
        except (TransitionRefused, JobError, DocumentRefused, DocumentNotReady) as error:
            problem = CommandError(str(error))
            problem.__cause__ = error
        except OperationalError as error:
            problem = CommandError(_("The database reports: %(error)s") % {"error": str(error).strip().splitlines()[0]})
            problem.__cause__ = error
        except CommandError as error:
            problem = error
        except KeyboardInterrupt:
            if not from_command_line:
                raise
            self.stderr.write(_("Interrupted."))
            sys.exit(INTERRUPTED)
        if not from_command_line or options.get("traceback"):
            raise problem
        for line in str(problem).splitlines() or [_("The command failed without a reason.")]:
            self.stderr.write(line)
        sys.exit(problem.returncode or 1)
