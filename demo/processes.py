"""The processes of Essor on one machine: a web server and a background worker, children of a command."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings

HOST = "127.0.0.1"
USUAL_PORT = 8000
"""Where the setting ``ESSOR_SITE_URL`` leads by default."""
STOP_TIMEOUT = 15


def web_server(port: int) -> list[str]:
    """The command line of the web server."""
    return [
        *(sys.executable, "-m", "gunicorn", "config.wsgi:application"),
        *("--bind", f"{HOST}:{port}", "--workers", "2", "--threads", "4"),
        *("--log-level", "warning", "--no-control-socket"),
    ]


def worker() -> list[str]:
    """The command line of the background worker, which also keeps the schedule."""
    schedule = Path(settings.ESSOR_BROKER_ROOT) / "celerybeat-schedule"
    schedule.parent.mkdir(parents=True, exist_ok=True)
    return [
        *(sys.executable, "-m", "celery", "--quiet", "-A", "config", "worker", "--beat"),
        *("--schedule", str(schedule), "--queues", "default,reports", "--concurrency", "2"),
        *("--loglevel", "warning", "--without-mingle", "--without-gossip"),
    ]


def start(command: Sequence[str], port: int | None = None) -> subprocess.Popen:
    """Start a child in a session of its own: Ctrl-C reaches the command alone, which then stops its children.

    On another ``port`` than the usual one, the links of its mails lead there, unless ``ESSOR_SITE_URL`` says where.
    """
    # Celery warns root at length at each start; on one's own machine that is noise.
    environment = os.environ | {"PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges"}
    if port is not None and settings.ESSOR_SITE_URL == f"http://localhost:{USUAL_PORT}":
        environment["ESSOR_SITE_URL"] = f"http://localhost:{port}"
    return subprocess.Popen(list(command), cwd=settings.BASE_DIR, env=environment, start_new_session=True)


def stop(processes: Sequence[subprocess.Popen]) -> None:
    """Ask the children to end, and end those that do not."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
