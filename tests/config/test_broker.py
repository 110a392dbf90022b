"""A message reaches a worker in another process: on the embedded broker here, on Redis in CI's second pass."""

import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from queue import Empty

import pytest
from celery.schedules import crontab
from django.conf import settings
from kombu import Connection

from config.broker import Channel, Transport
from config.celery import app
from config.embedded import broker_settings

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


# The tasks that nobody schedules, and who sends them.
SENT_BY = {
    "core.tasks.deliver_message": "the transaction that writes a mail (core.outbox)",
    "core.tasks.run_job": "whoever asks for a job (core.jobs)",
}
# What the proof and the promises to people rest on: the longest that each may wait for its turn.
AT_LEAST_EVERY = {
    "core.tasks.seal_events": timedelta(minutes=1),
    "core.figures.jobs.check_figures_at_night": timedelta(hours=1),  # it asks itself whether the night is looked at
    "core.tasks.check_stored_files": timedelta(days=1),
    "core.engine.daily.anchor_seals": timedelta(days=1),
    "core.tasks.deliver_outbox": timedelta(minutes=5),
    "core.tasks.recover_stale_jobs": timedelta(minutes=5),
    "core.tasks.keep_what_must_be_kept": timedelta(days=1),
}


def longest_wait(when: crontab | float) -> timedelta:
    """The longest time between two turns of a task of the schedule."""
    if not isinstance(when, crontab):
        return timedelta(seconds=float(when))
    assert len(when.day_of_week) == 7 and len(when.day_of_month) == 31 and len(when.month_of_year) == 12
    turns = sorted(timedelta(hours=hour, minutes=minute) for hour in when.hour for minute in when.minute)
    return max(later - turn for turn, later in pairwise([*turns, turns[0] + timedelta(days=1)]))


def test_every_task_is_scheduled_or_sent_by_somebody_and_none_is_scheduled_that_does_not_exist():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith(("celery.", "tests."))}
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert scheduled | set(SENT_BY) == ours
    assert not scheduled & set(SENT_BY)


@pytest.mark.parametrize("task", AT_LEAST_EVERY)
def test_what_the_proof_rests_on_comes_round_in_time(task: str):
    turns = [longest_wait(entry["schedule"]) for entry in app.conf.beat_schedule.values() if entry["task"] == task]
    assert turns and min(turns) <= AT_LEAST_EVERY[task]


def test_work_is_acknowledged_late_and_taken_one_by_one():
    assert app.conf.task_acks_late
    assert app.conf.task_reject_on_worker_lost
    assert app.conf.worker_prefetch_multiplier == 1
    assert app.conf.task_ignore_result
    assert {queue.name for queue in app.conf.task_queues} == {"default", "reports"}


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    """A queue of its own, as a machine without a broker server has it."""
    settings = broker_settings(tmp_path)
    options = settings["broker_transport_options"]
    with Connection(
        settings["broker_url"], transport=settings["broker_transport"], transport_options=options
    ) as connection:
        yield connection.channel()


def waiting(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "queues").glob("*.default.msg"))


def test_the_workers_read_through_the_same_transport():
    if "filesystem" in app.conf.broker_url:
        assert type(app.connection().transport) is Transport


def test_a_message_is_seen_when_it_is_whole(channel: Channel, tmp_path: Path, monkeypatch):
    seen = []

    def looks(path: Path, text: str, **kwargs) -> int:
        with path.open("w", **kwargs) as file:  # opened, and not written yet
            with pytest.raises(Empty):
                channel._get("default")
            seen.append(waiting(tmp_path))
            return file.write(text)

    monkeypatch.setattr(Path, "write_text", looks)
    channel._put("default", {"body": "été"})
    assert seen == [[]] and len(waiting(tmp_path)) == 1
    assert channel._get("default") == {"body": "été"}
    assert not list((tmp_path / "queues").iterdir())


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
def test_a_message_that_cannot_be_read_costs_itself_alone(channel: Channel, tmp_path: Path, caplog, content: bytes):
    (tmp_path / "queues" / "0_first.default.msg").write_bytes(content)
    channel._put("default", {"body": "second"})
    with pytest.raises(Empty):
        channel._get("default")
    assert "cannot be read" in caplog.text
    assert channel._get("default") == {"body": "second"}


def test_messages_come_in_the_order_in_which_they_were_sent(channel: Channel):
    for number in range(3):
        channel._put("default", number)
        time.sleep(0.002)
    assert [channel._get("default") for _time in range(3)] == [0, 1, 2]


def test_the_nights_of_the_schedule_are_those_of_the_region():
    assert app.conf.timezone == settings.TIME_ZONE
