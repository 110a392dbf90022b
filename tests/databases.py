"""The database of a test run: migrated once for each state of the code, then copied for every run and parallel worker."""

import contextlib
import fcntl
import hashlib
from collections.abc import Iterator
from pathlib import Path

import psycopg
from django.conf import settings
from django.db import connection
from psycopg import sql

PREFIX = "essor_template_"
# What a migrated database is made of: the code and the reference data of the apps, and the libraries.
FOLDERS = ("config", "core", "applicants", "grants", "agreements", "reporting", "tests/core/sample")
KINDS = {".py", ".csv", ".yaml", ".json", ".sql"}
# Rows of tests are numbered from here on, as in a Region that has worked for years: a page that writes the number of a
# row as it writes an amount ("4 001") is found out.
FIRST_ID = 4001
NUMBERED_HIGH = """
    SELECT setval(pg_get_serial_sequence(quote_ident(table_name), column_name), %s, false)
    FROM information_schema.columns
    WHERE table_schema = 'public' AND is_identity = 'YES'
"""


def state_of_the_code() -> str:
    """A short name of everything that a migrated database depends on: another state, another database."""
    digest = hashlib.sha256()
    root = Path(settings.BASE_DIR)
    files = [path for folder in FOLDERS for path in (root / folder).rglob("*") if path.suffix in KINDS]
    for path in sorted([*files, root / "requirements.txt", Path(__file__)]):
        digest.update(f"{path.relative_to(root)}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """The parallel workers of a run wait for the one that migrates."""
    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    with (settings.VAR_DIR / "test-template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _names(cursor: psycopg.Cursor, like: str) -> set[str]:
    cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE %s", [like.replace("_", r"\_")])
    return {name for (name,) in cursor.fetchall()}


def exists(name: str) -> bool:
    """Whether the server has a database of this name."""
    with connection.creation._nodb_cursor() as cursor:
        return name in _names(cursor, name)


def template() -> str:
    """The name of a database that is migrated to the present code; made now if there is none.

    Those of other states of the code are removed, but what is being copied at this moment.
    """
    name = PREFIX + state_of_the_code()
    with one_at_a_time():
        with connection.creation._nodb_cursor() as cursor:
            there = _names(cursor, f"{PREFIX}%")
        if name not in there:
            _migrate(f"{PREFIX}making")
            with connection.creation._nodb_cursor() as cursor:
                for other in there - {f"{PREFIX}making"}:
                    with contextlib.suppress(psycopg.Error):
                        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(other)))
                cursor.execute(
                    sql.SQL("ALTER DATABASE {} RENAME TO {}").format(
                        sql.Identifier(f"{PREFIX}making"), sql.Identifier(name)
                    )
                )
    return name


def _migrate(name: str) -> None:
    """Make a database as the test runner of Django makes one, and leave it."""
    own, test = connection.settings_dict["NAME"], connection.settings_dict["TEST"]
    wanted = test["NAME"]
    test["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
        with connection.cursor() as cursor:
            cursor.execute(NUMBERED_HIGH, [FIRST_ID])
    finally:
        connection.close()
        test["NAME"] = wanted
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = own
