"""Proves that the past was not edited, or names the first broken link."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management.base import CommandParser
from django.db import connection, transaction
from django.utils.translation import gettext as _

from core.history import history_model_of, tracked_models
from core.management.base import EssorCommand, Problems
from core.models.event import Event, EventSeal
from core.seals import seal_new_events
from core.verification import (
    Finding,
    check_anchor,
    check_beginnings,
    check_events,
    check_outside,
    check_rows,
    check_seals,
    check_states,
    count,
    state_columns,
)

SHOWN = 20


class Command(EssorCommand):
    help = (
        "Checks the event chains and their seals, compares every sensitive row with its history, and looks for changes "
        "that were not made through Essor. Exit code 0 when all is whole; 1 with one line per broken link, the first "
        "one first. A repair by SQL is accepted when it says who did it: "
        "SELECT set_config('pghistory.context_metadata', "
        '\'{"user": null, "label": "repair 2026-12, J. Martin"}\', true) in the same transaction.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", metavar="POSITION:HASH", help="a seal noted earlier, outside of the database, to compare with"
        )

    def handle(self, *args: Any, anchor: str | None = None, **options: Any) -> None:
        if anchor and not anchor.partition(":")[0].isdigit():
            raise Problems([_("--anchor is written POSITION:HASH, as this command prints it.")])
        seal_new_events()
        nested = connection.in_atomic_block
        with transaction.atomic():
            if not nested:
                # One instant for all the checks, whatever people write meanwhile.
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            findings = list(islice(self._findings(anchor), SHOWN + 1))
            if findings:
                lines = [str(finding) for finding in findings[:SHOWN]]
                more = (
                    [_("… and more: only the first %(count)d are shown.") % {"count": SHOWN}]
                    if len(findings) > SHOWN
                    else []
                )
                raise Problems([*lines, *more])
            self._report()

    def _findings(self, anchor: str | None) -> Iterator[Finding]:
        yield from check_events()
        yield from check_seals()
        if anchor:
            yield from check_anchor(anchor)
        for model in tracked_models():
            yield from check_rows(model)
            yield from check_beginnings(model)
            yield from check_outside(model)
        for model, column in state_columns():
            yield from check_states(model, column)

    def _report(self) -> None:
        rows = sum(count(model) for model in tracked_models())
        lines = sum(count(history_model_of(model)) for model in tracked_models())
        events = {"events": count(Event), "seals": count(EventSeal)}
        self.stdout.write(_("Events: %(events)d, all chained; sealed: %(seals)d.") % events)
        self.stdout.write(
            _("Rows of %(tables)d tracked tables: %(rows)d, equal to their history (%(lines)d lines).")
            % {"tables": len(tracked_models()), "rows": rows, "lines": lines}
        )
        last = EventSeal.objects.order_by("position").last()
        if last:
            note = _("Last seal (note it elsewhere, give it back with --anchor): %(seal)s")
            self.stdout.write(note % {"seal": f"{last.position}:{last.hash}"})
        self.stdout.write(_("Nothing was edited outside Essor."))
