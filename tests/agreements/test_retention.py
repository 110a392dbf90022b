"""How long a case is kept: started by its events, read in the archiving list, held by the database."""

from datetime import date, timedelta
from io import BytesIO

import pgtrigger
import pytest
import time_machine
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, transaction
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from core import retention
from core.dates import add_years
from core.models import Document, Retention
from core.roles import Role
from grants.models import Application
from tests.factories.agreements import in_force, ordered, pay
from tests.factories.core import UserFactory
from tests.factories.grants import withdrawn

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
