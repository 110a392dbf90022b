"""Everyday lists in and out: dry run first, errors by row, formulas neutralised, long files to a worker."""

import io
from datetime import date
from html import unescape

import openpyxl
import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from applicants.models import Applicant, LegalCategory
from applicants.workbooks import ApplicantResource, LegalCategoryResource
from core.admin.changes import change_lines
from core.documents import open_document
from core.events import history
from core.importexport import admin as importexport_admin
from core.importexport.jobs import KIND, submit_import
from core.importexport.resources import EssorResource
from core.importexport.shown import newest_line
from core.jobs import run_now
from core.models import Event, Job
from core.workbooks import read_table
from reporting.models import InterventionField
from tests.factories.applicants import SIRET_OF_THE_GUIDE, ApplicantFactory, siret
from tests.factories.core import UserFactory
from tests.factories.instruction import EnvelopeFactory
from tests.forms import forms_of

pytestmark = pytest.mark.django_db

BACKEND = "django.contrib.auth.backends.ModelBackend"
LIST = "admin:applicants_applicant_changelist"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def officer(client):
    user = UserFactory(instructor=True)
    client.force_login(user, backend=BACKEND)
    return user


def table(rows: list[list[object]], headers: list[str]) -> bytes:
    book = openpyxl.Workbook()
    book.active.append(headers)
    for row in rows:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


LABELS = {column.key: str(column.label) for column in ApplicantResource.columns}
HEADERS = ["SIRET", "Dénomination", "CP", "Commune"]


def upload(client, content: bytes, name: str = "table.xlsx"):
    return client.post(
        reverse("admin:applicants_applicant_import"),
        {
            "import_file": SimpleUploadedFile(name, content), "format": "0", "resource": "0",
            "change_reason": "Liste de la préfecture",
        },
    )  # fmt: skip


def confirm(client, response):
    form = response.context["confirm_form"]
    return client.post(reverse("admin:applicants_applicant_process_import"), form.initial)


# --- Import ----------------------------------------------------------------------------------------------------------


def test_nothing_changes_before_it_is_confirmed(client, officer) -> None:
    content = table([[int(SIRET_OF_THE_GUIDE), "Les Coquelicots", 8000, "Charleville"]], HEADERS)
    response = upload(client, content)
    assert response.status_code == 200
    assert not Applicant.objects.exists()
    assert confirm(client, response).status_code == 302
    applicant = Applicant.objects.get()
    assert (applicant.siret, applicant.postcode, applicant.nuts2) == (SIRET_OF_THE_GUIDE, "08000", "FRF2")
    assert applicant.created_by == officer


def test_a_file_confirmed_twice_or_never_sent_is_asked_for_again(client, officer) -> None:
    response = upload(client, table([[siret(1), "Une", "51000", "Reims"]], HEADERS))
    assert confirm(client, response).status_code == 302
    form, address = response.context["confirm_form"], reverse("admin:applicants_applicant_process_import")
    answer = client.post(address, form.initial, follow=True)
    assert answer.redirect_chain == [(reverse("admin:applicants_applicant_import"), 302)]
    assert "Le fichier de cet import n’est plus là" in answer.text
    for name in ("²", "..", ""):
        assert client.post(address, form.initial | {"import_file_name": name}).status_code == 409
    for field in ("format", "resource"):
        for typed in ("²", "7"):
            assert field in client.post(address, form.initial | {field: typed}).context["errors"]


def test_the_same_file_again_changes_nothing(client, officer) -> None:
    rows = [[siret(1), "Une", "51000", "Reims", "non"], [None, "En création", "51000", "Reims", "oui"]]
    content = table(rows, [*HEADERS, LABELS["in_formation"]])
    confirm(client, upload(client, content))
    assert Applicant.objects.count() == 2
    before = list(Applicant.objects.values_list("pk", "updated_at"))
    result = upload(client, content).context["result"]
    assert result.totals["skip"] == 2
    confirm(client, upload(client, content))
    assert list(Applicant.objects.values_list("pk", "updated_at")) == before


def test_a_wrong_row_is_named_with_its_cell_and_stops_everything(client, officer) -> None:
    content = table(
        [
            [siret(1), "Bonne", "51000", "Reims"],
            [],
            ["41816609600052", "Mauvaise", "51000", "Reims"],
            [siret(2), None, "abc", "Reims"],
        ],
        HEADERS,
    )
    response = upload(client, content)
    assert "confirm_form" not in response.context
    problems = list(response.context["result"].problems())
    assert {problem.row for problem in problems} == {4, 5}
    wrong = next(problem for problem in problems if problem.row == 4)
    assert "41816609600052" in wrong.message and wrong.value == "41816609600052"
    assert "41816609600052" in response.content.decode()
    assert not Applicant.objects.exists()


