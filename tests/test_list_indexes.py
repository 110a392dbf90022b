"""Every filter and every order that a list of the staff site offers has an index, but in tables of a few rows."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import connection, models

APPS = ("core", "applicants", "grants", "agreements", "reporting")
# Tables of some dozens of rows that nobody adds to in daily work: read whole, faster than through an index.
SMALL = {
    *("grants_programme", "applicants_legalcategory", "applicants_department", "applicants_deminimisceiling"),
    *("reporting_accountingyear", "reporting_cofinancingrule", "reporting_errortype", "reporting_euprogramme"),
    *("reporting_fund", "reporting_interventionfield", "reporting_operationimport", "reporting_paymentapplication"),
    *("reporting_priority", "reporting_specificobjective", "applicants_interestperiod"),
}


def offered(model: type[models.Model], model_admin: admin.ModelAdmin) -> Iterator[str]:
    """The paths of the fields by which a list sorts or is filtered."""
    sortable = model_admin.sortable_by
    for item in model_admin.list_display:
        if sortable is not None and item not in sortable:
            continue
        column = getattr(model_admin, item, None) if isinstance(item, str) else item
        order = getattr(column, "admin_order_field", None) if column else item
        if isinstance(order, str):
            yield order
    for item in model_admin.list_filter:
        if isinstance(item, (str, tuple)):
            yield item if isinstance(item, str) else item[0]
    for item in (model_admin.ordering or [])[:1]:
        if isinstance(item, str):
            yield item


def column_of(model: type[models.Model], path: str) -> tuple[str, str] | None:
    """Table and column at the end of a path; None for what is no column (a computed figure, a many-to-many)."""
    *through, last = path.removeprefix("-").split("__")
    try:
        for name in through:
            model = model._meta.get_field(name).related_model
        field = model._meta.get_field(last)
    except FieldDoesNotExist:
        return None
    is_column = field.concrete and not field.many_to_many
    return (model._meta.db_table, field.column) if is_column else None


def indexed() -> set[tuple[str, str]]:
    """Table and first column of every index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid "
            "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE i.indpred IS NULL"
        )
        return set(cursor.fetchall())


@pytest.mark.django_db
@pytest.mark.parametrize("app", APPS)
def test_every_filter_and_order_of_a_list_has_its_index(app):
    there = indexed()
    missing = set()
    for model, model_admin in admin.site._registry.items():
        if model._meta.app_label != app:
            continue
        columns = {column_of(model, path) for path in offered(model, model_admin)} - {None}
        missing |= {f"{table}.{name}" for table, name in columns - there if table not in SMALL}
    assert not missing
