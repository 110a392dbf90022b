"""What a person writes on any page of the staff site leaves an event of theirs in the transaction of the write."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import models
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from applicants.de_minimis import central
from applicants.models import (
    BankAccount,
    DeMinimisAid,
    DeMinimisCeiling,
    Department,
    InterestPeriod,
    LegalCategory,
    Membership,
    SingleUndertaking,
)
from core.acting import acting_as
from core.admin.traces import TracedMixin
from core.engine.line_checks import check_authors
from core.engine.verification import check_rows
from core.history import history_model_of, tracked_models
from core.models import Event, User
from core.models.incompatible import IncompatibleRoles
from core.roles import Role
from grants.models import PaymentCredit, Programme, ProgrammeAssignment
from reporting.models import (
    AccountingYear,
    ErrorType,
    Fund,
    InterventionField,
    Priority,
    PriorityAllocation,
    SpecificObjective,
)
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory, pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import (
    CallFactory,
    CaseFactory,
    EnvelopeFactory,
    SessionFactory,
    programme_of,
    staff,
)
from tests.factories.reporting import EUBeneficiaryFactory, EUProgrammeFactory, rule
from tests.forms import form_to, forms_of

REASON = "Délibération du 27 novembre."


def first(model: type[models.Model], **values: Any) -> Callable[[], models.Model]:
    """A row of a reference table, or one with these values."""
    return lambda: model.objects.order_by("pk").first() or model.objects.create(**values)


def priority() -> Priority:
    return Priority.objects.create(programme=EUProgrammeFactory(), code="P9", label_fr="Priorité 9")


# How a row is had, and what is typed on its page.
CHANGES: dict[str, tuple[Callable[[], models.Model], dict[str, str]]] = {
    "core.IncompatibleRoles": (first(IncompatibleRoles), {"source": "Décret 2012-1246"}),
    "core.User": (lambda: UserFactory(instructor=True), {"last_name": "Diallo"}),
    "applicants.Applicant": (ApplicantFactory, {"city": "Argonne"}),
    "applicants.SingleUndertaking": (
        lambda: SingleUndertaking.objects.create(name="Groupe A", reason="Capital."),
        {"name": "Groupe B"},
    ),
    "applicants.LegalCategory": (first(LegalCategory), {"label": "Autre libellé"}),
    "applicants.Department": (first(Department), {"name": "Autre nom"}),
    "applicants.DeMinimisCeiling": (first(DeMinimisCeiling), {"amount": "299 999,00"}),
    "applicants.InterestPeriod": (first(InterestPeriod), {"months": "48"}),
    "applicants.DeMinimisAid": (DeMinimisAidFactory, {"amount": "4 321,00"}),
    "grants.CommitteeSession": (SessionFactory, {"title": "Commission extraordinaire"}),
    "grants.Envelope": (EnvelopeFactory, {"label": "PROGRESS, budget rectifié"}),
    "grants.Programme": (programme_of, {"is_active": ""}),
    "grants.Call": (CallFactory, {"title": "Appel d’automne"}),
    "reporting.EUBeneficiary": (EUBeneficiaryFactory, {"city": "Bourg"}),
    "reporting.Fund": (lambda: Fund.objects.get(code="ERDF"), {"label_fr": "Le FEDER"}),
    "reporting.InterventionField": (
        first(InterventionField, period="2021-2027", code="138", label_fr="Économie sociale"),
        {"label_fr": "Autre libellé"},
    ),
    "reporting.ErrorType": (first(ErrorType, code="X", label_fr="Autre"), {"label_fr": "Autre libellé"}),
    "reporting.AccountingYear": (first(AccountingYear), {"ends_on": "2022-06-29"}),
    "reporting.EUProgramme": (EUProgrammeFactory, {"name": "FEDER-FSE+ 2021-2027"}),
    "reporting.Priority": (priority, {"label_fr": "Autre priorité"}),
    "reporting.SpecificObjective": (
        lambda: SpecificObjective.objects.create(priority=priority(), code="9.1", label_fr="Objectif"),
        {"label_fr": "Autre objectif"},
    ),
    "reporting.CofinancingRule": (rule, {"eu_rate": "41"}),
}

# What is told in the chain of another row.
TOLD_OF = {"applicants.DeMinimisAid": lambda row: row.applicant}
# The only fields that change without a reason; each page says why.
WITHOUT_REASON = {
    "core.User": {"first_name", "last_name", "phone", "language"},
    "applicants.Applicant": {
        "website", "address_line", "postcode", "city", "insee_commune", "acronym", "representative_title",
    },
    "grants.CommitteeSession": {
        "title", "place", "deliberation_number", "deliberation_on", "legality_sent_on", "legality_reference", "members",
    },
}  # fmt: skip

# What is typed on the page of a new row.
ADDITIONS: dict[str, Callable[[], dict[str, str]]] = {
    "applicants.SingleUndertaking": lambda: {"name": "Groupe A", "reason": "Le même capital."},
    "applicants.LegalCategory": lambda: {"code": "9999", "label": "Forme nouvelle", "ess": "no"},
    "applicants.Department": lambda: {
        "code": "99", "name": "Argonne", "region_insee": "99", "region_name": "Est", "nuts2": "FRZ9", "nuts2_name": "Est",
    },
    "grants.Envelope": lambda: {
        "code": "AE-9", "label": "Neuve", "programme": str(programme_of().pk), "kind": "AE", "year": "2026",
        "voted_amount": "1 000,00",
    },
    "agreements.PaymentBatch": lambda: {"label": "Décembre"},
    "reporting.InterventionField": lambda: {"period": "2021-2027", "code": "9999", "label_fr": "Neuf"},
    "reporting.ErrorType": lambda: {"code": "NEW", "label_fr": "Neuf"},
    "reporting.EUProgramme": lambda: {"code": "new", "name": "Neuf", "period": "2021-2027"},
}  # fmt: skip


def product_pages() -> dict[str, Any]:
    """The admin classes of the product, by model."""
    return {
        model._meta.label: page for model, page in admin.site._registry.items() if model._meta.app_label != "sample"
    }


def role_of(page: Any) -> Role:
    return next(Role(role) for role in (*page.change_roles, *page.add_roles))


def findings() -> list:
    return [finding for model in tracked_models() for finding in check_authors(model)]


def change(client: Client, row: models.Model, person: User, **typed: str) -> None:
    """What a browser sends: the form as the page gives it, with what somebody types."""
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    send(client, address, change_reason=REASON, **typed)


def send(client: Client, address: str, **typed: str) -> None:
    """The form of a page as it gives it, with what somebody types."""
    fields = form_to(client.get(address), address).typed(**typed)
    answer = client.post(address, {name: value for name, value in fields.items() if value != ""})
    assert answer.status_code == 302, answer.text[:20_000]


def lines_of(row: models.Model, person: User) -> models.QuerySet:
    """What the history says that the person wrote of the row."""
    key = "pgh_obj_id" if hasattr(history_model_of(type(row)), "pgh_obj_id") else "id"
    return history_model_of(type(row)).objects.filter(**{key: row.pk}, pgh_context__user=person.pk)


def test_every_page_that_writes_has_the_net_and_its_recipe():
    writing = {label: page for label, page in product_pages().items() if page.change_roles or page.add_roles}
    assert {type(page).save_related for page in writing.values()} == {TracedMixin.save_related}
    assert {label for label, page in writing.items() if page.change_roles} == set(CHANGES)


@pytest.mark.django_db
@pytest.mark.parametrize("label", CHANGES)
def test_a_change_leaves_an_event_of_the_person(client: Client, label: str):
    make, typed = CHANGES[label]
    with acting_as(label="tests"):
        row, person = make(), staff(role_of(product_pages()[label]))
    change(client, row, person, **typed)
    written = list(lines_of(row, person))
    assert written, "the page wrote nothing"
    said = Event.objects.filter(actor=person)
    assert {event.transaction for event in said} == {line.pgh_context_id for line in written}
    subject = TOLD_OF.get(label, lambda itself: itself)(row)
    assert Event.objects.of(subject).filter(actor=person).count() == said.count() == 1
    assert [event.comment for event in said] == [REASON]
    assert findings() == []


def refused(client: Client, row: models.Model, person: User, **typed: str) -> bool:
    """Send a change without a reason: whether the page asks for one, and nothing was written."""
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    fields = form_to(client.get(address), address).typed(**typed)
    answer = client.post(address, {name: value for name, value in fields.items() if value != ""})
    written = lines_of(row, person).exists() or Event.objects.filter(actor=person).exists()
    return answer.status_code == 200 and "Dites pourquoi" in answer.text and not written


@pytest.mark.django_db
@pytest.mark.parametrize("label", CHANGES)
def test_nothing_changes_without_a_reason(client: Client, label: str):
    make, typed = CHANGES[label]
    with acting_as(label="tests"):
        row, person = make(), staff(role_of(product_pages()[label]))
    needs_one = not set(typed) <= WITHOUT_REASON.get(label, set())
    assert refused(client, row, person, **typed) is needs_one


def test_what_changes_without_a_reason_is_a_short_list_with_why_not():
    found = {label: page.without_reason for label, page in product_pages().items() if page.without_reason}
    assert {label: set(fields) for label, fields in found.items()} == WITHOUT_REASON
    assert all(len(why) > 20 for fields in found.values() for why in fields.values())


@pytest.mark.django_db
def test_the_tables_on_a_page_need_its_reason_too(client: Client):
    with acting_as(label="tests"):
        envelope, finance = EnvelopeFactory(), staff(Role.FINANCE_OFFICER)
        PaymentCredit.objects.create(envelope=envelope, year=2026, voted_amount=1000)
        allocation = PriorityAllocation.objects.create(
            priority=priority(), fund=Fund.objects.get(code="ERDF"), category_of_region="transition", eu_rate=60,
            amount=1000,
        )  # fmt: skip
    assert refused(client, envelope, finance, payment_credits__0__voted_amount="2 000,00")
    assert refused(client, allocation.priority, finance, allocations__0__eu_rate="50")
    change(client, envelope, finance, payment_credits__0__voted_amount="2 000,00")
    (event,) = Event.objects.filter(actor=finance)
    assert (event.comment, event.data["parts"][0]["row"]["model"]) == (REASON, "grants.paymentcredit")


@pytest.mark.django_db
@pytest.mark.parametrize("label", ADDITIONS)
def test_a_new_row_leaves_an_event_of_the_person(client: Client, label: str):
    page = product_pages()[label]
    with acting_as(label="tests"):
        typed, person = ADDITIONS[label](), staff(Role(next(iter(page.add_roles))))
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    send(client, reverse(f"admin:{page.url_name('add')}"), **typed)
    row = page.model.objects.order_by("pk").last()
    assert lines_of(row, person).exists()
    assert Event.objects.of(row).filter(actor=person).exists()
    assert findings() == []


# What lists do to several rows at once: the rows, who may, what is typed, and whose event says it.
def two_cases() -> tuple[list, User, dict[str, str]]:
    cases = [CaseFactory(state="in_instruction", number=f"PROG-2025-{number}") for number in (1, 2)]
    return cases, staff(Role.HEAD_OF_SERVICE), {"instructor": str(staff(Role.INSTRUCTOR).pk)}


def two_grants() -> tuple[list, User, dict[str, str]]:
    day = timezone.localdate() - timedelta(days=3)
    aids = [
        DeMinimisAidFactory(origin="granted", reference=f"PROG-{number}", granted_on=day, sector="94.99")
        for number in (1, 2)
    ]
    return aids, staff(Role.INSTRUCTOR), {"entered_on": timezone.localdate().isoformat(), "reference": "N-1"}


BULK = {
    "grants.Application.assign_to": (two_cases, lambda case: case),
    "applicants.DeMinimisAid.mark_entered": (two_grants, lambda aid: aid.applicant),
}
OF_DJANGO = {"delete_selected", "export_admin_action"}


def test_every_action_on_several_rows_has_its_recipe():
    found = {
        f"{label}.{action}"
        for label, page in product_pages().items()
        for action in (item if isinstance(item, str) else item.__name__ for item in page.actions or ())
        if action not in OF_DJANGO
    }
    assert found == set(BULK)
    deleting = [page for page in product_pages().values() if page.delete_roles]
    assert {type(page).delete_queryset for page in deleting} <= {TracedMixin.delete_queryset}


@pytest.mark.django_db
@pytest.mark.parametrize("name", BULK)
def test_an_action_on_several_rows_leaves_an_event_of_the_person_for_each(client: Client, name: str):
    label, _dot, action = name.rpartition(".")
    make, subject = BULK[name]
    with acting_as(label="tests"):
        rows, person, typed = make()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:{product_pages()[label].url_name('changelist')}")
    chosen = {"action": action, "_selected_action": [str(row.pk) for row in rows]}
    form = next(form for form in forms_of(client.post(address, chosen), address) if set(typed) <= set(form.fields))
    answer = client.post(address, form.typed(**typed))
    assert answer.status_code == 302, answer.text[:20_000]
    for row in rows:
        assert lines_of(row, person).exists()
        assert Event.objects.of(subject(row)).filter(actor=person).count() == 1
    assert findings() == []


@pytest.mark.django_db
def test_an_account_entered_for_somebody_leaves_its_event(client: Client):
    with acting_as(label="tests"):
        applicant, person = ApplicantFactory(), staff(Role.INSTRUCTOR)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = f"{reverse('admin:applicants_bankaccount_add')}?applicant={applicant.pk}"
    form = next(form for form in forms_of(client.get(address), address) if "iban" in form.fields)
    proof = SimpleUploadedFile("rib.pdf", pdf("rib"), "application/pdf")
    typed = form.typed(holder_name=applicant.name, iban="FR1420041010050500013M02606")
    answer = client.post(address, typed | {"proof": proof})
    assert answer.status_code == 302, answer.text[:20_000]
    account = BankAccount.objects.get()
    assert lines_of(account, person).exists()
    assert Event.objects.of(account).filter(actor=person).exists()
    assert findings() == []


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["bankaccount", "deminimisaid"])
def test_nobody_adds_for_the_region_a_row_of_a_body_of_theirs(client: Client, kind: str):
    with acting_as(label="tests"):
        person = staff(Role.INSTRUCTOR)
        applicant = ApplicantFactory(editor=person)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse(f"admin:applicants_{kind}_add")
    if kind == "bankaccount":
        assert client.get(f"{address}?applicant={applicant.pk}").status_code == 403
        return
    aid = {"granted_on": "2025-03-01", "amount": "1000", "authority": "Commune", "regime": "general"}
    fields = form_to(client.get(address), address).typed(applicant=str(applicant.pk), **aid)
    answer = client.post(address, fields)
    assert (answer.status_code, DeMinimisAid.objects.exists()) == (200, False)
    client.force_login(staff(Role.INSTRUCTOR), backend="django.contrib.auth.backends.ModelBackend")
    assert client.post(address, fields).status_code == 302


@pytest.mark.django_db
def test_nobody_tells_the_central_register_of_an_aid_of_a_body_of_theirs():
    with acting_as(label="tests"):
        aids, _person, _typed = two_grants()
        person = staff(Role.INSTRUCTOR)
        Membership.objects.create(user=person, applicant=aids[0].applicant, role="editor")
    with pytest.raises(ValidationError):
        central.enter(aids, on=timezone.localdate(), actor=person)
    with pytest.raises(ValidationError):
        central.complete(aids[0], instrument="grant", sector="94.99", actor=person)
    assert central.enter(aids[1:], on=timezone.localdate(), actor=person) == aids[1:]


@pytest.mark.django_db
def test_the_event_says_what_changed_and_why_and_is_not_written_twice(client: Client):
    with acting_as(label="tests"):
        fund, envelope, person = Fund.objects.get(code="ERDF"), EnvelopeFactory(), UserFactory(administrator=True)
        finance = staff(Role.FINANCE_OFFICER)
    before = fund.label_fr
    change(client, fund, person, label_fr="Le FEDER")
    event = Event.objects.of(fund).get()
    assert (event.action, event.changes) == ("change", {"label_fr": [before, "Le FEDER"]})
    change(client, envelope, finance, voted_amount="490 000,00")
    assert Event.objects.of(envelope).get().comment == REASON


@pytest.mark.django_db
def test_a_form_sent_as_it_was_says_nothing(client: Client):
    with acting_as(label="tests"):
        programme, person = EUProgrammeFactory(), UserFactory(administrator=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    send(client, reverse("admin:reporting_euprogramme_change", args=[programme.pk]))
    assert not Event.objects.filter(actor=person).exists()
    assert findings() == []


@pytest.mark.django_db
def test_somebody_is_taken_off_a_programme_for_a_reason(client: Client):
    with acting_as(label="tests"):
        programme, person, colleague = programme_of(), UserFactory(administrator=True), UserFactory(instructor=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page_of_programme(client, assignments__TOTAL_FORMS="1", assignments__0__user=str(colleague.pk))
    address = reverse("admin:grants_programme_change", args=[programme.pk])
    fields = form_to(client.get(address), address).typed(assignments__0__DELETE="on")
    assert client.post(address, {name: value for name, value in fields.items() if value != ""}).status_code == 200
    assert ProgrammeAssignment.objects.exists()


def page_of_programme(client: Client, **typed: str) -> None:
    send(client, reverse("admin:grants_programme_change", args=[programme_of().pk]), change_reason=REASON, **typed)


@pytest.mark.django_db(transaction=True)
@pytest.mark.infrastructure
def test_who_works_for_a_programme_is_told_in_the_transaction_that_says_so(client: Client):
    with acting_as(label="tests"):
        programme, person, colleague = programme_of(), UserFactory(administrator=True), UserFactory(instructor=True)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    page_of_programme(client, assignments__TOTAL_FORMS="1", assignments__0__user=str(colleague.pk))
    assert ProgrammeAssignment.objects.get().user == colleague
    (part,) = Event.objects.of(programme).filter(actor=person).get().data["parts"]
    assert (part["action"], part["row"]["model"]) == ("create", "grants.programmeassignment")
    page_of_programme(client, assignments__0__DELETE="on")
    assert not ProgrammeAssignment.objects.exists()
    page_of_programme(client, is_active="")
    assert not Programme.objects.get(pk=programme.pk).is_active
    events = list(Event.objects.of(programme).filter(actor=person))
    assert [event.data["parts"][0]["action"] for event in events[:2]] == ["create", "delete"]
    assert events[2].changes == {"is_active": [True, False]}
    assert len({event.transaction for event in events}) == 3
    assert findings() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.infrastructure
@pytest.mark.parametrize("many", [False, True])
def test_a_deletion_leaves_its_event(many: bool):
    with acting_as(label="tests"):
        person = UserFactory(administrator=True)
        rows = [Fund.objects.create(code=code, label_fr=code, label_en=code) for code in ("ZA", "ZB")]
    request = RequestFactory().post("/")
    request.user, page = person, admin.site._registry[Fund]
    with acting_as(person):
        if many:
            page.delete_queryset(request, Fund.objects.filter(code__in=[row.code for row in rows]))
        else:
            for row in list(rows):
                page.delete_model(request, Fund.objects.get(pk=row.pk))
    assert not Fund.objects.filter(code__in=[row.code for row in rows]).exists()
    said = Event.objects.filter(actor=person)
    assert [(event.action, event.data["row"]["label"]) for event in said] == [("delete", str(row)) for row in rows]
    assert findings() == list(check_rows(Fund)) == []
