"""A report of a past day says the same again, word for word, whatever was renamed and added since."""

import json
from datetime import timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pgtrigger
import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from openpyxl import load_workbook

from agreements.models import ExpenditureLine
from core.engine import needs
from core.engine.erasure import ErasureRefused, check_erasures, erase
from core.engine.past import Past, rows_as_of
from core.history import history_model_of, personal_fields, tracked_models
from core.models.job import Job
from core.models.user import User
from core.transitions import perform
from core.workbooks import Column
from reporting.facts import Selection
from reporting.models import (
    CategoryOfRegion,
    ErrorType,
    EUBeneficiary,
    EUProgramme,
    Fund,
    InterventionField,
    ItemState,
    PaymentApplication,
    PaymentApplicationState,
    Priority,
    SourceKind,
    SpecificObjective,
)
from reporting.operations import revise
from reporting.workbooks import cofinancing, columns, operations_list
from reporting.workbooks.cofinancing import CofinancingWorkbook
from reporting.workbooks.operations_list import COLUMNS, OperationsList
from tests.factories.core import UserFactory
from tests.factories.reporting import (
    EUBeneficiaryFactory,
    EUProgrammeFactory,
    OperationFactory,
    applied,
    cofinanced,
    controlled,
    declared,
    under_control,
)
from tests.reporting.recompute import recompute

pytestmark = pytest.mark.django_db
FORMATS = Path(__file__).parent / "formats"


@pytest.fixture
def past_day():
    """Forty days ago: an agreement controlled and applied for, another under control, a person of an official list."""
    then = timezone.now() - timedelta(days=40)
    with time_machine.travel(then, tick=True):
        finance = UserFactory(finance_officer=True)
        first = cofinanced("ESF+")
        declaration = under_control(first, "7000.10", "3000.00")
        accepted, rejected = first.items
        perform(accepted, "accept", actor=first.controller)
        error = ErrorType.objects.get(code="PROOF").pk
        perform(rejected, "reject", actor=first.controller, data={"error_type": error}, comment="Sans preuve.")
        perform(declaration, "conclude", actor=first.controller)
        applied(first, finance)
        second = cofinanced("ERDF")
        controlled(second, "12345.67")
        OperationFactory(version__fund="NR", doubt="fund_unknown")
        OperationFactory(version__beneficiary=EUBeneficiaryFactory(natural=True, name="Alix Moreau"))
    return timezone.localdate(then), finance, second


def rename_everything() -> None:
    """Programmes, priorities, objectives, funds, fields, types of error, beneficiaries and people get other names."""
    for number, programme in enumerate(EUProgramme.objects.order_by("pk")):
        programme.code, programme.name = f"zz-{9 - number}", f"Autre nom {number}"
        programme.save()
    for model in (Priority, SpecificObjective):  # their codes stay once they have operations
        for number, row in enumerate(model.objects.order_by("pk")):
            row.label_fr = f"Autre libellé {9 - number}"
            row.save()
    for model in (Fund, ErrorType, InterventionField):
        for row in model.objects.all():
            row.label_fr = f"Autre {row.code}"
            row.save()
    for number, beneficiary in enumerate(EUBeneficiary.objects.order_by("pk")):
        beneficiary.name, beneficiary.surname = f"Autre structure {number}", "Autrement"
        beneficiary.name_key = f"autre structure {number}"
        beneficiary.save()
    for user in User.objects.all():
        user.last_name = "Renommée"
        user.save()


def write_both(folder: Path, day) -> tuple:
    folder.mkdir()
    workbook = CofinancingWorkbook(Selection(cut_off=day)).write(folder / "cofinancement.xlsx", by="essai")
    listed = OperationsList(Selection(cut_off=day)).write(folder / "operations.csv", by="essai")
    return workbook, listed


