"""What was computed is what is signed, claimed and paid: the plan of the grant from the decision to the last payment."""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from agreements import claims, payments
from agreements.acts import act_data
from agreements.agreement_page import years_of
from agreements.drafting import draft_agreement
from agreements.due import due_of_claim
from agreements.effects import payees_of, place_order
from agreements.models import Agreement, AgreementShare, Instalment, Tranche
from agreements.rules.proration import entitlement
from applicants.models import Applicant
from core.transitions import perform
from grants.models import Application
from grants.programmes.grant_plan import reduced
from grants.services.amounts import computed_aid
from tests.factories.agreements import approved, drafted, give_accounts, in_force, ordered, pay, review, submitted

pytestmark = pytest.mark.django_db

D = Decimal


def network(granted: str = "180000.00"):
    return in_force("CPO", granted)


# --- the act ----------------------------------------------------------------------------------------------------------


def test_the_tranches_of_an_act_are_the_years_that_were_computed():
    case, house = approved("CPO", "180000.00")
    assert computed_aid(case).plan == case.grant_plan
    agreement = draft_agreement(case, actor=house.instructor)
    planned = [(tranche.rank, tranche.amount, tranche.cost) for tranche in agreement.tranches.order_by("rank")]
    assert planned == [(year.year, year.amount, year.cost) for year in case.grant_plan.years()]
    assert [amount for _rank, amount, _cost in planned] == [D("60000.00"), D("80000.00"), D("40000.00")]
    assert agreement.eligible_base == D("250000.00")


def test_a_reduced_grant_is_planned_as_it_was_decided():
    case, house = approved("CPO", "180000.00")
    plan = reduced(case.grant_plan, D("90000.01"))
    type(case).objects.filter(pk=case.pk).update(granted_amount=plan.amount, granted_plan=plan.as_json())
    case.refresh_from_db()
    agreement = draft_agreement(case, actor=house.instructor)
    assert [tranche.amount for tranche in agreement.tranches.order_by("rank")] == [year.amount for year in plan.years()]
    assert sum(tranche.cost for tranche in agreement.tranches.all()) == D("250000.00")


def test_a_year_without_aid_keeps_its_place_and_its_report():
    case, house = approved("CPO", "180000.00")
    parts = [
        part | {"amount": amount}
        for part, amount in zip(case.granted_plan["parts"], ("60000.00", "0.00", "40000.00"), strict=True)
    ]
    type(case).objects.filter(pk=case.pk).update(
        granted_amount=D("100000.00"), granted_plan={"way": "typed", "parts": parts}
    )
    case.refresh_from_db()
    agreement = draft_agreement(case, actor=house.instructor)
    perform(agreement, "send", actor=house.instructor)
    assert [tranche.instalments.count() for tranche in agreement.tranches.order_by("rank")] == [2, 0, 2]


def annexes_of(agreement: Agreement) -> str:
    return json.dumps(act_data(agreement)["annexes"], ensure_ascii=False).replace("\u202f", " ").replace("\xa0", " ")


def test_the_act_and_the_terms_show_the_cost_of_each_part():
    agreement, _house = network()
    assert "coût éligible 100 000,00 €, taux 80 %" in annexes_of(agreement)
    assert [tranche["cost"] for tranche in agreement.terms["tranches"]] == ["100000.00", "100000.00", "50000.00"]
    assert agreement.terms["plan"] == agreement.application.granted_plan
    scop, _house = drafted("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    assert "Alix Moreau 1, apport de 3 200,00 €" in annexes_of(scop)


def test_instalments_tranches_commitment_and_grant_are_one_amount():
    agreement, _house = network("100000.01")
    by_year = {tranche.pk: tranche.amount for tranche in agreement.tranches.all()}
    assert sum(by_year.values()) == agreement.granted_amount == agreement.commitment.amount == D("100000.01")
    for tranche in agreement.tranches.all():
        assert sum(item.amount for item in tranche.instalments.all()) == tranche.amount


# --- what is due ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spent", "due"),
    [("100000.00", "80000.00"), ("99999.99", "79999.99"), ("50000.00", "40000.00"), ("110000.00", "80000.00")],
)
def test_a_year_that_spends_its_planned_cost_is_entitled_to_all_of_it(spent, due):
    agreement, _house = network()
    tranche = agreement.tranches.get(rank=2)
    found = entitlement(
        granted=tranche.amount,
        base=tranche.cost,
        spent=D(spent),
        policy=agreement.proration,
        tolerance=agreement.proration_tolerance,
        cut=agreement.proration_cut,
    )
    assert found.amount == D(due)


