"""The net under every form that a test sends: who wrote a row left an event that says so, in the same request.

``manage.py verify_history`` finds the same of a whole database, transaction by transaction; here a test is one
transaction, so the lines and the events of the request alone are compared.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any

from django.db import connection, models
from django.test import Client

from core.engine.line_checks import check_authors
from core.history import history_model_of, tracked_models

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
EVENTS = "core_event"


@cache
def _sequences() -> dict[str, type[models.Model] | None]:
    """What numbers the lines of each history, and the events (None), by name of the sequence."""
    tables = {history_model_of(model)._meta.db_table: (model, "pgh_id") for model in tracked_models()}
    tables[EVENTS] = (None, "id")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, pg_get_serial_sequence(name, key) FROM unnest(%s::text[], %s::text[]) AS wanted (name, key)",
            [list(tables), [key for _model, key in tables.values()]],
        )
        return {sequence.rpartition(".")[2]: tables[name][0] for name, sequence in cursor.fetchall()}


@contextmanager
def _uncounted() -> Iterator[None]:
    """What the net asks of the database is no query of the page."""
    debug, wrappers = connection.force_debug_cursor, connection.execute_wrappers
    connection.force_debug_cursor, connection.execute_wrappers = False, []
    try:
        yield
    finally:
        connection.force_debug_cursor, connection.execute_wrappers = debug, wrappers


def _numbers() -> dict[str, int]:
    """The last number given by each sequence; a transaction that is undone does not give numbers back."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sequencename, coalesce(last_value, 0) FROM pg_sequences WHERE sequencename = ANY(%s)",
            [list(_sequences())],
        )
        return dict(cursor.fetchall())


def _is_usable() -> bool:
    return connection.connection is not None and not connection.needs_rollback and not connection.connection.closed


def without_event(before: Mapping[str, int]) -> list[str]:
    """What was written in the name of a person since ``before``, without an event of theirs."""
    now = _numbers()
    after_event = next(before[name] for name, model in _sequences().items() if model is None)
    written = [(name, model) for name, model in _sequences().items() if model is not None and now[name] > before[name]]
    found = [
        finding
        for name, model in written
        for finding in check_authors(model, after_line=before[name], after_event=after_event)
    ]
    return [str(finding) for finding in found]


_request = Client.request


def watched(client: Client, **request: Any) -> Any:
    """``Client.request`` that fails the test when a form wrote in somebody's name and left no event of theirs."""
    if request.get("REQUEST_METHOD") not in WRITES or not _is_usable():
        return _request(client, **request)
    with _uncounted():
        before = _numbers()
    response = _request(client, **request)
    if _is_usable():
        with _uncounted():
            found = without_event(before)
        assert not found, f"{request['REQUEST_METHOD']} {request['PATH_INFO']} wrote without an event: {found}"
    return response
