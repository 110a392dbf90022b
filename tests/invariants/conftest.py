"""The demonstration's Region, lived once for all the tests of this folder, in one transaction that is undone.

Once for all the parallel workers of a run, too: the first that needs it lives it and keeps its rows and files, which the
others put in their own database. They hold for that state of the code and that day.
"""

import fcntl
import hashlib
import pickle
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from core.engine.seals import seal_all
from core.models import OutboxMessage
from demo.scenario import Scenario
from tests import databases
from tests.factories.worlds import World
from tests.rows import go_on_after, references, sequences


def live() -> None:
    """Live the demonstration, to the day on which nothing waits for a worker."""
    call_command("load_programmes", verbosity=0)
    Scenario().play(lambda _sentence: None)
    OutboxMessage.objects.update(state="sent", sent_at=timezone.now())  # there is no worker here
    seal_all()
    with connection.cursor() as cursor:  # what waits for the end of the transaction is looked at now
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def live_or_put_back() -> None:
    """Live it, or find it as another worker lived it."""
    story = hashlib.sha256(databases.state_of_the_code().encode())
    for path in sorted((settings.BASE_DIR / "demo").rglob("*.py")):
        story.update(path.read_bytes())
    folder = settings.VAR_DIR / "test-regions"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / f"{timezone.localdate()}-{story.hexdigest()[:16]}-{references.name()}"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.is_file():
            world, numbers = pickle.loads(kept.read_bytes())  # noqa: S301 (what the tests wrote themselves)
            world.enter()
            go_on_after(numbers)
            return
        live()
        for other in set(folder.iterdir()) - {folder / "lock"}:
            other.unlink()
        kept.write_bytes(pickle.dumps((World.now(), sequences())))


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker) -> Iterator[None]:
    """More than a year of a Region: every programme, every state, two European funds.

    Tests are marked ``django_db``: what each changes is undone at its end, and this at the end of them all.
    """
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            live_or_put_back()
            yield
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
            connection.close()