def test_only_the_columns_of_the_file_change(client, officer) -> None:
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, phone="03 26 00 00 00", is_association=True)
    confirm(client, upload(client, table([["418 166 096 00051", "Nouveau nom"]], HEADERS[:2])))
    applicant.refresh_from_db()
    assert (applicant.name, applicant.phone, applicant.is_association) == ("Nouveau nom", "03 26 00 00 00", True)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "vide.xlsx"),
        (b"PK\x03\x04 cut", "casse.xlsx"),
        (b"a;b\n1;2\n", "autre.csv"),
        (b"%PDF-1.7", "table.pdf"),
    ],
)
def test_a_file_that_is_no_table_gets_a_sentence(client, officer, content: bytes, name: str) -> None:
    response = upload(client, content, name)
    assert response.status_code == 200
    assert response.context["form"].errors["import_file"]
    assert not Job.objects.exists()


def test_an_unknown_link_and_a_wrong_choice_are_said(client, officer) -> None:
    headers = ["SIRET", "Dénomination", LABELS["legal_category"], LABELS["ess_statut"]]
    response = upload(client, table([[siret(1), "Une", "9999", "n'importe quoi"]], headers))
    texts = " ".join(problem.message for problem in response.context["result"].problems())
    assert "9999" in texts and "n'importe quoi" in texts


def test_a_row_twice_in_a_file_is_one_applicant(client, officer) -> None:
    content = table([[siret(1), "Une", "51000", "Reims"], [siret(1), "Une", "51000", "Reims"]], HEADERS)
    confirm(client, upload(client, content))
    assert Applicant.objects.count() == 1


def test_a_person_without_a_number_is_found_by_name(officer) -> None:
    person = ApplicantFactory(natural=True, first_name="Éloïse", last_name="Lefèvre", email="e@x.example")
    headers = [LABELS["last_name"], LABELS["first_name"], LABELS["email"], "CP"]
    content = table(
        [["LEFÈVRE", "Éloïse", "e@x.example", "51100"], ["LEFÈVRE", "Éloïse", "autre@x.example", "51"]], headers
    )
    reading = read_table(content, ApplicantResource.imported_columns())
    dataset = EssorResource.dataset(reading, ApplicantResource.imported_columns())
    result = ApplicantResource().import_data(dataset, dry_run=True, use_transactions=True, user=officer)
    assert [row.import_type for row in result.rows] == ["update", "invalid"]
    assert result.rows[0].object_id == person.pk


def test_state_and_derived_columns_are_only_written() -> None:
    keys = {column.key for column in ApplicantResource.imported_columns()}
    assert "region_insee" not in keys and "siret" in keys


# --- What somebody changed since the preview -------------------------------------------------------------------------


TABLES = [item for item in admin.site._registry.values() if isinstance(item, importexport_admin.EssorImportExportAdmin)]
IMPORTED = [
    item
    for item in TABLES
    if item.resource_classes[0].imported_columns() and item.opts.label != "applicants.DeMinimisCeiling"
]
ROWS = {"applicants.Applicant": ApplicantFactory, "grants.Envelope": EnvelopeFactory}
"""What makes a row of a table that is empty before anybody works."""


def two_people(model_admin) -> list[Client]:
    """Two windows of somebody who may import into this table."""
    person = next(
        user
        for user in (UserFactory(roles=[role]) for role in model_admin.change_roles or model_admin.add_roles)
        if user.is_active
    )
    clients = [Client(), Client()]
    for client in clients:
        client.force_login(person, backend=BACKEND)
    return clients


def file_of(model_admin, row, name: str, text: str) -> bytes:
    """The list of one row as it is exported, with another text in one of its columns."""
    resource = model_admin.resource_classes[0]()
    columns = resource.imported_columns()
    values = [text if item.key == name else resource.fields[item.key].export(row) for item in columns]
    return table([values], [str(item.label) for item in columns])


