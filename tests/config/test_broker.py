"""A message reaches a worker in another process: on the embedded broker here, on Redis in CI's second pass."""

import subprocess
import time

import pytest

from config.celery import app

pytestmark = pytest.mark.infrastructure
PATIENCE = 30


def executed(task: str) -> int:
    for statistics in (app.control.inspect(timeout=1).stats() or {}).values():
        return statistics["total"].get(task, 0)
    return 0


@pytest.mark.parametrize("queue", ["default", "reports"])
def test_a_task_is_carried_out_by_the_worker(worker: subprocess.Popen, queue: str):
    app.send_task("core.tasks.deliver_outbox", queue=queue)
    deadline = time.monotonic() + PATIENCE
    while not executed("core.tasks.deliver_outbox") and time.monotonic() < deadline:
        time.sleep(0.1)
    assert executed("core.tasks.deliver_outbox") == 1


def test_the_worker_ends_when_it_is_asked_to(worker: subprocess.Popen):
    worker.terminate()
    assert worker.wait(PATIENCE) == 0


def test_the_tasks_of_the_beat_schedule_exist():
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled <= set(app.tasks)


def test_work_is_acknowledged_late_and_taken_one_by_one():
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result
    assert {queue.name for queue in app.conf.task_queues} == {"default", "reports"}
