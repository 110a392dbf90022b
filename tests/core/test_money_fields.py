"""Money is decimal euros with two digits, in every column, whoever writes: a constraint of the type, not of a screen."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.db import connection, models

from tests.factories.instruction import EnvelopeFactory

PRODUCT = ("core", "applicants", "grants", "agreements", "reporting")
# Decimals that are no money: percentages, points, weights.
WORDS_OF_MONEY = ("amount", "cost", "total", "retained", "declared", "granted", "voted", "ceiling", "contribution")


def columns() -> list[models.Field]:
    return [
        field
        for label in PRODUCT
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.concrete_fields
    ]


def test_no_column_is_a_float():
    assert [str(field) for field in columns() if isinstance(field, models.FloatField)] == []


def test_every_amount_is_a_decimal_of_two_digits():
    amounts = [
        field
        for field in columns()
        if any(word in field.name.split("_") for word in WORDS_OF_MONEY) and not field.is_relation
    ]
    wrong = [
        str(field)
        for field in amounts
        if isinstance(field, models.DecimalField) and (field.decimal_places != 2 or field.max_digits < 12)
    ]
    assert wrong == []
    kinds = {type(field) for field in amounts} - {models.DecimalField}
    numbers = {kind for kind in kinds if issubclass(kind, models.IntegerField | models.FloatField)}
    counts = [str(field) for field in amounts if type(field) in numbers]
    assert set(counts) <= {"core.Job.total", "core.JobEvent.total"}, "a number of rows, not of euros"
    assert len(amounts) > 60


@pytest.mark.django_db
def test_the_database_itself_knows_no_float():
    """Also the columns of the history, and of what no model declares."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns"
            " WHERE table_schema = 'public' AND data_type IN ('real', 'double precision', 'money')"
            " AND split_part(table_name, '_', 1) = ANY(%s)",
            [list(PRODUCT)],
        )
        assert cursor.fetchall() == []


@pytest.mark.django_db
def test_an_amount_is_rounded_by_nobody():
    envelope = EnvelopeFactory(voted_amount=Decimal("0.10"))
    type(envelope).objects.filter(pk=envelope.pk).update(voted_amount=models.F("voted_amount") + Decimal("0.20"))
    envelope.refresh_from_db()
    assert envelope.voted_amount == Decimal("0.30")
