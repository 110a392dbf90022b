"""No social security number is asked, kept or given back, whichever door it comes through."""

import io
from decimal import Decimal

import openpyxl
import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile

from agreements.budget_accounts import BudgetAccount
from agreements.forms.portal import AmountForm, LineForm
from agreements.forms.transitions import CertificationForm, ConfirmationForm
from agreements.models import Instalment, PaymentClaim
from applicants.forms.bank_account import BankAccountForm
from applicants.models import Applicant
from applicants.workbooks import ApplicantResource
from core.documents import open_document
from core.importexport.jobs import submit_import
from core.job_runner import execute
from core.models import Job
from core.personal_numbers import BLANK, NoNationalNumberMixin, find_national_number, without_national_numbers
from core.transitions import TransitionRefused, perform
from core.workbooks import Column
from core.workbooks.problems import RowProblem
from core.workbooks.values import CellRefused, read_value
from grants.admin.forms import BodyForm, RecordOpinionForm, ScoreForm
from grants.models import Application
from grants.services.drafting import FilingRefused
from grants.services.filing import write_message
from grants.staff_forms import ProposeForm, RequestPiecesForm
from reporting.forms import FlagAnswerForm
from tests.factories.core import UserFactory
from tests.factories.grants import filed

NIR = "2 55 08 14 168 025 38"
PLAIN = NIR.replace(" ", "")
TEXT = f"Salaire de Mme Durand ({NIR}), mai"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = settings.MEDIA_ROOT = tmp_path


def test_it_is_recognised_and_blanked():
    assert find_national_number(TEXT)
    assert without_national_numbers(TEXT) == f"Salaire de Mme Durand ({BLANK}), mai"
    other = "Facture 2 55 08 14 168 025 39"  # the key is wrong: some other number
    assert without_national_numbers(other) == other


def test_no_field_of_any_table_is_made_for_it():
    for model in apps.get_models():
        for field in model._meta.get_fields():
            assert not {"nir", "ssn", "insee_number", "social_security_number"} & {field.name}


# --- tables ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("raw", [TEXT, PLAIN, int(PLAIN), f"'{PLAIN}"])
def test_a_cell_that_holds_one_is_refused(raw):
    with pytest.raises(CellRefused, match="sécurité sociale"):
        read_value(Column("description", "Description"), raw)


def test_what_is_said_of_a_row_never_repeats_it():
    assert RowProblem(3, "Description", TEXT, "Faux").found == f"Salaire de Mme Durand ({BLANK}), mai"


def test_an_import_refuses_the_row_and_gives_it_back_without_the_number():
    labels = {column.key: str(column.label) for column in ApplicantResource.columns}
    book, content = openpyxl.Workbook(), io.BytesIO()
    book.active.append([labels["siret"], labels["name"], labels["postcode"], labels["city"]])
    book.active.append(["41816609600051", f"Chez {NIR}", "51000", "Reims"])
    book.save(content)
    user = UserFactory(instructor=True)
    upload = SimpleUploadedFile("table.xlsx", content.getvalue())
    asked = submit_import(ApplicantResource, upload, user, reason="Liste reçue de la tête de réseau.")
    assert asked.parameters["document"]
    job = execute(asked.pk)
    assert (job.state, job.result["totals"]) == (Job.State.DONE, {"invalid": 1}), job.reason
    assert not Applicant.objects.exists()
    with open_document(job.file) as file:
        sheet = openpyxl.load_workbook(io.BytesIO(file.read())).worksheets[0]
    given_back = " ".join(str(cell) for row in sheet.iter_rows(values_only=True) for cell in row)
    assert BLANK in given_back
    assert "sécurité sociale" in given_back
    assert find_national_number(given_back) is None


# --- forms -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form",
    [
        AmountForm,
        BankAccountForm,
        BodyForm,
        CertificationForm,
        ConfirmationForm,
        FlagAnswerForm,
        LineForm,
        ProposeForm,
        RecordOpinionForm,
        RequestPiecesForm,
        ScoreForm,
    ],
)
def test_forms_with_words_refuse_it(form):
    assert issubclass(form, NoNationalNumberMixin)


def test_a_form_says_so_beside_the_field():
    form = BodyForm({"body": TEXT})
    assert not form.is_valid()
    assert "sécurité sociale" in form.errors["body"][0]


def test_a_line_of_expenditure_is_refused_in_words():
    claim = PaymentClaim(instalment=Instalment())
    form = LineForm(
        {"description": TEXT}, claim=claim, accounts=[BudgetAccount("604", "Achats", Decimal(100), Decimal(100))]
    )
    assert "sécurité sociale" in " ".join(form.errors["description"])


# --- words of a case -------------------------------------------------------------------------------------------------


def test_neither_a_comment_nor_a_message_keeps_it():
    case: Application = filed()
    with pytest.raises(TransitionRefused) as refusal:
        perform(case, "withdraw", actor=case.created_by, comment=TEXT)
    assert "sécurité sociale" in refusal.value.errors["comment"][0]
    with pytest.raises(FilingRefused, match="sécurité sociale"):
        write_message(case, user=case.created_by, body=TEXT)
    assert not case.messages.exists()