def test_names_changed_and_months_of_later_facts_change_nothing_of_a_past_report(past_day, tmp_path):
    day, finance, second = past_day
    before = write_both(tmp_path / "avant", day)
    rename_everything()
    applied(second, finance)
    declared(cofinanced("ESF+"), "4000.00")
    with time_machine.travel(timezone.now() + timedelta(days=120), tick=True):
        OperationFactory(version__fund="ERDF")
        again = write_both(tmp_path / "apres", day)
        today = write_both(tmp_path / "ce-jour", timezone.localdate())
    for earlier, later, present in zip(before, again, today, strict=True):
        assert later.data_sha256 == earlier.data_sha256
        assert later.totals == earlier.totals
        assert present.data_sha256 != earlier.data_sha256
    assert (tmp_path / "apres/operations.csv").read_bytes() == (tmp_path / "avant/operations.csv").read_bytes()
    assert "Autrement" in (tmp_path / "ce-jour/operations.csv").read_text()
    assert recompute(tmp_path / "apres/cofinancement.xlsx").differences == []


def test_what_is_taken_back_later_changes_nothing_of_a_past_report(past_day, tmp_path):
    """Not only what is added: an application withdrawn, an agreement that ends, plans that follow it or are corrected."""
    day, finance, second = past_day
    with time_machine.travel(timezone.now() - timedelta(days=40), tick=True):
        third = cofinanced("ESF+")
    before = write_both(tmp_path / "avant", day)
    perform(PaymentApplication.objects.get(), "withdraw", actor=finance, comment="Demande établie par erreur.")
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=True):
        perform(third.agreement, "terminate", actor=third.house.head, data={}, comment="Abandon.")
        now = second.operation.current
        lowered = {"eu_amount": now.eu_amount - Decimal("10.00")}
        revise(second.operation, lowered, actor=finance, reason="Arrondi.")
    third.operation.refresh_from_db()
    assert third.operation.current.eligible_cost == 0
    with time_machine.travel(timezone.now() + timedelta(days=120), tick=True):
        again = write_both(tmp_path / "apres", day)
        today = write_both(tmp_path / "ce-jour", timezone.localdate())
    for earlier, later, present in zip(before, again, today, strict=True):
        assert later.data_sha256 == earlier.data_sha256
        assert later.totals == earlier.totals != present.totals
    assert recompute(tmp_path / "apres/cofinancement.xlsx").differences == []


def test_what_stood_at_an_instant_is_the_newest_line_of_the_history_by_then():
    programme = EUProgrammeFactory(name="Premier nom")
    programme.name = "Deuxième nom"
    programme.save()
    programme.name = "Troisième nom"
    programme.save()
    history = history_model_of(EUProgramme)
    lines = list(history.objects.filter(pgh_obj=programme).order_by("pgh_id"))
    now = timezone.now()
    with pgtrigger.ignore():
        for line, days in zip(lines, (30, 20, 10), strict=True):
            history.objects.filter(pk=line.pk).update(pgh_created_at=now - timedelta(days=days))

    def name_at(days: int) -> str:
        return rows_as_of(EUProgramme, now - timedelta(days=days), [programme.pk])[programme.pk].name

    assert [name_at(days) for days in (31, 30, 21, 20, 11, 10, 0)] == [
        "Premier nom", "Premier nom", "Premier nom", "Deuxième nom", "Deuxième nom", "Troisième nom", "Troisième nom",
    ]  # fmt: skip


def test_the_past_knows_no_row_that_never_was():
    past = Past(timezone.now())
    assert past.of(None) is None and past.get(EUProgramme, None) is None
    with pytest.raises(LookupError):
        past.get(EUProgramme, 999_999)


# --- the format -----------------------------------------------------------------------------------------------------------


