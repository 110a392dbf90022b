"""How long Essor doubts itself: the figures and the proof, beside one plain reading of the same history.

Fill the database first: ``python manage.py demo --scale 5000``; measure again at another scale: a cost that grows with
the rows, and no faster, keeps its microseconds a line.
"""

import time
from collections.abc import Callable

from django.db import connection

from core.engine.proof import Notes, run, steps
from core.engine.seals import seal_all
from core.figures.checking import look
from core.history import history_model_of, tracked_models
from grants.models import Application

ROWS_AT_ONCE = 5000
SESSIONS = 4


def timed(work: Callable[[], object]) -> float:
    """Seconds of one run: each takes long enough."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def read_history() -> int:
    """The baseline: every line of the row history, brought to this process and forgotten. How many there were."""
    lines = 0
    for model in tracked_models():
        table = connection.ops.quote_name(history_model_of(model)._meta.db_table)
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - a name of our own
            while rows := cursor.fetchmany(ROWS_AT_ONCE):
                lines += len(rows)
    return lines


def check_figures() -> None:
    """All the invariants; stops where one does not hold, for its figure would say nothing."""
    if broken := [result.invariant.code for result in look() if not result.holds]:
        raise SystemExit(f"These figures do not hold: {', '.join(broken)}.")


def verify_history(*, files: bool, sessions: int) -> None:
    """The whole proof; stops where something was found."""
    found = run(steps(Notes(), files=files), limit=1, sessions=sessions, told=lambda *_progress: None)
    if found.shown:
        raise SystemExit(f"The history is not whole: {found.shown[0]}")


def main() -> None:
    """Print seconds, microseconds a line of history, and how many times the baseline."""
    seal_all()
    lines = read_history()
    baseline = timed(read_history)
    measured = [
        ("reading the history", baseline),
        ("check_figures", timed(check_figures)),
        ("verify_history --no-files --sessions 1", timed(lambda: verify_history(files=False, sessions=1))),
        ("verify_history --no-files", timed(lambda: verify_history(files=False, sessions=SESSIONS))),
        ("verify_history", timed(lambda: verify_history(files=True, sessions=SESSIONS))),
    ]
    print(f"{Application.objects.count()} applications, {lines} lines of history")
    print(f"{'':42}{'s':>8}{'µs/line':>9}{'× reading':>11}")
    for name, seconds in measured:
        print(f"{name:42}{seconds:8.2f}{seconds / lines * 1e6:9.0f}{seconds / baseline:11.1f}")


if __name__ == "__main__":
    main()
