"""The official list of July 2016, 1,834 rows, imported once and compared with another reading of the file."""

import csv
from collections import Counter
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from core.management.base import Problems
from core.transitions import perform
from reporting.facts import Selection
from reporting.imports import plan_import
from reporting.models import (
    EUBeneficiary,
    EUProgramme,
    FinancingLine,
    Operation,
    OperationFlag,
    OperationImport,
    OperationVersion,
)
from tests.factories.core import UserFactory
from tests.reporting import former_keys
from tests.reporting.listing import LABELS, REAL_LIST, RawRow, raw_cells, real_rows, totals, write_csv, write_xlsx
from tests.reporting.recompute import recompute

D = Decimal
pytestmark = pytest.mark.django_db


class Imported:
    """What one run of the command said and left."""

    def __init__(self, path, folder):
        self.path, self.rejected = path, folder / "refused.xlsx"
        self.rows = real_rows(path)
        self.out, self.problems, self.returncode = run(path, "--rejected", str(self.rejected))

    def of(self, outcome: str) -> list[RawRow]:
        return [row for row in self.rows if row.outcome == outcome]


def run(path, *options) -> tuple[str, list[str], int]:
    """Run the command: what it prints, its problems, its exit code."""
    out = StringIO()
    try:
        call_command("import_operations", str(path), *options, stdout=out, stderr=StringIO())
    except Problems as refused:
        return out.getvalue(), refused.problems, refused.returncode
    return out.getvalue(), [], 0


@pytest.fixture(scope="module")
def imported(django_db_setup, django_db_blocker, shared_dir, tmp_path_factory):
    """The list imported once; everything is undone after the last test of the module."""
    with (
        django_db_blocker.unblock(),
        override_settings(ESSOR_JOB_LEASE_SECONDS=3600),  # the job's row is not committed: no beat looks at it
        transaction.atomic(),
    ):
        yield Imported(shared_dir / REAL_LIST, tmp_path_factory.mktemp("list"))
        transaction.set_rollback(True)


def test_the_file_is_the_one_that_the_facts_speak_of(imported):
    rows = imported.rows
    assert len(rows) == 1834
    assert Counter(row.fund for row in rows) == {"FEDER": 1032, "FSE": 407, "IEJ": 381, "NR": 14}
    assert (sum(row.eligible for row in rows), sum(row.eu for row in rows)) == (D("1169057981.58"), D("475332062.89"))
    assert len({row.programme for row in rows}) == 25


def test_every_row_has_its_outcome(imported):
    done = OperationImport.objects.get()
    assert (done.rows, done.created, done.changed, done.unchanged) == (1834, 1827, 0, 0)
    assert done.refused == len(imported.of("refused")) == 7  # six end before they start, one has no beneficiary
    assert done.repaired == sum(row.is_repaired for row in imported.rows) == 68
    assert done.flagged == len(imported.of("flagged"))
    assert Operation.objects.count() == 1827
    assert EUProgramme.objects.count() == 25


def test_doubtful_rows_are_in_with_a_doubt_each(imported):
    expected = Counter(doubt for row in imported.rows if not row.is_refused for doubt in row.doubts)
    assert Counter(OperationFlag.objects.values_list("kind", flat=True)) == expected
    assert (expected["eu_above_eligible"], expected["fund_unknown"], expected["programming_date"]) == (43, 14, 4)
    placeholder = OperationFlag.objects.get(kind="programming_date", detail__programmed_on="2000-01-01")
    assert placeholder.state == "open"
    unknown = Operation.objects.filter(flags__kind="fund_unknown")
    assert {operation.current.fund_id for operation in unknown.select_related("current")} == {None}


def test_postcodes_have_their_first_zero_back(imported):
    lengths = Counter(len(code) for code in OperationVersion.objects.values_list("location", flat=True))
    assert lengths == {5: 1827 - lengths[0], 0: sum(row.postcode == "" and not row.is_refused for row in imported.rows)}
    short = Counter(f"0{row.postcode}" for row in imported.rows if row.is_repaired)
    assert (
        Counter(OperationVersion.objects.filter(location__startswith="0").values_list("location", flat=True)) == short
    )


