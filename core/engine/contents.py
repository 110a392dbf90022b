"""What keeps the hash of its own content, and is hashed again by ``verify_history``.

An app declares each such hash with :func:`prove`; a hash that nobody recomputes proves nothing.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from core.engine.edited_lines import guess_with, what_they_said
from core.engine.findings import Finding, differences
from core.engine.line_checks import removed_rows
from core.engine.lines import Lines, fetch, quoted
from core.engine.verification import rows_unlike_their_history
from core.history import tracked_models
from core.models.proof import Erasure

logger = logging.getLogger("essor.proof")

CHUNK = 500


@dataclass(frozen=True)
class Rests:
    """Rows of ``model`` from which a value is made: those whose column ``theirs`` is the column ``mine`` of its row.

    ``behind``: what these rows rest on, where they keep no proven value that says so.
    """

    model: type[models.Model]
    theirs: str
    mine: str
    behind: tuple["Rests", ...] = ()


@dataclass(frozen=True)
class Content:
    """A stored value of a model and how it is made again.

    ``rows`` are those that have it, with what the computation needs. A hash is kept of what stood (``made_again`` is of
    what stands). A sum is the other way round: what it is made of says what it should be, so that both functions return
    {field: value} for sums, field by field. Rows whose personal values were erased by law are left to the seals when
    ``personal``. ``rests_on`` says from which rows the value is made: where one of these is named as forged, or does not
    hold itself, it proves nothing of this one.
    """

    model: type[models.Model]
    field: str
    rows: Callable[[], models.QuerySet]
    made_again: Callable[[Any], Any]
    kept: Callable[[Any], Any] | None = None
    personal: bool = False
    rests_on: tuple[Rests, ...] = ()

    def stored(self, row: models.Model) -> Any:
        """What the row says."""
        return self.kept(row) if self.kept else getattr(row, self.field)

    def guess(self, pk: Any) -> Mapping[str, Any]:
        """The sums of a row, or its hash, as what they are made of says them: what its edited line may have said."""
        row = self.rows().filter(pk=pk).first()
        if row is None:
            return {}
        again = self.made_again(row)
        return again if self.kept else {self.model._meta.get_field(self.field).column: again}

    def sums_at_first(self, pk: Any) -> Mapping[str, Any]:
        """The sums of a row that was just entered: nothing, of nothing."""
        return dict.fromkeys(self.guess(pk), "0.00")


_contents: dict[tuple[str, str], Content] = {}


def prove(*contents: Content) -> None:
    """Declare stored hashes (and sums) that ``verify_history`` makes again."""
    for content in contents:
        _contents[content.model._meta.db_table, content.field] = content
        guess_with(content.model, content.guess)
        if content.kept:
            guess_with(content.model, content.sums_at_first)


def contents() -> Iterable[Content]:
    """All that was declared, in the order of the tables."""
    return [_contents[key] for key in sorted(_contents)]


def check_content(content: Content) -> Iterator[Finding]:
    """Every row still has the content that its hash was made of, or the sums of what it is made of."""
    yield from _check(content, _Doubtful())


def _check(content: Content, doubtful: "_Doubtful") -> Iterator[Finding]:
    table = content.model._meta.db_table
    erased = set(Erasure.objects.filter(table=table).values_list("row", flat=True)) if content.personal else set()
    for row in content.rows().order_by("pk").iterator(CHUNK):
        if str(row.pk) in erased:
            continue
        kept, again = content.stored(row), content.made_again(row)
        if kept == again or doubtful.explains(content, row):
            continue
        sentence = _("“%(name)s” no longer has the content that it was made of.")
        if not isinstance(kept, Mapping):
            yield Finding(table, row.pk, content.field, kept, again, None, sentence, {"name": row})
            continue
        told = doubtful.forged(content.model).get(str(row.pk), {})  # the row is named for these
        wrong = [name for name in kept if kept[name] != again[name] and name not in told]
        if wrong:
            sentence = _("“%(name)s” does not say the sum of what it is made of.")
            sides = ({name: values[name] for name in wrong} for values in (again, kept))
            yield Finding(table, row.pk, *differences(*sides), None, sentence, {"name": row})


def _holds_with(content: Content, row: models.Model, said: Mapping[str, Any]) -> bool:
    """Whether a value holds once the row says again what it said: that it does not is told with the row."""
    before, fields = copy(row), {field.column: field for field in content.model._meta.concrete_fields}
    try:
        for column, value in said.items():
            if column in fields:
                setattr(before, fields[column].attname, fields[column].to_python(value))
        with transaction.atomic():
            return content.stored(before) == content.made_again(before)
    except Exception:  # made of values that may be forged: whatever goes wrong, nothing is explained
        logger.exception("What %s %s was made of could not be told.", content.model._meta.label, row.pk)
        return False


class _Doubtful:
    """The rows that prove nothing, of each table once: they are named as forged, do not hold, or rest on such rows."""

    def __init__(self) -> None:
        self._forged: dict[type[models.Model], dict[str, dict[str, Any]]] = {}
        self._known: dict[tuple[type[models.Model], tuple[Rests, ...]], set[str]] = {}
        self._values: dict[Rests, set[str] | None] = {}

    def explains(self, content: Content, row: models.Model) -> bool:
        """Whether a value that does not hold says nothing more of its row: what it rests on is named, or the value is."""
        forged = self.forged(content.model).get(str(row.pk), {})
        if content.field in forged or forged and _holds_with(content, row, forged):
            return True
        return any(self._touches(rests, row) for rests in content.rests_on)

    def forged(self, model: type[models.Model]) -> dict[str, dict[str, Any]]:
        """The rows that the checks of rows and of their history name, with the fields for which they are and what these
        said, as far as that is known."""
        if model not in self._forged:
            found: dict[str, dict[str, Any]] = {}
            if model in tracked_models():
                lines = Lines.of(model)
                for finding in rows_unlike_their_history(model):
                    names = finding.field.split(", ")
                    said = finding.before if len(names) > 1 else {finding.field: finding.before}
                    found.setdefault(str(finding.id), {}).update(said or dict.fromkeys(names))
                for row, said in [*what_they_said(lines).items(), *((row, {}) for row in removed_rows(lines))]:
                    found.setdefault(row, {}).update(said)
            self._forged[model] = found
        return self._forged[model]

    def _touches(self, rests: Rests, row: models.Model) -> bool:
        if rests not in self._values:
            self._values[rests] = self._said(rests)
        said = self._values[rests]
        return said is None or str(getattr(row, rests.mine)) in said

    def _said(self, rests: Rests) -> set[str] | None:
        """What the doubtful rows of a table say in a column, or said once; None when one of them left no word of it."""
        rows, model = self._rows(rests.model, rests.behind), rests.model
        if not rows:
            return set()
        column = quoted(model._meta.get_field(rests.theirs).column if rests.theirs != "pk" else model._meta.pk.column)
        query = f"""SELECT {quoted(model._meta.pk.column)}::text AS row, {column}::text AS said
                    FROM {quoted(model._meta.db_table)} WHERE {quoted(model._meta.pk.column)}::text = ANY (%(rows)s)"""  # noqa: S608
        if model in tracked_models():
            lines = Lines.of(model)
            query += f"""UNION SELECT {lines.key}::text, {column}::text FROM {lines.table}
                         WHERE {lines.key}::text = ANY (%(rows)s)"""  # noqa: S608
        found = fetch(query, {"rows": list(rows)})
        return {row["said"] for row in found} if rows == {row["row"] for row in found} else None

    def _rows(self, model: type[models.Model], behind: tuple[Rests, ...]) -> set[str]:
        if (model, behind) not in self._known:
            known = self._known[model, behind] = set(self.forged(model))
            own = [content for content in contents() if content.model is model]
            for content in own:
                if not content.personal:
                    known |= {str(finding.id) for finding in _check(content, self)}
            for rests in {*behind, *(rests for content in own for rests in content.rests_on)}:
                known |= self._resting(model, rests)
        return self._known[model, behind]

    def _resting(self, model: type[models.Model], rests: Rests) -> set[str]:
        """The rows of a table that rest on doubtful ones."""
        said = self._said(rests)
        rows = model._base_manager.values_list("pk", rests.mine)
        return {str(pk) for pk, mine in rows if said is None or str(mine) in said}
