"""The co-financing workbook of a small Region: recomputed, the same again later, its links followed."""

from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone, translation
from openpyxl import load_workbook

from core.engine.held_rows import check_held
from core.engine.plain_values import NAME
from core.engine.verification import check_rows
from core.jobs import run_now
from core.models.document import Document
from core.roles import Role
from core.transitions import perform
from reporting.facts import Selection
from reporting.models import ErrorType, ExpenditureItem, OperationVersion
from reporting.tasks import COFINANCING
from reporting.workbooks.cofinancing import CofinancingWorkbook
from reporting.workbooks.operations_list import OperationsList
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.factories.reporting import OperationFactory, applied, cofinanced, controlled, cut, declared, under_control
from tests.reporting.recompute import recompute

D = Decimal
pytestmark = pytest.mark.django_db
TRAP = '=HYPERLINK("http://mal.example";"cliquez")'


class Region:
    """Two funds, four operations, expenditure at every step of the way."""

    def __init__(self):
        self.finance = UserFactory(finance_officer=True)
        self.applied = cofinanced("ESF+")
        declaration = under_control(self.applied, "7000.10", "3000.00", "2500.00", "999.99")
        accepted, partly, rejected, parked = self.applied.items
        controller = self.applied.controller
        perform(accepted, "accept", actor=controller)
        cut(partly, controller, "85,50")
        error = ErrorType.objects.get(code="PROOF").pk
        perform(rejected, "reject", actor=controller, data={"error_type": error}, comment=TRAP)
        perform(parked, "park", actor=controller, comment="Relevé demandé.")
        perform(declaration, "conclude", actor=controller)
        self.application = applied(self.applied, self.finance)
        self.certified = cofinanced("ERDF")
        controlled(self.certified, "12345.67")
        self.waiting = cofinanced("ESF+")
        declared(self.waiting, "4000.00")
        self.listed = OperationFactory(version__fund="NR", doubt="fund_unknown", version__name=TRAP)


@pytest.fixture(scope="module")
def region(django_db_setup, django_db_blocker):
    """Built once; everything is undone after the last test of the module."""
    with django_db_blocker.unblock(), override_settings(ESSOR_JOB_LEASE_SECONDS=3600), transaction.atomic():
        yield Region()
        transaction.set_rollback(True)


def write(path, **options):
    return CofinancingWorkbook(Selection(cut_off=options.pop("cut_off", timezone.localdate()), **options)).write(
        path, by="essai"
    )


@pytest.fixture(scope="module")
def book(region, django_db_blocker, tmp_path_factory):
    """The workbook of the Region, written once."""
    with django_db_blocker.unblock():
        path = tmp_path_factory.mktemp("book") / "cofinancement.xlsx"
        write(path)
        return path


def cells_of(path, title: str) -> list[dict]:
    sheet = load_workbook(path)[title]
    header = [cell.value for cell in sheet[1]]
    return [dict(zip(header, row, strict=True)) for row in sheet.iter_rows(min_row=2) if row[0].value != "Total"]


# --- figures ------------------------------------------------------------------------------------------------------------


def test_another_script_finds_the_same_figures(region, book):
    findings = recompute(book)
    assert findings.differences == []
    assert findings.formulas > 60
    assert findings.rows == {"operations": 4, "summary": 3, "financing": 11, "items": 6, "applications": 1}
    assert findings.totals["declared"] == D("29845.76")
    assert findings.totals["retained"] == D("22260.27")
    assert findings.by_fund["FSE+"]["applied"] == D("9914.60")
    assert findings.by_fund["FSE+"]["certified_eu"] == D("3965.84")  # 40 %, rounded down
    assert set(findings.by_fund) == {"FSE+", "FEDER", "non précisé"}


