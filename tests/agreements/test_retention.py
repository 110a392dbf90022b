"""How long a case is kept: started by its events, read in the archiving list, held by the database."""

import ast
from datetime import date, timedelta
from io import BytesIO

import pgtrigger
import pytest
import time_machine
from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone, translation
from openpyxl import load_workbook

from applicants.models import BankAccount
from core import retention
from core.dates import add_years
from core.documents import store
from core.models import Document, Job, Retention
from core.roles import Role
from grants.models import Application
from reporting.stated import COFINANCING, OPERATIONS
from tests.factories.agreements import in_force, ordered, pay
from tests.factories.core import UserFactory
from tests.factories.grants import withdrawn
from tests.factories.instruction import ask

pytestmark = pytest.mark.django_db


def until(case: Application, rule: str) -> date | None:
    return retention.until_of(case, rule)


def documents_about(*subjects) -> list[Document]:
    found = []
    for subject in subjects:
        kind = ContentType.objects.get_for_model(subject)
        found += Document.objects.filter(content_type=kind, object_id=subject.pk)
    return found


def test_the_end_of_a_case_starts_its_retention():
    case = withdrawn()
    day = timezone.localdate()
    assert until(case, "case_ended") == add_years(day, 10)
    assert documents_about(case) and all(
        document.retention_until == add_years(day, 10) for document in documents_about(case)
    )
    assert case.events.get(action="retention").data["until"] == add_years(day, 10).isoformat()


@override_settings(ESSOR_RETENTION_CASE_YEARS=7)
def test_the_years_of_a_case_are_the_regions_own():
    assert until(withdrawn(), "case_ended") == add_years(timezone.localdate(), 7)


def test_a_payment_by_an_eu_fund_counts_from_the_end_of_its_year():
    agreement, house = in_force(eu_fund="ESF+")
    claim, batch = ordered(agreement, house, "balance", "9000.00", "4000.00")
    day = timezone.localdate()
    pay(batch, house, day)
    assert until(agreement.application, "eu_payment") == date(day.year + 5, 12, 31)
    kept = documents_about(agreement.application, agreement, claim)
    assert (
        {document.kind for document in kept} >= {"act_pdf", "act_docx"}
        and len(kept) > 3
        and all(document.retention_until == date(day.year + 5, 12, 31) for document in kept)
    )


# --- every document that the code keeps --------------------------------------------------------------------------------

PDF = b"%PDF-1.7\n%%EOF\n"
APPS = ("core", "applicants", "grants", "agreements", "reporting")
# By what ``store(…, kind=…)`` says: whose document it is, in a case that was paid.
KEPT = {
    "code": "application",  # the pieces of a case, each by its code
    "receipt": "application",
    "de_minimis_register": "application",
    "opinion": "opinion",
    "act_pdf": "agreement",
    "act_docx": "agreement",
    "signed_copy": "agreement",
    "report": "agreement",
    "expenditure_workbook": "claim",
    "refused_rows": "claim",
    "proof": "claim",
    "claim_piece": "claim",
    "claim_reply": "claim",
    "batch_workbook": "batch",
    "PROOF_KIND": "proof of the account",
    "bank_other_proof": "other proof of the account",
    "job": "report",
}
# What no rule keeps, and why.
NOT_KEPT = {
    "import": "a list that was sent in: what was taken from it stands in rows, which have their history; an operation of "
    "an official list has no case here, its file is kept by whoever manages it",
}


