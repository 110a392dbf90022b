"""The role under which the application works in production, for a test that wants its limits."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from core.engine import locks
from core.history import history_model_of, tracked_models

ROLE = "essor_role_of_a_test"


@contextmanager
def as_the_application() -> Iterator[str]:
    """The session belongs to a role that has what a migration gives to the application's; yields its name."""
    histories = [history_model_of(model)._meta.db_table for model in tracked_models()]
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        locks.grant(cursor, ROLE, histories)
        cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {ROLE}")
        yield ROLE
        cursor.execute("RESET SESSION AUTHORIZATION")
