"""Erases the personal values of rows, by law, and says so for ever."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.engine.erasure import ErasureRefused, erase
from core.history import tracked_models
from core.management.base import EssorCommand, Problems
from core.models.user import User
from core.text import is_number


class Command(EssorCommand):
    help = (
        "Empties the personal values of the given rows, of their history and of the events about them. What was done "
        "stays proven: verify_history remains clean and counts the erasures. A row for which somebody still waits is left, "
        "with the reason; the others are erased, and the exit code says that something was left. Works as the owner of the tables "
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
        done, left = [], []
        for row in [_row(name) for name in rows]:
            try:
                done.append(erase([row], reason=reason, actor=actor))
            except ErasureRefused as error:
                left.append(str(error))
        self.stdout.write(
            _("Erased: %(rows)d rows, %(lines)d lines of their history, %(events)d events about them.")
            % {name: sum(getattr(one, name) for one in done) for name in ("rows", "lines", "events")}
        )
        if kept := sum(one.kept for one in done):
            self.stdout.write(
                _("%(count)d older events are hashed with their words and keep them: see docs/trust.md.")
                % {"count": kept}
            )
        if left:
            said = ngettext("%(count)d row was not erased:", "%(count)d rows were not erased:", len(left))
            raise Problems([said % {"count": len(left)}, *left])


def _row(name: str) -> models.Model:
    label, _colon, number = name.partition(":")
    model = next((model for model in tracked_models() if model._meta.label_lower == label.lower()), None)
    row = model._base_manager.filter(pk=int(number)).first() if model and is_number(number) else None
    if row is None:
        raise Problems([_("There is no %(name)s: write APP.MODEL:ID, as core.User:12.") % {"name": name}])
    return row
