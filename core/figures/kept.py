"""What is kept until a day is not kept for less: the day of a case and of a document is the latest that its history knows."""

from collections.abc import Iterator

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Severity, Unit, register
from core.figures.names import names_of
from core.history import history_model_of
from core.models.document import Document
from core.models.retention import Retention

# What is kept, and the column of its last day.
DAYS = ((Retention, "until"), (Document, "retention_until"))


def kept_for_less() -> Iterator[Broken]:
    """The rows whose last day is before one that their own history says, or is gone; one statement. A setting that is
    shortened later is none: the day that was written stays."""
    parts = [
        f"SELECT {place} AS place, r.id, max(line.{column}) AS said, r.{column} AS stands"  # noqa: S608 - names of ours
        f" FROM {model._meta.db_table} r JOIN {history_model_of(model)._meta.db_table} line ON line.pgh_obj_id = r.id"
        f" GROUP BY r.id HAVING max(line.{column}) > coalesce(r.{column}, '-infinity')"
        for place, (model, column) in enumerate(DAYS)
    ]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY 1, 2")
        rows = cursor.fetchall()
    whose = Retention.objects.select_related("content_type").in_bulk(
        [pk for place, pk, *_days in rows if DAYS[place][0] is Retention]
    )
    of_row: dict[tuple[type[models.Model], int], tuple[type[models.Model], int]] = {}
    for place, pk, *_days in rows:
        model, row = DAYS[place][0], whose.get(pk) if DAYS[place][0] is Retention else None
        of_row[model, pk] = (row.content_type.model_class(), row.object_id) if row else (model, pk)
    names = names_of(of_row.values())
    for place, pk, said, stands in rows:
        yield Broken(pk, names[of_row[DAYS[place][0], pk]], said, stands, subject=DAYS[place][0])


register(
    Invariant(
        code="core.kept-as-long-as-said",
        name=_("Last day of what is kept"),
        sentence=_(
            "What is kept by law, a case or a document, is kept until the latest day that its own history says."
        ),
        source=_("Code of heritage, Article L212-2; Regulation (EU) 2021/1060, Article 82(1)."),
        subject=Retention,
        rows=kept_for_less,
        unit=Unit.DAY,
        severity=Severity.FOLLOW_UP,
        relation="≥",
    )
)
