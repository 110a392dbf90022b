"""All the checks of the proof, in their order, run over one instant of the database by several sessions at once."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from psycopg.errors import InsufficientPrivilege

from core.engine.contents import check_content, contents
from core.engine.erasure import check_erasures
from core.engine.event_checks import check_events
from core.engine.files import check_files, slices
from core.engine.findings import Finding
from core.engine.guards import check_guards
from core.engine.held_rows import check_held, held_models
from core.engine.kept_findings import check_kept_findings
from core.engine.kind_checks import check_kinds
from core.engine.labels import Repairs
from core.engine.line_checks import check_authors, check_lines, check_rounds
from core.engine.lines import fetch, fix_text_settings
from core.engine.lost_lines import check_lost_lines
from core.engine.seal_checks import Unsealed, check_seals
from core.engine.verification import (
    check_beginnings,
    check_outside,
    check_rows,
    check_salts,
    check_states,
    state_columns,
)
from core.history import tracked_models

logger = logging.getLogger("essor.proof")

Check = Callable[[], Iterator[Finding]]
Told = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Step:
    """One check of one thing; ``name`` is what the progress shows."""

    name: str
    check: Check


@dataclass
class Notes:
    """What a run meets that is no finding: what waits for its seal, repairs that say who made them."""

    unsealed: Unsealed = field(default_factory=Unsealed)
    repairs: Repairs = field(default_factory=Repairs)


def steps(notes: Notes, *, files: bool = True) -> list[Step]:
    """The checks, the chains first: what they find is found first. ``files``: all the stored files are read, too."""
    found = [
        Step("django_content_type", check_kinds),
        Step("core_event", check_events),
        Step("core_eventseal", check_seals),
        Step("core_historyseal", notes.unsealed.seals.check),
        Step("core_historyseal", lambda: check_lost_lines(notes.unsealed.seals)),
        Step("core_erasure", check_erasures),
        Step("core_figurefinding", check_kept_findings),
        Step("core_eventseal", notes.unsealed.check),
        Step("pgh_context", notes.repairs.look),
    ]
    for model in tracked_models():
        for check in (
            check_rows,
            check_beginnings,
            check_outside,
            check_lines,
            check_salts,
            check_authors,
            check_rounds,
        ):
            found.append(Step(model._meta.db_table, lambda check=check, model=model: check(model)))
    for model, column in state_columns():
        found.append(Step(model._meta.db_table, lambda model=model, column=column: check_states(model, column)))
    for model in held_models():
        found.append(Step(model._meta.db_table, lambda model=model: check_held(model)))
    for content in contents():
        found.append(Step(content.model._meta.db_table, lambda content=content: check_content(content)))
    if files:
        for keys in slices():
            found.append(Step(_("files"), lambda keys=keys: check_files(keys)))
    return found


@dataclass
class Found:
    """The findings of a run in the order of the steps, some of each kind, and how many there are of each."""

    shown: list[Finding] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    # By table whose rows the server does not show to this role: the checks that could not be made for it.
    unread: Counter[str] = field(default_factory=Counter)

    def hidden(self) -> int:
        return sum(self.counts.values()) - len(self.shown)


def run(steps: list[Step], *, limit: int | None, sessions: int, told: Told) -> Found:
    """The findings of all steps in their order, at most ``limit`` of each kind (None: all).

    ``told`` hears (done, all, name) after each step. Several sessions see the same instant, which the first one hands
    on; inside a caller's transaction (tests) there is one session, the caller's.
    """
    guards = _taken(Step(_("guards"), check_guards), limit)
    results: dict[int, Found] = {-1: guards}
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(len(steps)):
        waiting.put(number)
    failures: list[BaseException] = []
    language = translation.get_language()
    lock = threading.Lock()

    def work() -> None:
        while not failures:
            try:
                number = waiting.get_nowait()
            except queue.Empty:
                return
            found = _taken(steps[number], limit)
            with lock:
                results[number] = found
                told(len(results) - 1, len(steps), steps[number].name)

    def work_in_a_session(snapshot: str) -> None:
        try:
            with translation.override(language), _instant(snapshot):
                work()
        except BaseException as error:  # handed over to the thread that waits
            failures.append(error)
        finally:
            connection.close()

    if connection.in_atomic_block:
        with transaction.atomic():
            fix_text_settings()
            work()
    else:
        with _instant() as snapshot:
            threads = [threading.Thread(target=work_in_a_session, args=[snapshot]) for _ in range(sessions - 1)]
            for thread in threads:
                thread.start()
            try:
                work()
            except BaseException as error:
                failures.append(error)
            for thread in threads:
                thread.join()
    if failures:
        raise failures[0]
    return _together(results, limit)


def _together(results: dict[int, Found], limit: int | None) -> Found:
    whole, kept = Found(), Counter[str]()
    unread = sum((found.unread for found in results.values()), Counter())
    parts = [results[number] for number in sorted(results)]
    for found in (parts[0], _take(_unread(unread), limit), *parts[1:]):
        whole.counts += found.counts
        for finding in found.shown:
            if limit is None or kept[finding.kind] < limit:
                kept[finding.kind] += 1
                whole.shown.append(finding)
    return whole


def _unread(unread: Counter[str]) -> Iterator[Finding]:
    """One finding a table, however many checks read it."""
    for table, checks in sorted(unread.items()):
        sentence = _(
            "the server does not show all rows of this table to the role that asks (row security): what rests on them was "
            "not checked (checks that could not be made: %(checks)d). Take the row security off, then prove again."
        )
        yield Finding(table, "*", "*", None, None, None, sentence, {"checks": checks})


def _hides_rows(problem: Exception) -> str | None:
    """The table that the server refuses to read for a part (``fix_text_settings`` asks for all rows or none)."""
    if not isinstance(problem.__cause__, InsufficientPrivilege):
        return None
    tables = fetch("SELECT relname AS name FROM pg_class WHERE relrowsecurity ORDER BY length(relname) DESC")
    return next((row["name"] for row in tables if row["name"] in str(problem)), None)


def _taken(step: Step, limit: int | None) -> Found:
    """What one step finds. A step that fails (values that nothing can be made of) is a finding, and the others go on."""
    try:
        with transaction.atomic():
            return _take(step.check(), limit)
    except (OperationalError, InterfaceError):  # the session is lost: nothing goes on
        raise
    except Exception as problem:
        if table := _hides_rows(problem):
            return Found(unread=Counter([table]))
        logger.exception("The check of %s failed.", step.name)
        sentence = _("this could not be checked (%(error)s).")
        error = f"{type(problem).__name__}: {problem}".splitlines()[0][:300]
        return _take(iter([Finding(step.name, "*", "*", None, None, None, sentence, {"error": error})]), limit)


def _take(findings: Iterator[Finding], limit: int | None) -> Found:
    found = Found()
    for finding in findings:
        found.counts[finding.kind] += 1
        if limit is None or found.counts[finding.kind] <= limit:
            found.shown.append(finding)
    return found


@contextmanager
def _instant(snapshot: str = "") -> Iterator[str]:
    """A transaction that only reads one instant, whatever people write meanwhile; yields the name to share it."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot:
            cursor.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        else:
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
        fix_text_settings()
        yield snapshot
