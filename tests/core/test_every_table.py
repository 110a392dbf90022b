"""``verify_history`` answers for every table: no row of the product can be edited behind its back."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection, models, transaction

from applicants.models import Department
from core.acting import acting_as
from core.engine.verification import check_rows
from core.history import history_model_of, tracked_models
from core.history_migrations import history_begins
from core.jobs import run_now
from core.models import Document
from core.models.user import User
from tests.core.test_database_roles import as_the_application
from tests.factories.agreements import in_force, ordered
from tests.factories.core import UserFactory
from tests.factories.instruction import compute

PRODUCT = ("core", "applicants", "grants", "agreements", "reporting", "demo")
OTHERWISE = {
    "core.Erasure": "append-only; named by a sealed event",
    "core.Event": "a chain of its own",
    "core.EventSeal": "a chain of its own",
    "core.FigureCheck": "the last look at an invariant: another look writes it anew",
    "core.FigureFinding": "what a look found: another look finds it again, and the jobs say when each was made",
    "core.HistorySeal": "in the chain of the event seals, batch by batch",
    "core.PersonSalt": "what is erased with a person; a salt that changed spoils the seals and is found",
    "core.SentForm": "keys of forms that were sent, for some days: what they added has its own history",
    "core.User_user_permissions": "never looked at: roles decide; the application cannot write it",
}
# Tables that no model of the product made, and that the application may write in.
NOT_OURS = {
    "axes_accessattempt": "wrong passwords, for the lock; forgotten after success",
    "axes_accessattemptexpiration": "the same",
    "axes_accessfailurelog": "the same",
    "axes_accesslog": "sign-ins: nothing rests on it",
    "django_admin_log": "Django's own log beside the events: nothing reads it",
    "django_session": "who is signed in, for a few hours",
    "sample_case": "of these tests",
    "pghistory_context": "of the library, unused: each line holds its own context",
}
EDITS = {
    models.CharField: "{column} || 'x'",
    models.TextField: "{column} || 'x'",
    models.DecimalField: "{column} + 1",
    models.IntegerField: "{column} + 1",
    models.DateTimeField: "{column} + interval '1 day'",
    models.DateField: "{column} + 1",
    models.BooleanField: "NOT {column}",
    models.JSONField: "to_jsonb('x'::text)",
    models.ForeignKey: "{column} + 1",
}


def test_every_table_has_its_history_or_a_reason():
    everything = {
        model
        for label in PRODUCT
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
        if not hasattr(model, "pgh_tracked_model")
    }
    tables = {model._meta.db_table for model in tracked_models()}
    without = {model._meta.label for model in everything if model._meta.db_table not in tables}
    assert without == set(OTHERWISE)


@pytest.mark.django_db
def test_every_table_of_the_database_has_its_history_is_closed_to_the_application_or_has_a_reason():
    """Also the tables of the libraries, and those that no model names."""
    tracked = {model._meta.db_table for model in tracked_models()}
    histories = {history_model_of(model)._meta.db_table for model in tracked_models()}
    reasons = {model._meta.db_table for model in apps.get_models(True) if model._meta.label in OTHERWISE}
    with as_the_application() as role, connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, has_table_privilege(%s, oid, 'INSERT, UPDATE, DELETE, TRUNCATE') FROM pg_class "
            "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')",
            [role],
        )
        tables = dict(cursor.fetchall())
    assert {name for name in histories if tables[name]} == set(), "the application writes no history"
    open_ones = {name for name, writes in tables.items() if writes} - tracked - reasons
    assert open_ones == set(NOT_OURS)


@contextmanager
def behind_the_triggers() -> Iterator[None]:
    """As a superuser who switches off every trigger; undone at the end."""
    with connection.cursor() as cursor:
        point = transaction.savepoint()
        cursor.execute("SET LOCAL session_replication_role = replica")
        try:
            yield
        finally:
            transaction.savepoint_rollback(point)


def edit_one_row(model: type[models.Model]) -> str | None:
    """Change one column of the newest row; its name, or None when no column of the table can be changed."""
    table, pk = model._meta.db_table, model._meta.pk.column
    kept = {field.name for field in history_model_of(model)._meta.concrete_fields}
    for field in model._meta.concrete_fields:
        kind = next((kind for kind in EDITS if isinstance(field, kind)), None)
        if field.primary_key or field.generated or kind is None or field.name not in kept:
            continue
        new = EDITS[kind].format(column=f'"{field.column}"')
        newest = f'SELECT max({pk}) FROM {table} WHERE "{field.column}" IS NOT NULL'  # noqa: S608
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f'UPDATE {table} SET "{field.column}" = {new} WHERE {pk} = ({newest})')  # noqa: S608
                if cursor.rowcount:
                    return field.column
        except Error:  # a CHECK constraint, which nothing switches off
            continue
    return None


@pytest.mark.django_db
def test_one_row_of_any_table_edited_by_a_superuser_is_found():
    with acting_as(label="tests"):
        agreement, house = in_force("PROGRESS1", "20000.00")
        case = agreement.application
        ordered(agreement, house)
        compute(case)
        run_now("sample.report", {"rows": 1}, user=UserFactory(finance_officer=True))
        case.notes.create(author=house.instructor, body="Vu au téléphone.")
    found, silent = set(), set()
    for model in tracked_models():
        assert list(check_rows(model)) == [], f"{model._meta.label} is clean"
        with behind_the_triggers():
            if column := edit_one_row(model):
                findings = list(check_rows(model))
                (found if [finding.field for finding in findings] == [column] else silent).add(model._meta.label)
    assert not silent
    assert found >= {
        "agreements.Agreement",
        "agreements.Instalment",
        "agreements.PaymentClaim",
        "agreements.PaymentOrder",
        "applicants.Applicant",
        "applicants.BankAccount",
        "applicants.DeMinimisCeiling",
        "core.Document",
        "core.Job",
        "core.StoredFile",
        "core.User",
        "grants.AidComputation",
        "grants.Application",
        "grants.BudgetLine",
        "grants.Commitment",
        "grants.Envelope",
        "grants.Note",
        "grants.ProgrammeVersion",
        "grants.Score",
        "reporting.Fund",
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.infrastructure
def test_the_command_is_clean_then_red_after_one_row_was_edited(capsys):
    with acting_as(label="tests"):
        agreement, _house = in_force("PROGRESS1", "20000.00")
    with acting_as(label="command migrate"):
        call_command("migrate", verbosity=0, interactive=False)  # the reference tables, emptied by another test
    call_command("verify_history")
    assert "Rien n’a été modifié en dehors d’Essor." in capsys.readouterr().out
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE agreements_agreement SET granted_amount = granted_amount + 1000 WHERE id = %s", [agreement.pk]
        )
        cursor.execute("SET session_replication_role = origin")
    with pytest.raises(CommandError) as caught:
        call_command("verify_history")
    assert f"Convention (agreements_agreement) n°\xa0{agreement.pk}, champ granted_amount" in str(caught.value)
    assert caught.value.returncode == 1


@pytest.mark.django_db
def test_a_history_that_begins_late_begins_with_what_is_there():
    """The migrations that give a table its history give its present rows their first line."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM applicants_departmentevent")
        cursor.execute("SET LOCAL session_replication_role = origin")
        assert Department.objects.exists()
        assert list(check_rows(Department))
        cursor.execute(history_begins("applicants_department").sql)
    assert list(check_rows(Department)) == []
    line = history_model_of(Department).objects.first()
    assert (line.pgh_label, line.pgh_context["user"]) == ("insert", None)
    assert line.pgh_obj_id == line.id
    assert User.objects.count() == Document.objects.count() == 0