def test_a_report_of_an_earlier_format_is_made_again_with_its_hash(past_day, tmp_path, monkeypatch):
    day, _finance, _second = past_day
    before = cofinancing.FORMAT
    first = CofinancingWorkbook(Selection(cut_off=day)).write(tmp_path / "a.xlsx", by="essai")
    declared_now = columns.operations
    added = Column("country", "Pays", source=lambda row: "FR", since=before + 1)
    monkeypatch.setattr(columns, "operations", lambda: [*declared_now(), added])
    monkeypatch.setattr(cofinancing, "FORMAT", before + 1)
    newer = CofinancingWorkbook(Selection(cut_off=day)).write(tmp_path / "b.xlsx", by="essai")
    again = CofinancingWorkbook(Selection(cut_off=day, format_version=before)).write(tmp_path / "c.xlsx", by="essai")
    assert newer.data_sha256 != first.data_sha256
    assert again.data_sha256 == first.data_sha256
    call_command(
        "report", "cofinancing", "--out", str(tmp_path / "d.xlsx"), "--cut-off", day.isoformat(),
        "--format-version", str(before), stdout=(out := StringIO()),
    )  # fmt: skip
    assert first.data_sha256 in out.getvalue()


@pytest.mark.parametrize(
    "report, newest", [("cofinancing", cofinancing.FORMAT), ("operations", operations_list.FORMAT)]
)
def test_a_format_that_never_was_is_refused(report, newest, tmp_path):
    with pytest.raises(CommandError, match=f"de 1 à {newest}"):
        call_command("report", report, "--out", str(tmp_path / "x.xlsx"), "--format-version", "7", stdout=StringIO())


def described() -> dict[str, dict]:
    """What the hashes of the reports rest on besides the data: keys, kinds and order of columns, words for choices."""
    words = {
        # A withdrawn application was never closed, or is closed until then: no report says that it was withdrawn.
        choices.__name__: {str(value): str(choices(value).label) for value in choices.values if value != "void"}
        for choices in (CategoryOfRegion, ItemState, PaymentApplicationState, SourceKind)
    }
    sheets = (columns.operations, columns.financing, columns.items, columns.applications)
    workbook = {make.__name__: [[column.key, column.kind] for column in make()] for make in sheets}
    return {
        f"cofinancing-{cofinancing.FORMAT}": {"columns": workbook, "words": words},
        f"operations-{operations_list.FORMAT}": {"columns": [[column.key, column.kind] for column in COLUMNS]},
    }


def test_a_change_of_columns_or_words_is_a_new_version_of_the_format():
    """Red: raise FORMAT, give the columns their ``since`` or ``until``, and write the new version's file."""
    with translation.override("fr"):
        for name, content in described().items():
            assert json.loads((FORMATS / f"{name}.json").read_text(encoding="utf-8")) == content, name


# --- names that the law has removed -----------------------------------------------------------------------------------------


def test_a_name_removed_since_is_not_shown_and_the_hash_of_the_data_stays(tmp_path):
    OperationFactory(version__beneficiary=EUBeneficiaryFactory(natural=True, name="Alix Moreau"))
    day = timezone.localdate()
    call_command("report", "operations", "--out", str(tmp_path / "a.csv"), "--publish", stdout=StringIO())
    first = {
        suffix: OperationsList(Selection(cut_off=day)).write(tmp_path / f"a.{suffix}", by="essai")
        for suffix in ("xlsx", "csv")
    }
    assert all((written.removed, written.shown_sha256) == (0, written.data_sha256) for written in first.values())
    with time_machine.travel(timezone.now() + timedelta(days=732), tick=False):
        for suffix in ("xlsx", "csv"):
            again = OperationsList(Selection(cut_off=day)).write(tmp_path / f"b.{suffix}", by="essai")
            assert again.removed == 2
            assert again.data_sha256 == first[suffix].data_sha256 != again.shown_sha256
        assert "Moreau" not in (tmp_path / "b.csv").read_text()
        out = StringIO()
        call_command("report", "operations", "--out", str(tmp_path / "c.csv"), "--cut-off", day.isoformat(), stdout=out)
        assert again.shown_sha256 in out.getvalue() and first["csv"].data_sha256 in out.getvalue()


