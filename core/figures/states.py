"""Every state was reached by an event: nothing moved behind the workflow."""

from collections.abc import Iterator
from functools import cache

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.figures.invariants import Broken, Invariant, Unit, register
from core.figures.names import names_of
from core.models.event import Event
from core.transitions import state_field_of, transitions_of, workflow_models


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


register(
    Invariant(
        code="core.states-have-events",
        name=_("States reached by events"),
        sentence=_("Every case, act, claim and order is in the state to which its last recorded action led it."),
        source=_("Rule 6 of the domain: history is append-only, and nothing happens without leaving an event."),
        subject=Event,
        rows=unexplained,
        unit=Unit.STATE,
    )
)
