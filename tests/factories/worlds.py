"""What a factory lived once is there again at once, for every test that begins with it.

``in_force()`` draws up an act, sends it, has it signed: hundreds of statements, and hundreds of tests begin so. The first
test that asks for it lives it; what it left in the tables is kept, and the tests after it find the same rows, put back as
they were. Only a test that has written nothing yet is given such a world, and only where nothing else is out of the
ordinary (a patch, a setting, another language, another day, somebody who acts): anything else is lived as ever.
"""

import copy
import functools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from django.conf import UserSettingsHolder, settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import get_language
from pytest import MonkeyPatch

from core.acting import current
from core.models import StoredFile
from tests.rows import Table, references, replace

# What the arguments of a factory may be for its world to be known by them.
PLAIN = (str, int, bool, Decimal, date, type, type(None))
P, R = ParamSpec("P"), TypeVar("R")
WRITTEN = """
    SELECT relname FROM pg_stat_xact_user_tables
    WHERE schemaname = 'public' AND n_tup_ins + n_tup_upd + n_tup_del > 0 ORDER BY relname
"""


@dataclass
class World:
    """Rows, stored files and what the factory gave back."""

    emptied: list[str]
    tables: list[Table]
    files: dict[str, bytes]
    given: Any

    @classmethod
    def now(cls, given: Any = None) -> "World":
        """What was written since the transaction began."""
        with connection.cursor() as cursor:
            cursor.execute(WRITTEN)
            tables = [Table.read(name) for (name,) in cursor.fetchall()]
        root = Path(settings.ESSOR_DOCUMENT_ROOT)
        names = [stored.storage_name for stored in StoredFile.objects.all()]
        files = {name: (root / name).read_bytes() for name in names}
        before = {table.name for table in references.tables}
        emptied = [table.name for table in tables if table.name in before]
        return cls(emptied, tables, files, copy.deepcopy(given))

    def enter(self) -> Any:
        """Put everything back, and give a copy of what the factory gave."""
        replace(self.emptied, self.tables)
        for name, content in self.files.items():
            path = Path(settings.ESSOR_DOCUMENT_ROOT) / name
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)
                path.write_bytes(content)
        return copy.deepcopy(self.given)


class Worlds:
    """The worlds of this process. ``patches`` are those of the test under way; None between tests."""

    def __init__(self) -> None:
        self.known: dict[tuple, World] = {}
        self.patches: MonkeyPatch | None = None
        self.skew = time.time() - time.monotonic()
        self.day: date | None = None

    def begins(self) -> bool:
        """Whether a test has done nothing yet that would tell its world from another's."""
        usual = (
            self.patches is not None
            and not (self.patches._setattr or self.patches._setitem)
            and connection.in_atomic_block
            and current() is None
            and not isinstance(settings._wrapped, UserSettingsHolder)
            and abs(timezone.now().timestamp() - time.monotonic() - self.skew) < 1
        )
        if not usual:
            return False
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
            return cursor.fetchone()[0]

    def of_today(self) -> dict[tuple, World]:
        """The worlds that were lived on this day."""
        if self.day != timezone.localdate():
            self.known.clear()
            self.day = timezone.localdate()
        return self.known


worlds = Worlds()


def _plain(values: Iterable[Any]) -> bool:
    return all(isinstance(value, PLAIN) or (isinstance(value, list | tuple) and _plain(value)) for value in values)


def lived_once(make: Callable[P, R]) -> Callable[P, R]:
    """A factory whose world, with these plain arguments, is lived by the first test and put back for the next."""

    @functools.wraps(make)
    def entered(*args: P.args, **kwargs: P.kwargs) -> R:
        if not (_plain(args) and _plain(kwargs.values()) and worlds.begins()):
            return make(*args, **kwargs)
        key = (make.__module__, make.__qualname__, get_language(), repr(args), repr(sorted(kwargs.items())))
        if (world := worlds.of_today().get(key)) is not None:
            return world.enter()
        given = make(*args, **kwargs)
        worlds.known[key] = World.now(given)
        return given

    return entered
