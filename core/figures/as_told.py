"""Whoever a row names as having done something is the actor of the event of that step: neither is changed alone.

Each app tells its columns (:func:`register_persons`). Events are found by their row and their order, never by clocks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import ANOTHER, Broken, Invariant, Unit, register
from core.figures.names import names_of
from core.history import history_model_of
from core.models.event import Event

CODE = "core.persons-as-told"


class Which(StrEnum):
    """Which of the events of its subject tells of a row."""

    LAST = "last"  # the last one
    ANY = "any"  # one of them
    NTH = "nth"  # that of its own number: each of these events is of one row, which is called as its subject
    MADE = "made"  # one of the transaction that made the row, whatever its subject
    NAMED = "named"  # the last one whose input names the row, under ``key``


@dataclass(frozen=True)
class Told:
    """A column that names a person, and the events of which this person is the actor.

    The events are those of the row to which ``of`` leads, or of the row itself.
    """

    model: type[models.Model]
    person: str
    actions: tuple[str, ...]
    of: str = ""
    which: Which = Which.LAST
    key: str = ""

    @property
    def column(self) -> str:
        return self.model._meta.get_field(self.person).column

    @property
    def of_column(self) -> str:
        return self.model._meta.get_field(self.of).column if self.of else self.model._meta.pk.column

    @property
    def subject(self) -> type[models.Model]:
        return self.model._meta.get_field(self.of).related_model if self.of else self.model


_told: dict[tuple[type[models.Model], str], Told] = {}


def register_persons(*found: Told) -> None:
    """Tell which columns name the actor of which events."""
    _told.update({(told.model, told.person): told for told in found})


def persons_told() -> list[Told]:
    """The columns that are known."""
    return list(_told.values())


def _last(told: Told) -> str:
    """SQL: a row "r" beside the event that tells of it."""
    return f"""
        FROM {told.model._meta.db_table} r LEFT JOIN LATERAL (
            SELECT e.actor_id FROM core_event e WHERE e.content_type_id = %s AND e.object_id = r.{told.of_column}
             AND e.action = ANY(%s) ORDER BY e.sequence DESC LIMIT 1) AS event ON TRUE
        WHERE r.{told.column} IS NOT NULL"""  # noqa: S608 - names of ours


def _any(told: Told) -> str:
    """Where it names nobody's actor, the last one is said."""
    return _last(told).replace("ORDER BY", f"ORDER BY e.actor_id IS NOT DISTINCT FROM r.{told.column} DESC,")


def _made(told: Told) -> str:
    """Lines and events of before know no transaction: they accuse nobody."""
    pk, history = told.model._meta.pk.column, history_model_of(told.model)._meta.db_table
    of_its_transaction = f"""FROM {history} line JOIN core_event e ON e.transaction = line.pgh_context_id
        WHERE line.pgh_obj_id = r.{pk} AND line.pgh_label = 'insert'"""
    return f"""
        FROM {told.model._meta.db_table} r LEFT JOIN LATERAL (
            SELECT e.actor_id {of_its_transaction} AND e.action = ANY(%s)
            ORDER BY e.actor_id IS NOT DISTINCT FROM r.{told.column} DESC, e.id DESC LIMIT 1) AS event ON TRUE
        WHERE r.{told.column} IS NOT NULL AND EXISTS (SELECT 1 {of_its_transaction})"""  # noqa: S608 - names of ours


def _by_number(told: Told) -> str:
    pk = told.model._meta.pk.column
    return f"""
        FROM (SELECT {pk}, {told.column}, {told.of_column},
                     row_number() OVER (PARTITION BY {told.of_column} ORDER BY {pk}) AS n
              FROM {told.model._meta.db_table} WHERE {told.column} IS NOT NULL) AS r
        LEFT JOIN (SELECT e.object_id, e.actor_id, row_number() OVER (PARTITION BY e.object_id ORDER BY e.sequence) AS n
                   FROM core_event e
                   WHERE e.content_type_id = %s AND e.action = ANY(%s) AND e.actor_id IS NOT NULL
        ) AS event ON event.object_id = r.{told.of_column} AND event.n = r.n
        WHERE TRUE"""  # noqa: S608 - names of ours


def _by_its_name(told: Told) -> str:
    """An event whose words were erased by law names nothing any more, and accuses nobody."""
    pk = told.model._meta.pk.column
    names = f"coalesce(e.data -> '{told.key}' ->> 'id', e.data ->> '{told.key}')"
    events = "FROM core_event e WHERE e.content_type_id = %s AND e.action = ANY(%s)"
    return f"""
        FROM {told.model._meta.db_table} r LEFT JOIN (
            SELECT DISTINCT ON (e.object_id, {names}) e.object_id, {names} AS row, e.actor_id {events}
            ORDER BY e.object_id, {names}, e.sequence DESC
        ) AS event ON event.object_id = r.{told.of_column} AND event.row = r.{pk}::text
        LEFT JOIN (SELECT DISTINCT e.object_id {events} AND e.data = '{{}}') AS erased ON erased.object_id = r.{told.of_column}
        WHERE r.{told.column} IS NOT NULL AND (event.row IS NOT NULL OR erased.object_id IS NULL)"""


_JOINED = {
    Which.LAST: _last,
    Which.ANY: _any,
    Which.MADE: _made,
    Which.NTH: _by_number,
    Which.NAMED: _by_its_name,
}


def _statement(told: list[Told]) -> tuple[str, list[object]]:
    parts, values = [], []
    for place, one in enumerate(told):
        parts.append(
            f"SELECT {place} AS place, r.{one.model._meta.pk.column} AS id, r.{one.of_column} AS of,"  # noqa: S608
            f" event.actor_id AS expected, r.{one.column} AS found {_JOINED[one.which](one)} AND event.actor_id IS DISTINCT FROM r.{one.column}"
        )
        if one.which is not Which.MADE:
            values.append(ContentType.objects.get_for_model(one.subject).pk)
        values.append(list(one.actions))
        if one.which is Which.NAMED:
            values += values[-2:]
    whole = (
        f"SELECT told.place, told.id, told.of, actor.email, named.email FROM ({' UNION ALL '.join(parts)}) AS told"  # noqa: S608
        " LEFT JOIN core_user actor ON actor.id = told.expected JOIN core_user named ON named.id = told.found ORDER BY 1, 2"
    )
    return whole, values


def misnamed() -> Iterator[Broken]:
    """The rows that name somebody else than the actor of their event, or whose step no event tells; one statement."""
    told = persons_told()
    sql, values = _statement(told)
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows = cursor.fetchall()
    called = [
        (told[place].subject, of) if told[place].which is Which.NTH else (told[place].model, pk)
        for place, pk, of, _actor, _named in rows
    ]
    names = names_of(called)
    for key, (place, pk, _of, actor, named) in zip(called, rows, strict=True):
        model = told[place].model
        label = f"{names[key]} · {model._meta.get_field(told[place].person).verbose_name}"
        yield Broken(pk, label, actor or "nobody", named, subject=model)


register(
    Invariant(
        code=CODE,
        name=_("Who did what"),
        sentence=_(
            "Whoever a row names as having entered, filed, proposed, certified, ordered, closed or sent something is whom the "
            "event of that step names."
        ),
        source=_(
            "Code of relations between the public and the administration, Article L212-1: an act names whoever decided it."
        ),
        subject=Event,
        rows=misnamed,
        unit=Unit.TEXT,
        words=ANOTHER,
    )
)
