"""The embedded PostgreSQL: one server for many processes, adopted after a kill, stopped by the last one."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded import EmbeddedPostgres, EmbeddedServerError
from config.embedded_host import check_private

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PATIENCE = 60

# Says that the server answers, waits for a line, leaves.
USER_OF_THE_SERVER = """
import sys
from pathlib import Path
import psycopg
from config.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.ensure()
server.ensure_database("essor")
with psycopg.connect(**server.connection("essor")) as connection:
    connection.execute("SELECT 1")
print(server._pid_file()[0], flush=True)
{then}
sys.stdin.readline()
"""
FORKS = """
import os
if os.fork() == 0:
    sys.exit()  # the child leaves at once, and must not take the server with it
os.wait()
print(server._running(), flush=True)
"""


@pytest.fixture
def state() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="essor-test-"))
    server = EmbeddedPostgres(folder)
    yield folder
    if server.home.exists():
        server._stop()
        shutil.rmtree(server.home)
    shutil.rmtree(folder)


def use(state: Path, then: str = "") -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", USER_OF_THE_SERVER.format(then=then), str(state)],
        cwd=BASE_DIR,
        env=os.environ | {"PYTHONPATH": str(BASE_DIR), "ESSOR_EMBEDDED_FSYNC": "0"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def leave(process: subprocess.Popen) -> None:
    process.communicate("\n", timeout=PATIENCE)
    assert process.returncode == 0


def runs(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def ends(pid: str) -> bool:
    """True as soon as the process is gone (whoever inherits a stopped server may take a moment to notice)."""
    deadline = time.monotonic() + PATIENCE
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not runs(pid)


def test_processes_that_start_at_once_share_one_server_and_the_last_stops_it(state: Path):
    processes = [use(state) for _ in range(4)]
    pids = {process.stdout.readline().strip() for process in processes}
    assert len(pids) == 1
    (pid,) = pids
    assert runs(pid)
    for process in processes[:-1]:
        leave(process)
    assert runs(pid)
    leave(processes[-1])
    assert ends(pid)


def test_the_server_of_a_killed_process_is_adopted_and_stopped(state: Path):
    killed = use(state)
    pid = killed.stdout.readline().strip()
    killed.send_signal(signal.SIGKILL)
    killed.communicate(timeout=PATIENCE)
    assert runs(pid)

    heir = use(state)
    assert heir.stdout.readline().strip() == pid
    leave(heir)
    assert ends(pid)


def test_a_killed_server_starts_again(state: Path):
    first = use(state)
    pid = first.stdout.readline().strip()
    os.kill(int(pid), signal.SIGKILL)
    assert ends(pid)

    second = use(state)
    assert second.stdout.readline().strip() not in ("", pid)
    leave(second)
    leave(first)
    assert EmbeddedPostgres(state)._pid_file() == []


def test_a_forked_child_that_ends_leaves_the_server_alone(state: Path):
    parent = use(state, then=FORKS)
    pid = parent.stdout.readline().strip()
    assert parent.stdout.readline().strip() == "True"
    leave(parent)
    assert ends(pid)


def test_nobody_else_reaches_the_server(state: Path):
    process = use(state)
    process.stdout.readline()
    server = EmbeddedPostgres(state)
    assert (server.home / "password").stat().st_mode & 0o777 == 0o600
    assert server._socket_dir().stat().st_mode & 0o777 == 0o700
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert "listen_addresses = ''" in (server.home / "essor.conf").read_text()
    assert "trust" not in [
        line.split()[-1] for line in (server.data / "pg_hba.conf").read_text().splitlines() if line[:1].isalpha()
    ]
    leave(process)


def test_a_deep_folder_still_gets_a_socket(state: Path):
    deep = state / ("d" * 60) / ("e" * 60)
    process = use(deep)
    assert process.stdout.readline().strip().isdigit()
    leave(process)
    home = EmbeddedPostgres(deep).home
    if home.parent != deep:  # as root it lies outside the state folder
        shutil.rmtree(home)


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path):
    tmp_path.chmod(0o755)
    with pytest.raises(EmbeddedServerError, match="not a private folder"):
        check_private(tmp_path, os.geteuid())


def test_a_state_folder_that_cannot_be_made_is_said_in_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerError, match="needs to write in"):
        EmbeddedPostgres(tmp_path / "file" / "var").ensure()
