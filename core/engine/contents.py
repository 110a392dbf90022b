"""What keeps the hash of its own content, and is hashed again by ``verify_history``.

An app declares each such hash with :func:`prove`; a hash that nobody recomputes proves nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext as _

from core.engine.findings import Finding
from core.models.proof import Erasure

CHUNK = 500


@dataclass(frozen=True)
class Content:
    """A stored value of a model and how it is made again.

    ``rows`` are those that have it, with what the computation needs. A hash is kept of what stood (``made_again`` is of
    what stands). A sum is the other way round: what it is made of says what it should be, so that both functions return
    {field: value} for sums, field by field. Rows whose personal values were erased by law are left to the seals when
    ``personal``. ``rests_on`` gives the rows from which the value is made: where one of these does not hold itself, it
    proves nothing of this one, and is named for it.
    """

    model: type[models.Model]
    field: str
    rows: Callable[[], models.QuerySet]
    made_again: Callable[[Any], Any]
    kept: Callable[[Any], Any] | None = None
    personal: bool = False
    rests_on: Callable[[Any], Iterable[models.Model]] | None = None

    def stored(self, row: models.Model) -> Any:
        """What the row says."""
        return self.kept(row) if self.kept else getattr(row, self.field)


_contents: dict[tuple[str, str], Content] = {}


def prove(*contents: Content) -> None:
    """Declare stored hashes (and sums) that ``verify_history`` makes again."""
    for content in contents:
        _contents[content.model._meta.db_table, content.field] = content


def contents() -> Iterable[Content]:
    """All that was declared, in the order of the tables."""
    return [_contents[key] for key in sorted(_contents)]


def check_content(content: Content) -> Iterator[Finding]:
    """Every row still has the content that its hash was made of, or the sums of what it is made of."""
    table = content.model._meta.db_table
    erased = set(Erasure.objects.filter(table=table).values_list("row", flat=True)) if content.personal else set()
    wrong: dict[type[models.Model], set[Any]] = {}
    for row in content.rows().order_by("pk").iterator(CHUNK):
        if str(row.pk) in erased:
            continue
        kept, again = content.stored(row), content.made_again(row)
        if kept == again or _rests_on_what_does_not_hold(content, row, wrong):
            continue
        sentence = _("“%(name)s” no longer has the content that it was made of.")
        if not isinstance(kept, Mapping):
            yield Finding(table, row.pk, content.field, kept, again, None, sentence, {"name": row})
            continue
        sentence = _("“%(name)s” does not say the sum of what it is made of.")
        for name in kept:
            if kept[name] != again[name]:
                yield Finding(table, row.pk, name, again[name], kept[name], None, sentence, {"name": row})


def _rests_on_what_does_not_hold(
    content: Content, row: models.Model, wrong: dict[type[models.Model], set[Any]]
) -> bool:
    """``wrong`` keeps, for each table once, the rows of which some content does not hold."""
    for source in content.rests_on(row) if content.rests_on else ():
        model = type(source)
        if model not in wrong:
            wrong[model] = {
                finding.id
                for other in contents()
                if other.model is model and not other.personal
                for finding in check_content(other)
            }
        if source.pk in wrong[model]:
            return True
    return False
