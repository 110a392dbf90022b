"""Certificates and payment applications are made again by ``verify_history``, whatever was edited with its history."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from agreements.models import Agreement
from core.acting import acting_as
from core.engine.contents import check_content, contents
from core.engine.seals import seal_all
from core.history import history_model_of
from core.money import format_euros
from grants.models import Snapshot
from reporting.effects import public_amount_of
from reporting.models import (
    Certificate,
    CertificateAllocation,
    ExpenditureDeclaration,
    ExpenditureItem,
    PaymentApplication,
    PaymentApplicationEntry,
    PaymentApplicationLine,
)
from tests.factories import reporting
from tests.factories.grants import filed

pytestmark = pytest.mark.django_db


@pytest.fixture
def case():
    with acting_as(label="tests"):
        case = reporting.cofinanced()
        reporting.controlled(case, "1000.00", "500.00")
        reporting.applied(case)
    seal_all()
    with connection.cursor() as cursor:  # what waits for the end of the transaction is looked at before the edits
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    return case


def edit(model, assignment: str, where: str = "true") -> None:
    """By a superuser who switches off every trigger: the row, and all the lines of its history."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in (model._meta.db_table, history_model_of(model)._meta.db_table):
            cursor.execute(f"UPDATE {table} SET {assignment} WHERE {where}")  # noqa: S608
        cursor.execute("SET LOCAL session_replication_role = origin")


def broken() -> list[str]:
    with pytest.raises(CommandError) as caught:
        call_command("verify_history")
    return str(caught.value).splitlines()


def found(model) -> set[str]:
    return {
        finding.field
        for content in contents()
        if content.model is model
        for finding in check_content(content)
    }  # fmt: skip


def test_all_is_clean_first(case, capsys):
    assert Certificate.objects.count() == 1
    assert [finding for content in contents() for finding in check_content(content)] == []
    call_command("verify_history")
    assert "Rien n’a été modifié en dehors d’Essor." in capsys.readouterr().out


def test_a_certificate_and_its_allocation_raised_with_both_histories(case):
    """Each is told once, with what it said; its hash, which takes in what was forged, says nothing more."""
    total, amount = Certificate.objects.get().total, CertificateAllocation.objects.get(kind="eu").amount
    edit(Certificate, "total = total + 1000")
    edit(CertificateAllocation, "amount = amount + 1000", "kind = 'eu'")
    certificate, share = sorted(" ".join(line.split()) for line in broken())
    for line, table, field, stood in (
        (certificate, "reporting_certificate", "total", total),
        (share, "reporting_certificateallocation", "amount", amount),
    ):
        amounts = (" ".join(format_euros(value).split()) for value in (stood, stood + 1000))
        assert f"({table}) n°" in line and f"champ {field}" in line and "après avoir été scellée" in line
        assert "Avant : {} ; après : {}.".format(*amounts) in line, "its seal proves what its items say"
    assert found(PaymentApplicationEntry) == set(), "what does not hold itself proves nothing of others"


def test_the_total_of_a_certificate_is_told_once_and_the_same_way_everywhere(case):
    """Its row and its sums say what stood, then what stands, in euros; what rests on it is not accused."""
    total = Certificate.objects.get().total
    stood, stands = (" ".join(format_euros(amount).split()) for amount in (total, total + 1000))
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reporting_certificate SET total = total + 1000")
        cursor.execute("SET LOCAL session_replication_role = origin")
    (line,) = broken()
    assert line.startswith("Certificat (reporting_certificate) n°")
    assert f"Avant : {stood} ; après : {stands}." in " ".join(line.split())


