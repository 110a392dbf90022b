"""One row a case in the de minimis register, from the vote to the end of the agreement."""

import importlib
import threading
from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from agreements import payments
from agreements.drafting import draft_agreement
from applicants.de_minimis import central
from applicants.de_minimis.links import decide_links
from applicants.models import Applicant, DeMinimisAid
from core.figures.invariants import invariant_of
from core.models import Event
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants import committee, de_minimis
from tests.applicants.test_single_undertaking import another_establishment
from tests.factories.agreements import (
    approved,
    entry,
    in_force,
    ordered,
    pay,
    review,
    sent,
    signature,
    submitted,
)
from tests.factories.applicants import ApplicantFactory, DeMinimisAidFactory
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

pytestmark = pytest.mark.django_db
migration = importlib.import_module("agreements.migrations.0007_one_de_minimis_row_a_case")


def counted(applicant: Applicant) -> list[Decimal]:
    return list(DeMinimisAid.objects.filter(applicant=applicant).counted().values_list("amount", flat=True))


def voted(*cases) -> None:
    """The committee grants these cases, by the product's own way."""
    secretary = staff(Role.COMMITTEE_SECRETARY)
    session = SessionFactory(state="in_session", members=3, held_at=timezone.now())
    for item in agenda(session, *cases):
        committee.record_decision(item, "granted", actor=secretary)
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-0512"})


def test_a_sector_that_was_completed_stays_the_known_one_when_something_else_is_completed_later():
    case = CaseFactory(state="scheduled", project_start=timezone.localdate() - timedelta(days=90))
    voted(case)
    aid = DeMinimisAid.objects.get(case_number=case.number)
    officer = staff(Role.INSTRUCTOR)
    central.complete(aid, instrument="grant", sector="94.99", actor=officer)
    central.complete(aid, instrument="loan", sector="94.99", actor=officer)
    event = Event.objects.of(case.applicant).filter(action="de_minimis_completed").last()
    assert set(event.changes) == {"instrument"}
    assert list(invariant_of("agreements.register-says-its-grant").broken()) == []
    with pgtrigger.ignore():
        DeMinimisAid.objects.filter(pk=aid.pk).update(sector="01.11")
    (broken,) = invariant_of("agreements.register-says-its-grant").broken()
    assert (broken.expected, broken.found) == ("94.99", "01.11")


def test_from_the_vote_to_the_last_payment_there_is_one_row():
    case = CaseFactory(
        state="scheduled",
        project_start=timezone.localdate() - timedelta(days=90),
        instructor=staff(Role.INSTRUCTOR),
    )
    voted(case)
    aid = DeMinimisAid.objects.get(applicant=case.applicant)
    assert (aid.case_number, aid.reference, aid.amount) == (case.number, case.number, Decimal("26000.00"))
    assert aid.sector == "94.99"
    case.refresh_from_db()
    agreement = draft_agreement(case, actor=case.instructor)
    perform(agreement, "send", actor=case.instructor)
    member = UserFactory(applicant=True)
    case.applicant.memberships.create(user=member, role="representative")
    perform(agreement, "confirm", actor=member, data=signature(agreement))
    perform(agreement, "enter_force", actor=staff(Role.HEAD_OF_SERVICE), data=entry())
    (aid,) = DeMinimisAid.objects.filter(applicant=case.applicant)
    assert (aid.case_number, aid.reference) == (case.number, agreement.number)
    assert counted(case.applicant) == [agreement.granted_amount]


def test_the_agreement_takes_the_row_over():
    agreement, _house = in_force()
    (aid,) = DeMinimisAid.objects.filter(applicant=agreement.beneficiary)
    assert (aid.case_number, aid.reference) == (agreement.application.number, agreement.number)
    assert counted(agreement.beneficiary) == [agreement.granted_amount]


def test_no_beneficiary_of_any_case_loses_its_room_twice():
    """The invariant over whatever stands in the database: a granted row for each case, and no other."""
    for agreement, _house in (in_force(), in_force(granted="8000.00")):
        assert counted(agreement.beneficiary) == [agreement.granted_amount]
    rows = DeMinimisAid.objects.granted()
    assert len(set(rows.values_list("case_number", flat=True))) == rows.count() == 2


def test_less_paid_is_less_aid():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    balance = review(submitted(agreement, house, "balance", "20000.00"), house)
    other = payments.open_batch(actor=house.finance)
    payments.order_claims(other, [balance], actor=house.finance)
    pay(other, house)
    agreement.refresh_from_db()
    perform(agreement, "complete", actor=house.instructor, comment="Le projet a coûté moins.")
    agreement.refresh_from_db()
    assert 0 < agreement.paid_amount < agreement.granted_amount
    assert counted(agreement.beneficiary) == [agreement.paid_amount]


def test_a_terminated_agreement_keeps_what_was_paid_only():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    agreement.refresh_from_db()
    perform(agreement, "terminate", actor=house.head, comment="Projet abandonné.")
    assert counted(agreement.beneficiary) == [claim.certified_amount]


