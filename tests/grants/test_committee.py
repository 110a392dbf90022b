"""Committee sessions: agenda, decisions, recusals, and closing that carries all decisions or none."""

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from applicants.de_minimis.links import decide_links
from applicants.models import Applicant, DeMinimisAid, DeMinimisCeiling
from core.models import OutboxMessage
from core.roles import Role
from core.transitions import TransitionRefused, available_transitions, perform
from grants import committee
from grants.committee import SessionRefused
from grants.de_minimis import beyond_ceilings
from grants.models import AgendaItem, Application, CommitteeSession, Envelope
from tests.applicants.test_single_undertaking import another_establishment
from tests.factories.applicants import DeMinimisAidFactory
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def secretary():
    return staff(Role.COMMITTEE_SECRETARY)


def scheduled(count: int, **extra) -> list[Application]:
    """Cases on the same envelope, in the state ``scheduled``."""
    first = CaseFactory(state="scheduled", **extra)
    return [first, *(CaseFactory(state="scheduled", call=first.call, **extra) for _number in range(count - 1))]


@pytest.fixture
def session():
    """A session under way with three voting members present, quorum two."""
    return SessionFactory(state="in_session", members=3)


@pytest.fixture
def items(session):
    return agenda(session, *scheduled(3))


def close(session, actor, **data):
    return perform(session, "close_session", actor=actor, data={"deliberation_number": "26CP-0512"} | data)


def decide_all(items, actor):
    for item in items:
        committee.record_decision(item, "granted", actor=actor)


# --- preparing -----------------------------------------------------------------------------------------------


def test_a_case_with_visa_goes_to_the_end_of_the_agenda(secretary):
    session = SessionFactory()
    first, second = CaseFactory(state="ready_for_committee"), CaseFactory(state="ready_for_committee")
    committee.add_to_agenda(session, [first, second], actor=secretary)
    assert [(item.rank, item.application_id) for item in session.items.order_by("rank")] == [
        (1, first.pk),
        (2, second.pk),
    ]
    assert session.items.get(rank=1).proposed_amount == Decimal("26000.00")
    first.refresh_from_db()
    assert first.state == "scheduled"


def test_cases_are_put_on_the_agenda_all_or_none(secretary):
    session = SessionFactory()
    good, other = CaseFactory(state="ready_for_committee"), CaseFactory(state="in_instruction")
    with pytest.raises(TransitionRefused):
        committee.add_to_agenda(session, [good, other], actor=secretary)
    assert not session.items.exists()


def test_a_session_takes_only_its_programmes(secretary):
    session = SessionFactory()
    session.programmes.clear()
    case = CaseFactory(state="ready_for_committee")
    with pytest.raises(TransitionRefused) as refusal:
        perform(case, "schedule", actor=secretary, data={"session": session.pk})
    assert "session" in refusal.value.errors


def test_a_case_is_on_one_live_agenda_at_a_time():
    case = CaseFactory(state="scheduled")
    agenda(SessionFactory(), case)
    with pytest.raises(IntegrityError), transaction.atomic():
        agenda(SessionFactory(), case)


def test_a_case_leaves_the_agenda_before_the_convocation(secretary):
    session = SessionFactory(members=3)
    case = CaseFactory(state="ready_for_committee")
    committee.add_to_agenda(session, [case], actor=secretary)
    perform(case, "unschedule", actor=secretary, comment="Le porteur a demandé un report.")
    assert case.state == "ready_for_committee"
    assert not session.items.exists()


def test_the_order_of_the_agenda_changes_without_holes(secretary):
    session = SessionFactory()
    first, second, third = agenda(session, *scheduled(3))
    committee.move_item(third, 1, actor=secretary)
    assert list(session.items.order_by("rank").values_list("pk", "rank")) == [
        (third.pk, 1),
        (first.pk, 2),
        (second.pk, 3),
    ]


def test_members_are_convened_with_the_agenda(secretary):
    session = SessionFactory(members=3)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    perform(session, "convene", actor=secretary, data={})
    mails = OutboxMessage.objects.filter(template="grants/mail/convocation")
    assert mails.count() == 3
    assert item.application.number in mails.first().body


