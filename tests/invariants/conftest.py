"""The demonstration's Region, lived once for all the tests of this folder, in one transaction that is undone."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from core.engine.seals import seal_all
from core.models import OutboxMessage
from demo.scenario import Scenario


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker) -> Iterator[Scenario]:
    """More than a year of a Region: every programme, every state, two European funds.

    Tests are marked ``django_db``: what each changes is undone at its end, and this at the end of them all.
    """
    with django_db_blocker.unblock():
        outer = transaction.atomic()
        outer.__enter__()
        try:
            call_command("load_programmes", verbosity=0)
            scenario = Scenario()
            scenario.play(lambda _sentence: None)
            OutboxMessage.objects.update(state="sent", sent_at=timezone.now())  # there is no worker here
            seal_all()
            with connection.cursor() as cursor:  # what waits for the end of the transaction is looked at now
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
            yield scenario
        finally:
            transaction.set_rollback(True)
            outer.__exit__(None, None, None)
            connection.close()
