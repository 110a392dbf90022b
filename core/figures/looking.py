"""One look at the figures, whoever makes it: the night, a person, a command, the demonstration. What it finds is kept."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from django.db import DatabaseError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core.dates import format_date_long
from core.figures.alerts import broken_codes, remember, tell, tell_failure
from core.figures.checking import Result, bring_back, keep, look

logger = logging.getLogger("essor.figures")
alerts = logging.getLogger("essor.alerts")


def look_and_keep(
    codes: Iterable[str] = (),
    progress: Callable[[int, int], None] | None = None,
    say: Callable[[str], None] | None = None,
) -> list[Result]:
    """Look at all the invariants, or at those of these codes; keep what was found and tell what is new, and which could not
    be looked at. ``say`` is told, in a sentence, that an earlier look was dated by a clock that was ahead. A look of which
    nothing could be kept says so (``Result.error``): it ends no other.

    Raises:
        UnknownInvariant: for a code that nothing declares.
    """
    results = look(codes, progress)
    lost: list[Result] = []
    with transaction.atomic():
        ahead = _brought_back()
        keep(results, lost)
    if ahead is not None:
        sentence = _(
            "An earlier look was dated %(day)s, by a clock that was ahead: what it found is dated from today. Check the "
            "clock of the machine that made it."
        ) % {"day": format_date_long(timezone.localtime(ahead))}
        logger.warning("A look at the figures was dated %s, by a clock that was ahead.", ahead.isoformat())
        if say:
            say(sentence)
    failed = {result.invariant.code: result for result in lost}
    results = [failed.get(result.invariant.code, result) for result in results]
    # One that could not be made has no finding to tell of: what it would find is not known, and nobody would ask.
    not_known = [f"{result.invariant.name} – {result.error}" for result in results if result.error]
    untold = _untold(tell) + (_untold(lambda: tell_failure(not_known)) if not_known else 0)
    if untold and say:
        say(_("The mails about the figures could not be written: nobody was told. The next look tells again."))
    remember(len(broken_codes()))
    return results


def _untold(telling: Callable[[], None]) -> int:
    """1 where the mails could not be written, else 0: what was found is said all the same, and told by the next look."""
    try:
        with transaction.atomic():
            telling()
    except (DatabaseError, OSError, ValueError, TypeError):
        alerts.exception("The mails about the figures could not be written.")
        return 1
    return 0


def _brought_back() -> datetime | None:
    """What a clock that was ahead has dated; a row that does not let itself be dated anew ends no look."""
    try:
        with transaction.atomic():
            return bring_back()
    except DatabaseError:
        logger.exception("What a clock that was ahead has dated could not be brought back.")
        return None
