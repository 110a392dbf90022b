"""Days and moments that PostgreSQL keeps and Python has none of: "infinity", the year 12000, before our era.

The tables refuse them (``core.engine.plain_values``). Where somebody took that guard away, the row of such a day is read all the
same, in every page and every check: a stand-in that comes before, or after, every real day, says what PostgreSQL says,
and is written back as that.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, tzinfo
from functools import wraps
from typing import Any

from django.utils import formats
from django.utils.translation import gettext as _
from psycopg import DataError
from psycopg.adapt import Loader
from psycopg.pq import Format

KINDS = ("date", "timestamp", "timestamptz")
# Far from the ends of the calendar: what is so many years before or after is still a day.
EARLY, LATE = 1000, 9000


class OddDay(date):
    """Stands for a day that Python has none of; ``said`` is PostgreSQL's text (empty of a day reckoned from it)."""

    said = ""

    def __str__(self) -> str:
        return self.said or super().__str__()

    def isoformat(self) -> str:
        return self.said or super().isoformat()

    def strftime(self, form: str) -> str:
        return self.said or super().strftime(form)

    def __format__(self, form: str) -> str:
        return self.said or super().__format__(form)


class OddMoment(datetime):
    """Stands for a moment that Python has none of, as :class:`OddDay` for a day."""

    said = ""

    def __str__(self) -> str:
        return self.said or super().__str__()

    def isoformat(self, *arguments: Any, **options: Any) -> str:
        return self.said or super().isoformat(*arguments, **options)

    def strftime(self, form: str) -> str:
        return self.said or super().strftime(form)

    def __format__(self, form: str) -> str:
        return self.said or super().__format__(form)

    def astimezone(self, tz: tzinfo | None = None) -> datetime:
        return self if self.said else super().astimezone(tz)

    def date(self) -> date:
        return _say(OddDay(self.year, 1, 1), self.said)


def _say(day: Any, said: str) -> Any:
    day.said = said
    return day


def stand_in(said: str, kind: str) -> date:
    """What is read where PostgreSQL says ``said`` in a column of this kind."""
    year = EARLY if said.startswith("-") or said.endswith("BC") else LATE
    if kind == "date":
        return _say(OddDay(year, 1, 1), said)
    return _say(OddMoment(year, 1, 1, tzinfo=UTC if kind == "timestamptz" else None), said)


def in_words(day: Any) -> str:
    """How people read such a day; empty for every other one."""
    said = getattr(day, "said", "")
    return _("no day (%(said)s)") % {"said": said} if said else ""


def read_any_day(connection: Any, **kwargs: Any) -> None:
    """connection_created receiver: the answers of this session are read to the end, whatever days are in them."""
    adapters = connection.connection.adapters
    for kind in KINDS:
        number = adapters.types[kind].oid
        adapters.register_loader(number, _or_stand_in(adapters.get_loader(number, Format.TEXT), kind))


def _or_stand_in(usual: Any, kind: str) -> type[Loader]:
    class AnyDay(Loader):
        # Django asks whether the loader of moments is of its time zone.
        timezone = getattr(usual, "timezone", None)

        def __init__(self, oid: int, connection: Any = None) -> None:
            super().__init__(oid, connection)
            self.usual = usual(oid, connection).load

        def load(self, data: Any) -> Any:
            try:
                return self.usual(data)
            except DataError:
                return stand_in(bytes(data).decode(), kind)

    return AnyDay


def install() -> None:
    """Every page says such a day in words: dates are printed through one function of the library."""
    formats.date_format = _in_words_first(formats.date_format)


def _in_words_first(usual: Callable[..., str]) -> Callable[..., str]:
    if hasattr(usual, "__wrapped__"):
        return usual

    @wraps(usual)
    def date_format(value: Any, *arguments: Any, **options: Any) -> str:
        return in_words(value) or usual(value, *arguments, **options)

    return date_format
