"""The public numbers (cases, agreements, claims, certificates…) come from their counter, which counts up alone."""

from collections.abc import Iterator

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.models.event import Event

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
    """The numbers that their counter has not given yet: it would give them a second time; one statement."""
    quote, parts = connection.ops.quote_name, []
    for place, (model, name) in enumerate(_numbered):
        column = quote(model._meta.get_field(name).column)
        parts.append(
            f"SELECT {place} AS place, {quote(model._meta.pk.column)} AS id, {column} AS number,"  # noqa: S608
            f" regexp_match({column}, {_PARTS}) AS part FROM {quote(model._meta.db_table)}"
        )
    if not parts:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT given.place, given.id, given.number, coalesce(counter.last_value, 0), given.part[3]::bigint"  # noqa: S608
            f" FROM ({' UNION ALL '.join(parts)}) AS given LEFT JOIN core_sequence counter"
            " ON counter.prefix = given.part[1] AND counter.year = given.part[2]::int"
            " WHERE given.part IS NOT NULL AND given.part[3]::bigint > coalesce(counter.last_value, 0)"
            " ORDER BY 1, 2"
        )
        rows = cursor.fetchall()
    for place, pk, number, expected, found in rows:
        yield Broken(pk, number, expected, found, subject=_numbered[place][0])


register(
    Invariant(
        code="core.numbers-within-their-counter",
        name=_("Numbers and their counters"),
        sentence=_(
            "No number (of a case, an act, a claim, a certificate…) is above the last one that its counter gave."
        ),
        source=_("Rule 9 of the domain: one fact stands under one reference; a number given twice would be of two."),
        subject=Event,
        rows=above_their_counter,
        unit=Unit.NUMBER,
        relation="≤",
    )
)
