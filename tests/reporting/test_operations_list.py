"""The public list of operations: the 18 columns of Article 49(3), natural persons, the two formats."""

import csv
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone
from openpyxl import load_workbook

from core.jobs import run_now
from core.roles import Role
from reporting.facts import Selection
from reporting.models import Operation
from reporting.tasks import OPERATIONS
from reporting.workbooks.operations_list import COLUMNS, OperationsList
from tests.factories.core import UserFactory
from tests.factories.instruction import staff
from tests.factories.reporting import EUBeneficiaryFactory, OperationFactory, cofinanced

pytestmark = pytest.mark.django_db
D = Decimal
TRAP = "=1+1"


def listed(tmp_path, *options) -> list[dict]:
    """The lines of the CSV that the command writes."""
    path = tmp_path / "operations.csv"
    call_command("report", "operations", "--out", str(path), *options, stdout=StringIO())
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_those_of_the_regulation(shared_dir, tmp_path):
    with (shared_dir / "reference/eu/art49_columns.csv").open(encoding="utf-8", newline="") as file:
        wanted = list(csv.DictReader(file))
    assert [column.key for column in COLUMNS] == [line["column"] for line in wanted]
    OperationFactory()
    assert list(listed(tmp_path)[0]) == [line["column"] for line in wanted]
    always = [line["column"] for line in wanted if line["required_when"] == "always"]
    row = listed(tmp_path)[0]
    # An operation of 2014-2020 has neither specific objective nor, here, a known field of intervention.
    assert {name for name in always if not row[name]} <= {"specific_objective", "type_of_intervention"}


def test_every_line_of_an_agreement_is_whole(tmp_path):
    case = cofinanced("ESF+")
    (row,) = listed(tmp_path)
    version = case.operation.current
    assert row["operation_code"] == case.operation.code
    assert row["beneficiary_name"] == case.agreement.beneficiary.display_name
    assert (row["beneficiary_first_name"], row["beneficiary_surname"]) == ("", "")
    assert (row["operation_name"], row["fund"], row["specific_objective"]) == (version.name, "FSE+", "4.h")
    assert (row["start_date"], row["completion_date"]) == (f"{version.start_date}", f"{version.end_date}")
    assert D(row["total_cost"]) == version.total_cost == D("40000.00")  # the whole budget, not the eligible cost
    assert row["eu_cofinancing_rate"] == "40.00"
    assert row["purpose_and_achievements"] and row["location_indicator"] and row["country"] == "FR"


def test_csv_and_workbook_say_the_same(tmp_path):
    OperationFactory(version__eligible_cost="1234.56", version__eu_amount="1000.01")
    OperationFactory(version__fund="NR", version__name=TRAP)
    OperationFactory(version__beneficiary=EUBeneficiaryFactory(postcode="01000"))
    lines = listed(tmp_path)
    path = tmp_path / "operations.xlsx"
    out = StringIO()
    call_command("report", "operations", "--out", str(path), stdout=out)
    _cover, sheet = load_workbook(path).worksheets
    header, *rows = [list(row) for row in sheet.iter_rows()]
    assert [cell.value for cell in header] == [str(column.label) for column in COLUMNS]
    *rows, total = rows
    assert total[0].value == "Total"
    assert len(rows) == len(lines) == 3
    for cells, line in zip(rows, lines, strict=True):
        found = dict(zip(line, cells, strict=True))
        assert found["operation_code"].value == line["operation_code"]
        assert D(repr(found["total_cost"].value)) == D(line["total_cost"])
        assert (D(repr(found["eu_cofinancing_rate"].value)) * 100).quantize(D("0.01")) == D(line["eu_cofinancing_rate"])
        assert (found["location_indicator"].value or "") == line["location_indicator"]
        assert found["operation_name"].data_type == "s"
    assert "01000" in {line["location_indicator"] for line in lines}
    assert sum(D(line["total_cost"]) for line in lines) == D("3234.56")
    printed = out.getvalue().replace("\u202f", "").replace("\xa0", "")
    assert "2234,56" in printed and "1000,00" in printed