def written_jobs(day, folder: Path) -> dict:
    """The totals of both reports of a day, made by the command, and what the reader of their files reads."""
    found = {}
    for report, name in (("cofinancing", "a.xlsx"), ("operations", "a.csv")):
        out = StringIO()
        call_command("report", report, "--out", str(folder / name), "--cut-off", day.isoformat(), stdout=out)
        totals = Job.objects.order_by("pk").last().result["totals"]
        found[report] = totals, out.getvalue()
    return found


def cells_of(path: Path) -> list[str]:
    book = load_workbook(path, read_only=True)
    return [
        str(cell) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell is not None
    ]


@pytest.fixture
def nobody_waits(monkeypatch):
    """As if nothing rested on a row: people of the service are erased while they act."""
    monkeypatch.setattr(needs, "_needs", {})


def everything_personal() -> list[type]:
    return [model for model in tracked_models() if personal_fields(model) and model._base_manager.exists()]


def test_what_an_erasure_empties_is_said_and_the_hash_of_the_data_stays(past_day, tmp_path, nobody_waits):
    """Of every table that holds personal values: what a report prints of it is named, and what it does not print is not."""
    day, _finance, _second = past_day
    first = written_jobs(day, tmp_path)
    assert all(totals["removed"] == 0 for totals, _out in first.values())
    said, refused = {}, set()
    for model in everything_personal():
        point = transaction.savepoint()
        try:
            erase(list(model._base_manager.all()), reason="Demande au titre de l’article 17.")
        except ErasureRefused:
            refused.add(model)
            transaction.savepoint_rollback(point)
            continue
        for report, (totals, out) in written_jobs(day, tmp_path).items():
            before = first[report][0]
            if totals["removed"]:
                said.setdefault(report, set()).add(model.__name__)
                assert totals["shown_sha256"] != before["shown_sha256"], (model, report)
                assert totals["shown_sha256"] in out
            else:
                assert totals["shown_sha256"] == before["shown_sha256"], (model, report)
            assert totals["data_sha256"] == before["data_sha256"], (model, report)
            assert totals["lasting"] == before["lasting"], (model, report)
        cells = cells_of(tmp_path / "a.xlsx")
        assert not [cell for cell in cells if "erased" in cell or cell.strip("— ") == ""], model
        if model is User:
            assert any("du rapport établi le" in cell for cell in cells)
            assert {first["cofinancing"][0]["data_sha256"], totals_of("cofinancing")["shown_sha256"]} <= set(cells)
        transaction.savepoint_rollback(point)
    assert said == {
        "cofinancing": {"User", "EUBeneficiary", "ExpenditureLine"},
        "operations": {"EUBeneficiary"},
    }
    assert refused.isdisjoint({User, EUBeneficiary, ExpenditureLine})


def totals_of(kind: str) -> dict:
    return Job.objects.filter(kind=f"report.{kind}").order_by("pk").last().result["totals"]


def test_the_erasure_of_a_job_leaves_the_hashes_that_its_report_stated(past_day, tmp_path, nobody_waits):
    """And nothing else of it: they name nobody. What is left is in the event of the erasure, which is sealed."""
    day, _finance, _second = past_day
    first = written_jobs(day, tmp_path)["cofinancing"][0]
    made = Job.objects.get(kind="report.cofinancing")
    erase(list(Job.objects.all()), reason="Demande au titre de l’article 17.")
    made.refresh_from_db()
    assert made.parameters == {}
    assert made.result == {"totals": {name: first[name] for name in ("data_sha256", "lasting")}}
    erase(list(User.objects.all()), reason="Demande au titre de l’article 17.")
    totals, _out = written_jobs(day, tmp_path)["cofinancing"]
    assert totals["data_sha256"] == first["data_sha256"] != totals["shown_sha256"]
    assert any("du rapport établi le" in cell for cell in cells_of(tmp_path / "a.xlsx"))
    assert list(check_erasures()) == []
    with pgtrigger.ignore():
        made.result["totals"]["data_sha256"] = "0" * 64
        Job.objects.filter(pk=made.pk).update(result=made.result)
        history_model_of(Job).objects.filter(pgh_obj_id=made.pk).update(result=made.result)
    assert [(finding.table, finding.id) for finding in check_erasures()] == [("core_job", str(made.pk))]


