"""Every date that a form asks for: a fact has come, and not before its time; what is set for the future is not too far.

The forms are those that exist: a new date field that is neither fails the test.
"""

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django import forms
from django.contrib import admin
from django.db import DatabaseError, IntegrityError, models, transaction
from django.test import RequestFactory
from django.urls import get_resolver
from django.utils import timezone

from agreements.workbooks import expenditure_columns
from core.importexport.resources import EssorResource
from core.lib.planned_days import MOST_ANSWER_DAYS, Planned, PlannedDayField, answers, plans
from core.past_days import HasCome, PastDayField
from core.workbooks.values import CellRefused, read_value
from grants.consultation import consultation_fields
from grants.models import Envelope, PieceRequest
from reporting.rules import listing
from tests.factories.core import UserFactory
from tests.factories.instruction import CallFactory, CaseFactory, EnvelopeFactory, staff

OWN = ("core.", "applicants.", "grants.", "agreements.", "reporting.", "config.")


def forms_of_essor() -> list[type[forms.BaseForm]]:
    assert get_resolver().url_patterns  # every module that declares a form of a page is imported by an address
    found, left = set(), [forms.BaseForm]
    while left:
        for child in left.pop().__subclasses__():
            left.append(child)
            if child.__module__.startswith(OWN):
                found.add(child)
    return sorted(found, key=lambda form: (form.__module__, form.__qualname__))


def dates_of_forms():
    for form in forms_of_essor():
        for name, field in getattr(form, "base_fields", {}).items():
            if isinstance(field, forms.DateField | forms.DateTimeField | forms.SplitDateTimeField):
                yield f"{form.__qualname__}.{name}", field
    for name, field in consultation_fields(SimpleNamespace(de_minimis=True)).items():
        if isinstance(field, forms.DateField):
            yield f"consultation.{name}", field


def dates_of_admin_classes():
    """The dates of models that somebody may type in a form that Django makes, with the field that it makes."""
    request = RequestFactory().get("/")
    for model_admin in admin.site._registry.values():
        if not (
            model_admin.opts.app_label in {name.rstrip(".") for name in OWN}
            and getattr(model_admin, "change_roles", ())
        ):
            continue
        for db_field in model_admin.opts.concrete_fields:
            if not isinstance(db_field, models.DateField) or not db_field.editable:
                continue
            if db_field.name in model_admin.readonly_fields:
                continue
            declared = model_admin.form.base_fields.get(db_field.name)
            yield (
                f"{model_admin.opts.label}.{db_field.name}",
                declared or model_admin.formfield_for_dbfield(db_field, request),
            )
        for inline in model_admin.inlines:
            typed = set(inline.fields or []) - set(inline.readonly_fields)
            if inline.change_roles or inline.add_roles:
                assert not [
                    f for f in inline.model._meta.concrete_fields if isinstance(f, models.DateField) and f.name in typed
                ]


def rules_of(field: forms.Field) -> list:
    return [rule for rule in field.validators if isinstance(rule, HasCome | Planned)]


def test_every_date_of_a_form_is_bound_in_time():
    fields = {**dict(dates_of_forms()), **dict(dates_of_admin_classes())}
    assert len(fields) > 25
    assert {name for name, field in fields.items() if len(rules_of(field)) != 1} == set()
    today = timezone.localdate()
    for name, field in fields.items():
        (rule,) = rules_of(field)
        for far in (date(9999, 12, 31), date(today.year + 36, 1, 1), date(1500, 1, 1)):
            with pytest.raises(forms.ValidationError):
                rule(far)
                pytest.fail(f"{name} takes {far}")
        rule(today)


def test_no_form_makes_a_date_field_of_its_own():
    for path in [*Path().glob("*/**/*.py")]:
        if path.parts[0] + "." not in OWN or str(path) in {"core/past_days.py", "core/lib/planned_days.py"}:
            continue
        source = path.read_text()
        for own in ("forms.DateField(", "forms.DateTimeField(", "forms.SplitDateTimeField("):
            assert own not in source, f"{path}: a fact is a PastDayField, what is to come a PlannedDayField"


