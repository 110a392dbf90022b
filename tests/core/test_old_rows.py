"""A rule that comes to a table with rows says which of them break it, and what to do, before anything is migrated."""

from datetime import UTC, datetime

import pytest
from django.apps.registry import Apps
from django.core.management.base import CommandError
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.models import Q

from core.engine.old_rows import AddCheck, refuse_broken_rows
from reporting.models import PriorityAllocation
from tests.factories.reporting import rule

#: The first migration of each app since whose time old rows are looked at. The marks of core are written by SQL first.
SINCE = {"agreements": 7, "applicants": 5, "grants": 5, "reporting": 5, "core": 11}


@pytest.mark.django_db
def test_rows_that_break_a_new_rule_are_named_with_their_values_and_what_to_do():
    rule()
    allocation = PriorityAllocation.objects.get()
    editor = connection.SchemaEditorClass(connection)

    def look(**condition) -> None:
        constraint = models.CheckConstraint(condition=Q(**condition), name="rate_is_higher")
        refuse_broken_rows(PriorityAllocation, constraint, editor, "Donnez le taux de la décision.")

    look(eu_rate__gt=0)
    look(amount__gt=0)  # what is null passes, as it does in the database
    with pytest.raises(CommandError) as refused:
        look(eu_rate__gt=60, amount__isnull=True)
    told = str(refused.value)
    for words in ("1 rows", "rate_is_higher", f"{allocation.pk} (amount None, eu_rate 60.0000)", "Donnez le taux"):
        assert words in told


@pytest.mark.django_db
def test_the_old_dates_of_sessions_and_the_old_rates_of_allocations_are_told():
    with pytest.raises(CommandError, match="give the true date"):
        told_of("grants", "0016", "session_date_plausible", held_at=datetime(206, 3, 2, tzinfo=UTC))
    with pytest.raises(CommandError, match="decision on the page of its priority"):
        told_of("reporting", "0010", "priority_rate_is_percent", eu_rate=0)


def told_of(app: str, number: str, name: str, **values) -> None:
    """Run the look of a landed migration over a table in which one row has ``values``, which were legal before."""
    found = [
        operation
        for (label, migration), module in LOADER.disk_migrations.items()
        if label == app and migration.startswith(number)
        for operation in module.operations
        if isinstance(operation, AddCheck) and operation.constraint.name == name
    ]
    table = f"old_{name}"
    columns = ", ".join(f"{column} {'timestamptz' if column == 'held_at' else 'numeric'}" for column in values)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY TABLE {table} (id bigint, {columns})")
        cursor.execute(f"INSERT INTO {table} VALUES (7, %s)", list(values.values()))  # noqa: S608 - a name of our own
    fields = {column: models.DateTimeField() if column == "held_at" else models.DecimalField() for column in values}
    options = type("Meta", (), {"app_label": "core", "db_table": table, "apps": Apps()})
    model = type(f"Old{name}", (models.Model,), {"__module__": __name__, "Meta": options, **fields})
    refuse_broken_rows(model, found[0].constraint, connection.SchemaEditorClass(connection), found[0].todo)


LOADER = MigrationLoader(None)


def test_every_check_that_comes_to_rows_looks_at_them_first():
    blind = []
    for (app, name), migration in LOADER.disk_migrations.items():
        if app not in SINCE or int(name[:4]) < SINCE[app]:
            continue
        created = {
            operation.name_lower for operation in migration.operations if isinstance(operation, migrations.CreateModel)
        }
        blind += [
            f"{app}.{name}: {operation.constraint.name}"
            for operation in migration.operations
            if isinstance(operation, migrations.AddConstraint)
            and isinstance(operation.constraint, models.CheckConstraint)
            and operation.model_name_lower not in created
            and not isinstance(operation, AddCheck)
        ]
    assert blind == []