def test_the_script_notices_what_was_tampered_with(region, book, tmp_path):
    workbook = load_workbook(book)
    workbook["Dépenses"]["W2"].value = 1  # a line; openpyxl keeps no value beside a formula
    sheet = workbook["Dépenses"]
    column = [cell.value for cell in sheet[1]].index("Retenu") + 1
    sheet.cell(2, column).value = 1
    workbook.save(tmp_path / "faux.xlsx")
    differences = recompute(tmp_path / "faux.xlsx").differences
    assert any("retained" in difference for difference in differences)
    assert any("Payment application" in difference for difference in differences)


def test_the_totals_of_the_command_are_those_of_the_workbook(region, tmp_path):
    out = StringIO()
    path = tmp_path / "cofinancement.xlsx"
    call_command("report", "cofinancing", "--out", str(path), "--no-progress", stdout=out)
    printed = out.getvalue().replace("\u202f", "").replace("\xa0", "")
    findings = recompute(path)
    for fund, sums in findings.by_fund.items():
        line = next(line for line in printed.splitlines() if line.startswith(f"{fund} :"))
        for name in ("eligible", "eu", "declared", "retained", "applied"):
            assert f"{sums[name]:.2f}".replace(".", ",") in line, (fund, name, line)
    assert "SHA-256" in printed


@pytest.mark.parametrize("day", ["-infinity", "0044-03-15 BC"])
def test_a_day_that_is_none_stands_in_its_cell_and_on_the_cover_and_is_found(region, tmp_path, day):
    """The CHECK that refuses it was dropped: the reports go on, and say where it is."""
    version = region.applied.operation.current
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE reporting_operationversion DROP CONSTRAINT {NAME}")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE reporting_operationversion SET start_date = %s WHERE id = %s", [day, version.pk])
        cursor.execute("SET LOCAL session_replication_role = origin")
    said = f"date illisible ({day})"
    write(tmp_path / "cofinancement.xlsx")
    assert said in [row["Début"].value for row in cells_of(tmp_path / "cofinancement.xlsx", "Opérations")]
    cover = [str(cell.value) for row in load_workbook(tmp_path / "cofinancement.xlsx").worksheets[0] for cell in row]
    assert any(text.startswith("Opérations, « Début »") and "1 cellule" in text for text in cover), cover
    for suffix in ("xlsx", "csv"):
        OperationsList(Selection(cut_off=timezone.localdate())).write(tmp_path / f"list.{suffix}", by="essai")
    assert said in (tmp_path / "list.csv").read_text()
    with translation.override("en"):
        (found,) = [str(finding) for check in (check_rows, check_held) for finding in check(OperationVersion)]
    assert f"id={version.pk} field=start_date" in found and f"after={day}" in found


@pytest.mark.parametrize(
    ("fund", "operations", "items"), [("ESF+", 2, 5), ("FEDER", 1, 1), ("erdf", 1, 1), ("JTF", 0, 0)]
)
def test_a_report_of_one_fund(region, tmp_path, fund, operations, items):
    path = tmp_path / "fonds.xlsx"
    call_command("report", "cofinancing", "--out", str(path), "--fund", fund, stdout=StringIO())
    findings = recompute(path)
    assert findings.differences == []
    assert (findings.rows["operations"], findings.rows["items"]) == (operations, items)


def test_a_report_of_one_programme(region, tmp_path):
    path = tmp_path / "programme.xlsx"
    programme = region.listed.programme
    call_command("report", "cofinancing", "--out", str(path), "--programme", programme.code, stdout=StringIO())
    assert recompute(path).rows["operations"] == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fund", "FEADER"], "FSE\\+, FEDER"),
        (["--programme", "rien"], "po-region"),
        (["--cut-off", "31/12/2025"], "2026-12-31"),
        (["--cut-off", "2099-01-01"], "futur|avenir|à venir"),
    ],
)
def test_a_wrong_option_says_what_to_give(region, tmp_path, options, words):
    with pytest.raises(CommandError, match=words):
        call_command("report", "cofinancing", "--out", str(tmp_path / "x.xlsx"), *options, stdout=StringIO())
    assert not (tmp_path / "x.xlsx").exists()