@pytest.mark.parametrize("end", ["terminate", "lapse"])
def test_an_agreement_that_ends_unpaid_leaves_the_register(end):
    agreement, house = in_force()
    perform(agreement, end, actor=house.head, comment="Sans suite.")
    assert counted(agreement.beneficiary) == []
    aid = DeMinimisAid.objects.get(case_number=agreement.application.number)
    assert (aid.withdrawn_on, aid.amount) == (timezone.localdate(), agreement.granted_amount)


def test_an_act_that_lapses_unsigned_and_a_case_that_lapses_leave_the_register():
    agreement, house = sent()
    perform(agreement, "lapse", actor=house.head, comment="Sans suite.")
    assert counted(agreement.beneficiary) == []
    case, house = approved()
    assert counted(case.applicant) == [case.granted_amount]
    perform(case, "lapse", actor=house.head, comment="Sans suite.")
    assert counted(case.applicant) == []


# --- decisions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counts", "before"), [(True, Decimal("1000.00")), (False, Decimal("0.00"))])
def test_the_anniversary_setting_holds_in_decisions(settings, counts, before):
    settings.ESSOR_DE_MINIMIS_COUNTS_ANNIVERSARY = counts
    case, today = CaseFactory(state="in_instruction"), timezone.localdate()
    DeMinimisAidFactory(
        applicant=case.applicant, amount=Decimal("1000.00"), granted_on=today.replace(year=today.year - 3)
    )
    assert de_minimis.verdict(case, Decimal(1)).before == before
    assert de_minimis.locked_verdict(case, Decimal(1), day=today).before == before


def two_establishments_at_the_ceiling():
    """Two cases of 26,000 of one enterprise that has 30,000 of room left: only one fits."""
    seat = ApplicantFactory()
    branch = ApplicantFactory(siret=another_establishment(seat))
    DeMinimisAidFactory(
        applicant=seat, amount=Decimal("270000.00"), granted_on=timezone.localdate() - timedelta(days=100)
    )
    decide_links(seat, answer="alone", explanation="Registre du commerce.", actor=staff(Role.INSTRUCTOR))
    return CaseFactory(state="scheduled", applicant=seat), CaseFactory(state="scheduled", applicant=branch)


def test_one_session_does_not_grant_the_room_to_two_establishments():
    cases = two_establishments_at_the_ceiling()
    with pytest.raises(committee.SessionRefused):
        voted(*cases)
    assert not DeMinimisAid.objects.granted().exists()


@pytest.mark.infrastructure
@pytest.mark.django_db(transaction=True)
def test_two_sessions_at_once_do_not_grant_the_room_to_two_establishments():
    cases = two_establishments_at_the_ceiling()
    secretary = staff(Role.COMMITTEE_SECRETARY)
    sessions = []
    for case in cases:
        session = SessionFactory(state="in_session", members=3, held_at=timezone.now())
        (item,) = agenda(session, case)
        committee.record_decision(item, "granted", actor=secretary)
        sessions.append(session)
    barrier, refused = threading.Barrier(2), []

    def close(number: int) -> None:
        try:
            barrier.wait(timeout=30)
            perform(sessions[number], "close_session", actor=secretary, data={"deliberation_number": f"26CP-{number}"})
        except TransitionRefused as refusal:
            refused.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=close, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert len(refused) == 1
    assert DeMinimisAid.objects.granted().count() == 1


# --- rows written before there was one a case -----------------------------------------------------------------------


def double(agreement, *, with_vote: bool = True) -> None:
    """The register as it used to be: one row at the vote, one in force, each under its own number."""
    with pgtrigger.ignore("applicants.DeMinimisAid:grant_keeps_identity"):
        rows = DeMinimisAid.objects.filter(case_number=agreement.application.number)
        rows.update(reference=agreement.application.number, withdrawn_on=None, amount=agreement.granted_amount)
        if not with_vote:
            rows.update(case_number=agreement.number, reference=agreement.number)
    if with_vote:
        DeMinimisAidFactory(
            applicant=agreement.beneficiary,
            origin="granted",
            reference=agreement.number,
            amount=agreement.granted_amount,
        )


@pytest.mark.parametrize("with_vote", [True, False])
def test_old_doubles_become_one_row(with_vote):
    running, _house = in_force()
    ended, house = in_force(granted="9000.00")
    perform(ended, "terminate", actor=house.head, comment="Projet abandonné.")
    for agreement in (running, ended):
        double(agreement, with_vote=with_vote)
    for _time in range(2):
        migration.one_row_a_case(apps, None)
        (aid,) = DeMinimisAid.objects.filter(applicant=running.beneficiary)
        assert (aid.case_number, aid.reference) == (running.application.number, running.number)
        assert counted(running.beneficiary) == [running.granted_amount]
        assert DeMinimisAid.objects.filter(applicant=ended.beneficiary).count() == 1
        assert counted(ended.beneficiary) == []
