"""Strict by default: its own database per run, no network, and a real browser for the journeys."""

import ipaddress
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pgtrigger
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.sql import emit_post_migrate_signal
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model
from django.test import Client, TransactionTestCase
from pytest_django import DjangoDbBlocker

from config.catalogues import compile_catalogues
from config.embedded import server
from config.memory import keep_what_is_loaded
from core.engine import once, versions
from tests import authors, databases
from tests.factories.worlds import worlds
from tests.rows import references
from tests.workers import running_worker

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",  # CI and containers run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


# Where a browser is driven: a run of the journeys alone reads no other file.
WITH_A_BROWSER = ("tests/journeys", "tests/config/test_browser.py")


def pytest_configure(config: pytest.Config) -> None:
    # Playwright keeps an event loop in the tests' thread; Django would refuse the database there.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    compile_catalogues()
    if not _is_xdist_worker(config) and not os.environ.get("DATABASE_URL"):
        server.drop_leftover_test_databases("test_essor_")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not _is_xdist_worker(config):
        for name in ("test-documents", "test-broker", "test-mail"):
            shutil.rmtree(settings.VAR_DIR / name / settings.ESSOR_TEST_RUN, ignore_errors=True)


def _drives_a_browser(path: Path) -> bool:
    return any(path.is_relative_to(settings.BASE_DIR / place) for place in WITH_A_BROWSER)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """The journeys alone: thousands of other tests are not read only to be left out."""
    if config.option.markexpr != "browser" or not collection_path.name.startswith("test_"):
        return None
    return not _drives_a_browser(collection_path) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"page", "context", "browser"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)
            if not _drives_a_browser(item.path):
                raise pytest.UsageError(
                    f"{item.nodeid} drives a browser: `make test` would not run it with the journeys. "
                    "Put it in tests/journeys; where it drives none, give its argument another name."
                )
    items.sort(key=lambda item: item.get_closest_marker("long") is None)  # first: nobody waits for them at the end


def pytest_collection_finish() -> None:
    """The code, the models and the tests stay to the end: nobody looks any more whether they may go."""
    keep_what_is_loaded()


@pytest.fixture(autouse=True)
def has_just_read_the_page(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that posts a form without its version, or its key, stands for somebody who has just read the page.

    Tests of the versions themselves (marked ``old_pages``) and journeys in a browser carry what the page carried.
    """
    if request.node.get_closest_marker("old_pages") or request.node.get_closest_marker("browser"):
        yield
        return

    def just_read(subject: Model) -> versions.Shown:
        return versions.Shown(versions.label_of(subject), versions.number_of(subject, fresh=True))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(versions, "not_carried", just_read)
        patch.setattr(once, "not_carried", uuid.uuid4)
        yield


@pytest.fixture(scope="session", autouse=True)
def writes_leave_events() -> Iterator[None]:
    """Every form that a test sends leaves an event of whoever sent it, where it wrote in their name."""
    patch = pytest.MonkeyPatch()
    patch.setattr(Client, "request", authors.watched)
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def begins_in_a_known_world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What a factory has lived before is put back, but for a test that has patched something."""
    worlds.patches = monkeypatch
    yield
    worlds.patches = None


def _is_xdist_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


# --- The network ---------------------------------------------------------------------------------------------------


class NetworkForbidden(RuntimeError):
    """A test tried to leave the machine."""


def _is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "")
    if name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Sockets reach this machine only."""
    patch = pytest.MonkeyPatch()

    def guarded(method: str) -> None:
        original = getattr(socket.socket, method)

        def connect(self: socket.socket, address: object) -> object:
            if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
                raise NetworkForbidden(f"Tests do not use the network: {address!r}")
            return original(self, address)

        patch.setattr(socket.socket, method, connect)

    guarded("connect")
    guarded("connect_ex")
    resolve = socket.getaddrinfo

    def getaddrinfo(host: object, *args: object, **options: object) -> object:
        if not _is_local(host):
            raise NetworkForbidden(f"Tests do not use the network: {host!r}")
        return resolve(host, *args, **options)

    patch.setattr(socket, "getaddrinfo", getaddrinfo)
    yield
    patch.undo()


# --- The database ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_test_environment: None,
    django_db_modify_db_settings_parallel_suffix: None,
    django_db_keepdb: bool,
    django_db_createdb: bool,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    """The database of this run is a copy of one that was migrated to the present code, once for all runs."""
    with django_db_blocker.unblock():
        test = connection.settings_dict["TEST"]
        if not (django_db_keepdb and not django_db_createdb and databases.exists(test["NAME"])):
            test["TEMPLATE"] = databases.template()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_keepdb: bool, django_db_blocker: DjangoDbBlocker) -> None:
    """What the database holds before any test is read: it comes back after each test that commits."""
    with django_db_blocker.unblock():
        if django_db_keepdb:  # an earlier run may have been killed in the middle of a test that commits
            with pgtrigger.ignore():
                call_command("flush", verbosity=0, interactive=False, reset_sequences=False, inhibit_post_migrate=True)
            emit_post_migrate_signal(verbosity=0, interactive=False, db=DEFAULT_DB_ALIAS)
        references.read()
        connection.close()


@pytest.fixture(scope="session", autouse=True)
def as_before_transactional_tests() -> Iterator[None]:
    """After a test that commits, the tables hold what they held before any test, those that nobody may empty too."""
    patch = pytest.MonkeyPatch()
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: references.come_back())
    yield
    patch.undo()


# --- Files and mail ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The reference data that are too big for the repository; CI sets ESSOR_SHARED_DIR and so never skips."""
    value = os.environ.get("ESSOR_SHARED_DIR", "")
    if not value:
        pytest.skip("ESSOR_SHARED_DIR is not set: it names the folder of the reference data")
    path = Path(value)
    assert path.is_dir(), f"ESSOR_SHARED_DIR names {path}, which is not a folder"
    return path


@pytest.fixture(scope="session")
def screenshots() -> Path:
    """Where the journeys leave what they saw."""
    path = settings.VAR_DIR / "screenshots"
    path.mkdir(parents=True, exist_ok=True)
    return path


# --- A real worker --------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(transactional_db: None, tmp_path: Path) -> Iterator[subprocess.Popen]:
    """A Celery worker in a process of its own, on the test database and this run's broker."""
    with running_worker(tmp_path / "worker.log") as process:
        yield process


# --- The browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict) -> dict:
    """Chromium of the machine where there is one, else the one that Playwright installed."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    chosen = {"executable_path": executable} if executable else {}
    return browser_type_launch_args | chosen | {"args": CHROMIUM_FLAGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict) -> dict:
    return browser_context_args | {
        "viewport": {"width": 1440, "height": 900},
        "locale": "fr-FR",
        "timezone_id": "Europe/Paris",
    }
