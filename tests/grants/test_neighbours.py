"""A session waits for its day; an envelope bears what is granted on it, whatever the door."""

import threading
from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants import committee
from grants.models import Application, Call, CommitteeSession, Envelope
from tests.factories.instruction import (
    CaseFactory,
    EnvelopeFactory,
    SessionFactory,
    agenda,
    programme_of,
    staff,
    version_of,
)
from tests.factories.plans import plan_for

D = Decimal


@pytest.fixture
def secretary(db):
    return staff(Role.COMMITTEE_SECRETARY)


# --- the day of a session -----------------------------------------------------------------------------------------------


def test_a_session_is_neither_opened_nor_closed_before_its_day(secretary):
    tomorrow = timezone.now() + timedelta(days=1)
    session = SessionFactory(state="convened", members=3, held_at=tomorrow)
    with pytest.raises(TransitionRefused):
        perform(session, "open_session", actor=secretary)
    with pytest.raises(DatabaseError, match="before its day"), transaction.atomic():
        CommitteeSession.objects.filter(pk=session.pk).update(state="in_session", opened_at=timezone.now())
    CommitteeSession.objects.filter(pk=session.pk).update(held_at=timezone.now())
    session.refresh_from_db()
    perform(session, "open_session", actor=secretary)
    with pytest.raises(DatabaseError, match="before its day"), transaction.atomic():
        CommitteeSession.objects.filter(pk=session.pk).update(held_at=tomorrow)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    committee.record_decision(item, "granted", actor=secretary)
    for day in (timezone.localdate() + timedelta(days=1), timezone.localdate() - timedelta(days=1)):
        data = {"deliberation_number": "26CP-1", "deliberation_on": day.isoformat()}
        with pytest.raises(TransitionRefused) as refused:
            perform(session, "close_session", actor=secretary, data=data)
        assert "deliberation_on" in refused.value.errors
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-1"})
    assert session.state == "closed"


@pytest.mark.parametrize("days", [-349, 400])
def test_a_session_of_another_year_is_neither_saved_nor_convened(secretary, days):
    """15/12/2025 typed for 15/12/2026: the grant would have counted in the de minimis of another year."""
    day = timezone.now() + timedelta(days=days)
    session = SessionFactory(members=3)
    agenda(session, CaseFactory(state="scheduled"))
    session.held_at = day
    with pytest.raises(ValidationError) as refused:
        session.full_clean()
    assert "held_at" in refused.value.message_dict
    if days < 0:
        with pytest.raises(DatabaseError, match="before the filing"), transaction.atomic():
            CommitteeSession.objects.filter(pk=session.pk).update(held_at=day)
    pgtrigger_off = pgtrigger.ignore("grants.CommitteeSession:session_date_follows")
    with pgtrigger_off:
        CommitteeSession.objects.filter(pk=session.pk).update(held_at=day)
    session.refresh_from_db()
    with pytest.raises(TransitionRefused, match="vérifiez l’année"):
        perform(session, "convene", actor=secretary, data={"urgency": "Oui."})
    with pytest.raises(DatabaseError), transaction.atomic():
        CommitteeSession.objects.filter(pk=session.pk).update(state="convened", convened_at=timezone.now())


@pytest.mark.django_db
def test_no_case_filed_after_a_session_enters_its_agenda_and_no_deliberation_is_before_it():
    session = SessionFactory(held_at=timezone.now() - timedelta(days=20))
    with pytest.raises(DatabaseError, match="before the filing"):
        agenda(session, CaseFactory(state="scheduled"))
    held = SessionFactory(state="in_session")
    with pytest.raises(DatabaseError, match="before its session"), transaction.atomic():
        CommitteeSession.objects.filter(pk=held.pk).update(deliberation_on="1900-01-01")