def test_a_text_that_a_spreadsheet_would_run_is_neutralised_in_both(tmp_path):
    OperationFactory(version__name='=HYPERLINK("http://mal.example")')
    assert not listed(tmp_path)[0]["operation_name"].startswith("=")
    path = tmp_path / "operations.xlsx"
    call_command("report", "operations", "--out", str(path), stdout=StringIO())
    cell = next(c for c in load_workbook(path).worksheets[1][2] if str(c.value).startswith("=HYPERLINK"))
    assert (cell.data_type, cell.quotePrefix) == ("s", True)


def test_the_name_of_a_person_leaves_two_years_after_the_first_publication(tmp_path):
    OperationFactory(version__beneficiary=EUBeneficiaryFactory(natural=True, name="Alix Moreau"))

    def shown() -> tuple[str, str, str, str]:
        (row,) = listed(tmp_path)
        return (
            row["beneficiary_name"], row["beneficiary_first_name"], row["beneficiary_surname"],
            row["beneficiary_location"],
        )  # fmt: skip

    assert shown() == ("", "Alix", "Moreau", "FRF2")
    call_command("report", "operations", "--out", str(tmp_path / "x.csv"), "--publish", stdout=StringIO())
    first = Operation.objects.get().first_published_on
    assert first == timezone.localdate()
    day = timezone.now()
    with time_machine.travel(day + timedelta(days=729), tick=False):
        assert shown() == ("", "Alix", "Moreau", "FRF2")
    with time_machine.travel(day + timedelta(days=732), tick=False):
        assert shown() == ("", "", "", "FRF2")
        call_command("report", "operations", "--out", str(tmp_path / "x.csv"), "--publish", stdout=StringIO())
        assert "Moreau" not in (tmp_path / "x.csv").read_text()
    assert Operation.objects.get().first_published_on == first


def test_the_cut_off_gives_the_same_list_later(tmp_path):
    OperationFactory()
    today = timezone.localdate()
    first = OperationsList(Selection(cut_off=today)).write(tmp_path / "a.csv", by="x")
    with time_machine.travel(timezone.now() + timedelta(days=40), tick=False):
        OperationFactory()
        again = OperationsList(Selection(cut_off=today)).write(tmp_path / "b.csv", by="x")
        later = OperationsList(Selection(cut_off=timezone.localdate())).write(tmp_path / "c.csv", by="x")
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert first.data_sha256 == again.data_sha256 != later.data_sha256
    assert OperationsList(Selection(cut_off=date(2020, 1, 1))).write(tmp_path / "d.csv", by="x").row_count == 0


def test_fund_and_programme_limit_the_list(tmp_path):
    one, other = OperationFactory(version__fund="ERDF"), OperationFactory(version__fund="ESF")
    assert [row["operation_code"] for row in listed(tmp_path, "--fund", "FSE")] == [other.code]
    assert [row["operation_code"] for row in listed(tmp_path, "--programme", one.programme.name)] == [one.code]


def test_an_auditor_reads_the_list_and_does_not_publish_it():
    OperationFactory()
    auditor = UserFactory(auditor=True)
    assert run_now(OPERATIONS, {"format": "csv"}, user=auditor).state == "done"
    for user in (auditor, staff(Role.HEAD_OF_SERVICE)):
        job = run_now(OPERATIONS, {"format": "csv", "publish": True}, user=user)
        assert (job.state, job.file) == ("failed", None)
        assert "publient" in job.reason
    assert Operation.objects.get().first_published_on is None
    assert run_now(OPERATIONS, {"publish": True}, user=UserFactory(finance_officer=True)).state == "done"
    assert Operation.objects.get().first_published_on == timezone.localdate()


def test_only_the_list_is_published(tmp_path):
    with pytest.raises(CommandError, match="liste des opérations"):
        call_command("report", "cofinancing", "--out", str(tmp_path / "x.xlsx"), "--publish", stdout=StringIO())
