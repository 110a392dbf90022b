"""A rule that comes to a table with rows: the migration says which of them break it, with their values and what to do.

PostgreSQL alone would stop with the name of the constraint. Where a truthful value is known, a data step before this one
writes it; what only people know (the true date, the true rate) is asked of them, and nothing is migrated until then.
"""

from typing import Any

from django.core.management.base import CommandError
from django.db import migrations, models

SHOWN = 20
CORRECT = "Correct them on their pages in the version in use, with the reason, then migrate again."


class AddCheck(migrations.AddConstraint):
    """``AddConstraint`` of a check on a table that may have rows. ``todo`` says in one sentence how to mend them."""

    def __init__(self, model_name: str, constraint: models.CheckConstraint, todo: str = CORRECT):
        super().__init__(model_name, constraint)
        self.todo = todo

    def deconstruct(self) -> tuple[str, list[Any], dict[str, Any]]:
        return self.__class__.__name__, [], {
            "model_name": self.model_name, "constraint": self.constraint, "todo": self.todo,
        }  # fmt: skip

    def database_forwards(self, app_label: str, schema_editor, from_state, to_state) -> None:
        model = to_state.apps.get_model(app_label, self.model_name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            refuse_broken_rows(model, self.constraint, schema_editor, self.todo)
        super().database_forwards(app_label, schema_editor, from_state, to_state)


def refuse_broken_rows(model: type[models.Model], constraint: models.CheckConstraint, schema_editor, todo: str) -> None:
    """Raise CommandError when rows break a check: which, with the values that the check reads, and what to do."""
    # The very words that the database would check, so that what is null passes here as it passes there.
    condition = constraint._get_check_sql(model, schema_editor)
    fields = sorted(constraint.condition.referenced_base_fields)
    key = model._meta.pk.column
    columns = [key, *(model._meta.get_field(name).column for name in fields)]
    quoted = ", ".join(schema_editor.quote_name(column) for column in columns)
    table = schema_editor.quote_name(model._meta.db_table)
    with schema_editor.connection.cursor() as cursor:
        broken_rows = f"FROM {table} WHERE NOT ({condition}) ORDER BY {schema_editor.quote_name(key)} LIMIT {SHOWN}"
        cursor.execute(f"SELECT {quoted}, count(*) OVER () {broken_rows}")
        broken = cursor.fetchall()
    if not broken:
        return
    shown = "; ".join(
        f"{row[0]} ({', '.join(f'{name} {value}' for name, value in zip(fields, row[1:-1], strict=True))})"
        for row in broken
    )
    raise CommandError(
        f"{broken[0][-1]} rows of {model._meta.db_table} break {constraint.name}, which this version holds: {shown}. {todo}"
    )