def test_a_session_opened_by_mistake_is_adjourned_and_takes_its_decisions_back(secretary):
    session = SessionFactory(state="in_session", members=3)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    committee.record_decision(item, "granted", actor=secretary)
    with pytest.raises(TransitionRefused):
        perform(session, "adjourn", actor=secretary)
    perform(session, "adjourn", actor=secretary, comment="Mauvaise date.")
    item.refresh_from_db()
    assert (session.state, session.opened_at, item.decision) == ("convened", None, "")
    assert not session.members.filter(is_present=True).exists()
    perform(session, "reopen_agenda", actor=secretary, comment="À une autre date.")
    assert session.state == "draft"


def granted(amount: str) -> dict:
    """The columns of a case of PROGRESS that was granted these euros."""
    return {
        "state": "approved",
        "granted_amount": D(amount),
        "granted_plan": plan_for("PROGRESS1", D(amount)).as_json(),
    }


# --- what an envelope bears ---------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_envelope_is_not_cut_under_what_is_granted_and_awaits_its_act():
    case = CaseFactory(state="approved")
    envelope = case.call.envelope
    for amount, is_taken in ((D("25999.99"), False), (D("26000.00"), True)):
        envelope.voted_amount = amount
        if is_taken:
            envelope.full_clean()
            envelope.save()
            continue
        with pytest.raises(ValidationError) as refused:
            envelope.full_clean()
        assert "voted_amount" in refused.value.message_dict
        with pytest.raises(DatabaseError, match="the envelope bears"), transaction.atomic():
            Envelope.objects.filter(pk=envelope.pk).update(voted_amount=amount)


@pytest.mark.django_db
def test_an_envelope_is_not_closed_and_a_call_not_moved_under_a_grant_without_act():
    case = CaseFactory(state="approved")
    call, envelope = case.call, case.call.envelope
    with pytest.raises(DatabaseError, match="without an act"), transaction.atomic():
        Envelope.objects.filter(pk=envelope.pk).update(is_closed=True)
    envelope.is_closed = True
    with pytest.raises(ValidationError):
        envelope.full_clean()
    other = EnvelopeFactory()
    with pytest.raises(DatabaseError, match="granted on its envelope"), transaction.atomic():
        Call.objects.filter(pk=call.pk).update(envelope=other)
    call.envelope = other
    with pytest.raises(ValidationError):
        call.full_clean()
    listed = CaseFactory(state="scheduled").call
    with pytest.raises(DatabaseError, match="on an agenda"), transaction.atomic():
        Call.objects.filter(pk=listed.pk).update(envelope=other)
    listed.envelope = other
    with pytest.raises(ValidationError):
        listed.full_clean()
    free = CaseFactory(state="ready_for_committee").call
    free.envelope = other
    free.full_clean()
    free.save()


def test_an_envelope_stays_open_for_the_session_that_decides_on_it(secretary):
    session = SessionFactory(state="in_session", members=3)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    envelope = item.application.call.envelope
    with pytest.raises(DatabaseError, match="of this envelope to decide"), transaction.atomic():
        Envelope.objects.filter(pk=envelope.pk).update(is_closed=True)
    envelope.is_closed = True
    with pytest.raises(ValidationError) as refused:
        envelope.full_clean()
    assert item.application.number in str(refused.value.message_dict["is_closed"])
    with pgtrigger.ignore("grants.Envelope:envelope_stays_open_for_its_agenda"):
        Envelope.objects.filter(pk=envelope.pk).update(is_closed=True)
    committee.record_decision(item, "granted", actor=secretary)
    with pytest.raises(TransitionRefused, match="est close"):
        perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-9"})
    with pytest.raises(DatabaseError, match="envelope is closed"), transaction.atomic():
        Application.objects.filter(pk=item.application_id).update(**granted("1000.00"))


@pytest.mark.django_db
def test_an_envelope_is_not_closed_under_an_agenda_in_preparation():
    session = SessionFactory(state="draft")
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    envelope = item.application.call.envelope
    with pytest.raises(DatabaseError, match="of this envelope to decide"), transaction.atomic():
        Envelope.objects.filter(pk=envelope.pk).update(is_closed=True)
    envelope.is_closed = True
    with pytest.raises(ValidationError) as refused:
        envelope.full_clean()
    (said,) = refused.value.message_dict["is_closed"]
    assert item.application.number in said and str(session) in said