def test_a_wrong_file_name_is_refused_before_any_work(region, tmp_path):
    for name, words in (("x.csv", ".xlsx"), ("nulle-part/x.xlsx", "dossier")):
        with pytest.raises(CommandError, match=words):
            call_command("report", "cofinancing", "--out", str(tmp_path / name), stdout=StringIO())


# --- the same again later -----------------------------------------------------------------------------------------------


def test_the_same_cut_off_gives_the_same_figures_after_new_facts(region, tmp_path):
    yesterday = timezone.localdate()
    now = timezone.now()
    first = write(tmp_path / "avant.xlsx", cut_off=yesterday)
    with time_machine.travel(now + timedelta(days=3), tick=True):
        data = {"national_reference": "DP-1"}
        application = perform(region.application, "send", actor=region.finance, data=data)
        accepted = {"accepted_on": timezone.localdate().isoformat(), "commission_reference": "CE-1"}
        perform(application, "accept", actor=region.finance, data=accepted)
        perform(region.waiting.declaration, "start_control", actor=region.waiting.controller)
        perform(region.waiting.items[0], "accept", actor=region.waiting.controller)
        perform(region.waiting.declaration, "conclude", actor=region.waiting.controller)
        applied(region.certified, region.finance)
        OperationFactory(version__fund="ERDF")
        again = write(tmp_path / "apres.xlsx", cut_off=yesterday)
        later = write(tmp_path / "plus-tard.xlsx")
        assert recompute(tmp_path / "plus-tard.xlsx").differences == []
    assert again.data_sha256 == first.data_sha256
    assert again.totals == first.totals
    assert later.data_sha256 != first.data_sha256
    assert later.totals["operations"]["retained"] == first.totals["operations"]["retained"] + D("4000.00")


def test_before_anything_was_known_the_workbook_is_empty_and_opens(region, tmp_path):
    written = write(tmp_path / "vide.xlsx", cut_off=date(2020, 1, 1))
    assert written.rows["operations"] == 0
    assert recompute(tmp_path / "vide.xlsx").differences == []


# --- what a reader sees -------------------------------------------------------------------------------------------------


def test_user_text_is_never_a_formula(region, book):
    name = next(row for row in cells_of(book, "Opérations") if row["Fonds"].value == "non précisé")[
        "Nom de l’opération"
    ]
    reason = next(row for row in cells_of(book, "Dépenses") if row["Contrôle"].value == "Rejetée")["Motif"]
    for cell in (name, reason):
        assert (cell.value, cell.data_type, cell.quotePrefix) == (TRAP, "s", True)


def test_a_line_of_expenditure_leads_from_the_case_to_the_payment_application(region, book):
    row = cells_of(book, "Dépenses")[0]
    case = region.applied
    item = case.items[0]
    shown = {label: row[label].value for label in row}
    assert shown["Dossier"] == case.agreement.application.number
    assert shown["Convention"] == case.agreement.number
    assert shown["Demande de versement"] == item.declaration.claim.number
    assert (shown["Déclaration"], shown["Certificat"]) == (item.declaration.number, item.declaration.certificate.number)
    assert shown["Contrôleur"] == str(case.controller)
    assert shown["Contrôlée le"].date() == timezone.localdate(item.declaration.controlled_at)
    assert shown["Demande de paiement"] == str(region.application)
    assert (shown["Déclaré au fonds"], shown["Retenu"]) == (7000.10, 7000.10)


def test_sheets_are_made_to_be_read_and_printed(region, book):
    workbook = load_workbook(book)
    assert workbook.sheetnames[0] == "Page de garde"
    for sheet in workbook.worksheets[1:]:
        assert sheet.freeze_panes == "A2" and sheet.auto_filter.ref
        assert sheet.print_title_rows == "$1:$1" and sheet.print_area
        assert sheet.page_setup.fitToWidth == 1 and sheet.oddFooter.right.text == "&P / &N"
        for row in sheet.iter_rows(min_row=2):
            for cell in row:
                if isinstance(cell.value, float):
                    assert cell.number_format in ("#,##0.00", "0.00%"), (sheet.title, cell.coordinate)
    cover = [str(cell.value) for row in workbook.worksheets[0].iter_rows() for cell in row if cell.value is not None]
    assert settings.ESSOR_REGION["name"] in cover
    assert any(len(text) == 64 and set(text) <= set("0123456789abcdef") for text in cover)


