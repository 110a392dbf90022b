"""Counts the SQL queries of staff pages: at most twenty, and as many for thirty rows as for three."""

from collections.abc import Callable, Iterable

from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

MOST_QUERIES = 20


def queries_of(client: Client, address: str) -> int:
    """The SQL queries of a page that opens; what a process asks once for all is not counted."""
    client.get(address)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(address).status_code == 200, address
    assert len(queries) <= MOST_QUERIES, f"{address}: {len(queries)} queries"
    return len(queries)


def assert_queries_do_not_grow(client: Client, addresses: Iterable[str], fill: Callable[[int], None]) -> None:
    """``fill(count)`` adds rows: three, then twenty-seven more; every page then takes the queries it took before."""
    ContentType.objects.clear_cache()
    fill(3)
    pages = list(addresses)
    few = {address: queries_of(client, address) for address in pages}
    fill(27)
    many = {address: queries_of(client, address) for address in pages}
    grown = {address: (few[address], many[address]) for address in pages if few[address] != many[address]}
    assert not grown, grown