@pytest.mark.parametrize(
    ("model", "edit", "field"),
    [
        (PaymentApplicationEntry, "UPDATE {table} SET line_id = line_id + 1000", "line_id"),
        (PaymentApplicationEntry, "DELETE FROM {table}", ""),
        (CertificateAllocation, "UPDATE {table} SET amount = amount + 1 WHERE kind = 'eu'", "amount"),
        (CertificateAllocation, "DELETE FROM {table} WHERE kind = 'eu'", ""),
        (CertificateAllocation, "UPDATE {table} SET certificate_id = certificate_id + 1 WHERE kind = 'eu'", "certificate_id"),
        (ExpenditureItem, "UPDATE {table} SET retained_amount = retained_amount - 1, declared_amount = declared_amount - 1 "
         "WHERE retained_amount > 1", "declared_amount, retained_amount"),
        (ExpenditureDeclaration, "UPDATE {table} SET number = 'X'", "number"),
    ],
)  # fmt: skip
def test_a_forged_row_is_named_and_nothing_that_rests_on_it(case, model, edit, field):
    """Sums and hashes are made of what is there now: where that is forged, they say nothing of what holds them."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(edit.format(table=model._meta.db_table))
        cursor.execute("SET LOCAL session_replication_role = origin")
    lines = broken()
    assert all(f"({model._meta.db_table}) n°" in line for line in lines), lines
    assert all(f"champ {field}" in line for line in lines if field), lines


def test_an_entry_and_a_line_of_a_closed_application_raised(case):
    """With their histories: each is told once, with the sum, and neither the line nor the application is to blame."""
    for model in (PaymentApplicationEntry, PaymentApplicationLine):
        edit(model, "union_amount = union_amount + 1000")
        lines = broken()  # the row has as many lines as it was written
        assert len(lines) == history_model_of(model).objects.count()
        for line in lines:
            assert f"({model._meta.db_table}) n°" in line and "champ union_amount" in line
        edit(model, "union_amount = union_amount - 1000")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE reporting_paymentapplicationline SET union_amount = union_amount + 1, eligible_amount = 9"
        )
        cursor.execute("SET LOCAL session_replication_role = origin")
    (line,) = broken()
    assert "champ union_amount, eligible_amount" in line


def test_a_closed_application_is_the_hash_with_which_it_was_closed(case):
    """A certificate shared out otherwise, with its hash, its entry and its line, with their histories that had no seal."""
    edit(CertificateAllocation, "amount = amount + 100", "kind = 'eu'")
    assert found(PaymentApplication) == set(), "what it rests on is named by its seals"
    edit(
        CertificateAllocation,
        "amount = amount - 100",
        f"id = {CertificateAllocation.objects.exclude(kind='eu').first().pk}",
    )
    (content,) = [content for content in contents() if (content.model, content.field) == (Certificate, "sha256")]
    edit(Certificate, f"sha256 = '{content.made_again(Certificate.objects.get())}'")
    public = public_amount_of(Certificate.objects.get())
    for model in (PaymentApplicationEntry, PaymentApplicationLine):
        edit(model, f"union_amount = union_amount + 100, public_amount = {public}")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("DELETE FROM core_historyseal")
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert found(Certificate) | found(PaymentApplicationEntry) | found(PaymentApplicationLine) == set()
    assert found(PaymentApplication) == {"sha256"}


@pytest.mark.parametrize(
    ("model", "assignment", "field"),
    [
        (Agreement, 'terms = terms || \'{"title": "x"}\'', "terms_sha256"),
        (Agreement, "signed_sha256 = repeat('0', 64)", "signed_sha256"),
    ],
)
def test_every_other_hash_is_made_again(case, model, assignment, field):
    edit(model, assignment)
    assert found(model) == {field}


def test_a_snapshot_edited_with_its_history():
    with acting_as(label="tests"):
        filed()
    edit(Snapshot, 'content = content || \'{"title": "x"}\'')
    assert found(Snapshot) == {"sha256"}


def test_every_stored_hash_is_proven():
    """A new column that keeps a hash is declared with how it is made again, or here with the reason why not."""
    otherwise = {
        "core.StoredFile.sha256": "the files themselves are read again",
        "reporting.OperationImport.file_sha256": "of a file that is not kept: the hash is what is known of it",
    }
    declared = {f"{content.model._meta.label}.{content.field}" for content in contents()}
    columns = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if not hasattr(model, "pgh_tracked_model")
        for field in model._meta.local_concrete_fields
        if field.name.endswith("sha256")
    }
    assert columns - declared == set(otherwise)
