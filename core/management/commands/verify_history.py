"""Proves that the past was not edited, or names the first broken link."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from core.engine.anchors import (
    AnchorError,
    check_anchor_file,
    is_stamped_unverified,
    read_anchor,
    unverified_stamp,
)
from core.engine.contents import contents
from core.engine.findings import named
from core.engine.proof import Found, Notes, Step, run, steps
from core.engine.seal_checks import told_late
from core.engine.verification import check_anchor, count
from core.history import history_model_of, tracked_models
from core.management.base import EssorCommand, Problems, lines_alone
from core.models.document import StoredFile
from core.models.event import Event, EventSeal
from core.models.proof import Erasure, HistorySeal
from core.text import is_number

SHOWN = 20  # findings of each kind
SESSIONS = 4


class Command(EssorCommand):
    help = (
        "Checks the event chains, the seals over events and row history, compares every sensitive row with its history, "
        "makes every stored hash again (certificates, terms, snapshots, files), "
        "and looks for changes that were not made through Essor or that name a person who did nothing. Exit code 0 when "
        "all is whole; 1 with one line per broken link, the first one first. A repair by SQL is accepted when it says "
        "who did it: "
        "SELECT set_config('pghistory.context_metadata', "
        '\'{"user": null, "label": "repair 2026-12, J. Martin"}\', true) in the same transaction.'
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--anchor", metavar="FILE", help="an anchor kept outside of the database (or POSITION:HASH) to compare with"
        )
        parser.add_argument(
            "--no-files", action="store_true", help="do not read the stored files again (they are many)"
        )
        parser.add_argument(
            "--sessions",
            type=int,
            default=SESSIONS,
            metavar="N",
            help="how many sessions of the database check at once",
        )
        parser.add_argument(
            "--limit", type=int, default=SHOWN, metavar="N", help="how many findings of each kind are shown"
        )
        parser.add_argument("--all", action="store_true", help="show every finding")

    def handle(
        self,
        *args: Any,
        anchor: str | None = None,
        sessions: int = SESSIONS,
        no_files: bool = False,
        limit: int = SHOWN,
        **options: Any,
    ) -> None:
        notes = Notes()
        checks = steps(notes, files=not no_files)
        if anchor:
            checks.insert(0, self._anchor_step(anchor))
        shown = None if options.get("all") else max(limit, 1)
        with lines_alone("essor.proof", options):
            found = run(checks, limit=shown, sessions=max(sessions, 1), told=self._progress)
            self._note(notes)
            if found.shown:
                raise Problems(self._lines(found))
        self._report(files=not no_files)
        if notes.repairs.found:
            self.stdout.write(_("Nothing was edited outside Essor without saying who did it: see the repairs above."))
        else:
            self.stdout.write(_("Nothing was edited outside Essor."))

    def _lines(self, found: Found) -> list[str]:
        """Each finding on a line; the kinds with their numbers on stdout, so that many of one hide none of another."""
        total = sum(found.counts.values())
        if total > 1:
            self.stdout.write(_("Findings: %(count)d, by kind:") % {"count": total})
            for kind, count in found.counts.most_common():
                self.stdout.write(f"  {count:6}  {kind}")
        lines = [str(finding) for finding in found.shown]
        if hidden := found.hidden():
            lines.append(
                _("… and %(count)d more: give --all (or --limit N of each kind) to see them.") % {"count": hidden}
            )
        return lines

    def _note(self, notes: Notes) -> None:
        """What a run meets that is no finding."""
        if notes.unsealed.young:
            self.stdout.write(
                _("Written in the last minutes and not sealed yet: %(count)d history lines and events.")
                % {"count": notes.unsealed.young}
            )
        for late in told_late():
            self.stdout.write(
                _(
                    "Sealed late, as event %(event)d tells: %(events)d events and %(lines)d history lines, written from "
                    "%(from)s to %(to)s. What changed before their seal is not proven."
                )
                % late
            )
        for repair in sorted(notes.repairs.found.values(), key=lambda repair: repair.first):
            self.stdout.write(
                _("Repair outside Essor by “%(label)s”, from %(first)s to %(last)s: %(rows)d changes in %(tables)s.")
                % {
                    "label": repair.label or "–",
                    "first": f"{repair.first:%Y-%m-%d %H:%M}",
                    "last": f"{repair.last:%Y-%m-%d %H:%M}",
                    "rows": repair.rows,
                    "tables": ", ".join(map(named, repair.tables)),
                }
            )

    def _anchor_step(self, anchor: str) -> Step:
        """What was noted outside: a file that ``manage.py anchor`` made, or POSITION:HASH."""
        if is_number(anchor.partition(":")[0]):
            return Step("anchor", lambda: check_anchor(anchor))
        if not Path(anchor).exists():
            raise Problems([_("--anchor is a file of manage.py anchor, or POSITION:HASH as this command prints it.")])
        try:
            content = read_anchor(Path(anchor))
        except AnchorError as error:
            raise Problems([str(error)]) from error
        if is_stamped_unverified(content):
            self.stdout.write(unverified_stamp())
        return Step("anchor", lambda: check_anchor_file(content))

    def _progress(self, done: int, total: int, name: str) -> None:
        """One line of a terminal that is written over; nothing where nobody looks."""
        if self.stderr.isatty():
            self.stderr.write(f"\r\033[K{done}/{total} {name}" if done < total else "\r\033[K", ending="")

    def _report(self, *, files: bool) -> None:
        rows = sum(count(model) for model in tracked_models())
        lines = sum(count(history_model_of(model)) for model in tracked_models())
        events = {"events": count(Event), "seals": EventSeal.objects.exclude(event_id=None).count()}
        self.stdout.write(_("Events: %(events)d, all chained; sealed: %(seals)d.") % events)
        self.stdout.write(
            _(
                "Rows of %(tables)d tracked tables: %(rows)d, equal to their history (%(lines)d lines, %(sealed)d sealed)."
            )
            % {"tables": len(tracked_models()), "rows": rows, "lines": lines, "sealed": count(HistorySeal)}
        )
        self.stdout.write(
            _("Contents made again and equal to their hash or sum: %(count)d kinds.") % {"count": len(list(contents()))}
        )
        if files:
            self.stdout.write(_("Stored files read again, byte by byte: %(count)d.") % {"count": count(StoredFile)})
        else:
            self.stdout.write(_("The stored files were not read (--no-files)."))
        if erasures := Erasure.objects.values("event").distinct().count():
            self.stdout.write(
                _("Erasures of personal values met on the way, each recorded: %(count)d.") % {"count": erasures}
            )
        last = EventSeal.objects.order_by("position").last()
        if last:
            note = _("Last seal (note it elsewhere, give it back with --anchor): %(seal)s")
            self.stdout.write(note % {"seal": f"{last.position}:{last.hash}"})
