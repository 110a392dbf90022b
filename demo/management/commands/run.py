"""``manage.py run``: the whole of Essor on one machine, web server and background worker, until Ctrl-C."""

import signal
import socket
import subprocess
import time
from types import FrameType

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.acting import unstamped
from demo.processes import HOST, USUAL_PORT, start, stop, web_server, worker

START_TIMEOUT = 60
WEB, WORKER = "web", "worker"
NAMES = {WEB: gettext_lazy("The web server"), WORKER: gettext_lazy("The background worker")}

RESTARTS, RESTARTS_WITHIN = 3, 300
"""A worker that ends by itself is started again, so many times in so many seconds: then something is wrong with it."""


class Command(BaseCommand):
    help = "Prepare the database, then run the web server and the background worker until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=USUAL_PORT)

    def handle(self, *args: object, port: int, **options: object) -> None:
        _require_free_port(port)
        self.stdout.write(_("Preparing the database…"))
        with unstamped():
            call_command("migrate", verbosity=0, interactive=False)
        self.stopping = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_requested)
        processes = {
            WEB: start(web_server(port), port),
            WORKER: start(worker(), port),
        }
        try:
            self._announce(processes, port)
            ended = self._wait(processes, port)
        finally:
            stop(list(processes.values()))
        if ended:
            raise CommandError(_("%(process)s ended by itself: everything is stopped.") % {"process": NAMES[ended]})
        self.stdout.write(_("Essor is stopped."))

    def _stop_requested(self, number: int, frame: FrameType | None) -> None:
        self.stopping = True

    def _announce(self, processes: dict[str, subprocess.Popen], port: int) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while not self.stopping and _ended(processes) is None and time.monotonic() < deadline:
            if _answers(port):
                address = f"http://{HOST}:{port}/"
                self.stdout.write(_("Essor runs at %(address)s (Ctrl-C stops it).") % {"address": address})
                self.stdout.flush()
                return
            time.sleep(0.1)

    def _wait(self, processes: dict[str, subprocess.Popen], port: int) -> str | None:
        """Until somebody stops it, or a process ends that it is no use to start again: which one."""
        again: list[float] = []
        while not self.stopping:
            ended, now = _ended(processes), time.monotonic()
            again = [at for at in again if at > now - RESTARTS_WITHIN]
            if ended == WORKER and len(again) < RESTARTS:
                # People go on; what the worker had in hand stands in the rows of jobs and mails.
                self.stderr.write(_("The background worker ended by itself: it is started again."))
                processes[WORKER] = start(worker(), port)
                again.append(now)
            elif ended:
                return ended
            time.sleep(0.2)
        return None


def _ended(processes: dict[str, subprocess.Popen]) -> str | None:
    return next((name for name, process in processes.items() if process.poll() is not None), None)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def _require_free_port(port: int) -> None:
    if _answers(port):
        raise CommandError(
            _("Port %(port)s is already in use: stop what uses it, or choose another with --port.") % {"port": port}
        )