@pytest.mark.django_db
def test_no_case_goes_on_an_agenda_when_its_envelope_is_closed(secretary):
    case = CaseFactory(state="ready_for_committee")
    Envelope.objects.filter(pk=case.call.envelope_id).update(is_closed=True)
    session = SessionFactory(state="draft")
    with pytest.raises(TransitionRefused, match="est close"):
        committee.add_to_agenda(session, [Application.objects.get(pk=case.pk)], actor=secretary)
    with pytest.raises(DatabaseError, match="envelope of this case is closed"), transaction.atomic():
        session.items.create(application=case, rank=1, proposed_amount=case.proposed_amount)


@pytest.mark.django_db
def test_what_sums_group_by_stays_on_an_envelope_and_a_call_in_use():
    case = CaseFactory(state="approved")
    envelope = case.call.envelope
    for change in ({"year": 2025}, {"kind": "AP"}, {"programme": programme_of("CPO")}):
        with pytest.raises(DatabaseError, match="envelope in use"), transaction.atomic():
            Envelope.objects.filter(pk=envelope.pk).update(**change)
        moved = Envelope.objects.get(pk=envelope.pk)
        for name, value in change.items():
            setattr(moved, name, value)
        with pytest.raises(ValidationError):
            moved.full_clean()
    foreign = EnvelopeFactory(programme=programme_of("CPO"))
    idle = CaseFactory(state="submitted").call
    with pytest.raises(DatabaseError, match="own programme"), transaction.atomic():
        Call.objects.filter(pk=idle.pk).update(envelope=foreign)
    with pytest.raises(DatabaseError, match="programme of its calls"), transaction.atomic():
        Envelope.objects.filter(pk=idle.envelope_id).update(programme=programme_of("CPO"))
    with pytest.raises(DatabaseError, match="keeps its programme"), transaction.atomic():
        Call.objects.filter(pk=idle.pk).update(programme_version=version_of("CPO"), envelope=foreign)
    idle.envelope = foreign
    with pytest.raises(ValidationError):
        idle.full_clean()
    with pytest.raises(DatabaseError, match="keeps its call"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(call=idle)


@pytest.mark.django_db
def test_no_grant_goes_beyond_its_envelope_by_any_door():
    first = CaseFactory(state="scheduled")
    second = CaseFactory(state="scheduled", call=first.call)
    Envelope.objects.filter(pk=first.call.envelope_id).update(voted_amount=D("26000.00"))
    Application.objects.filter(pk=first.pk).update(**granted("20000.00"))
    for amount in ("6000.01", "26000.00"):
        with pytest.raises(DatabaseError, match="left and not"), transaction.atomic():
            Application.objects.filter(pk=second.pk).update(**granted(amount))
    Application.objects.filter(pk=second.pk).update(**granted("6000.00"))
    with pytest.raises(DatabaseError, match="left and not"), transaction.atomic():
        Application.objects.filter(pk=first.pk).update(**granted("20000.01"))


@pytest.mark.django_db(transaction=True)
def test_a_cut_and_a_grant_that_come_together_count_one_after_the_other():
    for _round in range(6):
        case = CaseFactory(state="scheduled")
        envelope, barrier, outcomes = case.call.envelope, threading.Barrier(2), []

        def attempt(queryset, values, barrier=barrier, outcomes=outcomes):
            barrier.wait()
            try:
                with transaction.atomic():
                    queryset.update(**values)
                outcomes.append("done")
            except DatabaseError:
                outcomes.append("refused")
            finally:
                connection.close()

        grant = (Application.objects.filter(pk=case.pk), granted("26000.00"))
        cut = (Envelope.objects.filter(pk=envelope.pk), {"voted_amount": D("1000.00")})
        threads = [threading.Thread(target=attempt, args=pair) for pair in (grant, cut)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["done", "refused"]
