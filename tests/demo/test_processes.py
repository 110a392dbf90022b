"""The processes that a command starts on one's own machine."""

import subprocess
from io import StringIO

from demo.management.commands import run
from demo.processes import start, worker


def test_on_another_port_the_links_of_mails_lead_there(settings, monkeypatch):
    started = []
    monkeypatch.setattr(
        subprocess, "Popen", lambda command, **how: started.append(how["env"].get("ESSOR_SITE_URL", ""))
    )
    settings.ESSOR_SITE_URL = "http://localhost:8000"
    start(worker(), 8104)
    settings.ESSOR_SITE_URL = "https://aides.example"
    monkeypatch.setenv("ESSOR_SITE_URL", settings.ESSOR_SITE_URL)
    start(worker(), 8104)
    assert started == ["http://localhost:8104", "https://aides.example"]


class Process:
    """A child that has ended with ``code``, or goes on."""

    def __init__(self, code: int | None = None):
        self.code = code

    def poll(self) -> int | None:
        return self.code


def waits(monkeypatch, web: Process, workers: list[Process]) -> tuple[str | None, int]:
    """What the command ends with, and how many workers it started again."""
    command, started = run.Command(stderr=StringIO()), []

    def begins(what: list[str], port: int) -> Process:
        started.append(what)
        if len(started) == len(workers):
            command.stopping = True
        return workers[len(started) - 1]

    command.stopping = False
    monkeypatch.setattr(run, "start", begins)
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    return command._wait({run.WEB: web, run.WORKER: Process(1)}, 8000), len(started)


def test_a_worker_that_ends_by_itself_is_started_again_and_the_site_stays_up(monkeypatch):
    assert waits(monkeypatch, Process(), [Process()]) == (None, 1)


def test_a_worker_that_ends_again_and_again_is_told(monkeypatch):
    dying = [Process(1) for _time in range(run.RESTARTS + 1)]
    assert waits(monkeypatch, Process(), dying) == (run.WORKER, run.RESTARTS)


def test_without_the_web_server_all_is_stopped(monkeypatch):
    assert waits(monkeypatch, Process(1), [Process()]) == (run.WEB, 0)