@pytest.mark.parametrize(
    ("members", "cases", "days"), [(0, 1, 20), (3, 0, 20), (3, 1, 3)], ids=["members", "agenda", "notice"]
)
def test_convening_needs_members_cases_and_notice(secretary, members, cases, days):
    session = SessionFactory(members=members, held_at=timezone.now() + timedelta(days=days))
    agenda(session, *[CaseFactory(state="scheduled") for _number in range(cases)])
    with pytest.raises(TransitionRefused):
        perform(session, "convene", actor=secretary, data={})


def test_an_urgent_session_is_convened_with_its_reason(secretary):
    session = SessionFactory(members=3, held_at=timezone.now() + timedelta(days=3))
    agenda(session, CaseFactory(state="scheduled"))
    perform(session, "convene", actor=secretary, data={"urgency": "Fin de gestion."})
    assert session.state == "convened"


def test_a_session_opens_with_its_quorum(secretary):
    session = SessionFactory(state="convened", members=3, quorum=2)
    session.members.update(is_present=False)
    with pytest.raises(TransitionRefused, match="2"):
        perform(session, "open_session", actor=secretary)
    committee.mark_present(session, session.members.all()[:2], actor=secretary)
    perform(session, "open_session", actor=secretary)
    assert session.state == "in_session"
    assert session.opened_at


# --- deciding ------------------------------------------------------------------------------------------------


def test_the_proposed_amount_is_granted_without_a_reason(items, secretary):
    item = committee.record_decision(items[0], "granted", actor=secretary)
    assert item.decided_amount == Decimal("26000.00")
    assert item.decided_by == secretary


def test_another_amount_needs_a_reason(items, secretary):
    with pytest.raises(SessionRefused) as refusal:
        committee.record_decision(items[0], "granted", actor=secretary, amount=Decimal("20000.00"))
    assert refusal.value.field == "reason"
    item = committee.record_decision(
        items[0], "granted", actor=secretary, amount=Decimal("20000.00"), reason="Assiette réduite."
    )
    assert item.decided_amount == Decimal("20000.00")


def test_the_committee_does_not_grant_more_than_the_rules(items, secretary):
    with pytest.raises(SessionRefused, match="28.400,00") as refusal:
        committee.record_decision(
            items[0], "granted", actor=secretary, amount=Decimal("28400.01"), reason="Très bon projet."
        )
    assert refusal.value.field == "amount"


@pytest.mark.parametrize("decision", ["rejected", "deferred"])
def test_a_rejection_and_a_deferral_need_a_reason(items, secretary, decision):
    with pytest.raises(SessionRefused) as refusal:
        committee.record_decision(items[0], decision, actor=secretary, reason="  ")
    assert refusal.value.field == "reason"


def test_a_decision_is_taken_back(items, secretary):
    committee.record_decision(items[0], "rejected", actor=secretary, reason="Hors règlement.")
    item = committee.record_decision(items[0], "", actor=secretary)
    assert (item.decision, item.reason, item.decided_by) == ("", "", None)


@pytest.mark.parametrize("state", ["draft", "convened"])
def test_decisions_are_recorded_in_session_only(secretary, state):
    session = SessionFactory(state=state, members=3)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    with pytest.raises(SessionRefused):
        committee.record_decision(item, "granted", actor=secretary)


@pytest.mark.parametrize("role", [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.FINANCE_OFFICER, Role.AUDITOR])
def test_only_the_secretary_records(items, role):
    with pytest.raises(SessionRefused):
        committee.record_decision(items[0], "granted", actor=staff(role))


def test_a_secretary_of_another_programme_does_not_record(items):
    with pytest.raises(SessionRefused):
        committee.record_decision(items[0], "granted", actor=staff(Role.COMMITTEE_SECRETARY, "CPO"))


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ({"decision": "granted"}, "agenda_decision_complete"),
        ({"decision": "rejected"}, "agenda_decision_complete"),
        ({"decided_amount": Decimal("1.00")}, "agenda_decision_complete"),
        ({"decision": "granted", "decided_amount": Decimal("0.00"), "reason": "x"}, "agenda_decision_complete"),
        ({"decision": "granted", "decided_amount": Decimal("1.00")}, "agenda_changed_amount_has_reason"),
    ],
)
def test_the_database_refuses_half_decisions(items, secretary, values, constraint):
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        AgendaItem.objects.filter(pk=items[0].pk).update(
            decided_by=secretary if "decision" in values else None, **values
        )


# --- recusals ------------------------------------------------------------------------------------------------


