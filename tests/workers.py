"""Real Celery workers for the tests, each in a process group of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from django.db import connection

BASE_DIR = Path(__file__).resolve().parent.parent
START_TIMEOUT = 60


@contextlib.contextmanager
def running_worker(log: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """A Celery worker on the test database and this run's broker, ready to take work; killed at the end."""
    command = [
        *(sys.executable, "-m", "celery", "-A", "config", "worker", "--queues", "default,reports"),
        *("--concurrency", "1", "--loglevel", "info", "--without-mingle", "--without-gossip"),
        *("--hostname", f"test-{os.getpid()}-{log.stem}@localhost"),
    ]
    environment = os.environ | environment | {
        "DJANGO_SETTINGS_MODULE": "config.settings.test",
        "ESSOR_TEST_DATABASE": connection.settings_dict["NAME"],
    }  # fmt: skip
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=BASE_DIR, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while " ready." not in log.read_text():
            assert process.poll() is None, f"the worker ended: {log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"the worker did not start: {log.read_text()[-2000:]}"
            time.sleep(0.1)
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen) -> None:
    """kill -9 of a worker with its children; a polite end takes seconds."""
    with contextlib.suppress(ProcessLookupError):  # a test may have ended it
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
