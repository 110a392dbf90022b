"""No amount of a history stands without what caused it, also where nobody typed it: an order moves sums of five tables."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.urls import reverse
from django.utils import timezone

from agreements import payments
from applicants.models import DeMinimisAid
from core.admin.changes import change_lines, parts_of
from core.admin.values import field_of
from core.documents import store
from core.models import Document
from core.money import MoneyField, format_euros
from core.roles import Role
from core.transitions import perform
from grants import committee
from tests.agreements.test_settlements import ALL_SPENT, end, of
from tests.factories.agreements import certified, give_accounts, in_force, ordered, pay, submitted
from tests.factories.applicants import pdf
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
    (order,) = batch.orders.all()
    assert paid.action == f"Ordonner le versement (demande de versement {claim.number}) · mandat {order.reference}"


def test_each_sum_of_an_act_names_the_order_that_moved_it_and_its_person():
    """Two persons of one act, ordered and paid together: each step of each sum is of one order, and of nothing else."""
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    give_accounts(agreement)
    claim, batch = ordered(agreement, house, "single")
    pay(batch, house)
    agreement.refresh_from_db()
    orders = [f"mandat {order.reference}, {order.payee}" for order in batch.orders.order_by("pk")]
    assert len(orders) == 2
    for row, name in ((agreement, "agreement"), (claim, "paymentclaim")):
        for field, done in (("ordered_amount", "Ordonner le versement"), ("paid_amount", "Enregistrer le paiement")):
            told = [line.action for line in reversed(change_lines(row)) if line.code == f"{name}.{field}"]
            assert [action.rpartition(" · ")[2] for action in told] == orders
            assert all(action.startswith(done) and action.count("mandat") == 1 for action in told)


def test_what_only_follows_from_a_payment_is_no_cause_of_a_sum():
    """The last payment of a year closes its tranche: the order that was paid is the cause, not the closing."""
    agreement, house = in_force("PROGRESS1", "20000.00")
    claim, batch = ordered(agreement, house)
    pay(batch, house)
    (order,) = batch.orders.all()
    (paid,) = [line for line in change_lines(claim) if line.code == "paymentclaim.paid_amount"]
    assert paid.action == f"Enregistrer le paiement · mandat {order.reference}"


def test_an_order_that_is_cancelled_says_why_the_sums_went_down():
    agreement, house = in_force("PROGRESS1", "20000.00")
    _claim, batch = ordered(agreement, house)
    (order,) = batch.orders.all()
    perform(order, "cancel", actor=house.finance, comment="RIB clos")
    agreement.refresh_from_db()
    down, _up = [line for line in change_lines(agreement) if line.code == "agreement.ordered_amount"]
    assert down.action.endswith(f"mandat {order.reference}") and down.why == "RIB clos"


def test_every_field_of_a_row_that_was_entered_says_by_what():
    """Order, act, instalments, claim: no field of their birth stands without a cause beside one that has three."""
    agreement, house = in_force("PROGRESS1", "20000.00")
    claim, batch = ordered(agreement, house)
    (order,) = batch.orders.all()
    for row in (order, claim, agreement):
        born = [line for line in change_lines(row) if line.before == "–"]
        assert len(born) > 5
        assert [line.what for line in born if not (line.action or line.why)] == []
    own = {line.code: line.action for line in change_lines(order)}
    asked = f"Ordonner le versement (demande de versement {claim.number})"
    for field in ("payee", "bank_account", "batch", "reference", "amount", "claim"):
        assert own[f"paymentorder.{field}"] == asked
    act = {line.code: line.action for line in change_lines(agreement)}
    assert act["agreement.granted_amount"] == act["agreement.beneficiary"] == "Acte établi"
    assert act["instalment.due_on"]


def test_a_document_is_put_down_to_its_own_case():
    """A document is of its case by a link to any table: what another case was decided is no cause of its retention."""
    secretary = staff(Role.COMMITTEE_SECRETARY)
    cases = [CaseFactory(state="scheduled", instructor=staff(Role.INSTRUCTOR)) for _number in range(2)]
    for case in cases:
        store(pdf(case.number), name="statuts.pdf", subject=case, user=case.created_by)
    session = SessionFactory(state="in_session", members=3, held_at=timezone.now())
    for item in agenda(session, *cases):
        committee.record_decision(item, "rejected", actor=secretary, reason="Hors du champ")
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-0513"})
    for case, other in (cases, reversed(cases)):
        kind = ContentType.objects.get_for_model(case)
        documents = Document.objects.filter(content_type=kind, object_id=case.pk)
        assert documents
        for document in documents:
            kept = [line.action for line in change_lines(document) if line.code == "document.retention_until"]
            assert kept and all(other.number not in action for action in kept)


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


def test_what_an_end_decided_and_what_became_of_it_are_in_the_history_of_the_agreement(client):
    """What is to be asked back moved by a rejection, a minute after the end: from what to what, when, by whom."""
    agreement, house = in_force()
    advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    kept = submitted(agreement, house, "balance", ALL_SPENT)
    end(agreement, house, **of(kept, "pay"))
    perform(kept, "reject", actor=house.instructor, comment="Dépenses étrangères au projet.")
    advance.refresh_from_db()
    paid, claimed = advance.paid_amount, kept.claimed_amount
    lines = change_lines(agreement)
    told = {(line.code, line.what.partition(" · ")[0], line.before, line.after) for line in lines}
    euros, nothing = format_euros, "–"
    assert {
        ("settlement.paid_amount", "Règlement de fin", nothing, euros(paid)),
        ("settlement.kept_amount", "Règlement de fin", nothing, euros(claimed)),
        ("settlement.unjustified_paid_amount", "Règlement de fin", euros(0), euros(paid)),
        ("settlement.target", "Règlement de fin", nothing, "Résiliée"),
        (
            "settlementline.outcome",
            f"Règlement de fin, demande {kept.number}",
            nothing,
            "Elle se poursuit et peut être payée",
        ),
        ("settlementline.amount", f"Règlement de fin, demande {kept.number}", nothing, euros(claimed)),
    } <= told
    (moved,) = [line for line in lines if line.code == "settlement.unjustified_paid_amount"]
    assert moved.who == str(house.instructor) and kept.number in moved.action
    assert without_cause(agreement) == []
    client.force_login(house.finance, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:agreements_agreement_change", args=[agreement.pk])).text
    assert f"{euros(0)} à sa fin" in page.partition("Dont aucune dépense ne justifie")[2][:400]
    assert f"({euros(claimed)} lui étaient réservés à la fin)" in page


def test_what_is_given_up_of_a_claim_is_in_its_history():
    agreement, house = in_force("CAPITAL-SCOP", "4500.00", persons=("3200.00", "1300.00"))
    claim = certified(agreement, house, "single")
    share = agreement.shares.order_by("rank").last()
    perform(claim, "give_up", actor=house.instructor, data={"parts": [str(share.pk)]}, comment="Elle renonce.")
    (line,) = [line for line in change_lines(claim) if line.code == "givenuppart.amount"]
    assert line.what == f"Part abandonnée, {share.person_name} · Abandonné"
    assert (line.before, line.after, line.who, line.why) == (
        "–",
        format_euros(share.amount),
        str(house.instructor),
        "Elle renonce.",
    )
