"""Every constraint of the product says a sentence in French, never its name; what the database refuses comes back typed."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse
from django.utils import translation

from core.admin.refused import RefusedMixin
from core.constraints import sentence_of
from core.roles import Role
from grants.models import CommitteeMember
from reporting.models import Fund, Priority
from tests.factories.core import UserFactory
from tests.factories.instruction import EnvelopeFactory, SessionFactory, programme_of, staff
from tests.factories.reporting import EUProgrammeFactory
from tests.forms import form_to

APPS = ("core", "applicants", "grants", "agreements", "reporting")
CONSTRAINTS = [
    pytest.param(model, constraint, id=constraint.name)
    for model in apps.get_models()
    if model._meta.app_label in APPS and "history" not in model.__module__
    for constraint in model._meta.constraints
    if not (isinstance(constraint, models.UniqueConstraint) and constraint.expressions)
]


@pytest.mark.parametrize(("model", "constraint"), CONSTRAINTS)
def test_a_constraint_says_a_sentence(model, constraint):
    with translation.override("fr"):
        sentence = sentence_of(model, constraint)
        said = str(constraint.get_violation_error_message())
    assert sentence and constraint.name not in sentence and constraint.name not in said
    assert "violat" not in said.lower()


def test_every_page_of_the_staff_site_brings_back_what_the_database_refuses():
    pages = {model._meta.label: page for model, page in admin.site._registry.items() if model._meta.app_label in APPS}
    assert {label for label, page in pages.items() if not isinstance(page, RefusedMixin)} <= {"core.Event"}


REASON = {"change_reason": "Délibération du 27 novembre."}


def _category() -> dict[str, str]:
    fund = Fund.objects.get(code="ERDF")
    return {"fund": str(fund.pk), "category_of_region": "transition", "basis": "total", "eu_rate": "60"}


# Each table of related rows in which two windows may add the same row: the row above, who adds, what is typed.
SAME_ROWS = {
    "grants.PaymentCredit": (EnvelopeFactory, Role.FINANCE_OFFICER, lambda: {"year": "2031", "voted_amount": "1 000,00"}),
    "grants.CommitteeMember": (SessionFactory, Role.COMMITTEE_SECRETARY, lambda: {"name": "Élue Martin"}),
    "grants.ProgrammeAssignment": (
        programme_of, Role.ADMINISTRATOR, lambda: {"user": str(UserFactory(instructor=True).pk)},
    ),
    "reporting.Priority": (EUProgrammeFactory, Role.ADMINISTRATOR, lambda: {"code": "P1", "label_fr": "Priorité"}),
    "reporting.PriorityAllocation": (lambda: priority(), Role.ADMINISTRATOR, _category),
    "reporting.SpecificObjective": (lambda: priority(), Role.ADMINISTRATOR, lambda: {"code": "4.1", "label_fr": "Objectif"}),
}  # fmt: skip


def priority() -> Priority:
    return Priority.objects.create(programme=EUProgrammeFactory(), code="P9", label_fr="Priorité 9")


def adding_inlines() -> dict[str, type]:
    """The tables of related rows of the staff site that add rows which must not stand twice."""
    return {
        inline.model._meta.label: inline
        for model, page in admin.site._registry.items()
        if model._meta.app_label in APPS
        for inline in page.inlines
        if inline.add_roles
        and any(isinstance(item, models.UniqueConstraint) for item in inline.model._meta.constraints)
    }


def test_every_table_of_rows_that_stand_once_is_tried():
    assert set(adding_inlines()) == set(SAME_ROWS)


def typed_rows(page, row, inline: type, typed: dict[str, str]) -> tuple[str, dict[str, str]]:
    """The page's form with one more row of this table, as a browser sends it."""
    prefix = inline.model._meta.get_field(parent_field(inline, row)).remote_field.get_accessor_name()
    fields = form_to(page, page.request["PATH_INFO"]).fields
    total = int(fields[f"{prefix}-TOTAL_FORMS"][0])
    initial = int(fields[f"{prefix}-INITIAL_FORMS"][0])
    spare = initial if total > initial else total
    sent = {name: values[0] for name, values in fields.items()} | {f"{prefix}-TOTAL_FORMS": str(max(total, spare + 1))}
    sent |= {f"{prefix}-{spare}-{name}": value for name, value in typed.items()} | REASON
    return prefix, sent


def parent_field(inline: type, row: models.Model) -> str:
    return next(
        field.name
        for field in inline.model._meta.concrete_fields
        if field.is_relation and field.related_model is type(row)
    )


@pytest.mark.django_db
@pytest.mark.parametrize("by_database", [False, True])
@pytest.mark.parametrize("label", SAME_ROWS)
def test_the_same_row_added_in_two_windows_is_a_sentence_with_what_was_typed(
    client: Client, monkeypatch, label, by_database
):
    make, role, values = SAME_ROWS[label]
    inline, row, typed = adding_inlines()[label], make(), values()
    person = staff(role)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    page = client.get(address)
    _prefix, first = typed_rows(page, row, inline, typed)
    before = inline.model.objects.count()
    assert client.post(address, first).status_code == 302
    assert inline.model.objects.count() == before + 1
    second = dict(first)
    if by_database:  # the other window saved between the look and the write
        monkeypatch.setattr(inline.model, "validate_constraints", lambda self, exclude=None: None)
        monkeypatch.setattr(inline.model, "validate_unique", lambda self, exclude=None: None)
    answer = client.post(address, second)
    assert answer.status_code == 200, "an answer on the page, no error 500"
    assert inline.model.objects.count() == before + 1
    text = answer.content.decode()
    assert all(value in text for value in typed.values()), "what was typed is there"
    if by_database:
        assert "Existe déjà" in text and str(person) in text


@pytest.mark.django_db
def test_a_row_that_another_window_removed_is_said_and_the_rest_can_be_saved(client: Client):
    session = SessionFactory(members=2)
    secretary, colleague = staff(Role.COMMITTEE_SECRETARY), staff(Role.COMMITTEE_SECRETARY)
    client.force_login(secretary, backend="django.contrib.auth.backends.ModelBackend")
    theirs = Client()
    theirs.force_login(colleague, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_committeesession_change", args=[session.pk])
    old = form_to(client.get(address), address).fields
    gone, kept = session.members.order_by("name")
    other = theirs.get(address)
    sent = {name: values[0] for name, values in form_to(other, address).fields.items()}
    assert theirs.post(address, sent | REASON | {"members-0-DELETE": "on"}).status_code == 302
    assert not CommitteeMember.objects.filter(pk=gone.pk).exists()
    mine = {name: values[0] for name, values in old.items()}
    mine |= REASON | {"members-0-capacity": "Présidente", "members-1-capacity": "Vice-présidente"}
    answer = client.post(address, mine)
    assert answer.status_code == 409
    text = answer.content.decode()
    assert "Présidente" in text and "retiré" in text and str(colleague) in text
    again = {name: values[0] for name, values in form_to(answer, address).fields.items()}
    assert client.post(address, again).status_code == 302
    kept.refresh_from_db()
    assert kept.capacity == "Vice-présidente"
    assert list(session.members.all()) == [kept]
