"""The central register of de minimis aid: what it asks for, by when, and what was told to it."""

from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO

import openpyxl
import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import ValidationError
from django.db import DatabaseError, IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from applicants.de_minimis import central
from applicants.de_minimis.register import follow_grant, record_granted
from applicants.models import DeMinimisAid
from applicants.workbooks import DeMinimisAidResource
from core.dates import add_working_days, easter, is_working_day
from core.events import history
from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.navigation import work_for
from tests.applicants.test_single_undertaking import token
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer():
    return UserFactory(instructor=True)


@pytest.fixture
def aid():
    return granted("PROG-2026-00001")


def granted(number: str, day: date | None = None, sector: str = "94.99") -> DeMinimisAid:
    day = day or timezone.localdate() - timedelta(days=3)
    return record_granted(ApplicantFactory(), Decimal("20000.00"), day, case_number=number, sector=sector)


# --- working days -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("year", "day"), [(2024, date(2024, 3, 31)), (2025, date(2025, 4, 20)), (2026, date(2026, 4, 5))]
)
def test_easter(year, day):
    assert easter(year) == day


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        (date(2026, 6, 1), 20, date(2026, 6, 29)),  # no holiday on the way
        (date(2026, 4, 30), 20, date(2026, 6, 3)),  # 1 and 8 May, Ascension on the 14th, Whit Monday on the 25th
        (date(2026, 12, 18), 20, date(2027, 1, 19)),  # Christmas and New Year's Day, both a Friday
        (date(2026, 7, 11), 1, date(2026, 7, 13)),  # from a Saturday
        (date(2026, 7, 13), 1, date(2026, 7, 15)),  # over 14 July
    ],
)
def test_working_days_leave_out_weekends_and_holidays(start, count, end):
    assert add_working_days(start, count) == end
    assert is_working_day(end)


# --- what is to be told -------------------------------------------------------------------------------------------


def test_a_grant_is_told_once_and_again_when_it_changes(aid, officer):
    today = timezone.localdate()
    assert list(DeMinimisAid.objects.to_be_entered()) == [aid]
    central.enter([aid], on=today, reference="RCA-1", actor=officer)
    aid.refresh_from_db()
    assert (aid.entered_on, aid.entered_amount, aid.entered_by) == (today, aid.amount, officer)
    assert not aid.is_to_be_entered
    assert not DeMinimisAid.objects.to_be_entered().exists()
    follow_grant(aid.case_number, amount=Decimal("15000.00"))
    assert list(DeMinimisAid.objects.to_be_entered()) == [aid]
    central.enter([aid], on=today, actor=officer)
    follow_grant(aid.case_number, amount=Decimal(0))
    assert list(DeMinimisAid.objects.to_be_entered()) == [aid]
    central.enter([aid], on=today, actor=officer)
    aid.refresh_from_db()
    assert (aid.entered_amount, aid.entered_reference, aid.is_to_be_entered) == (0, "RCA-1", False)
    assert [event.action for event in history(aid.applicant)].count("de_minimis_entered") == 3


def test_what_was_lost_before_it_was_told_and_what_is_older_than_the_register_is_not_told(aid):
    granted("PROG-2025-00001", date(2025, 12, 31))
    DeMinimisAidFactory(applicant=aid.applicant)
    follow_grant(aid.case_number, amount=Decimal(0))
    assert not DeMinimisAid.objects.to_be_entered().exists()
    assert not any(row.is_to_be_entered for row in DeMinimisAid.objects.all())


@pytest.mark.parametrize("shift", [1, -4])
def test_an_entry_is_dated_between_the_grant_and_today(aid, officer, shift):
    with pytest.raises(ValidationError):
        central.enter([aid], on=timezone.localdate() + timedelta(days=shift), actor=officer)


def test_a_grant_without_sector_is_completed_first(officer):
    aid = granted("PROG-2026-00002", sector="")
    with pytest.raises(ValidationError, match="secteur"):
        central.enter([aid], on=timezone.localdate(), actor=officer)
    with pytest.raises(ValidationError):
        central.complete(aid, instrument="grant", sector="associations", actor=officer)
    central.complete(aid, instrument="grant", sector="94.99", actor=officer)
    assert central.enter([aid], on=timezone.localdate(), actor=officer) == [aid]


