"""Looking at the figures, and keeping what was found: since when, and until when."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import DatabaseError, connection, transaction
from django.db.models import Case, F, Max, Q, Value, When
from django.utils import timezone

from core.events import lock_subject, record
from core.figures.invariants import Broken, Invariant, invariant_of, invariants
from core.figures.models import LATEST, FigureCheck, FigureFinding

logger = logging.getLogger("essor.figures")

# The action of the event that tells of the list which a look left.
LISTED = "list_figures"
# Of an invariant that a whole table breaks, so many rows are kept: the count says the rest.
KEPT = 1_000
LABEL = 200  # characters of a name that are kept


@dataclass(frozen=True)
class Result:
    """What one look at an invariant gave. ``error`` says why it could not be looked at: then it does not hold either; not
    ``is_kept``: the tables of the findings took nothing of it."""

    invariant: Invariant
    rows: tuple[Broken, ...]
    count: int
    seconds: float
    error: str = ""
    is_kept: bool = True

    @property
    def holds(self) -> bool:
        return not self.count and not self.error


def look_at(invariant: Invariant) -> Result:
    """Run the query of one invariant. Whatever goes wrong with it, the others are looked at all the same."""
    begun = time.monotonic()
    rows: tuple[Broken, ...] = ()
    count, error = 0, ""
    try:
        with transaction.atomic():
            found = iter(invariant.broken())
            rows = tuple(islice(found, KEPT))
            count = len(rows) + sum(1 for _row in found)
    except Exception as problem:
        logger.exception("The invariant %s could not be looked at.", invariant.code)
        rows, count, error = (), 0, _error(problem)
    return Result(invariant, rows, count, time.monotonic() - begun, error)


def look(codes: Iterable[str] = (), progress: Callable[[int, int], None] | None = None) -> list[Result]:
    """Look at all the invariants, or at those of these codes.

    Raises:
        UnknownInvariant: for a code that nothing declares.
    """
    chosen = [invariant_of(code) for code in codes] or invariants()
    results = []
    for number, invariant in enumerate(chosen, 1):
        results.append(look_at(invariant))
        if progress:
            progress(number, len(chosen))
    return results


def bring_back() -> datetime | None:
    """Date by the clock of now what a clock that was ahead has written: looks, and what they found. The latest moment that
    was so written, None where there is none."""
    now = timezone.now()
    seen = FigureFinding.objects.aggregate(Max("first_seen"), Max("last_seen"), Max("resolved_at"))
    looks = FigureCheck.objects.aggregate(latest=Max("checked_at"))
    latest = max(filter(None, [*seen.values(), *looks.values()]), default=None)
    if latest is None or latest <= now:
        return None
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {LATEST}, %s <= {LATEST}", [now])
        limit, is_of_now = cursor.fetchone()
    if not is_of_now:  # the clock of this machine is ahead, too
        return None
    with transaction.atomic():
        found = FigureCheck.objects.filter(checked_at__gt=limit).update(
            checked_at=now, broken_since=_not_after("broken_since", now)
        )
        ahead = Q(first_seen__gt=limit) | Q(last_seen__gt=limit) | Q(resolved_at__gt=limit)
        days = {name: _not_after(name, now) for name in ("first_seen", "last_seen", "resolved_at")}
        found += FigureFinding.objects.filter(ahead).update(**days)
    return latest if found else None


def _not_after(name: str, now: datetime) -> Case:
    return Case(When(**{f"{name}__gt": now}, then=Value(now)), default=F(name))


def keep(results: Iterable[Result], lost: list[Result] | None = None) -> list[FigureFinding]:
    """Write down what was found; what was found before and is no more is resolved. Return the new findings.

    ``lost`` is given the looks of which nothing could be kept, each with why: the others are kept all the same.
    """
    latest = FigureCheck.objects.aggregate(latest=Max("checked_at"))["latest"]
    now = timezone.now()
    if latest is not None and latest >= now:  # clocks differ a little, and no look is before another
        now = latest + timedelta(microseconds=1)
    fresh: list[FigureFinding] = []
    with transaction.atomic():
        for result in results:
            fresh += _keep_one(result, now, [] if lost is None else lost)
        tell_the_list()
    return fresh


def tell_the_list() -> None:
    """Record what the list of open findings says after a look: the event is sealed, so that a list which somebody rewrites
    is found (``core.engine.kept_findings``). Looks that end at once tell it one after the other."""
    if (subject := FigureCheck.objects.order_by("pk").first()) is None:
        return
    lock_subject(subject)
    record(subject, LISTED, data=the_list())


def the_list() -> dict[str, Any]:
    """How many findings are open, and the hash of what they and the looks say; whether they were told by mail aside."""
    query = """
        SELECT count(*) FILTER (WHERE is_open),
               encode(sha256(convert_to(coalesce(string_agg(line, chr(10) ORDER BY line COLLATE "C"), ''), 'UTF8')), 'hex')
        FROM (
            SELECT ROW('finding', id, code, model, object_id, label, expected, found, extract(epoch FROM first_seen),
                       extract(epoch FROM last_seen))::text AS line, true AS is_open
            FROM core_figurefinding WHERE resolved_at IS NULL
            UNION ALL
            SELECT ROW('look', id, code, extract(epoch FROM checked_at), broken_count, error, extract(epoch FROM broken_since))::text, false
            FROM core_figurecheck
        ) AS told
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        count, digest = cursor.fetchone()
    return {"open_findings": count, "sha256": digest}


