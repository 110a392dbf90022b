"""Everyday lists in and out: dry run first, errors by row, formulas neutralised, long files to a worker."""

import io
from datetime import date

import openpyxl
import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from applicants.models import Applicant, LegalCategory
from applicants.workbooks import ApplicantResource, LegalCategoryResource
from core.admin.changes import change_lines
from core.events import history
from core.importexport import admin as importexport_admin
from core.importexport.jobs import KIND, submit_import
from core.importexport.resources import EssorResource
from core.jobs import run_now
from core.models import Job
from core.workbooks import read_table
from tests.factories.applicants import SIRET_OF_THE_GUIDE, ApplicantFactory, siret
from tests.factories.core import UserFactory

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
    for name in (form.initial["import_file_name"], "²", ".."):
        answer = client.post(address, form.initial | {"import_file_name": name}, follow=True)
        assert answer.redirect_chain == [(reverse("admin:applicants_applicant_import"), 302)]
        assert "Le fichier de cet import n’est plus là" in answer.text
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


@pytest.mark.parametrize(
    "model_admin",
    [item for item in admin.site._registry.values() if isinstance(item, importexport_admin.EssorImportExportAdmin)],
    ids=lambda item: item.opts.label,
)
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