def test_a_member_with_an_interest_takes_no_part(items, secretary, session):
    member = session.members.first()
    committee.declare_recusal(items[0], member, actor=secretary, reason="Présidente de la structure.")
    assert [recusal.member for recusal in items[0].recusals.all()] == [member]
    committee.withdraw_recusal(items[0].recusals.get(), actor=secretary)
    assert not items[0].recusals.exists()


def test_somebody_must_be_left_to_vote(items, secretary, session):
    decide_all(items, secretary)
    for member in session.members.all():
        committee.declare_recusal(items[1], member, actor=secretary)
    with pytest.raises(TransitionRefused) as refusal:
        close(session, secretary)
    assert list(refusal.value.errors) == [f"item-{items[1].pk}"]


def test_a_member_of_another_session_is_refused_by_the_database(items, secretary):
    stranger = SessionFactory(members=1).members.get()
    with pytest.raises(SessionRefused):
        committee.declare_recusal(items[0], stranger, actor=secretary)
    with pytest.raises(DatabaseError, match="does not sit"), transaction.atomic():
        items[0].recusals.create(member=stranger, declared_by=secretary)


# --- closing -------------------------------------------------------------------------------------------------


def test_closing_carries_every_decision_to_its_case(items, secretary, session):
    granted, rejected, deferred = items
    committee.record_decision(
        granted, "granted", actor=secretary, amount=Decimal("25000.00"), reason="Assiette réduite."
    )
    committee.record_decision(rejected, "rejected", actor=secretary, reason="Hors règlement, art. 3.")
    committee.record_decision(deferred, "deferred", actor=secretary, reason="Plan de financement à revoir.")
    close(session, secretary)
    cases = [Application.objects.get(pk=item.application_id) for item in items]
    assert [case.state for case in cases] == ["approved", "rejected", "ready_for_committee"]
    assert [case.granted_amount for case in cases] == [Decimal("25000.00"), None, None]
    assert (session.state, session.deliberation_number) == ("closed", "26CP-0512")
    assert session.deliberation_on
    granted_event = cases[0].events.get(action="approve")
    assert granted_event.actor == secretary
    templates = set(OutboxMessage.objects.values_list("template", flat=True))
    assert templates == {f"grants/mail/{name}" for name in ("granted", "rejected", "deferred")}
    assert "26CP-0512" in OutboxMessage.objects.get(template="grants/mail/granted").body


def test_a_deferred_case_goes_to_another_session(items, secretary, session):
    for item in items:
        committee.record_decision(item, "deferred", actor=secretary, reason="Quorum du bureau.")
    close(session, secretary)
    other = SessionFactory()
    committee.add_to_agenda(other, [items[0].application], actor=secretary)
    assert other.items.count() == 1


def test_closing_needs_every_decision_and_the_number(items, secretary, session):
    committee.record_decision(items[0], "granted", actor=secretary)
    with pytest.raises(TransitionRefused, match="2"):
        close(session, secretary)
    decide_all(items, secretary)
    with pytest.raises(TransitionRefused) as refusal:
        close(session, secretary, deliberation_number="  ")
    assert "deliberation_number" in refusal.value.errors


def test_closing_is_all_or_nothing_with_the_reason_of_each_row(items, secretary, session):
    decide_all(items, secretary)
    Application.objects.filter(pk__in=[items[0].application_id, items[2].application_id]).update(
        computed_amount=Decimal("100.00")
    )
    with pytest.raises(TransitionRefused) as refusal:
        close(session, secretary)
    assert set(refusal.value.errors) == {f"item-{items[0].pk}", f"item-{items[2].pk}"}
    assert items[0].application.number in refusal.value.errors[f"item-{items[0].pk}"][0]
    session.refresh_from_db()
    assert (session.state, session.deliberation_number) == ("in_session", "")
    assert set(Application.objects.values_list("state", flat=True)) == {"scheduled"}
    assert not OutboxMessage.objects.exists()


def test_a_session_does_not_grant_more_than_its_envelope(items, secretary, session):
    decide_all(items, secretary)
    envelope = items[0].application.call.envelope
    Envelope.objects.filter(pk=envelope.pk).update(voted_amount=Decimal("77999.99"))
    with pytest.raises(TransitionRefused, match="77.999,99"):
        close(session, secretary)
    Envelope.objects.filter(pk=envelope.pk).update(voted_amount=Decimal("78000.00"))
    close(session, secretary)


