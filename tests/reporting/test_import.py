"""Small lists: formats, doubts, dry run, all or nothing, what changed, and files that cannot be used."""

from datetime import date
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from openpyxl import Workbook, load_workbook

from core.jobs import run_now
from core.management.base import Problems
from core.models.job import Job
from reporting.imports import MAX_BYTES, FileRefused, apply_import, plan_import
from reporting.models import EUBeneficiary, Operation, OperationFlag, OperationImport, OperationVersion
from reporting.tasks import IMPORT
from tests.factories.core import UserFactory
from tests.reporting.listing import HEADERS, row, write_csv, write_xlsx

pytestmark = pytest.mark.django_db
D = Decimal
DIRTY = [
    row(),
    row(name="Code postal court", postcode=1000),
    row(name="Plus d’UE que de coût", eligible=100.0, eu=250.5),
    row(name="Date de remplissage", programmed=date(2000, 1, 1)),
    row(name="Fonds non renseigné", fund="NR"),
    row(name="Fin avant début", end=date(2013, 1, 1)),
    row(name="Sans bénéficiaire", beneficiary=""),
]


def take_in(path, **options):
    plan = plan_import(path, path.name, **options)
    apply_import(plan)
    return plan


def command(*arguments) -> tuple[str, list[str]]:
    out = StringIO()
    try:
        call_command("import_operations", *map(str, arguments), stdout=out, stderr=StringIO())
    except Problems as refused:
        return out.getvalue(), refused.problems
    return out.getvalue(), []


@pytest.mark.parametrize("write", [write_xlsx, write_csv])
def test_each_dirt_gets_what_it_deserves(tmp_path, write):
    suffix = write.__name__.removeprefix("write_")
    plan = take_in(write(tmp_path / f"liste.{suffix}", DIRTY))
    assert [listed.name for listed in plan.repaired] == ["Code postal court"]
    assert {listed.name: set(listed.doubts) for listed in plan.flagged} == {
        "Plus d’UE que de coût": {"eu_above_eligible"},
        "Date de remplissage": {"programming_date"},
        "Fonds non renseigné": {"fund_unknown"},
    }
    assert [(refused.number, refused.raw["name"]) for refused in plan.refused] == [
        (7, "Fin avant début"), (8, "Sans bénéficiaire"),
    ]  # fmt: skip
    assert Operation.objects.count() == 5
    assert OperationFlag.objects.filter(state="open").count() == 3
    assert OperationVersion.objects.get(name="Code postal court").location == "01000"
    over = OperationVersion.objects.get(name="Plus d’UE que de coût")
    lines = {line.kind: line.amount for line in over.financing.all()}
    assert lines == {"eu": D("250.50"), "unexplained": D("-150.50")}
    account = plan.reconciliation
    assert account.of("FSE", "refused").rows == 2 and account.of("NR", "flagged").rows == 1


def test_a_dry_run_says_all_and_writes_nothing(tmp_path):
    path = write_xlsx(tmp_path / "liste.xlsx", DIRTY)
    out, problems = command(path, "--dry-run", "--rejected", tmp_path / "refus.xlsx")
    assert len(problems) == 2
    assert "Essai à blanc" in out or "rien n’a été écrit" in out
    assert (
        not Operation.objects.exists() and not OperationImport.objects.exists() and not EUBeneficiary.objects.exists()
    )


def test_all_or_nothing(tmp_path):
    path = write_xlsx(tmp_path / "liste.xlsx", DIRTY)
    out, problems = command(path, "--all-or-nothing", "--rejected", tmp_path / "refus.xlsx")
    assert len(problems) == 2 and not Operation.objects.exists()
    assert "Rien n’a été importé" in out
    out, problems = command(write_xlsx(tmp_path / "bonne.xlsx", DIRTY[:5]), "--all-or-nothing")
    assert problems == [] and Operation.objects.count() == 5


def test_a_row_that_changed_makes_a_version_and_keeps_what_was_answered(tmp_path):
    take_in(write_xlsx(tmp_path / "une.xlsx", [row(), row(name="Autre")]))
    operation = Operation.objects.get(current__name="Ouvrier qualifié du textile")
    code = operation.code
    plan = take_in(write_xlsx(tmp_path / "deux.xlsx", [row(eu=12000.0), row(name="Autre")]))
    assert (len(plan.new), len(plan.changed), len(plan.unchanged)) == (0, 1, 1)
    operation.refresh_from_db()
    assert (operation.code, operation.current.number, operation.current.eu_amount) == (code, 2, D("12000.00"))
    assert operation.versions.get(number=1).eu_amount == D("10764.97")
    again = plan_import(tmp_path / "deux.xlsx", "deux.xlsx")
    assert not again.writes


def test_rows_that_nothing_tells_apart_are_several_operations(tmp_path):
    take_in(write_xlsx(tmp_path / "une.xlsx", [row()]))
    plan = take_in(write_xlsx(tmp_path / "deux.xlsx", [row(), row(), row(eu=1.0)]))
    assert (len(plan.unchanged), len(plan.new), Operation.objects.count()) == (1, 2, 3)
    codes = sorted(Operation.objects.values_list("code", flat=True))
    assert codes[1].endswith("-2") and codes[2].endswith("-3") and len(set(codes)) == 3


# --- files that cannot be used ------------------------------------------------------------------------------------------


def refusal(path) -> str:
    with pytest.raises(FileRefused) as refused:
        plan_import(path, path.name)
    return str(refused.value)


