"""Two ways from a row to a parent lead to the same one: the operation of a certificate is that of its declaration.

A path is written as in queries ("declaration__operation"). What an app's rows reach by two ways it declares once, with
:func:`register_one_parent`; one statement looks at them all.
"""

from collections.abc import Iterator

from django.db import connection, models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.figures.names import names_of
from core.models.event import Event

Pair = tuple[type[models.Model], str, str]

CODE = "core.rows-have-one-parent"
# By pair: whether a path may break off on its way.
_pairs: dict[Pair, bool] = {}
# By pair: the figure of its own that looks at it, where that one knows more than two keys.
_elsewhere: dict[Pair, str] = {}


def register_one_parent(*found: Pair, where_both: bool = False, held_by: str = "") -> None:
    """Tell which two paths of a table lead to one parent: (model, path, other path). A path whose first link is empty leads
    nowhere; one that breaks off later leads to no parent, which is another one, unless the two are held ``where_both`` end.
    ``held_by`` names the figure that holds them, where it is not this one."""
    _pairs.update(dict.fromkeys(found, where_both))
    if held_by:
        _elsewhere.update(dict.fromkeys(found, held_by))


def pairs() -> list[Pair]:
    """The pairs of paths that are known."""
    return list(_pairs)


def figure_of(pair: Pair) -> str:
    """The code of the figure that holds the two paths together."""
    return _elsewhere.get(pair, CODE)


def hops(model: type[models.Model], path: str) -> list[models.Field]:
    """The fields that a path goes through; "pk" goes through none."""
    fields: list[models.Field] = []
    for name in [] if path == "pk" else path.split("__"):
        fields.append((fields[-1].related_model if fields else model)._meta.get_field(name))
    return fields


def parent_of(model: type[models.Model], path: str) -> type[models.Model]:
    """The table to which a path leads."""
    return fields[-1].related_model if (fields := hops(model, path)) else model


def _joined(model: type[models.Model], path: str, alias: str) -> tuple[str, str, str]:
    """SQL of a path from the row "r": its joins, the key at its end, and where it begins."""
    quote, joins, here = connection.ops.quote_name, "", "r"
    fields = hops(model, path)
    if not fields:
        return "", f"r.{quote(model._meta.pk.column)}", f"r.{quote(model._meta.pk.column)}"
    for number, (link, table) in enumerate(
        zip(fields, [field.related_model._meta for field in fields[:-1]], strict=False)
    ):
        there = f"{alias}{number}"
        joins += (
            f" LEFT JOIN {quote(table.db_table)} {there}"
            f" ON {there}.{quote(table.pk.column)} = {here}.{quote(link.column)}"
        )
        here = there
    return joins, f"{here}.{quote(fields[-1].column)}", f"r.{quote(fields[0].column)}"


def _part(place: int, pair: Pair) -> str:
    """The rows of a table whose two paths begin, and end on another parent each or on none."""
    model, path, other = pair
    differs = "<>" if _pairs[pair] else "IS DISTINCT FROM"
    joins, key, begins = _joined(model, path, "a")
    other_joins, other_key, other_begins = _joined(model, other, "b")
    quote = connection.ops.quote_name
    return (
        f"SELECT {place} AS place, r.{quote(model._meta.pk.column)} AS id, {key} AS mine, {other_key} AS other"  # noqa: S608
        f" FROM {quote(model._meta.db_table)} r{joins}{other_joins}"
        f" WHERE {begins} IS NOT NULL AND {other_begins} IS NOT NULL AND {key} {differs} {other_key}"
    )


def of_two_parents() -> Iterator[Broken]:
    """The rows that two paths lead to two parents, each with both; one statement, and the names of what it found."""
    known = [pair for pair in pairs() if pair not in _elsewhere]
    if not known:
        return
    with connection.cursor() as cursor:
        parts = [_part(place, pair) for place, pair in enumerate(known)]
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY place, id")
        rows = cursor.fetchall()
    places = set()
    for place, pk, mine, other in rows:
        model, path, _other = known[place]
        places |= {(model, pk)} | {(parent_of(model, path), key) for key in (mine, other) if key is not None}
    names = names_of(places)
    for place, pk, mine, other in rows:
        model, path, other_path = known[place]
        parent = parent_of(model, path)
        way = " › ".join(str(field.verbose_name) for field in hops(model, other_path))
        label = f"{names[model, pk]} · {way}" if way else names[model, pk]
        told = [names[parent, key] if key is not None else gettext("nothing") for key in (other, mine)]
        if told[0] == told[1]:
            told = [
                f"{name} ({gettext('no. %(number)s') % {'number': key}})"
                for name, key in zip(told, (other, mine), strict=True)
            ]
        yield Broken(pk, label, *told, subject=model)


register(
    Invariant(
        code=CODE,
        name=_("Rows and what they are of"),
        sentence=_(
            "What two ways lead to is one: a certificate is of the operation of its declaration, which is of the agreement of its "
            "claim; an order, an instalment, a share, an entry of an application are each of one act, one operation, one programme."
        ),
        source=_("Rule 9 of the domain: one fact stands under one reference."),
        subject=Event,
        rows=of_two_parents,
        unit=Unit.TEXT,
    )
)
