"""What a search reads, written again when the way to fold text changes: for migrations."""

from collections.abc import Callable, Mapping

from django.db.models import Model, QuerySet

from core.acting import acting_as

BATCH = 1_000


def refold(rows: QuerySet, texts: Callable[[Model], Mapping[str, str]]) -> int:
    """Write the folded columns of the rows where they differ; how many rows were written.

    ``texts(row)`` gives what each column should hold.
    """
    changed, names = [], set()
    with acting_as(label="command migrate"):
        for row in rows.iterator(chunk_size=BATCH):
            wanted = texts(row)
            if any(getattr(row, name) != text for name, text in wanted.items()):
                names |= set(wanted)
                for name, text in wanted.items():
                    setattr(row, name, text)
                changed.append(row)
        if changed:
            rows.model.objects.bulk_update(changed, sorted(names), batch_size=BATCH)
    return len(changed)