def test_where_no_report_was_made_before_the_erasure_the_cover_says_that_the_hash_is_lost(
    past_day, tmp_path, nobody_waits
):
    day, _finance, _second = past_day
    erase(list(User.objects.all()), reason="Demande au titre de l’article 17.")
    totals, out = written_jobs(day, tmp_path)["cofinancing"]
    assert totals["data_sha256"] == "" and "n’est plus connu" in out and totals["shown_sha256"] in out
    assert any("Aucun rapport des mêmes données" in cell for cell in cells_of(tmp_path / "a.xlsx"))


@pytest.mark.django_db(transaction=True)  # the history dates a line by its transaction
def test_the_page_of_what_was_sent_says_it_in_the_words_of_that_day(client):
    case = cofinanced("ESF+")
    finance = case.house.finance
    controlled(case, "7000.10")
    application = applied(case, finance)
    client.force_login(finance, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:reporting_paymentapplication_change", args=[application.pk])
    priority = application.lines.get().priority
    EUProgramme.objects.filter(pk=application.programme_id).update(code="AVANT", name="Programme d’avant")
    Priority.objects.filter(pk=priority.pk).update(label_fr="Axe d’avant")
    assert all(
        words in client.get(address).text for words in ("AVANT ·", "Programme d’avant", "Axe d’avant")
    )  # open: today's
    perform(application, "send", actor=finance, data={"national_reference": "DP-1"})
    EUProgramme.objects.filter(pk=application.programme_id).update(code="APRES", name="Programme d’après")
    Priority.objects.filter(pk=priority.pk).update(label_fr="Axe d’après")
    text = client.get(address).text
    assert all(words in text for words in ("AVANT ·", "Programme d’avant", "Axe d’avant", "aujourd’hui APRES ·"))
    assert "Axe d’après" not in text and "Programme d’après" not in text
    for page in (
        reverse("admin:reporting_paymentapplication_changelist"),
        reverse("admin:reporting_operation_change", args=[case.operation.pk]),
        reverse("admin:agreements_paymentclaim_change", args=[case.declaration.claim_id]),
        reverse("admin:reporting_expenditureitem_change", args=[case.items[0].pk]),
    ):
        text = client.get(page).text
        assert "AVANT ·" in text and "APRES ·" not in text, page
    certificate = case.declaration.certificate
    revise(case.operation, {"name": "Intitulé d’après"}, actor=None, reason="Renommée.")
    for row in (certificate, case.declaration):  # what is certified and controlled has the name of its plan
        text = client.get(reverse(f"admin:reporting_{row._meta.model_name}_change", args=[row.pk])).text
        assert certificate.version.name in text and "Intitulé d’après" not in text


def test_a_list_of_what_was_sent_reads_the_names_once(django_assert_max_num_queries):
    finance = UserFactory(finance_officer=True)
    for fund in ("ESF+", "ERDF"):
        case = cofinanced(fund)
        controlled(case, "7000.10")
        perform(applied(case, finance), "send", actor=finance, data={})
    rows = list(PaymentApplication.objects.select_related("programme", "fund", "accounting_year"))
    with django_assert_max_num_queries(2):
        PaymentApplication.name_together(rows)
        assert len({str(row) for row in rows}) == 2


def test_the_cover_says_one_true_thing_about_its_day():
    today, yesterday = timezone.localdate(), timezone.localdate() - timedelta(days=1)
    lasting, passing = "The same cut-off date gives", "was not over"
    with translation.override("en"):
        for day, said, unsaid in ((today, passing, lasting), (yesterday, lasting, passing)):
            notes = " ".join(str(note) for note in cofinancing.cover_of(Selection(day), "Titre", "Claire", 1).notes)
            assert said in notes and unsaid not in notes
