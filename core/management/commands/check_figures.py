"""Says whether the figures hold: each invariant over the live data, one line a broken row."""

import time
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.engine.seals import seal_all
from core.figures.checking import Result
from core.figures.invariants import UnknownInvariant, invariants
from core.figures.looking import look_and_keep
from core.management.base import EssorCommand, Problems, lines_alone


class Command(EssorCommand):
    help = (
        "Looks at every invariant of the figures. Exit code 0 only when all hold; 1 with one line a broken row: which "
        "invariant, which row, what was expected, what is there. What it finds is kept and told like what the night finds: "
        "the page of the checks says the same. --list names them; docs/figures.md says where each comes from."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--only", nargs="+", metavar="CODE", default=[], help="look at these invariants alone")
        parser.add_argument("--list", action="store_true", help="say which invariants there are, and look at none")

    def handle(self, *args: Any, only: list[str], list: bool, **options: Any) -> None:
        if list:
            for invariant in invariants():
                self.stdout.write(f"{invariant.code}: {invariant.sentence}")
            return
        begun = time.monotonic()
        try:
            with lines_alone("essor.figures", options):
                results = look_and_keep(only, say=self.stdout.write)
        except UnknownInvariant as unknown:
            raise Problems([_("No check has the code %(code)s: see --list.") % {"code": unknown}]) from None
        seal_all()  # what the look wrote itself: the proof stays whole where no worker runs
        lines = [line for result in results for line in lines_of(result)]
        if lines:
            raise Problems([*lines, summary(results, time.monotonic() - begun)])
        self.stdout.write(summary(results, time.monotonic() - begun))


def lines_of(result: Result) -> list[str]:
    """One line a broken row."""
    invariant = result.invariant
    if result.error:
        return [_("%(code)s: could not be looked at (%(error)s).") % {"code": invariant.code, "error": result.error}]
    relation = f"{invariant.relation} " if invariant.relation else ""
    lines = []
    for row in result.rows:
        expected, found = invariant.told(row.expected, row.found, row.subject)
        lines.append(
            _("%(code)s: %(label)s (%(table)s id=%(id)s): expected %(relation)s%(expected)s, found %(found)s")
            % {
                "code": invariant.code,
                "label": invariant.called(row.label),
                "table": (row.subject or invariant.subject)._meta.db_table,
                "id": row.pk,
                "relation": relation,
                "expected": expected,
                "found": found,
            }
        )
    if result.count > len(result.rows):
        more = result.count - len(result.rows)
        lines.append(_("%(code)s: and %(count)d more rows.") % {"code": invariant.code, "count": more})
    return lines


def summary(results: list[Result], seconds: float) -> str:
    """How many hold, how many do not, and how long it took."""
    broken = sum(not result.holds for result in results)
    held = ngettext("%(count)d check holds", "%(count)d checks hold", len(results) - broken)
    parts = [held % {"count": len(results) - broken}]
    if broken:
        rows = sum(result.count for result in results)
        failed = sum(bool(result.error) for result in results)
        if broken > failed:
            parts.append(_("%(count)d do not (broken rows: %(rows)d)") % {"count": broken - failed, "rows": rows})
        if failed:
            said = ngettext(
                "%(count)d could not be made: what it would find is not known",
                "%(count)d could not be made: what they would find is not known",
                failed,
            )
            parts.append(said % {"count": failed})
    return "; ".join(parts) + f" ({seconds:.1f} s)."
