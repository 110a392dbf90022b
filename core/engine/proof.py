"""All the checks of the proof, in their order, run over one instant of the database by several sessions at once."""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from core.engine.contents import check_content, contents
from core.engine.erasure import check_erasures
from core.engine.files import check_files, slices
from core.engine.findings import Finding
from core.engine.line_checks import check_authors, check_batches, check_lines, check_rounds
from core.engine.lines import fix_text_settings
from core.engine.verification import (
    check_beginnings,
    check_events,
    check_outside,
    check_rows,
    check_seals,
    check_states,
    state_columns,
)
from core.history import tracked_models

Check = Callable[[], Iterator[Finding]]
Told = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Step:
    """One check of one thing; ``name`` is what the progress shows."""

    name: str
    check: Check


def steps(*, files: bool = True) -> list[Step]:
    """The checks, the chains first: what they find is found first. ``files``: all the stored files are read, too."""
    found = [
        Step("core_event", check_events),
        Step("core_eventseal", check_seals),
        Step("core_historyseal", check_batches),
        Step("core_erasure", check_erasures),
    ]
    for model in tracked_models():
        for check in (check_rows, check_beginnings, check_outside, check_lines, check_authors, check_rounds):
            found.append(Step(model._meta.db_table, lambda check=check, model=model: check(model)))
    for model, column in state_columns():
        found.append(Step(model._meta.db_table, lambda model=model, column=column: check_states(model, column)))
    for content in contents():
        found.append(Step(content.model._meta.db_table, lambda content=content: check_content(content)))
    if files:
        for keys in slices():
            found.append(Step(_("files"), lambda keys=keys: check_files(keys)))
    return found


def run(steps: list[Step], *, limit: int, sessions: int, told: Told) -> list[Finding]:
    """The findings of all steps, at most ``limit`` of each, in the order of the steps.

    ``told`` hears (done, all, name) after each step. Several sessions see the same instant, which the first one hands
    on; inside a caller's transaction (tests) there is one session, the caller's.
    """
    results: dict[int, list[Finding]] = {}
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
            found = list(islice(steps[number].check(), limit))
            with lock:
                results[number] = found
                told(len(results), len(steps), steps[number].name)

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
    return [finding for number in sorted(results) for finding in results[number]]


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