def _keep_one(result: Result, now: datetime, lost: list[Result]) -> list[FigureFinding]:
    """Keep what one look found. What the tables of the findings do not take is said of that look alone; where they do not
    even take that, it is ``lost``."""
    try:
        with transaction.atomic():
            fresh = _keep_rows(result, now)
            _keep_check(result, now)
    except (DatabaseError, ValueError, TypeError) as problem:
        logger.exception("What the invariant %s found could not be kept.", result.invariant.code)
        failed = replace(result, error=_error(problem))
    else:
        return fresh
    try:
        with transaction.atomic():
            _keep_check(failed, now)
    except (DatabaseError, ValueError, TypeError) as problem:
        logger.exception("That the invariant %s was looked at could not be kept.", result.invariant.code)
        lost.append(replace(failed, error=_error(problem), is_kept=False))
    return []


def _error(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}".splitlines()[0][:300]


def _names(rows: Iterable[Broken]) -> Iterator[str]:
    """The name under which each row is kept: rows of one subject and one name are told apart by their number."""
    met: Counter[tuple[object, int, str]] = Counter()
    for row in rows:
        place = (row.subject, row.pk, row.label[:LABEL])
        met[place] += 1
        number = f" ({met[place]})" if met[place] > 1 else ""
        yield f"{row.label[: LABEL - len(number)]}{number}"


def _keep_rows(result: Result, now: datetime) -> list[FigureFinding]:
    code = result.invariant.code
    open_ones = {
        (item.model, item.object_id, item.label): item for item in FigureFinding.objects.open().filter(code=code)
    }
    if result.error:  # nothing is known of its rows: they stay as they are
        return []
    fresh, again = [], []
    for row, label in zip(result.rows, _names(result.rows), strict=True):
        subject = row.subject or result.invariant.subject
        finding = open_ones.pop((subject._meta.label_lower, row.pk, label), None)
        if finding is None:
            fresh.append(
                FigureFinding(
                    code=code, model=subject._meta.label_lower, object_id=row.pk, label=label,
                    expected=_text(row.expected), found=_text(row.found), first_seen=now, last_seen=now,
                )
            )  # fmt: skip
        else:
            finding.expected, finding.found, finding.last_seen = _text(row.expected), _text(row.found), now
            again.append(finding)
    FigureFinding.objects.bulk_update(again, ["expected", "found", "last_seen"], batch_size=500)
    if result.count <= KEPT:
        gone = [finding.pk for finding in open_ones.values()]
        FigureFinding.objects.filter(pk__in=gone).update(resolved_at=now)
    return FigureFinding.objects.bulk_create(fresh, batch_size=500, ignore_conflicts=False)


def _keep_check(result: Result, now: datetime) -> None:
    code = result.invariant.code
    check = FigureCheck.objects.filter(code=code).first() or FigureCheck(code=code)
    check.checked_at = now
    check.broken_count, check.error = result.count, result.error
    check.milliseconds = round(result.seconds * 1000)
    if result.holds:
        check.broken_since = None
    elif check.broken_since is None:
        check.broken_since = now
    check.save()


def _text(value: object) -> str:
    return "" if value is None else str(value)[:200]