def test_what_an_earlier_session_granted_counts_before_its_agreement(secretary, session):
    first, second = scheduled(2)
    Envelope.objects.filter(pk=first.call.envelope_id).update(voted_amount=Decimal("50000.00"))
    decide_all(agenda(session, first), secretary)
    close(session, secretary)
    later = SessionFactory(state="in_session", members=3)
    decide_all(agenda(later, second), secretary)
    with pytest.raises(TransitionRefused, match="24.000,00"):
        close(later, secretary, deliberation_number="26CP-0600")


def test_two_sessions_do_not_share_a_deliberation_number(secretary):
    for number, expected in (("26CP-0512", "closed"), ("26CP-0512", "in_session")):
        session = SessionFactory(state="in_session", members=3)
        decide_all(agenda(session, CaseFactory(state="scheduled")), secretary)
        try:
            close(session, secretary, deliberation_number=number)
        except TransitionRefused as refusal:
            assert "Another session" in str(refusal) or "autre séance" in str(refusal)
        session.refresh_from_db()
        assert session.state == expected


def test_the_persons_of_a_grouped_case_are_granted_their_amounts(secretary):
    case = CaseFactory(
        state="scheduled", programme_code="CAPITAL-SCOP", persons=[3200, 7500], budget=False,
        requested_amount=Decimal("8200.00"), computed_amount=Decimal("8200.00"), proposed_amount=Decimal("8200.00"),
    )  # fmt: skip
    for person, amount in zip(case.persons.order_by("rank"), ("3200.00", "5000.00"), strict=True):
        person.computed_amount = Decimal(amount)
        person.save()
    session = SessionFactory(state="in_session", members=3, programmes=[case.programme_version.programme])
    secretary = staff(Role.COMMITTEE_SECRETARY, "CAPITAL-SCOP")
    (item,) = agenda(session, case)
    with pytest.raises(SessionRefused, match="8.200,00"):  # the grid says at once what the closing would refuse
        committee.record_decision(item, "granted", actor=secretary, amount=Decimal("8000.00"), reason="Moins.")
    item.refresh_from_db()
    assert item.decision == ""
    committee.record_decision(item, "granted", actor=secretary)
    close(session, secretary)
    assert list(case.persons.order_by("rank").values_list("granted_amount", flat=True)) == [
        Decimal("3200.00"),
        Decimal("5000.00"),
    ]


# --- de minimis ----------------------------------------------------------------------------------------------


def test_a_grant_enters_the_de_minimis_register(items, secretary, session):
    decide_all(items, secretary)
    close(session, secretary)
    aid = DeMinimisAid.objects.get(case_number=items[0].application.number)
    assert (aid.amount, aid.origin, aid.regime) == (Decimal("26000.00"), "granted", "general")
    assert aid.granted_on == session.deliberation_on


@pytest.fixture
def two_of_one(session):
    """260,000 declared and twice 26,000 proposed to one undertaking: one fits under 300,000, both do not."""
    first = CaseFactory(state="scheduled")
    second = CaseFactory(state="scheduled", applicant=first.applicant, call=first.call)
    assert DeMinimisCeiling.objects.filter(regime="general", amount=Decimal("300000.00")).exists()
    declared(first.applicant, 260_000)
    return agenda(session, first, second)


def declared(applicant, amount):
    day = timezone.localdate() - timedelta(days=100)
    return DeMinimisAidFactory(applicant=applicant, amount=Decimal(amount), granted_on=day)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_two_grants_of_one_session_add_up_under_the_ceiling_on_the_grid(secretary, session, two_of_one, order):
    """The grid never says "granted" for what the closing refuses: the second of them says why, whichever it is."""
    granted, other = (two_of_one[place] for place in order)
    committee.record_decision(granted, "granted", actor=secretary)
    with pytest.raises(SessionRefused, match=re.escape(granted.application.number)) as refusal:
        committee.record_decision(other, "granted", actor=secretary)
    assert refusal.value.field == "amount" and "300" in str(refusal.value)
    committee.record_decision(other, "granted", actor=secretary, amount=Decimal("14000.00"), reason="Plafond.")
    close(session, secretary)
    assert sorted(DeMinimisAid.objects.filter(origin="granted").values_list("amount", flat=True)) == [14_000, 26_000]