def previewed(client, model_admin, content: bytes):
    address = f"admin:{model_admin.opts.app_label}_{model_admin.opts.model_name}_import"
    file = SimpleUploadedFile("t.xlsx", content)
    data = {"import_file": file, "format": "0", "resource": "0", "change_reason": "Mise à jour"}
    page = client.post(reverse(address), data)
    return next(form for form in forms_of(page) if form.action.endswith("/process_import/"))


@pytest.mark.parametrize("model_admin", IMPORTED, ids=lambda item: item.opts.label)
def test_of_two_people_who_confirm_a_file_the_second_is_refused_with_both_values(model_admin) -> None:
    model, resource = model_admin.model, model_admin.resource_classes[0]
    row = ROWS[model._meta.label]() if model._meta.label in ROWS else model.objects.order_by("pk").first()
    ids = resource._meta.import_id_fields
    name = next(
        key for key in ("label", "name", "label_fr") if key in {item.key for item in resource.imported_columns()}
    )
    assert name not in ids
    clients = two_people(model_admin)
    forms = [
        previewed(client, model_admin, file_of(model_admin, row, name, text))
        for client, text in zip(clients, ("Premier", "Second"), strict=True)
    ]
    assert clients[0].post(forms[0].action, forms[0].fields).status_code == 302
    events = Event.objects.count()
    answer = clients[1].post(forms[1].action, forms[1].fields)
    assert answer.status_code == 409
    told = unescape(answer.content.decode())
    assert "Premier" in told and "Second" in told and "Martin" in told
    row.refresh_from_db()
    assert (getattr(row, name), Event.objects.count()) == ("Premier", events)
    for token in ("", forms[0].fields["shown"][0], "x:y"):
        assert clients[1].post(forms[1].action, forms[1].fields | {"shown": [token]}).status_code in (302, 409)
        row.refresh_from_db()
        assert (getattr(row, name), Event.objects.count()) == ("Premier", events)


def test_what_was_changed_in_another_column_since_the_preview_stays(client, officer) -> None:
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Avant", phone="03 26 00 00 00")
    page = upload(client, table([[SIRET_OF_THE_GUIDE, "Après"]], HEADERS[:2]))
    Applicant.objects.filter(pk=applicant.pk).update(phone="03 26 11 11 11")
    assert confirm(client, page).status_code == 302
    applicant.refresh_from_db()
    assert (applicant.name, applicant.phone) == ("Après", "03 26 11 11 11")


def test_a_row_that_is_as_in_the_file_was_shown_so_too(client, officer) -> None:
    """The preview said that nothing changes; the file does not undo in silence what was written since."""
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Avant")
    page = upload(client, table([[SIRET_OF_THE_GUIDE, "Avant"]], HEADERS[:2]))
    Applicant.objects.filter(pk=applicant.pk).update(name="Corrigé")
    assert confirm(client, page).status_code == 409
    applicant.refresh_from_db()
    assert applicant.name == "Corrigé"


def test_one_row_that_is_refused_keeps_all_out(client, officer) -> None:
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Avant")
    page = upload(client, table([[siret(1), "Nouvelle"], [SIRET_OF_THE_GUIDE, "Après"]], HEADERS[:2]))
    Applicant.objects.filter(pk=applicant.pk).update(name="Corrigé")
    answer = confirm(client, page)
    assert answer.status_code == 409 and "Corrigé" in answer.text and "Après" in answer.text
    assert not Applicant.objects.filter(siret=siret(1)).exists()


def test_a_row_that_somebody_added_since_the_preview_is_told(client, officer) -> None:
    page = upload(client, table([[SIRET_OF_THE_GUIDE, "Du fichier"]], HEADERS[:2]))
    ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Saisie")
    answer = confirm(client, page)
    assert answer.status_code == 409 and "Saisie" in answer.text and "Du fichier" in answer.text
    assert Applicant.objects.get().name == "Saisie"


def test_a_row_that_is_gone_since_the_preview_is_told(client, officer) -> None:
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Avant")
    page = upload(client, table([[SIRET_OF_THE_GUIDE, "Après"]], HEADERS[:2]))
    applicant.delete()
    assert confirm(client, page).status_code == 409
    assert not Applicant.objects.exists()


def test_the_preview_of_another_file_confirms_none(client, officer) -> None:
    pages = [upload(client, table([[siret(number), "Une"]], HEADERS[:2])) for number in (1, 2)]
    forms = [page.context["confirm_form"].initial for page in pages]
    address = reverse("admin:applicants_applicant_process_import")
    assert client.post(address, forms[0] | {"shown": forms[1]["shown"]}).status_code == 409
    assert not Applicant.objects.exists()