def test_the_claim_of_a_year_is_compared_with_the_cost_of_that_year():
    """60,000 of 100,000 for year 1: what spends exactly its plan is due in full, one cent less is not."""
    agreement, house = network()
    _advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    claim = review(submitted(agreement, house, "balance", "100000.00"), house)
    assert due_of_claim(claim).amount == D("30000.00")
    assert claim.certified_amount == D("30000.00")


def test_a_year_that_spends_less_is_cut_in_the_proportion_of_its_own_cost():
    agreement, house = network()
    _advance, batch = ordered(agreement, house, "advance")
    pay(batch, house)
    claim = review(submitted(agreement, house, "balance", "90000.00"), house)
    assert claim.certified_amount == D("24000.00")  # 60,000 × 90 %, less the 30,000 of the advance


# --- persons ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("certified", ["5200.00", "3333.33", "0.01"])
def test_what_is_paid_to_persons_is_shared_by_what_is_left_to_each(certified):
    agreement, house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "1999.99", "0.01"))
    give_accounts(agreement)
    claim = submitted(agreement, house, "single")
    claim.certified_amount = D(certified)
    shares = payees_of(claim)
    assert sum(amount for _share, _payee, amount in shares) == D(certified)
    assert all(amount <= share.amount for share, _payee, amount in shares)


def test_several_payments_bring_each_person_exactly_to_their_share(monkeypatch):
    """Three thirds of an odd amount: nobody is a cent over or under at the end."""
    thirds = [D("0.33"), D("0.33"), D("0.34")]
    rules = approved("CAPITAL-SCOP", "100.00", persons=("33.33", "33.33", "33.34"))[0].rules
    single = rules.instalments[0]
    parts = tuple(replace(single, share=share, proofs=()) for share in thirds)
    monkeypatch.setattr(Application, "rules", property(lambda self: replace(rules, instalments=parts)))
    agreement, house = in_force("CAPITAL-SCOP", "100.00", persons=("33.33", "33.33", "33.34"))
    give_accounts(agreement)
    for item in agreement.instalments.order_by("rank"):
        claim = claims.submit(claims.open_claim(agreement, item, actor=house.member), actor=house.member)
        claim = review(claim, house)
        batch = payments.open_batch(actor=house.finance)
        share, payee, _amount = payees_of(claim)[0]
        with pytest.raises(DatabaseError, match="of their share"), transaction.atomic():
            above = share.amount - share.gone + D("0.01")
            place_order(claim, batch, house.finance, share=share, payee=payee, amount=above)
        payments.order_claims(batch, [claim], actor=house.finance)
        pay(batch, house)
    for share in agreement.shares.all():
        assert sum(order.amount for order in share.orders.all()) == share.amount


# --- the database says no ---------------------------------------------------------------------------------------------


def now(change) -> None:
    """Make a change, and let the deferred triggers look at once."""
    with transaction.atomic():
        change()
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a.tranches.filter(rank=1).update(cost=D("99999.99")), "add up"),
        (lambda a: a.tranches.filter(rank=1).update(cost=D("59999.99")), "tranche_amount_within_cost"),
        (lambda a: a.tranches.filter(rank=1).update(cost=D("0.00")), "tranche_amount_within_cost"),
        (lambda a: a.tranches.filter(rank=1).update(amount=D("60000.01")), "add up"),
        (lambda a: Agreement.objects.filter(pk=a.pk).update(eligible_base=D("250000.01")), "eligible base"),
        (lambda a: Agreement.objects.filter(pk=a.pk).update(granted_amount=D("180000.01")), "granted"),
        (lambda a: a.instalments.filter(tranche__rank=1).update(tranche=None), "belongs to one of them"),
        (lambda a: a.instalments.filter(rank=1).delete(), "add up"),
    ],
)
def test_a_plan_that_does_not_add_up_is_refused(change, words):
    agreement, _house = drafted("CPO", "180000.00")
    with pytest.raises(IntegrityError, match=words):
        now(lambda: change(agreement))


