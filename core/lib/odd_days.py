"""Days and moments that PostgreSQL keeps and Python has none of: "infinity", the year 12000, before our era."""

from typing import Any

from psycopg import DataError
from psycopg.adapt import Loader
from psycopg.pq import Format

KINDS = ("date", "timestamp", "timestamptz")


def read_any_day(cursor: Any) -> None:
    """This cursor gives such a day as the text that PostgreSQL says, instead of failing on the whole answer.

    ``cursor`` is one of Django's; the other cursors of the session read as before.
    """
    adapters = cursor.cursor.adapters
    for kind in KINDS:
        number = adapters.types[kind].oid
        adapters.register_loader(number, _or_its_text(adapters.get_loader(number, Format.TEXT)))


def _or_its_text(usual: Any) -> type[Loader]:
    class AnyDay(Loader):
        def __init__(self, oid: int, connection: Any = None) -> None:
            super().__init__(oid, connection)
            self.usual = usual(oid, connection)

        def load(self, data: Any) -> Any:
            try:
                return self.usual.load(data)
            except DataError:
                return bytes(data).decode()

    return AnyDay
