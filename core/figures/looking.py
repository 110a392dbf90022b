"""One look at the figures, whoever makes it: the night, a person, a command, the demonstration. What it finds is kept."""

from collections.abc import Callable, Iterable

from core.figures.alerts import broken_codes, remember, tell
from core.figures.checking import Result, keep, look


def look_and_keep(codes: Iterable[str] = (), progress: Callable[[int, int], None] | None = None) -> list[Result]:
    """Look at all the invariants, or at those of these codes; keep what was found and tell what is new.

    Raises:
        UnknownInvariant: for a code that nothing declares.
    """
    results = look(codes, progress)
    tell(keep(results))
    remember(len(broken_codes()))
    return results