def test_a_long_file_does_not_write_over_what_was_changed_since_it_was_sent() -> None:
    user = UserFactory(instructor=True)
    applicant = ApplicantFactory(siret=SIRET_OF_THE_GUIDE, name="Avant")
    sent = parameters(table([[siret(1), "Nouvelle"], [SIRET_OF_THE_GUIDE, "Après"]], HEADERS[:2]), user)
    Applicant.objects.filter(pk=applicant.pk).update(name="Corrigé")
    job = run_now(KIND, sent, user=user)
    applicant.refresh_from_db()
    assert (job.state, job.result["totals"], applicant.name) == ("done", {"invalid": 1}, "Corrigé")
    with open_document(job.file) as file:
        cells = [str(cell.value) for sheet in openpyxl.load_workbook(file) for row in sheet.iter_rows() for cell in row]
    assert any("Corrigé" in cell and "Après" in cell for cell in cells)
    assert run_now(KIND, sent | {"since": newest_line(Applicant)}, user=user).result["totals"] == {
        "new": 1,
        "update": 1,
    }


# --- Rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "may_import", "may_export"),
    [
        ("instructor", True, True),
        ("auditor", False, True),
        ("finance_officer", False, True),
        ("applicant", False, False),
    ],
)
def test_who_may(client, role: str, may_import: bool, may_export: bool) -> None:
    client.force_login(UserFactory(**{role: True}), backend=BACKEND)
    imported = client.get(reverse("admin:applicants_applicant_import")).status_code
    exported = client.get(reverse("admin:applicants_applicant_export")).status_code
    assert (imported == 200, exported == 200) == (may_import, may_export)


# --- Export ----------------------------------------------------------------------------------------------------------


def export(client, number: str):
    chosen = {f"applicantresource_{column.key}": "on" for column in ApplicantResource.columns}
    return client.post(reverse("admin:applicants_applicant_export"), {"format": number, "resource": "0", **chosen})


def test_a_workbook_has_typed_cells_and_no_formula(client, officer) -> None:
    ApplicantFactory(name="=HYPERLINK(1)", phone="+33 3 26 00 00 00")
    ApplicantFactory(natural=True, birth_date=date(1990, 5, 1))
    response = export(client, "0")
    sheet = openpyxl.load_workbook(io.BytesIO(response.content)).worksheets[-1]
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert next(cell for cell in cells if cell.value == "=HYPERLINK(1)").data_type == "s"
    assert next(cell for cell in cells if cell.is_date).value.date() == date(1990, 5, 1)


def test_a_csv_disarms_formulas_and_comes_back_unchanged(client, officer) -> None:
    applicant = ApplicantFactory(name="=1+1", phone="+33 3 26 00 00 00")
    response = export(client, "1")
    assert "'=1+1" in response.content.decode() and "'+33" in response.content.decode()
    result = upload(client, response.content, "retour.csv").context["result"]
    assert result.totals["skip"] == 1, list(result.problems())
    assert Applicant.objects.get() == applicant


def test_the_export_is_what_the_screen_shows(client, officer) -> None:
    ApplicantFactory(name="Visible", city="Reims")
    ApplicantFactory(name="Cachée", city="Troyes")
    chosen = {f"applicantresource_{column.key}": "on" for column in ApplicantResource.columns}
    response = client.post(
        reverse("admin:applicants_applicant_export") + "?q=reims", {"format": "1", "resource": "0", **chosen}
    )
    assert "Visible" in response.content.decode() and "Cachée" not in response.content.decode()


# --- Long files ------------------------------------------------------------------------------------------------------


def test_a_long_file_goes_to_a_worker(client, officer, monkeypatch) -> None:
    monkeypatch.setattr(importexport_admin, "ROWS_IN_A_PAGE", 3)
    rows = [[siret(number), f"Association {number}", "51000", "Reims"] for number in range(4)]
    response = upload(client, table(rows, HEADERS))
    job = Job.objects.get()
    assert response.status_code == 302 and response.url == reverse("core:job", args=[job.pk])
    assert job.kind == KIND and job.requested_by == officer
    assert not Applicant.objects.exists()


def parameters(content: bytes, user, name: str = "table.xlsx") -> dict:
    job = submit_import(ApplicantResource, SimpleUploadedFile(name, content), user, reason="Reprise des données")
    Job.objects.filter(pk=job.pk).delete()
    return job.parameters


