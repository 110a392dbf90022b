"""No amount of a history stands without what caused it, also where nobody typed it: an order moves sums of five tables."""

import pytest
from django.utils import timezone

from agreements import payments
from applicants.models import DeMinimisAid
from core.admin.changes import change_lines, parts_of
from core.admin.values import field_of
from core.money import MoneyField
from core.roles import Role
from core.transitions import perform
from grants import committee
from tests.factories.agreements import certified, in_force, ordered
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

# Committed for good: an event and the lines of the row history are brought together by their transaction.
pytestmark = pytest.mark.django_db(transaction=True)


def without_cause(row) -> list[tuple[str, str, str]]:
    models = {model._meta.model_name: model for model in (type(row), *(part.model for part in parts_of(type(row))))}
    found = []
    for line in change_lines(row):
        model, _dot, name = line.code.partition(".")
        if isinstance(field_of(models[model], name), MoneyField) and not (line.action or line.why):
            found.append((type(row).__name__, line.what, line.after))
    return found


def test_every_amount_says_what_caused_it():
    agreement, house = in_force("PROGRESS1", "20000.00")
    claim, batch = ordered(agreement, house)
    rows = [*batch.orders.all(), batch, claim, agreement]
    assert [line for row in rows for line in without_cause(row)] == []
    paid = next(line for line in change_lines(agreement) if line.code == "agreement.ordered_amount")
    assert paid.action == f"Ordonner le versement (demande de versement {claim.number})"


def test_a_sum_says_which_entry_moved_it_of_which_claim_and_for_whom():
    """Two claims ordered in one transaction: each line of the envelope and of its credits is told with its own."""
    (one, house), (two, other) = in_force("PROGRESS1", "20000.00"), in_force("PROGRESS1", "20000.00")
    claims = [certified(one, house), certified(two, other)]
    batch = payments.open_batch(actor=house.finance)
    payments.order_claims(batch, claims, actor=house.finance)
    for envelope in {agreement.application.call.envelope for agreement in (one, two)}:
        sums = [line for line in change_lines(envelope) if line.code == "paymentcredit.ordered_amount"]
        mine = [order for order in batch.orders.all() if order.claim.agreement.application.call.envelope == envelope]
        assert len(sums) == len(mine) >= 1
        for line, order in zip(reversed(sums), sorted(mine, key=lambda order: order.reference), strict=True):
            claim, whom = order.claim.number, order.claim.agreement.beneficiary
            assert line.action.startswith(f"Ordonner le versement (demande de versement {claim}, {whom})")
            assert line.action.endswith(order.reference)
        committed = [line.action for line in change_lines(envelope) if line.code == "envelope.committed_amount"]
        assert committed and all(" ENG-" in action for action in committed)


def test_what_one_case_was_decided_is_no_cause_of_what_another_got():
    """A session that grants one case and rejects two: the aid in the register is told with its own case alone."""
    secretary = staff(Role.COMMITTEE_SECRETARY)
    cases = [CaseFactory(state="scheduled", instructor=staff(Role.INSTRUCTOR)) for _number in range(3)]
    session = SessionFactory(state="in_session", members=3, held_at=timezone.now())
    granted, *others = agenda(session, *cases)
    committee.record_decision(granted, "granted", actor=secretary)
    for item in others:
        committee.record_decision(item, "rejected", actor=secretary, reason="Hors du champ")
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-0512"})
    aid = DeMinimisAid.objects.get(case_number=cases[0].number)
    (amount,) = [line for line in change_lines(aid) if line.code == "deminimisaid.amount"]
    assert cases[0].number in amount.action
    assert not any(case.number in amount.action for case in cases[1:]) and "Rejeté" not in amount.action
