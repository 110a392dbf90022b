"""All the figures at one look, quickly: where a test looks hundreds of times, what SQL asks is planned once."""

from itertools import count

from django.db import connection

from core.figures.checking import look
from core.figures.invariants import Invariant, invariants

# What a worker does every minute: the sequences seal at their end.
BY_A_WORKER = {"core.events-are-sealed", "core.lines-are-sealed"}
_numbers = count(1)


class Looker:
    """What :func:`core.figures.checking.look` finds, by one prepared statement of the session, and the rest by itself.

    The statement asks each invariant's own query whether it has any row; only those that have are looked at in full.
    """

    def __init__(self) -> None:
        looked_at = [invariant for invariant in invariants() if invariant.code not in BY_A_WORKER]
        self.by_sql = [invariant for invariant in looked_at if invariant.sql]
        self.by_function = [invariant.code for invariant in looked_at if not invariant.sql]
        self.name = f"every_figure_{next(_numbers)}"
        with connection.cursor() as cursor:
            cursor.execute(f"PREPARE {self.name} AS " + " UNION ALL ".join(map(self._part, self.by_sql)))

    @staticmethod
    def _part(invariant: Invariant) -> str:
        with connection.cursor() as cursor:
            query = cursor.mogrify(invariant.sql, dict(invariant.parameters()))
        return f"(SELECT '{invariant.code}' WHERE EXISTS ({query}))"

    def broken(self) -> list[tuple]:
        """The invariants that do not hold, each with its rows and its error."""
        with connection.cursor() as cursor:
            cursor.execute(f"EXECUTE {self.name}")
            codes = [code for (code,) in cursor.fetchall()]
        return [
            (result.invariant.code, result.rows, result.error)
            for result in look([*self.by_function, *codes])
            if not result.holds
        ]