def test_the_job_imports_all_the_rows() -> None:
    user = UserFactory(instructor=True)
    rows = [[siret(number), f"Association {number}", "51000", "Reims"] for number in range(12)]
    job = run_now(KIND, parameters(table(rows, HEADERS), user), user=user)
    assert job.state == "done", job.reason
    assert job.result["totals"] == {"new": 12}
    assert Applicant.objects.count() == 12


def test_the_job_imports_nothing_when_a_row_is_wrong_and_gives_the_refused_rows() -> None:
    user = UserFactory(instructor=True)
    rows = [[siret(1), "Bonne", "51000", "Reims"], ["123", "Mauvaise", "51000", "Reims"]]
    job = run_now(KIND, parameters(table(rows, HEADERS), user), user=user)
    assert job.state == "done" and job.file is not None
    assert not Applicant.objects.exists()
    assert job.result["totals"] == {"invalid": 1}


def test_the_job_says_when_the_file_is_no_table() -> None:
    user = UserFactory(instructor=True)
    job = run_now(KIND, parameters(b"a;b\n1;2\n", user, "table.csv"), user=user)
    assert job.state == "failed" and job.reason


# --- Reference tables ------------------------------------------------------------------------------------------------


def test_a_reference_table_comes_in_by_its_code(client) -> None:
    client.force_login(UserFactory(administrator=True), backend=BACKEND)
    labels = [str(column.label) for column in LegalCategoryResource.columns]
    content = table([["9220", "Association déclarée (loi 1901)", "association", "by_statute", ""]], labels)
    response = client.post(
        reverse("admin:applicants_legalcategory_import"),
        {
            "import_file": SimpleUploadedFile("t.xlsx", content), "format": "0", "resource": "0",
            "change_reason": "Nouvelle nomenclature de l’INSEE",
        },
    )  # fmt: skip
    client.post(reverse("admin:applicants_legalcategory_process_import"), response.context["confirm_form"].initial)
    category = LegalCategory.objects.get(code="9220")
    assert category.label == "Association déclarée (loi 1901)"
    event = history(category).get()
    assert (event.action, event.comment, list(event.changes)) == (
        "change",
        "Nouvelle nomenclature de l’INSEE",
        ["label"],
    )
    (line,) = [line for line in change_lines(category) if line.after == category.label]
    assert line.why == "Nouvelle nomenclature de l’INSEE"


def test_a_row_told_by_a_period_and_a_code_is_the_one_of_both(client) -> None:
    client.force_login(UserFactory(administrator=True), backend=BACKEND)
    model_admin = admin.site._registry[InterventionField]
    known = list(InterventionField.objects.order_by("period", "code").values_list("pk", "period", "code")[:3])
    rows = [[period, code, f"Domaine {code}"] for _pk, period, code in known]
    labels = [str(column.label) for column in model_admin.resource_classes[0].columns[:3]]
    form = previewed(client, model_admin, table(rows, labels))
    assert client.post(form.action, form.fields).status_code == 302
    for pk, period, code in known:
        row = InterventionField.objects.get(pk=pk)
        assert (row.period, row.code, row.label_fr) == (period, code, f"Domaine {code}")


@pytest.mark.parametrize("model_admin", TABLES, ids=lambda item: item.opts.label)
def test_no_list_takes_a_file_in_without_a_reason(model_admin) -> None:
    """Parameters, ceilings, envelopes: changed by a file, they say why as on their page."""
    upload_form, confirm_form = model_admin.import_form_class, model_admin.confirm_form_class
    assert upload_form.base_fields["change_reason"].required and confirm_form.base_fields["change_reason"].required


def test_a_column_that_is_not_read_is_named_before_the_import_or_stops_a_long_one(client, officer, monkeypatch) -> None:
    content = table([[siret(1), "Une", "51000", "Reims", "x", "y"]], [*HEADERS, "Couleur", "Why it was refused"])
    page = upload(client, content)
    assert "«\xa0Couleur\xa0» n’est pas lue" in page.text and "confirm_form" in page.context
    assert not Applicant.objects.exists()
    monkeypatch.setattr(importexport_admin, "ROWS_IN_A_PAGE", 0)  # a worker shows nothing before it writes
    refused = upload(client, content)
    assert "Couleur" in str(refused.context["form"].errors["import_file"]) and not Job.objects.exists()