@pytest.mark.parametrize("left_out", [2, 6, 11])
def test_a_missing_column_is_named(tmp_path, left_out):
    def without(cells):
        return [cell for place, cell in enumerate(cells) if place != left_out]

    path = write_xlsx(tmp_path / "liste.xlsx", [without(row())] * 4, without(HEADERS))
    wanted = {2: "Nom du bénéficiaire", 6: "dépenses éligibles", 11: "Fonds"}[left_out]
    assert wanted.casefold() in refusal(path).casefold()


def test_a_shifted_column_is_said_to_be_shifted(tmp_path):
    rows = [[*cells[:4], "", *cells[4:-1]] for cells in (row(name=f"Projet {n}") for n in range(400))]
    path = write_xlsx(tmp_path / "liste.xlsx", rows)
    assert "décal" in refusal(path)  # however many cells are wrong
    out, problems = command(path)
    assert len(problems) == 1 and "décal" in problems[0]
    assert not Operation.objects.exists() and out == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"%PDF-1.7\n1 0 obj <<>> endobj\n%%EOF\n", "ni un classeur"),
        (b"", "vide"),
        (b"PK\x03\x04 not a workbook", "abîmé|endommagé"),
        (b"a;b;c\n1;2;3\n", "en-têtes"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence(tmp_path, content, words):
    path = tmp_path / "liste.xlsx"
    path.write_bytes(content)
    with pytest.raises(Problems, match=words):
        call_command("import_operations", str(path), stdout=StringIO(), stderr=StringIO())
    assert not Operation.objects.exists()


def test_a_file_of_80_megabytes_is_refused_by_the_command_and_by_the_page(tmp_path, client):
    path = tmp_path / "enorme.csv"
    with path.open("wb") as file:
        file.write((";".join(HEADERS) + "\n").encode())
        file.truncate(80 * 1024 * 1024)
    with pytest.raises(Problems, match="50 Mo"):
        call_command("import_operations", str(path), stdout=StringIO(), stderr=StringIO())
    client.force_login(UserFactory(finance_officer=True), backend="django.contrib.auth.backends.ModelBackend")
    with path.open("rb") as file:
        page = client.post(
            reverse("admin:reporting_import"), {"file": file, "period": "2014-2020", "mode": "good_rows"}
        )
    assert page.status_code == 200
    assert "50" in page.content.decode() and not Job.objects.filter(kind=IMPORT, state="queued").exists()
    assert MAX_BYTES < 80 * 1024 * 1024


def test_a_file_that_is_not_there_and_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(CommandError, match="n’existe pas"):
        call_command("import_operations", str(tmp_path / "rien.xls"), stdout=StringIO(), stderr=StringIO())
    path = write_xlsx(tmp_path / "liste.xlsx", DIRTY)
    with pytest.raises(CommandError, match="dossier qui existe"):
        command(path, "--rejected", tmp_path / "nulle-part" / "refus.xlsx")
    assert not Operation.objects.exists()


def test_texts_that_look_like_formulas_come_in_as_texts(tmp_path):
    book = Workbook()
    book.active.append(HEADERS)
    book.active.append(row(name="x"))
    book.active["B2"].value = '=HYPERLINK("http://mal.example")'
    book.active["B2"].data_type = "s"
    book.save(tmp_path / "liste.xlsx")
    take_in(tmp_path / "liste.xlsx")
    assert OperationVersion.objects.get().name.startswith("=HYPERLINK")


# --- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_makes_a_job_and_the_job_the_account(tmp_path, client):
    client.force_login(UserFactory(eu_controller=True), backend="django.contrib.auth.backends.ModelBackend")
    path = write_xlsx(tmp_path / "liste.xlsx", DIRTY)
    with path.open("rb") as file:
        answer = client.post(
            reverse("admin:reporting_import"), {"file": file, "period": "2014-2020", "mode": "good_rows"}
        )
    job = Job.objects.get(kind=IMPORT)
    assert answer.status_code == 302 and str(job.pk) in answer.url
    assert job.parameters["all_or_nothing"] is False
    done = run_now(IMPORT, job.parameters, user=job.requested_by, key="test")
    assert (done.state, done.result["totals"]["created"], done.result["totals"]["refused"]) == ("done", 5, 2)
    assert done.file.name.endswith(".xlsx")
    account = client.get(reverse("admin:reporting_operationimport_change", args=[OperationImport.objects.get().pk]))
    assert "FSE" in account.content.decode() and "Tous les fonds" in account.content.decode()


@pytest.mark.parametrize("role", ["auditor", "instructor", "head_of_service", "applicant"])
def test_the_page_is_for_those_who_answer_for_the_list(client, role):
    client.force_login(UserFactory(**{role: True}), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(reverse("admin:reporting_import")).status_code in (302, 403, 404)


def test_a_column_that_is_not_read_is_named_by_a_dry_run_and_stops_an_import(tmp_path):
    path = write_xlsx(tmp_path / "liste.xlsx", [row()])
    book = load_workbook(path)
    sheet = book.active
    sheet.cell(1, sheet.max_column + 1).value = "Devise"
    book.save(path)
    out, problems = command(path, "--dry-run")
    assert "«\xa0Devise\xa0» n’est pas lue" in out and not problems
    out, problems = command(path)
    assert "Devise" in problems[0] and not Operation.objects.exists()