def kinds_that_are_stored() -> set[str]:
    """What each ``store(…)`` of the code says its document is: the text, or the name of what holds it."""
    found = set()
    for path in (path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "store":
                (kind,) = [keyword.value for keyword in call.keywords if keyword.arg == "kind"]
                found.add(kind.value if isinstance(kind, ast.Constant) else ast.unparse(kind))
    return found


def test_every_kind_of_document_is_kept_or_says_why_not():
    assert kinds_that_are_stored() == set(KEPT) | set(NOT_KEPT)


def test_everything_that_proves_a_payment_is_kept_with_the_case():
    """Its own files, and those that stand on a batch, an account or a job; those of another case are not."""
    agreement, house = in_force(eu_fund="ESF+")
    case, day = agreement.application, timezone.localdate()
    claim, batch = ordered(agreement, house, "balance", "9000.00", "4000.00")
    opinion = ask(case, "x")
    account = batch.orders.get().bank_account
    report, look = (
        Job.objects.create(kind=kind, key=kind, state="done", finished_at=timezone.now())
        for kind in (COFINANCING, "figures.check")
    )
    other = store(PDF + b"other", name="autre.pdf", subject=account.applicant, user=None, kind="bank_other_proof")
    officer = UserFactory(finance_officer=True)
    with pgtrigger.ignore(), transaction.atomic():  # the rules of a call are not what is looked at
        BankAccount.objects.filter(pk=account.pk).update(
            other_proof=other,
            other_reason="PV",
            vouched_by=officer,
            vouched_at=timezone.now(),
        )
    subjects = {
        "application": case, "opinion": opinion, "agreement": agreement, "claim": claim, "batch": batch, "report": report,
    }  # fmt: skip
    kept = {
        kind: store(PDF + kind.encode(), name="a.pdf", subject=subjects[whose], user=None, kind=kind)
        for kind, whose in KEPT.items()
        if whose in subjects
    } | {"PROOF_KIND": account.proof, "bank_other_proof": other}
    assert set(kept) == set(KEPT)
    elsewhere = [
        store(PDF + b"look", name="a.pdf", subject=look, user=None, kind="job"),
        store(PDF + b"rib", name="a.pdf", subject=account.applicant, user=None, kind="bank_proof"),
    ]
    pay(batch, house, day)
    batch.refresh_from_db()
    until_then = date(day.year + 5, 12, 31)
    for kind, document in [*kept.items(), ("batch_workbook", batch.workbook)]:
        document.refresh_from_db()
        assert document.retention_until == until_then, kind
    for document in elsewhere:
        document.refresh_from_db()
        assert document.retention_until is None


def test_a_report_that_comes_after_the_payment_is_kept_by_the_night():
    agreement, house = in_force(eu_fund="ESF+")
    _claim, batch = ordered(agreement, house)
    pay(batch, house)
    report = Job.objects.create(kind=OPERATIONS, key=OPERATIONS, state="done", finished_at=timezone.now())
    document = store(PDF, name="a.pdf", subject=report, user=None, kind="job")
    retention.nightly()
    document.refresh_from_db()
    assert document.retention_until == Retention.objects.of(agreement.application).first().until


@pytest.mark.parametrize(
    ("setting", "least", "law"),
    [
        ("ESSOR_RETENTION_EU_YEARS", 5, "2021/1060"),
        ("ESSOR_RETENTION_DE_MINIMIS_YEARS", 10, "2023/2831"),
        ("ESSOR_RETENTION_CASE_YEARS", 1, "Region"),
    ],
)
def test_no_setting_keeps_for_less_than_the_law(setting, least, law):
    (rule,) = [rule for rule in retention.rules() if rule.setting == setting]
    with override_settings(**{setting: least}), translation.override("en"):
        assert retention.years_are_lawful(None) == [] and rule.years == least
    with override_settings(**{setting: least + 3}):
        assert rule.years == least + 3
    with override_settings(**{setting: least - 1}), translation.override("en"):
        (error,) = retention.years_are_lawful(None)
        assert error.id == "essor.E003" and setting in error.msg and law in error.msg
        assert rule.years == least


def test_a_payment_without_an_eu_fund_starts_nothing_by_itself():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    pay(batch, house)
    assert until(agreement.application, "eu_payment") is None


def test_a_later_event_moves_the_date_later_and_an_earlier_one_does_not():
    agreement, _house = in_force(eu_fund="ERDF")
    case = agreement.application
    retention.start(case, "eu_payment", date(2025, 3, 1))
    retention.start(case, "eu_payment", date(2027, 1, 1))
    retention.start(case, "eu_payment", date(2026, 6, 1))
    assert until(case, "eu_payment") == date(2032, 12, 31)
    assert Retention.objects.of(case).filter(rule="eu_payment").count() == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        Retention.objects.of(case).update(until=date(2030, 1, 1))
    with pytest.raises(DatabaseError), transaction.atomic():
        Retention.objects.of(case)._raw_delete("default")


def test_a_rule_that_nobody_declared_is_an_error():
    with pytest.raises(LookupError):
        retention.start(withdrawn(), "for_ever", timezone.localdate())


def test_the_night_starts_what_was_missed_and_keeps_what_came_since():
    case, from_before = withdrawn(), withdrawn()
    with pgtrigger.ignore():  # as before this rule was known: no row, no date
        Retention.objects.of(from_before)._raw_delete("default")
        Document.objects.update(retention_until=None)
    with time_machine.travel(timezone.now() + timedelta(days=30), tick=False):
        retention.nightly()
    day = timezone.localdate()
    assert until(from_before, "case_ended") == add_years(day, 10)  # from the day of its event, not of the night
    for document in documents_about(case, from_before):
        assert document.retention_until == add_years(day, 10)


def test_the_archiving_list_shows_the_rule_that_decides(client):
    agreement, house = in_force(eu_fund="ESF+")
    case = agreement.application
    retention.start(case, "eu_payment", date(2015, 3, 1))
    retention.start(case, "case_ended", date(2012, 3, 1))
    ended = withdrawn()
    client.force_login(UserFactory(auditor=True), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:core_retention_changelist"), {"term": "over"}).content.decode()
    assert case.number in page and ended.number not in page
    assert "31/12/2020" not in page and "01/03/2022" in page  # the longer of the two
    everything = client.get(reverse("admin:core_retention_changelist")).content.decode()
    assert ended.number in everything
    answer = client.get(reverse("admin:core_retention_download"), {"term": "over"})
    sheet = load_workbook(BytesIO(answer.content)).worksheets[1]
    rows = [row for row in sheet.iter_rows(min_row=2, values_only=True) if row[0] and row[0] != "Total"]
    assert len(rows) == 1 and case.number in rows[0][0]


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.FINANCE_OFFICER, Role.APPLICANT])
def test_the_archiving_list_is_for_administrators_and_auditors(client, role):
    client.force_login(UserFactory(**{role.value: True}), backend="django.contrib.auth.backends.ModelBackend")
    for page in ("changelist", "download"):
        assert client.get(reverse(f"admin:core_retention_{page}")).status_code in (302, 403, 404)