def test_an_act_is_not_sent_without_its_instalments():
    agreement, _house = drafted("CPO", "180000.00")

    def send():
        agreement.instalments.all().delete()
        Agreement.objects.filter(pk=agreement.pk).update(state="sent", sent_at=timezone.now())

    with pytest.raises(IntegrityError, match="instalments"):
        now(send)


def test_instalments_may_not_leave_a_tranche_for_another():
    agreement, _house = drafted("CPO", "180000.00")
    first, second = agreement.instalments.filter(tranche__rank=1).order_by("rank")[:2]

    def move():
        Instalment.objects.filter(pk=first.pk).update(amount=first.amount + 1)
        other = agreement.instalments.filter(tranche__rank=2).order_by("rank").first()
        Instalment.objects.filter(pk=other.pk).update(amount=other.amount - 1)

    with pytest.raises(IntegrityError, match="the instalments of a tranche"):
        now(move)
    assert second.amount


def test_a_cost_does_not_change_once_the_act_was_sent():
    agreement, _house = network()
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        Tranche.objects.filter(agreement=agreement, rank=1).update(cost=D("1.00"))
    scop, _house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    with pytest.raises(DatabaseError, match="do not change"), transaction.atomic():
        AgreementShare.objects.filter(agreement=scop, rank=1).update(cost=D("1.00"))


def test_a_share_stays_with_the_person_who_was_granted_it():
    """Neither the share of an act, nor the person of its case, nor the applicant of the case becomes somebody else."""
    scop, _house = in_force("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    first, second = scop.application.persons.order_by("rank")
    share = scop.shares.filter(rank=1)
    other, person = second.applicant, type(first).objects.filter(pk=first.pk)
    assert scop.shares.get(rank=1).applicant == first.applicant != other
    case = Application.objects.filter(pk=scop.application_id)
    for words, change in (
        ("do not change", lambda: share.update(applicant=other)),
        ("do not change", lambda: share.update(person_name="Somebody Else")),
        ("keeps the file", lambda: person.update(applicant=other)),
        ("keeps the file", lambda: person.update(applicant=None)),
        ("as the case named them", lambda: person.update(last_name="Else")),
        ("as the case named them", lambda: person.update(rank=7)),
        ("is not removed", lambda: person.delete()),
        ("keeps its applicant", lambda: case.update(applicant=other)),
    ):
        with pytest.raises(DatabaseError, match=words), transaction.atomic():
            change()


def test_a_draft_gives_a_share_to_nobody_else():
    scop, _house = drafted("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    second = scop.application.persons.get(rank=2)
    with pytest.raises(DatabaseError, match="of another person"), transaction.atomic():
        scop.shares.filter(rank=1).update(applicant=second.applicant)


def test_a_person_of_a_case_gets_a_file_of_their_own_name():
    case, _house = approved("CAPITAL-SCOP", "5200.00", persons=("3200.00", "2000.00"))
    first, second = case.persons.order_by("rank")
    names = {"kind": "natural", "last_name": second.last_name, "first_name": second.first_name}
    with pytest.raises(DatabaseError, match="of another person"), transaction.atomic():
        type(first).objects.filter(pk=first.pk).update(applicant=Applicant.objects.create(**names))


def test_the_years_shown_carry_cost_and_rate():
    agreement, _house = network()
    assert [(year.tranche.cost, year.tranche.rate) for year in years_of(agreement)][1] == (
        D("100000.00"),
        D("80.0000"),
    )