def test_an_establishment_shares_the_ceiling_on_the_grid_and_another_body_does_not(secretary, session):
    seat = CaseFactory(state="scheduled")
    branch = CaseFactory(state="scheduled", call=seat.call)
    other = CaseFactory(state="scheduled", call=seat.call)
    declared(seat.applicant, 260_000)
    declared(other.applicant, 260_000)
    items = agenda(session, seat, branch, other)
    Applicant.objects.filter(pk=branch.applicant_id).update(siret=another_establishment(seat.applicant))
    officer = UserFactory(instructor=True)
    decide_links(seat.applicant, answer="alone", explanation="Registre du commerce.", actor=officer)
    items = list(session.items.order_by("rank"))
    committee.record_decision(items[0], "granted", actor=secretary)
    with pytest.raises(SessionRefused, match=re.escape(seat.number)):
        committee.record_decision(items[1], "granted", actor=secretary)
    committee.record_decision(items[2], "granted", actor=secretary)


def test_an_aid_declared_after_the_grid_is_told_before_the_closing(secretary, session, two_of_one):
    committee.record_decision(two_of_one[0], "granted", actor=secretary)
    committee.record_decision(two_of_one[1], "rejected", actor=secretary, reason="Plafond.")
    assert closing(session, secretary).allowed
    declared(two_of_one[0].application.applicant, 20_000)
    option = closing(session, secretary)
    assert not option.allowed and two_of_one[0].application.number in str(option.reason)
    with pytest.raises(TransitionRefused):
        close(session, secretary)
    assert not DeMinimisAid.objects.filter(origin="granted").exists()


def closing(session, secretary):
    session = CommitteeSession.objects.get(pk=session.pk)
    return next(option for option in available_transitions(session, secretary) if option.spec.name == "close_session")


def test_the_ceilings_of_an_agenda_take_as_many_queries_for_ten_cases_as_for_two(
    secretary, session, django_assert_num_queries
):
    items = agenda(session, *scheduled(2))
    for count in (2, 10):
        while len(items) < count:
            items += agenda(session, CaseFactory(state="scheduled"))
        decide_all([item for item in session.items.all() if not item.decision], secretary)
        with django_assert_num_queries(4):
            assert beyond_ceilings(session) == []


# --- what is closed stays closed ---------------------------------------------------------------------------------


@pytest.fixture
def closed(items, secretary, session):
    decide_all(items, secretary)
    committee.declare_recusal(items[0], session.members.first(), actor=secretary)
    close(session, secretary)
    return session


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session.items.update(reason="Autre."),
        lambda session: session.items.all().delete(),
        lambda session: session.members.update(name="Quelqu’un"),
        lambda session: session.members.filter(recusals=None).delete(),
        lambda session: session.items.first().recusals.all().delete(),
        lambda session: CommitteeSession.objects.filter(pk=session.pk).update(deliberation_number="AUTRE"),
        lambda session: CommitteeSession.objects.filter(pk=session.pk).update(state="draft"),
        lambda session: _delete_by_sql(session),
    ],
    ids=["item", "items", "member", "members", "recusal", "number", "state", "session"],
)
def test_a_closed_session_never_changes(closed, change):
    with pytest.raises(DatabaseError), transaction.atomic():
        change(closed)


def _delete_by_sql(session):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM grants_committeesession WHERE id = %s", [session.pk])


def test_the_control_of_legality_is_noted_after_closing(closed):
    closed.legality_sent_on = timezone.localdate()
    closed.legality_reference = "051-200053742-20261124-26CP0512-DE"
    closed.save()
    assert CommitteeSession.objects.get(pk=closed.pk).legality_reference.endswith("-DE")


def test_a_session_is_not_closed_behind_the_transitions(session):
    with pytest.raises(IntegrityError, match="session_closed_with_deliberation"), transaction.atomic():
        CommitteeSession.objects.filter(pk=session.pk).update(state="closed")


def test_the_totals_follow_the_decisions(items, secretary, session):
    committee.record_decision(items[0], "granted", actor=secretary)
    fresh = list(session.items.select_related("application__call").order_by("rank"))
    totals = committee.totals(session, fresh)
    assert (totals.proposed, totals.decided, totals.undecided) == (Decimal("78000.00"), Decimal("26000.00"), 2)
    (line,) = totals.envelopes
    assert (line.left_before, line.left) == (Decimal("480000.00"), Decimal("454000.00"))
