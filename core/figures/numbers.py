"""The public numbers (cases, agreements, claims, certificates…) come from their counter, which counts up alone."""

from collections.abc import Iterator

from django.db import connection, models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.models.event import Event
from core.models.sequence import Sequence

_numbered: list[tuple[type[models.Model], str]] = []

# "PROG-2026-00042" is prefix, year and value; a number of another form was not given by a counter.
_PARTS = r"'^(.+)-(\d{4})-(\d{1,12})$'"


def register_numbers(*fields: tuple[type[models.Model], str]) -> None:
    """Tell where the numbers of :func:`core.sequences.next_number` are kept: (model, name of the field)."""
    _numbered.extend(entry for entry in fields if entry not in _numbered)


def numbered() -> list[tuple[type[models.Model], str]]:
    """The fields that hold numbers given by a counter."""
    return list(_numbered)


def above_their_counter() -> Iterator[Broken]:
    """The counters under a number that is there: they would give it a second time. The counter is named, with the numbers
    above it, for nothing proves a number false that was given; a number whose counter is gone is named itself. One
    statement."""
    quote, parts = connection.ops.quote_name, []
    for place, (model, name) in enumerate(_numbered):
        column = quote(model._meta.get_field(name).column)
        parts.append(
            f"SELECT {place} AS place, {quote(model._meta.pk.column)}::bigint AS id, {column} AS number,"  # noqa: S608
            f" regexp_match({column}, {_PARTS}) AS part FROM {quote(model._meta.db_table)}"
        )
    if not parts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT counter.id, min(given.place), min(given.id), given.part[1] || '-' || given.part[2], count(*),"  # noqa: S608
            " min(given.number), max(given.part[3]::bigint), coalesce(counter.last_value, 0)"
            f" FROM ({' UNION ALL '.join(parts)}) AS given LEFT JOIN core_sequence counter"
            " ON counter.prefix = given.part[1] AND counter.year = given.part[2]::int"
            " WHERE given.part IS NOT NULL AND given.part[3]::bigint > coalesce(counter.last_value, 0)"
            " GROUP BY counter.id, given.part[1], given.part[2] ORDER BY 4"
        )
        rows = cursor.fetchall()
    for counter, place, first, name, count, number, highest, last in rows:
        words = {"counter": name, "count": count, "number": number}
        label = gettext("counter %(counter)s: numbers above it: %(count)d, the first is %(number)s") % words
        subject, pk = (Sequence, counter) if counter else (_numbered[place][0], first)
        yield Broken(pk, label, highest, last, subject=subject)


register(
    Invariant(
        code="core.numbers-within-their-counter",
        name=_("Numbers and their counters"),
        sentence=_(
            "No counter is below a number that is there (of a case, an act, a claim, a certificate…): it gave them all."
        ),
        source=_("Rule 9 of the domain: one fact stands under one reference; a number given twice would be of two."),
        subject=Event,
        rows=above_their_counter,
        unit=Unit.NUMBER,
        counted=_("last number"),
        relation="≥",
    )
)
