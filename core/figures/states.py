"""Every state was reached by events: nothing moved behind the workflow, and no event jumped over a state."""

from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.figures.names import names_of
from core.models.event import Event
from core.transitions import TransitionSpec, state_field_of, transitions_of, workflow_models

Move = tuple[str, str, str]  # action, from, to

# Moves that the product declared once and declares no more: events of before tell of them (model, action, from, to).
OLD_MOVES = [
    ("reporting.expenditureitem", "forget", state, "pending")
    for state in ("accepted", "partly_rejected", "rejected", "parked")
]


@cache
def _columns() -> list[tuple[type[models.Model], str, str]]:
    """The models with a workflow: model, column of the state, state in which a row begins."""
    found = []
    for model in workflow_models(apps.get_models()):
        specs = transitions_of(model)
        fields = {state_field_of(model, spec) for spec in specs}
        found += [(model, field.column, str(field.get_default())) for field in fields if field.model is model]
    return sorted(found, key=lambda entry: (entry[0]._meta.db_table, entry[1]))


def _part(model: type[models.Model], column: str) -> str:
    """The rows of one model whose state no event explains. Several fields of states: the last event of each is unknown
    by name, so that a row is right when one of its events led to the state."""
    quote = connection.ops.quote_name
    table, pk, state = quote(model._meta.db_table), quote(model._meta.pk.column), quote(column)
    return (
        f"SELECT %s AS kind, row.{pk} AS id, last.to_state AS expected, row.{state} AS found FROM {table} AS row"  # noqa: S608
        " LEFT JOIN LATERAL (SELECT e.to_state FROM core_event e WHERE e.content_type_id = %s AND e.object_id = row."
        f"{pk} AND e.to_state <> '' ORDER BY e.sequence DESC LIMIT 1) AS last ON TRUE"
        f" WHERE row.{state} <> coalesce(last.to_state, %s)"
    )


def unexplained() -> Iterator[Broken]:
    """The rows of all workflows whose state is not the one to which their last event led; one statement."""
    columns = _columns()
    parts, values = [], []
    for model, column, first in columns:
        kind = ContentType.objects.get_for_model(model).pk
        parts.append(_part(model, column))
        values += [kind, kind, first]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY kind, id", values)
        rows = cursor.fetchall()
    of_kind = {ContentType.objects.get_for_model(model).pk: model for model, _column, _first in columns}
    names = names_of((of_kind[kind], pk) for kind, pk, _expected, _found in rows)
    for kind, pk, expected, found in rows:
        model = of_kind[kind]
        yield Broken(pk, names[model, pk], expected or "", found, subject=model)


def _sources(model: type[models.Model], spec: TransitionSpec) -> list[str]:
    """The states from which a transition may be taken, each by its name."""
    states = [str(value) for value, _label in state_field_of(model, spec).flatchoices]
    return [state for state in states if spec.starts_from(state)]


@cache
def _moves(model: type[models.Model]) -> frozenset[Move]:
    """The moves of a model that its transitions declare, and those that they declared once: action, from, to."""
    label = model._meta.label_lower
    found = {move[1:] for move in OLD_MOVES if move[0] == label}
    for spec in transitions_of(model):
        found |= {
            (spec.name, source, source if spec.target is None else spec.target) for source in _sources(model, spec)
        }
    return frozenset(found)


# An event follows the one before it in the chain of its subject; those without a state tell of something else.
_JUMPS = """
    WITH begun AS (
        SELECT * FROM unnest(%(kinds)s::int[], %(firsts)s::text[]) AS begun (kind, first)
    ), declared AS (
        SELECT * FROM unnest(%(of)s::int[], %(actions)s::text[], %(sources)s::text[], %(targets)s::text[])
            AS declared (kind, action, source, target)
    ), said AS (
        SELECT e.content_type_id AS kind, e.object_id, e.sequence, e.action, e.from_state, e.to_state, begun.first,
               lag(e.to_state) OVER (PARTITION BY e.content_type_id, e.object_id ORDER BY e.sequence) AS before
        FROM core_event e JOIN begun ON begun.kind = e.content_type_id WHERE e.to_state <> ''
    )
    SELECT said.kind, said.object_id, said.action, said.from_state, said.to_state, coalesce(said.before, said.first)
    FROM said LEFT JOIN declared ON declared.kind = said.kind AND declared.action = said.action
        AND declared.source = said.from_state AND declared.target = said.to_state
    -- A row that an event made begins with it.
    WHERE NOT (said.before IS NULL AND said.from_state = '' AND said.to_state = said.first)
      AND (said.from_state <> coalesce(said.before, said.first) OR declared.kind IS NULL)
    ORDER BY said.kind, said.object_id, said.sequence
"""


def jumps() -> Iterator[Broken]:
    """The events that do not begin where the one before them ended, or that tell of a move that nobody declared; one
    statement."""
    of_kind = {ContentType.objects.get_for_model(model).pk: (model, first) for model, _column, first in _columns()}
    declared = [(kind, *move) for kind, (model, _first) in of_kind.items() for move in sorted(_moves(model))]
    of, actions, sources, targets = (list(column) for column in zip(*declared, strict=True))
    values = {"kinds": list(of_kind), "firsts": [first for _model, first in of_kind.values()]}
    values |= {"of": of, "actions": actions, "sources": sources, "targets": targets}
    with connection.cursor() as cursor:
        cursor.execute(_JUMPS, values)
        rows = cursor.fetchall()
    names = names_of((of_kind[row[0]][0], row[1]) for row in rows)
    for kind, pk, action, source, target, before in rows:
        model, _first = of_kind[kind]
        expected, found = _told(_moves(model), (action, source, target), before)
        yield Broken(pk, names[model, pk], expected, found, subject=model)


def _told(moves: frozenset[Move], said: Move, before: str) -> tuple[str, str]:
    """What was to be and what an event says: where it begins, else where it ends."""
    action, source, target = said
    if source != before:
        return before, source
    its = sorted(move for move in moves if move[0] == action)
    if ends := [move[2] for move in its if move[1] == source]:
        return ends[0], target
    return (its[0][1], source) if its else (source, target)


register(
    Invariant(
        code="core.states-have-events",
        name=_("States reached by events"),
        sentence=_("Every case, act, claim and order is in the state to which its last recorded action led it."),
        source=_("Rule 6 of the domain: history is append-only, and nothing happens without leaving an event."),
        subject=Event,
        rows=unexplained,
        unit=Unit.STATE,
    ),
    Invariant(
        code="core.states-follow-each-other",
        name=_("From one state to the next"),
        sentence=_(
            "Every recorded action of a case, an act, a claim or an order began in the state to which the one before had led, "
            "and is a move that the procedure knows."
        ),
        source=_("Rule 6 of the domain: history is append-only, and nothing happens without leaving an event."),
        subject=Event,
        rows=jumps,
        unit=Unit.STATE,
    ),
)