def test_the_account_per_fund_is_that_of_the_file_to_the_cent(imported):
    in_file, by_outcome = totals(imported.rows, "fund"), totals(imported.rows, "fund", "outcome")
    account = OperationImport.objects.get().reconciliation
    assert {line["fund"] for line in account} == {"FEDER", "FSE", "IEJ", "NR"}
    for line in account:
        fund = line["fund"]
        cells = {name: (c["rows"], D(c["eligible"]), D(c["eu_amount"])) for name, c in line.items() if name != "fund"}
        assert cells["file"] == in_file[fund,]
        outcomes = ("imported", "flagged", "refused")
        for outcome in outcomes:
            assert cells[outcome] == by_outcome.get((fund, outcome), (0, D(0), D(0))), (fund, outcome)
        assert tuple(sum(cells[outcome][place] for outcome in outcomes) for place in range(3)) == cells["file"]


def test_what_stands_in_the_database_is_what_went_in(imported):
    good = [row for row in imported.rows if not row.is_refused]
    expected = {LABELS[fund]: sums for (fund,), sums in totals(good, "fund").items()}
    found: dict[str, list] = {}
    for version in OperationVersion.objects.select_related("fund"):
        sums = found.setdefault(version.fund.label if version.fund else "non précisé", [0, D(0), D(0)])
        sums[0] += 1
        sums[1] += version.eligible_cost
        sums[2] += version.eu_amount
    assert {fund: tuple(sums) for fund, sums in found.items()} == expected
    plan = sum(FinancingLine.objects.values_list("amount", flat=True))
    assert plan == sum(row.eligible for row in good)


def test_the_command_tells_what_it_did(imported):
    assert imported.returncode == 1  # rows were refused
    assert len(imported.problems) == 7
    assert sum("se termine" in problem for problem in imported.problems) == 6
    assert all(problem.startswith("Ligne ") and "\n" not in problem for problem in imported.problems)
    lines = imported.out.splitlines()
    assert sum("réparée" in line for line in lines) == 20
    assert any("48" in line for line in lines if line.startswith("…"))
    assert "FEDER" in lines and "NR" in lines
    printed = imported.out.replace("\u202f", "").replace("\xa0", "").replace(" ", "")
    assert "1169057981,58€" in printed and "475332062,89€" in printed
    gaps = [line for line in lines if line.strip().startswith("écart")]
    assert len(gaps) == 5 and all("0,00" in line and not any(digit in line for digit in "123456789") for line in gaps)
    assert str(imported.rejected) in imported.out


def test_the_refused_rows_come_back_with_their_reasons(imported):
    sheet = next(s for s in load_workbook(imported.rejected) if s.max_row == 8 and s.max_column > 10)
    header = [cell.value for cell in sheet[1]]
    rows = [dict(zip(header, [cell.value for cell in row], strict=True)) for row in sheet.iter_rows(min_row=2)]
    reasons = [str(row[header[-1]] or row[header[0]]) for row in rows]
    names = Counter(" ".join(row["Nom de l’opération"].split()) for row in rows)
    assert names == Counter(" ".join(row.name.split()) for row in imported.of("refused"))
    assert sum("se termine" in " ".join(map(str, row.values())) for row in rows) == 6
    assert all(reasons)


def test_the_same_file_again_changes_nothing(imported):
    before = (Operation.objects.count(), OperationVersion.objects.count(), OperationFlag.objects.count())
    out, problems, returncode = run(imported.path, "--good-rows-only")
    assert (problems, returncode) == ([], 0)
    assert "1827 inchangées" in out.replace("\u202f", "").replace("\xa0", "")
    after = (Operation.objects.count(), OperationVersion.objects.count(), OperationFlag.objects.count())
    assert after == before
    assert OperationImport.objects.count() == 1


def test_a_database_with_the_keys_of_before_knows_the_list_again(imported):
    """Keys were once made of folded text: after the migration the same list changes nothing."""
    bodies = EUBeneficiary.objects.count()
    former_keys.as_before()
    former_keys.migrate()
    plan = plan_import(imported.path, imported.path.name)
    assert (len(plan.unchanged), plan.new, plan.changed) == (1827, [], [])
    assert EUBeneficiary.objects.count() == bodies