@pytest.mark.parametrize("horizon", [answers, plans])
def test_a_day_to_come_is_between_today_and_its_horizon(horizon, settings):
    field, today = PlannedDayField(horizon=horizon), timezone.localdate()
    settings.ESSOR_LONGEST_ANSWER_DAYS = settings.ESSOR_LONGEST_PLAN_DAYS = 10
    for days in (0, 10):
        field.clean((today + timedelta(days=days)).isoformat())
    for days in (-1, 11):
        with pytest.raises(forms.ValidationError):
            field.clean((today + timedelta(days=days)).isoformat())


def test_no_setting_makes_more_of_a_horizon_than_the_database_takes(settings):
    settings.ESSOR_LONGEST_ANSWER_DAYS = 100_000
    assert answers() == MOST_ANSWER_DAYS


@pytest.mark.parametrize("typed", ["1999-12-31", "1500-01-01"])
def test_a_fact_is_not_older_than_what_is_recorded(typed):
    with pytest.raises(forms.ValidationError):
        PastDayField().clean(typed)


# --- the database ----------------------------------------------------------------------------------------------------


def refused(work) -> bool:
    try:
        with transaction.atomic():
            work()
    except (IntegrityError, DatabaseError):
        return True
    return False


@pytest.mark.django_db
def test_the_database_takes_no_far_day_by_which_somebody_answers():
    case, far = CaseFactory(), timezone.localdate() + timedelta(days=MOST_ANSWER_DAYS + 2)
    values = {"application": case, "message": "Statuts", "requested_by": UserFactory()}
    assert refused(lambda: PieceRequest.objects.create(due_on=far, **values))
    assert refused(lambda: PieceRequest.objects.create(due_on=date(1999, 1, 1), **values))
    PieceRequest.objects.create(due_on=timezone.localdate() + timedelta(days=30), **values)


@pytest.mark.django_db
def test_the_database_takes_no_far_day_of_a_call_nor_of_a_vote():
    call, envelope = CallFactory(), EnvelopeFactory(year=2026)
    assert refused(lambda: type(call).objects.filter(pk=call.pk).update(closes_at=call.opens_at.replace(year=2062)))
    for year in (1500, 2024, 2028, 2099):
        assert refused(lambda year=year: Envelope.objects.filter(pk=envelope.pk).update(voted_on=date(year, 1, 1)))
    Envelope.objects.filter(pk=envelope.pk).update(voted_on=date(2025, 12, 18))


@pytest.mark.django_db
def test_a_far_day_is_a_sentence_of_the_form(client):
    officer = staff("instructor")
    client.force_login(officer, backend="django.contrib.auth.backends.ModelBackend")
    case = CaseFactory(state="submitted", instructor=officer)
    address = f"/admin/grants/application/{case.pk}/transition/request_pieces/"
    token = client.get(address).context["shown_token"]
    for typed in ("9999-12-31", "9998-12-31", "2062-01-01"):
        answer = client.post(address, {"message": "Statuts", "deadline": typed, "pieces": ["statutes"], "shown": token})
        assert answer.status_code == 422
        assert "trop lointaine" in answer.text
    assert not case.piece_requests.exists()


# --- workbooks -------------------------------------------------------------------------------------------------------


def dates_read_in():
    """The columns of days of every table that a file may bring in."""
    tables = {"claim lines": expenditure_columns([], []), "operations": listing.COLUMNS}
    left = [EssorResource]
    while left:
        for resource in left.pop().__subclasses__():
            left.append(resource)
            if resource.__module__.startswith(OWN):
                tables[resource.__qualname__] = resource.imported_columns()
    for name, columns in tables.items():
        for column in columns:
            if column.kind in ("date", "datetime"):
                yield f"{name}.{column.key}", column


def test_every_day_of_a_workbook_is_held_to_what_a_form_takes():
    columns = dict(dates_read_in())
    assert len(columns) >= 7
    assert {name for name, column in columns.items() if not isinstance(column.days, HasCome | Planned)} == set()
    for name, column in columns.items():
        for far in ("31/12/9999", f"01/01/{timezone.localdate().year + 36}", "01/01/1500"):
            with pytest.raises(CellRefused):
                read_value(column, far)
                pytest.fail(f"{name} takes {far}")
        read_value(column, timezone.localdate())
