"""Erases the personal values of rows, by law, and says so for ever."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import models
from django.utils.translation import gettext as _

from core.engine.erasure import ErasureRefused, erase
from core.history import tracked_models
from core.management.base import EssorCommand, Problems
from core.models.user import User
from core.text import is_number


class Command(EssorCommand):
    help = (
        "Empties the personal values of the given rows, of their history and of the events about them. What was done "
        "stays proven: verify_history remains clean and counts the erasures. Works as the owner of the tables "
        "(DATABASE_OWNER_URL); nothing brings the values back."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rows", nargs="+", metavar="APP.MODEL:ID", help="for instance core.User:12")
        parser.add_argument("--reason", required=True, help="who asked for it, and under which article")
        parser.add_argument("--by", metavar="E-MAIL", help="the person who decided")

    def handle(self, *args: Any, rows: list[str], reason: str, by: str | None = None, **options: Any) -> None:
        actor = None
        if by:
            actor = User.objects.filter(email=User.objects.normalize_email(by)).first()
            if actor is None:
                raise Problems([_("Nobody has the address %(email)s.") % {"email": by}])
        try:
            done = erase([_row(name) for name in rows], reason=reason, actor=actor)
        except ErasureRefused as error:
            raise Problems([str(error)]) from error
        self.stdout.write(
            _("Erased: %(rows)d rows, %(lines)d lines of their history, %(events)d events about them.")
            % {"rows": done.rows, "lines": done.lines, "events": done.events}
        )
        if done.kept:
            self.stdout.write(
                _("%(count)d older events are hashed with their words and keep them: see docs/trust.md.")
                % {"count": done.kept}
            )


def _row(name: str) -> models.Model:
    label, _colon, number = name.partition(":")
    model = next((model for model in tracked_models() if model._meta.label_lower == label.lower()), None)
    row = model._base_manager.filter(pk=int(number)).first() if model and is_number(number) else None
    if row is None:
        raise Problems([_("There is no %(name)s: write APP.MODEL:ID, as core.User:12.") % {"name": name}])
    return row
