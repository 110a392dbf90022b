"""A session waits for its day; an envelope bears what is granted on it, whatever the door."""

import threading
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants import committee
from grants.models import Application, Call, CommitteeSession, Envelope
from tests.factories.instruction import CaseFactory, EnvelopeFactory, SessionFactory, agenda, staff
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
    free = CaseFactory(state="scheduled").call
    free.envelope = other
    free.full_clean()
    free.save()


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