def test_an_answered_doubt_stays_answered_when_the_file_comes_again(imported):
    flag = OperationFlag.objects.filter(kind="fund_unknown").first()
    actor = UserFactory(eu_controller=True)
    fund = OperationVersion.objects.exclude(fund=None).first().fund
    perform(flag, "answer_flag", actor=actor, data={"answer": "corrected", "fund": fund.pk}, comment="Vu au dossier.")
    plan = plan_import(imported.path, imported.path.name)
    assert not plan.writes and len(plan.unchanged) == 1827
    flag.refresh_from_db()
    assert (flag.state, flag.operation.current.fund) == ("answered", fund)


@pytest.mark.parametrize("write", [write_xlsx, write_csv])
def test_the_same_list_in_another_format_is_the_same_list(imported, tmp_path, write):
    headers, *rows = raw_cells(imported.path)
    path = write(tmp_path / f"20160711_liste.{write.__name__.removeprefix('write_')}", rows, headers)
    plan = plan_import(path, path.name)
    assert (len(plan.unchanged), len(plan.refused), plan.new, plan.changed) == (1827, 7, [], [])
    assert plan.reconciliation.as_list() == OperationImport.objects.get().reconciliation


# --- the reports of these operations ------------------------------------------------------------------------------------


def test_the_workbook_and_the_list_have_the_totals_of_what_went_in(imported, tmp_path):
    good = [row for row in imported.rows if not row.is_refused]
    expected = {LABELS[fund]: sums for (fund,), sums in totals(good, "fund").items()}
    book, table, sheet = tmp_path / "cofinancement.xlsx", tmp_path / "operations.csv", tmp_path / "operations.xlsx"
    out = StringIO()
    call_command("report", "cofinancing", "--out", str(book), stdout=out)
    call_command("report", "operations", "--out", str(table), stdout=out)
    call_command("report", "operations", "--out", str(sheet), stdout=out)
    findings = recompute(book)
    assert findings.differences == []
    assert findings.rows["operations"] == 1827 and findings.rows["items"] == 0
    assert {f: (int(s["count"]), s["eligible"], s["eu"]) for f, s in findings.by_fund.items()} == expected
    with table.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    of_csv = {fund: [0, D(0)] for fund in expected}
    for line in lines:
        of_csv[line["fund"]][0] += 1
        of_csv[line["fund"]][1] += D(line["total_cost"])
    assert {fund: tuple(sums) for fund, sums in of_csv.items()} == {f: s[:2] for f, s in expected.items()}
    repaired = Counter(f"0{row.postcode}" for row in good if row.is_repaired)
    assert Counter(line["location_indicator"] for line in lines if line["location_indicator"][:1] == "0") == repaired
    _compare_with_sheet(sheet, lines)


def _compare_with_sheet(path, lines: list[dict]) -> None:
    """The workbook of the list holds what its CSV holds; postcodes are texts with their zeros."""
    _cover, sheet = load_workbook(path).worksheets
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2) if row[0].value != "Total"]
    assert len(rows) == len(lines)
    keys = list(lines[0])
    for cells, line in zip(rows, lines, strict=True):
        values = dict(zip(keys, cells, strict=True))
        assert values["operation_code"] == line["operation_code"]
        assert D(repr(values["total_cost"])) == D(line["total_cost"])
        assert (values["location_indicator"] or "") == line["location_indicator"]
        assert f"{values['start_date']:%Y-%m-%d}" == line["start_date"]


def test_the_list_of_imported_operations_is_quick_and_searchable(imported, client, django_assert_max_num_queries):
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")
    with django_assert_max_num_queries(20):
        page = client.get(reverse("admin:reporting_operation_changelist") + "?fund=unknown").content.decode()
    assert page.count("non précisé") >= 14
    version = OperationVersion.objects.order_by("pk").first()
    found = client.get(reverse("admin:reporting_operation_changelist"), {"q": version.name}).content.decode()
    assert version.operation.code in found


def test_a_report_of_one_programme_holds_that_programme_only(imported):
    programme = EUProgramme.objects.get(name="P.O Auvergne")
    expected = [row for row in imported.rows if row.programme == "P.O Auvergne" and not row.is_refused]
    selection = Selection(cut_off=timezone.localdate(OperationVersion.objects.first().recorded_at), programme=programme)
    assert selection.versions.count() == len(expected)
    assert selection.totals()["eligible"] == sum(row.eligible for row in expected)
