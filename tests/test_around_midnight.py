"""What happens between midnight and two o'clock of the Region, when it is still the day before in UTC, counts today."""

from contextlib import contextmanager
from datetime import date, datetime, time, timedelta

import pgtrigger
import pytest
import time_machine
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agreements.models import Agreement, TrancheReport
from core.dates import add_years
from core.documents import keep_until, store
from core.figures.invariants import invariant_of
from core.models import Document
from core.roles import Role
from core.transitions import perform
from grants import committee
from grants.models import CommitteeSession
from reporting.models import AccountingYear, PaymentApplication
from reporting.payment_applications import open_application
from tests.core.test_days_in_sql import FAR_ZONES
from tests.factories.agreements import in_force
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff
from tests.factories.reporting import rule

pytestmark = pytest.mark.django_db
LATE, EARLY, MORNING = time(23, 30), time(0, 30), time(10)


def moment(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))


@contextmanager
def session_in(zone: str):
    """The session of the database in another zone, where it is another day."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL TimeZone = '{zone}'")
        yield
        cursor.execute("SET LOCAL TimeZone = 'UTC'")


def test_a_session_is_opened_decided_and_closed_half_an_hour_after_midnight():
    day = timezone.localdate() - timedelta(days=2)
    secretary = staff(Role.COMMITTEE_SECRETARY)
    with time_machine.travel(moment(day, EARLY), tick=True):
        session = SessionFactory(state="convened", members=3, held_at=moment(day, MORNING))
        perform(session, "open_session", actor=secretary)
        (item,) = agenda(session, CaseFactory(state="scheduled"))
        committee.record_decision(item, "granted", actor=secretary)
        data = {"deliberation_number": "26CP-1", "deliberation_on": day.isoformat()}
        perform(session, "close_session", actor=secretary, data=data)
    assert (session.state, session.deliberation_on) == ("closed", day)
    for code in ("on-its-day", "is-decided", "follows-its-cases"):
        assert list(invariant_of(f"grants.session-{code}").broken()) == []


def test_a_session_is_not_opened_the_evening_before_nor_its_deliberation_dated_the_day_after():
    day = timezone.localdate() - timedelta(days=2)
    session = SessionFactory(state="convened", members=3, held_at=moment(day, EARLY))
    rows = CommitteeSession.objects.filter(pk=session.pk)
    evening = moment(day - timedelta(days=1), LATE)  # the same day in UTC
    with pytest.raises(DatabaseError, match="before its day"), transaction.atomic():
        rows.update(state="in_session", opened_at=evening)
    with pytest.raises(DatabaseError, match="not dated after"), transaction.atomic():
        rows.update(closed_at=moment(day, LATE), deliberation_on=day + timedelta(days=1))
    rows.update(state="in_session", opened_at=moment(day, EARLY))


def test_a_session_of_before_this_rule_stays_open_to_other_changes():
    day = timezone.localdate() - timedelta(days=2)
    session = SessionFactory(state="convened", members=3, held_at=moment(day, MORNING))
    rows = CommitteeSession.objects.filter(pk=session.pk)
    with pgtrigger.ignore("grants.CommitteeSession:session_not_before_its_day"):
        rows.update(opened_at=moment(day - timedelta(days=1), LATE))
    rows.update(place="Hôtel de Région")
    with pytest.raises(DatabaseError, match="before its day"), transaction.atomic():
        rows.update(opened_at=moment(day - timedelta(days=1), MORNING))


@pytest.mark.parametrize("zone", FAR_ZONES)
def test_a_document_is_kept_until_the_last_day_of_the_region_and_no_longer(zone):
    today = timezone.localdate()
    user = UserFactory(applicant=True)
    kept, past = (store(pdf(name), name=f"{name}.pdf", subject=None, user=user) for name in ("kept", "past"))
    keep_until(kept, today)
    keep_until(past, today - timedelta(days=1))
    with session_in(zone):
        with pytest.raises(DatabaseError, match="must be kept"), transaction.atomic():
            kept.delete()
        past.delete()
    assert list(Document.objects.filter(name__in=["kept.pdf", "past.pdf"])) == [kept]


@pytest.mark.parametrize("zone", FAR_ZONES)
def test_an_act_is_notified_on_the_day_of_the_region(zone):
    agreement, _house = in_force(granted="30000.00")
    today, rows = timezone.localdate(), Agreement.objects.filter(pk=agreement.pk)
    with session_in(zone):
        rows.update(notified_on=today)
        assert list(invariant_of("agreements.dates-in-order").broken()) == []
        with pytest.raises(DatabaseError, match="is to come"), transaction.atomic():
            rows.update(notified_on=today + timedelta(days=1))


def test_a_report_is_filed_in_the_first_hour_after_its_year():
    ends_on = timezone.localdate() - timedelta(days=3)
    start = add_years(ends_on + timedelta(days=1), -1)
    agreement, house = in_force("CPO", "180000.00", project_start=start, project_end=add_years(start, 3))
    values = {"tranche": agreement.tranches.get(rank=1), "summary": "x", "spent_amount": 1, "filed_by": house.member}
    with pytest.raises(DatabaseError, match="once its year has ended"), transaction.atomic():
        TrancheReport.objects.create(filed_at=moment(ends_on, MORNING), **values)
    TrancheReport.objects.create(filed_at=moment(ends_on + timedelta(days=1), EARLY), **values)


def test_a_payment_application_is_opened_half_an_hour_after_its_year_began_and_not_before():
    made = rule("ESF+")
    programme, fund = made.objective.priority.programme, made.fund
    year = AccountingYear.objects.containing(timezone.localdate())
    values = {"programme": programme, "fund": fund, "accounting_year": year}
    grace = year.last_day_to_apply
    for opened_at in (moment(year.starts_on - timedelta(days=1), LATE), moment(grace + timedelta(days=1), EARLY)):
        with pytest.raises(DatabaseError, match="in its accounting year"), transaction.atomic():
            PaymentApplication.objects.create(number=1, opened_at=opened_at, **values)
    with transaction.atomic():
        PaymentApplication.objects.create(number=1, opened_at=moment(grace, LATE), **values)
        assert list(invariant_of("reporting.application-in-its-year").broken()) == []
        transaction.set_rollback(True)
    with time_machine.travel(moment(year.starts_on, EARLY), tick=True):
        application = open_application(programme, fund, actor=UserFactory(finance_officer=True), accounting_year=year)
    assert timezone.localdate(application.opened_at) == year.starts_on
    assert list(invariant_of("reporting.application-in-its-year").broken()) == []
