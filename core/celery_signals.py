"""Who acts during a task."""

from contextlib import ExitStack
from typing import Any

from celery.signals import task_postrun, task_prerun

from core.acting import acting_as

_open: dict[str, ExitStack] = {}


def enter(task_id: str, task: Any, **kwargs: Any) -> None:
    """Everything that a task writes is recorded as done by it, until it says for whom it works."""
    stack = ExitStack()
    stack.enter_context(acting_as(label=f"task {task.name}"))
    _open[task_id] = stack


def leave(task_id: str, **kwargs: Any) -> None:
    if stack := _open.pop(task_id, None):
        stack.close()


def connect() -> None:
    task_prerun.connect(enter, dispatch_uid="core_task_acting_enter")
    task_postrun.connect(leave, dispatch_uid="core_task_acting_leave")