@pytest.mark.parametrize("role", [Role.FINANCE_OFFICER, Role.AUDITOR])
def test_every_link_of_the_workbook_answers(region, book, role):
    client = Client()
    client.force_login(staff(role, "PROGRESS1"), backend="django.contrib.auth.backends.ModelBackend")
    addresses = {
        cell.hyperlink.target
        for sheet in load_workbook(book)
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink and cell.hyperlink.target
    }
    assert sum("expenditureitem" in address for address in addresses) == 6
    assert sum("/documents/" in address for address in addresses) == 6
    for address in addresses:
        answer = client.get(address.removeprefix(settings.ESSOR_SITE_URL))
        assert answer.status_code == 200, address
        if answer.streaming:
            assert b"".join(answer.streaming_content).startswith(b"%PDF")


def test_from_the_item_to_its_proof_and_back(region):
    client = Client()
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")
    item = region.applied.items[0]
    page = reverse("admin:reporting_expenditureitem_change", args=[item.pk])
    proof: Document = item.expenditure_line.proof
    text = client.get(page).content.decode()
    assert reverse("core:document", args=[proof.pk]) in text
    claim = reverse("admin:agreements_paymentclaim_change", args=[item.declaration.claim_id])
    for address in (
        claim,
        reverse("admin:reporting_operation_change", args=[region.applied.operation.pk]),
        reverse("admin:agreements_agreement_change", args=[region.applied.agreement.pk]),
        reverse("admin:grants_application_change", args=[region.applied.agreement.application_id]),
        reverse("admin:reporting_certificate_change", args=[item.declaration.certificate.pk]),
        reverse("admin:reporting_paymentapplication_change", args=[region.application.pk]),
    ):
        assert address in text
    for back in (claim, reverse("admin:core_document_change", args=[proof.pk])):
        assert page in client.get(back).content.decode()
    agreement = client.get(reverse("admin:agreements_agreement_change", args=[region.applied.agreement.pk]))
    assert reverse("admin:reporting_operation_change", args=[region.applied.operation.pk]) in agreement.content.decode()


# --- who sees what ------------------------------------------------------------------------------------------------------


def test_a_head_of_service_gets_the_operations_of_her_schemes_only(region, tmp_path):
    head = staff(Role.HEAD_OF_SERVICE, "CPO")
    written = write(tmp_path / "x.xlsx", user=head)
    assert (written.rows["operations"], written.rows["applications"]) == (0, 0)
    written = write(tmp_path / "y.xlsx", user=staff(Role.HEAD_OF_SERVICE, "PROGRESS1"))
    assert (written.rows["operations"], written.rows["applications"]) == (3, 0)


def test_the_job_keeps_the_file_its_totals_and_its_hash(region):
    user = UserFactory(auditor=True)
    steps = []
    job = run_now(COFINANCING, {}, user=user, on_progress=lambda *step: steps.append(step))
    assert (job.state, job.file.name.endswith(".xlsx")) == ("done", True)
    assert len(job.result["totals"]["data_sha256"]) == 64
    assert steps[-1][0] == steps[-1][1] == OperationVersion.objects.count() + ExpenditureItem.objects.count()


def test_the_number_of_queries_does_not_grow_with_the_rows(region, tmp_path, django_assert_max_num_queries):
    with django_assert_max_num_queries(30) as few:
        write(tmp_path / "a.xlsx")
    OperationFactory.create_batch(25)
    with django_assert_max_num_queries(30) as many:
        write(tmp_path / "b.xlsx")
    assert len(many) == len(few)
