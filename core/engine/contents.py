"""What keeps the hash of its own content, and is hashed again by ``verify_history``.

An app declares each such hash with :func:`prove`; a hash that nobody recomputes proves nothing.
"""

from collections.abc import Callable, Iterable, Iterator
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

    ``rows`` are those that have it, with what the computation needs; ``kept`` and ``made_again`` return texts. Rows
    whose personal values were erased by law are left to the seals when ``personal``.
    """

    model: type[models.Model]
    field: str
    rows: Callable[[], models.QuerySet]
    made_again: Callable[[Any], Any]
    kept: Callable[[Any], Any] | None = None
    personal: bool = False

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
    """Every row still has the content that its hash was made of."""
    table = content.model._meta.db_table
    erased = set(Erasure.objects.filter(table=table).values_list("row", flat=True)) if content.personal else set()
    for row in content.rows().order_by("pk").iterator(CHUNK):
        if str(row.pk) in erased:
            continue
        kept, again = content.stored(row), content.made_again(row)
        if kept != again:
            sentence = _("“%(name)s” no longer has the content that it was made of.")
            yield Finding(table, row.pk, content.field, kept, again, None, sentence, {"name": row})