def test_the_database_keeps_grants_and_their_identity(aid):
    rows = DeMinimisAid.objects.filter(pk=aid.pk)
    for wrong in ({"case_number": "X"}, {"granted_on": date(2026, 2, 1)}, {"origin": "declared"}):
        with pytest.raises(DatabaseError), transaction.atomic():
            rows.update(**wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        rows.delete()
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.update(entered_on=timezone.localdate())
    with pytest.raises(IntegrityError, match="de_minimis_once_a_case"), transaction.atomic():
        DeMinimisAidFactory(applicant=ApplicantFactory(), origin="granted", reference=aid.case_number)


# --- screens ------------------------------------------------------------------------------------------------------


def test_the_export_has_what_the_register_asks_for(aid, officer, client):
    assert [column.key for column in DeMinimisAidResource.columns][:8] == [
        "beneficiary", "identifier", "siren", "amount", "granted_on", "authority", "instrument", "sector"
    ]  # fmt: skip
    client.force_login(officer)
    fields = {f"deminimisaidresource_{column.key}": "on" for column in DeMinimisAidResource.columns}
    url = reverse("admin:applicants_deminimisaid_export")
    response = client.post(url, {"format": "0", "resource": "0", **fields})
    sheet = openpyxl.load_workbook(BytesIO(response.content)).worksheets[-1]
    cells = [cell for line in sheet.iter_rows(values_only=True) for cell in line]
    assert aid.applicant.display_name in cells
    assert {"94.99", aid.applicant.siret[:9], "subvention"} <= set(cells)


def test_the_officer_marks_what_was_entered(aid, officer, client):
    client.force_login(officer)
    url = reverse("admin:applicants_deminimisaid_changelist")
    assert aid.applicant.display_name in client.get(url, {"central": "to_enter"}).content.decode()
    chosen = {"action": "mark_entered", ACTION_CHECKBOX_NAME: [aid.pk]}
    assert "Déclarée le" in client.post(url, chosen).content.decode()
    typed = {**chosen, "entered_on": timezone.localdate().isoformat(), "reference": "RCA-7"}
    old = client.post(url, {**typed, "seen": [f"{aid.pk}:19000.00"]})
    assert "pendant que vous" in old.content.decode()
    client.post(url, {**typed, "seen": [f"{aid.pk}:{aid.amount}"]})
    aid.refresh_from_db()
    assert (aid.entered_by, aid.entered_reference) == (officer, "RCA-7")
    assert aid.applicant.display_name not in client.get(url, {"central": "to_enter"}).content.decode()


def test_the_officer_completes_the_sector_and_others_do_not(officer, client):
    aid = granted("PROG-2026-00003", sector="")
    url = reverse("admin:applicants_deminimisaid_complete", args=[aid.pk])
    client.force_login(UserFactory(finance_officer=True))
    assert client.get(url).status_code == 403
    client.force_login(officer)
    assert "manque" in client.get(reverse("admin:applicants_deminimisaid_change", args=[aid.pk])).content.decode()
    client.post(url, token(aid.applicant) | {"sector": "9499Z", "instrument": "grant"})
    aid.refresh_from_db()
    assert aid.sector == "94.99"


def test_a_change_is_to_be_entered_twenty_working_days_after_it_and_not_after_the_grant(client, officer):
    today = timezone.localdate()
    aid = granted("PROG-2026-00002", today - timedelta(days=200))
    central.enter([aid], on=today - timedelta(days=190), actor=officer)
    aid.refresh_from_db()
    aid.amount -= 1
    aid.save()
    last = add_working_days(today, 20)
    assert DeMinimisAid.objects.get(pk=aid.pk).enter_by == DeMinimisAid.objects.to_be_entered().get().enter_by == last
    assert [item.due for item in work_for(officer)] == [last]
    assert look_at(invariant_of("applicants.register-entered-in-time")).holds
    client.force_login(officer)
    listed = client.get(reverse("admin:applicants_deminimisaid_changelist")).content.decode()
    assert f"au plus tard le {last:%d/%m/%Y}" in listed


def test_what_is_to_be_entered_stands_in_the_work_of_the_service_with_its_last_day(aid, officer):
    (item,) = work_for(officer)
    assert (item.due, aid.reference in item.title) == (add_working_days(aid.granted_on, 20), True)
    assert not work_for(UserFactory(finance_officer=True))
    central.enter([aid], on=timezone.localdate(), actor=officer)
    assert not work_for(officer)
