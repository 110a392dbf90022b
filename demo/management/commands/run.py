"""``manage.py run``: the whole of Essor on one machine, web server and background worker, until Ctrl-C."""

import signal
import socket
import subprocess
import time
from types import FrameType

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from core.acting import unstamped
from demo.processes import HOST, USUAL_PORT, start, stop, web_server, worker

START_TIMEOUT = 60


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
            _("The web server"): start(web_server(port), port),
            _("The background worker"): start(worker(), port),
        }
        try:
            self._announce(processes, port)
            ended = self._wait(processes)
        finally:
            stop(list(processes.values()))
        if ended:
            raise CommandError(_("%(process)s ended by itself: everything is stopped.") % {"process": ended})
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

    def _wait(self, processes: dict[str, subprocess.Popen]) -> str | None:
        while not self.stopping:
            if ended := _ended(processes):
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
