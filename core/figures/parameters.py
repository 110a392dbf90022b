"""Parameters (ceilings, rates, funds, envelopes, calls…) change with an event that says why."""

from collections.abc import Iterator

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from core.days_in_sql import day_of
from core.engine.labels import is_own
from core.figures.invariants import Broken, Invariant, Severity, Unit, register
from core.figures.names import names_of
from core.history import history_model_of
from core.models.incompatible import IncompatibleRoles

# What is expected of a change, as it is kept.
REASON = "an event that says why"

_parameters: list[type[models.Model]] = []


def register_parameters(*found: type[models.Model]) -> None:
    """Tell which tables hold what money, dates or rights rest on, and people change on a page or by a file."""
    _parameters.extend(model for model in found if model not in _parameters)


def parameters() -> list[type[models.Model]]:
    """The tables of parameters that are known."""
    return list(_parameters)


def _part(place: int, model: type[models.Model]) -> str:
    """The lines of one history in which what people type changed, without an event that has a comment; and who acted."""
    quote = connection.ops.quote_name
    history = quote(history_model_of(model)._meta.db_table)
    columns = [quote(field.column) for field in model._meta.concrete_fields if field.editable and not field.primary_key]
    before = ", ".join(f"lag({column}) OVER mine AS was_{number}" for number, column in enumerate(columns))
    changed = " OR ".join(f"{column} IS DISTINCT FROM was_{number}" for number, column in enumerate(columns))
    key = quote("pgh_obj_id")
    return (
        f"SELECT {place} AS place, line.{key} AS id, {day_of('line.pgh_created_at')} AS day,"  # noqa: S608
        " line.pgh_context->>'user' AS person, line.pgh_context->>'label' AS acting FROM ("
        f"SELECT *, lag(pgh_id) OVER mine AS was_there, {before} FROM {history} WINDOW mine AS (PARTITION BY {key} ORDER BY pgh_id)) AS line"
        f" WHERE line.pgh_label = 'update' AND line.was_there IS NOT NULL AND ({changed})"
        " AND NOT EXISTS (SELECT 1 FROM core_event e WHERE e.transaction = line.pgh_context_id AND e.comment <> '')"
    )


def changed_in_silence() -> Iterator[Broken]:
    """The parameters that changed without a reason, by a person or by SQL under whatever name; one statement.

    What Essor's own commands and jobs write (a migration that fills a new column) goes without a reason.
    """
    parts = [_part(place, model) for place, model in enumerate(_parameters)]
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY place, id")
        rows = cursor.fetchall()
    silent = [
        (_parameters[place], pk, day) for place, pk, day, person, acting in rows if person or not is_own(acting or "")
    ]
    names = names_of((model, pk) for model, pk, _day in silent)
    for model, pk, day in silent:
        yield Broken(pk, names[model, pk], REASON, day, subject=model)


register_parameters(IncompatibleRoles)
register(
    Invariant(
        code="core.parameters-change-with-a-reason",
        name=_("Parameters and their reasons"),
        sentence=_("Nobody changed a parameter (ceiling, rate, fund, envelope, call…) without an event that says why."),
        source=_("Rule 6 of the domain: history says who, when, from what to what, and why."),
        subject=IncompatibleRoles,
        rows=changed_in_silence,
        unit=Unit.DAY,
        words={REASON: _("an event that says why")},
        severity=Severity.FOLLOW_UP,
        relation="",
    )
)
