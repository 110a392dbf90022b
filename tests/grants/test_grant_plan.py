"""The plan of a grant: computed by year, person and axis, explained, and never shared out again on the way."""

from dataclasses import replace
from decimal import Decimal
from html import unescape
from random import Random

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse
from django.utils import timezone, translation

from core.figures.checking import look
from core.models import User
from core.money import spread
from core.roles import Role
from core.transitions import TransitionRefused, perform
from grants import committee, instruction
from grants.committee import SessionRefused
from grants.models import AgendaItem, AidComputation, Application, Proposal
from grants.programmes.grant_plan import (
    GrantPlan,
    Part,
    PlanRefused,
    Way,
    decided,
    over_persons,
    over_years,
    planned,
    reduced,
    typed,
)
from grants.programmes.steps import Ceiling, Floor
from grants.rules.aid import AidFacts, AidResult, PersonFacts, TrancheFacts, compute
from grants.rules.floors import refuse_below_floor
from grants.staff_forms import ProposeForm
from grants.workbooks import SESSION_COLUMNS
from tests.factories.applicants import pdf
from tests.factories.core import UserFactory
from tests.factories.instruction import (
    CaseFactory,
    SessionFactory,
    answer_all,
    ask,
    consulted,
    score_all,
    staff,
)
from tests.forms import forms_of
from tests.grants.test_aid import charge, product, rules_of

D = Decimal
YEARS = (("100000", "60000"), ("100000", "90000"), ("50000", "40000"))


def years(*pairs) -> tuple[TrancheFacts, ...]:
    return tuple(TrancheFacts(rank, D(cost), D(asked)) for rank, (cost, asked) in enumerate(pairs, 1))


def network(**more):
    """The network of the findings: year 2 asks for 90 % of its cost."""
    return compute(rules_of("cpo"), AidFacts(tranches=years(*YEARS), **more))


def plain(lines) -> str:
    return " ".join(line.text for line in lines).replace("\u202f", " ")


# --- the computation makes it -----------------------------------------------------------------------------------------


def test_a_network_is_computed_year_by_year_with_the_cost_of_each():
    plan = network().plan
    assert [(year.amount, year.cost, year.rate) for year in plan.years()] == [
        (D("60000.00"), D("100000.00"), D("60.0000")),
        (D("80000.00"), D("100000.00"), D("80.0000")),
        (D("40000.00"), D("50000.00"), D("80.0000")),
    ]
    assert {part.axis for part in plan.parts} == {"years"}


def test_progress_is_computed_axis_by_axis():
    result = compute(rules_of("progress1"), AidFacts(budget=(charge("50000"), charge("60000", axis="engineering"))))
    assert [(part.axis, part.amount, part.cost) for part in result.plan.parts] == [
        ("general", D("30000.00"), D("50000.00")),
        ("engineering", D("20000.00"), D("60000.00")),
    ]
    assert result.plan.groups() == ()


def test_capital_scop_is_computed_person_by_person():
    people = (
        PersonFacts("1", "Alix", D("7500")),
        PersonFacts("2", "Noé", D("800")),
        PersonFacts("3", "Zoé", D("1500")),
    )
    plan = compute(rules_of("capital-scop"), AidFacts(persons=people)).plan
    assert [(one.person, one.amount, one.cost) for one in plan.persons()] == [
        ("1", D("5000.00"), D("7500")), ("2", D(0), D("800")), ("3", D("1500.00"), D("1500")),
    ]  # fmt: skip


def test_a_cap_on_the_whole_says_what_each_year_loses():
    rules = rules_of("cpo", public_aid_cap=D("0.80"))
    facts = AidFacts(tranches=years(*YEARS), budget=(charge("250000"), product("50000", "74dep", "granted")))
    result = compute(rules, facts)
    assert result.amount == D("150000.00")  # 80 % of 250,000 less 50,000, of 180,000 computed
    assert [year.amount for year in result.plan.years()] == [D("50000.00"), D("66666.66"), D("33333.34")]
    shares = [line for line in result.lines if line.kind == "share"]
    assert [line.amount for line in shares] == [year.amount for year in result.plan.years()]
    assert "Année 2 : 66 666,66 €" in plain(shares)
    assert not [line for line in network().lines if line.kind == "share"]


def explained() -> dict[str, AidResult]:
    """Aids of every shape: by year, cut as a whole, over axes, over a budget without years, by person, of nothing."""
    cpo, budget = rules_of("cpo"), (charge("20000"), charge("30000", "641", "engineering"))
    persons = tuple(PersonFacts(str(n), f"P{n}", D(own)) for n, own in enumerate(("3000", "500", "7000", "0"), 1))
    facts = AidFacts(tranches=years(*YEARS), budget=(charge("250000"), product("50000", "74dep", "granted")))
    by_budget = replace(rules_of("progress1"), tranches=cpo.tranches)
    return {
        "years": network(),
        "years cut": compute(rules_of("cpo", public_aid_cap=D("0.80")), facts),
        "a year of nothing": compute(cpo, AidFacts(tranches=years(("0", "0"), ("100", "40"), ("100", "200")))),
        "nothing": compute(cpo, AidFacts()),
        "axes": compute(rules_of("progress1"), AidFacts(budget=budget)),
        "axes cut": compute(rules_of("progress1"), AidFacts(budget=(*budget, product("45000", "74dep", "granted")))),
        "axes over years": compute(by_budget, AidFacts(budget=budget)),
        "persons": compute(rules_of("capital-scop"), AidFacts(persons=persons)),
        "one person": compute(rules_of("capital-scop"), AidFacts(persons=persons[:1])),
        "persons over years": compute(
            replace(rules_of("capital-scop"), tranches=cpo.tranches), AidFacts(persons=persons)
        ),
    }


@pytest.mark.django_db
@pytest.mark.parametrize("shape", explained())
@pytest.mark.parametrize("language", ["fr", "en"])
def test_whatever_its_shape_an_explanation_says_what_was_computed(shape, language):
    with translation.override(language):
        kept = explained()[shape].as_json() | {"refusals": [], "facts": {}}
    AidComputation.objects.create(application=CaseFactory(), number=1, **kept)
    figures = ("grants.explained-is-computed", "grants.plan-adds-up")
    assert [result.rows for result in look(figures) if not result.holds] == []


def test_a_yearly_ceiling_counts_once_for_a_part_that_is_one_year():
    rules = rules_of("cpo")
    axis = replace(rules.aid.axes[0], steps=(Ceiling(source="x", amount=D("50000"), per="year"),))
    rules = replace(rules, aid=replace(rules.aid, axes=(axis,)))
    result = compute(rules, AidFacts(tranches=years(*YEARS), years=3))
    assert [year.amount for year in result.plan.years()] == [D("50000"), D("50000"), D("40000")]


def test_no_part_is_above_its_real_cost_whatever_the_steps():
    rules = rules_of("cpo")
    rules = replace(rules, aid=replace(rules.aid, axes=(replace(rules.aid.axes[0], steps=()),)))
    result = compute(rules, AidFacts(tranches=years(("100", "150"), ("100", "40"), ("100", "100"))))
    assert [year.amount for year in result.plan.years()] == [D(100), D(40), D(100)]
    assert "coût réel" in plain(result.lines)


def test_a_base_without_years_is_shared_over_the_tranches_by_the_computation_itself():
    parts = (Part(D("100.00"), D("200.00"), "general"),)
    shared = over_years(parts, 3)
    assert [(part.year, part.amount, part.cost) for part in shared] == [
        (1, D("33.33"), D("66.66")), (2, D("33.33"), D("66.67")), (3, D("33.34"), D("66.67")),
    ]  # fmt: skip
    mixed = over_years((*parts, Part(D(10), D(30), "years", 1), Part(D(10), D(10), "years", 2)), 2)
    assert [part.amount for part in mixed if part.axis == "general"] == [D("75.00"), D("25.00")]


def test_a_base_without_persons_is_shared_like_theirs():
    people = (Part(D(30), D(30), "persons", None, "1", "A"), Part(D(10), D(10), "persons", None, "2", "B"))
    shared = GrantPlan(over_persons((*people, Part(D(8), D(20), "general"))))
    assert [(one.amount, one.cost) for one in shared.persons()] == [(D(36), D(45)), (D(12), D(15))]


# --- the proposal and the decision keep it, or say how they reduce it -------------------------------------------------


def test_a_plan_granted_as_computed_is_the_computed_plan():
    plan = network().plan
    assert planned(plan, D("180000.00")) is plan
    assert decided(plan, plan, D("180000.00")) is plan
    assert GrantPlan.from_json(plan.as_json()) == plan


def test_a_smaller_amount_takes_every_part_in_the_same_proportion_and_says_so():
    plan = planned(network().plan, D("90000.00"))
    assert [year.amount for year in plan.years()] == [D("30000.00"), D("40000.00"), D("20000.00")]
    assert [year.cost for year in plan.years()] == [D("100000"), D("100000"), D("50000")]
    assert plan.way == Way.PRO_RATA


def test_the_years_may_be_given_their_amounts():
    computed = network().plan
    plan = planned(computed, D("170000.00"), {"year-2": D("70000.00")})
    assert [year.amount for year in plan.years()] == [D("60000.00"), D("70000.00"), D("40000.00")]
    assert plan.way == Way.TYPED
    with pytest.raises(PlanRefused, match="Année 2") as refusal:
        typed(computed, {"year-2": D("80000.01")})
    assert refusal.value.group == "year-2"
    with pytest.raises(PlanRefused, match="170"):
        planned(computed, D("175000.00"), {"year-2": D("70000.00")})
    with pytest.raises(PlanRefused):
        typed(computed, {"year-4": D("1")})


def test_what_each_person_gets_is_never_guessed():
    people = (PersonFacts("1", "Alix", D("3200")), PersonFacts("2", "Noé", D("1500")))
    plan = compute(rules_of("capital-scop"), AidFacts(persons=people)).plan
    with pytest.raises(PlanRefused, match="4.700,00"):
        planned(plan, D("4000.00"))
    with pytest.raises(PlanRefused, match="4.700,00"):
        decided(plan, plan, D("4000.00"))
    fewer = planned(plan, D("4000.00"), {"person-1": D("2500.00")})
    assert [one.amount for one in fewer.persons()] == [D("2500.00"), D("1500.00")]
    assert decided(plan, fewer, D("4000.00")) is fewer


def test_a_decision_above_the_proposal_goes_back_to_the_computation():
    computed = network().plan
    proposed = planned(computed, D("160000.00"), {"year-2": D("60000.00")})
    assert decided(computed, proposed, D("160000.00")) is proposed
    below = decided(computed, proposed, D("80000.00"))
    assert [year.amount for year in below.years()] == [D("30000.00"), D("30000.00"), D("20000.00")]
    in_proportion = planned(computed, D("160000.00"))
    above = decided(computed, in_proportion, D("170000.00"))
    assert [year.amount for year in above.years()] == [D("56666.66"), D("75555.56"), D("37777.78")]
    with pytest.raises(PlanRefused, match="60.000,00"):  # year 2 was cut on purpose: it is not given back in silence
        decided(computed, proposed, D("170000.00"))
    with pytest.raises(PlanRefused, match="180.000,00"):
        decided(computed, proposed, D("180000.01"))


@pytest.mark.parametrize("seed", range(40))
def test_on_every_level_the_parts_add_up_and_stay_within_what_was_computed(seed):
    random = Random(seed)
    facts = years(*((D(random.randint(1, 10**7)) / 100, D(random.randint(0, 10**7)) / 100) for _year in range(3)))
    others = D(random.randint(0, 10**7)) / 100
    cap = D(random.randint(10, 100)) / 100
    total_cost = sum((year.cost for year in facts), D(0))
    budget = (charge(total_cost), product(others, "74dep", "granted"))
    result = compute(rules_of("cpo", public_aid_cap=cap), AidFacts(tranches=facts, budget=budget))
    assert result.plan.amount == result.amount
    assert result.plan.cost == result.eligible_base == total_cost
    for year, fact in zip(result.plan.years(), facts, strict=True):
        assert year.amount <= min(fact.requested, fact.cost * D("0.80"))
    if not result.amount:
        return
    proposed_amount = (result.amount * random.randint(1, 100) / 100).quantize(D("0.01"))
    proposed = planned(result.plan, proposed_amount)
    voted = decided(result.plan, proposed, (result.amount * random.randint(1, 100) / 100).quantize(D("0.01")))
    for plan in (proposed, voted):
        assert sum(part.amount for part in plan.parts) == plan.amount
        for part, computed in zip(plan.parts, result.plan.parts, strict=True):
            assert part.key == computed.key and part.cost == computed.cost
            assert D(0) <= part.amount <= computed.amount
    assert proposed.amount == proposed_amount


def test_sharing_never_gives_more_than_a_weight_when_less_than_all_is_shared():
    random = Random("weights")
    for _time in range(500):
        weights = [D(random.randint(0, 500)) / 100 for _weight in range(random.randint(1, 6))]
        whole = sum(weights, D(0))
        total = (whole * random.randint(0, 100) / 100).quantize(D("0.01"))
        shares = spread(total, weights)
        assert sum(shares, D(0)) == (total if whole else 0)
        assert all(D(0) <= share <= weight for share, weight in zip(shares, weights, strict=True))


def test_a_plan_of_no_parts_grants_nothing():
    assert reduced(GrantPlan(), D(0)) == GrantPlan()
    with pytest.raises(PlanRefused):
        reduced(GrantPlan(), D(1))


# --- the rows that keep it --------------------------------------------------------------------------------------------


def ready_to_propose(code: str, **extra) -> tuple[Application, User]:
    actor = staff(Role.INSTRUCTOR, code)
    case = CaseFactory(programme_code=code, state="in_instruction", instructor=actor, **extra)
    answer_all(case, "eligibility")
    score_all(case)
    for rule in case.rules.opinions:
        values = {"given_on": timezone.localdate(), "proof": pdf("avis"), "proof_name": "avis.pdf"}
        instruction.record_opinion(ask(case, rule.code), "favourable", actor=actor, **values)
    instruction.compute_aid(case, actor=actor)
    case.refresh_from_db()
    return case, actor


def in_session(case: Application, code: str) -> tuple[AgendaItem, User]:
    """The case on the agenda of a session under way, and who records its decisions."""
    perform(case, "give_visa", actor=staff(Role.HEAD_OF_SERVICE, code))
    secretary = staff(Role.COMMITTEE_SECRETARY, code)
    session = SessionFactory(members=3, programmes=[case.programme])
    perform(case, "schedule", actor=secretary, data={"session": session.pk})
    type(session).objects.filter(pk=session.pk).update(
        state="in_session", held_at=timezone.now(), opened_at=timezone.now()
    )
    return session.items.select_related("session", "application").get(), secretary


@pytest.mark.django_db
def test_the_computation_the_proposal_and_the_decision_keep_the_plan():
    case, actor = ready_to_propose("CPO")
    computation = case.latest_computation()
    assert [year.amount for year in computation.grant_plan.years()] == [D("60000.00"), D("80000.00"), D("40000.00")]
    data = {"favourable": "yes", "proposed_amount": "170000", "year-2": "70000", "reasons": "Année 2 allégée."}
    perform(case, "propose", actor=actor, data=data)
    proposal = case.live_proposal()
    assert [year.amount for year in proposal.grant_plan.years()] == [D("60000.00"), D("70000.00"), D("40000.00")]
    assert (proposal.grant_plan.way, proposal.eligible_base) == (Way.TYPED, D("250000.00"))
    item, secretary = in_session(case, "CPO")
    session = item.session
    committee.record_decision(item, "granted", actor=secretary, amount=D("85000.00"), reason="La moitié.")
    session.refresh_from_db()
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-1"})
    case.refresh_from_db()
    assert [year.amount for year in case.grant_plan.years()] == [D("30000.00"), D("35000.00"), D("20000.00")]
    assert (case.grant_plan.amount, case.grant_plan.cost) == (D("85000.00"), D("250000.00"))


@pytest.mark.django_db
def test_a_group_of_persons_is_proposed_and_granted_person_by_person():
    case, actor = ready_to_propose("CAPITAL-SCOP", persons=[3200, 1500], budget=False)
    first, second = case.persons.order_by("rank")
    values = {"favourable": "yes", "proposed_amount": "4000", "reasons": "Moins."} | consulted()
    with pytest.raises(TransitionRefused, match="4.700,00") as refusal:
        perform(case, "propose", actor=actor, data=values)
    assert "proposed_amount" in refusal.value.errors
    with pytest.raises(TransitionRefused) as refusal:
        perform(case, "propose", actor=actor, data=values | {f"person-{first.pk}": "3300", "proposed_amount": "4700"})
    assert f"person-{first.pk}" in refusal.value.errors
    perform(case, "propose", actor=actor, data=values | {f"person-{first.pk}": "2500"})
    item, secretary = in_session(case, "CAPITAL-SCOP")
    session = item.session
    with pytest.raises(SessionRefused) as refused:  # never “granted” in the grid for what the closing refuses
        committee.record_decision(item, "granted", actor=secretary, amount=D("3500.00"), reason="Moins encore.")
    assert refused.value.field == "amount"
    committee.record_decision(item, "granted", actor=secretary)
    perform(session, "close_session", actor=secretary, data={"deliberation_number": "26CP-2"})
    granted = {person.pk: person.granted_amount for person in case.persons.all()}
    assert granted == {first.pk: D("2500.00"), second.pk: D("1500.00")}


@pytest.mark.django_db
def test_a_committee_decides_person_by_person(client):
    case, actor = ready_to_propose("CAPITAL-SCOP", persons=[3200, 1500], budget=False)
    first, second = case.persons.order_by("rank")
    values = {"favourable": "yes", "proposed_amount": "4700", "reasons": "Bien."} | consulted()
    perform(case, "propose", actor=actor, data=values)
    item, secretary = in_session(case, "CAPITAL-SCOP")
    client.force_login(secretary, backend="django.contrib.auth.backends.ModelBackend")
    grid = client.get(reverse("admin:grants_committeesession_change", args=[item.session_id]))
    address = reverse("admin:grants_committeesession_plan", args=[item.session_id, item.pk])
    assert address in grid.content.decode()
    names = [f"person-{person.pk}" for person in (first, second)]
    page = client.get(address)
    form = next(form for form in forms_of(page, address) if names[0] in form.fields)
    stale = next(form for form in forms_of(client.get(address), address) if names[0] in form.fields)
    too_much = {names[0]: "3200,01", "reason": "Plus."}
    assert client.post(address, form.fields | too_much).status_code == 422
    assert client.post(address, form.fields | {names[0]: "2500"}).status_code == 422  # without its reason
    chosen = {names[0]: "2500", names[1]: "0", "reason": "Apport moindre."}
    assert client.post(address, form.fields | chosen).status_code == 302
    item.refresh_from_db()
    assert (item.decision, item.decided_amount, item.grant_plan.way) == ("granted", D(2500), Way.TYPED)
    committee.record_decision(item, "granted", actor=secretary, amount=D(2500), reason="Apport moindre, voir le PV.")
    assert [person.amount for person in item.grant_plan.persons()] == [D(2500), D(0)]  # the reason alone is corrected
    assert client.post(address, stale.fields | {names[0]: "100", "reason": "Autre."}).status_code == 409
    perform(item.session, "close_session", actor=secretary, data={"deliberation_number": "26CP-3"})
    granted = {person.pk: person.granted_amount for person in case.persons.all()}
    assert granted == {first.pk: D(2500), second.pk: D(0)}


@pytest.mark.django_db
def test_nobody_is_proposed_nor_granted_less_than_the_minimum_of_the_programme(client):
    """The minimum is 1,000 euros a person: 500 of a contribution of 1,500 is refused, as the computation refuses it."""
    case, actor = ready_to_propose("CAPITAL-SCOP", persons=[3200, 1500], budget=False)
    first, second = (f"person-{person.pk}" for person in case.persons.order_by("rank"))
    shown = ProposeForm(instance=case, actor=actor).fields
    assert all("Minimum du dispositif : 1 000,00 €" in plainly(shown[name].help_text) for name in (first, second))
    values = {"favourable": "yes", "proposed_amount": "3700", "reasons": "Moins."} | consulted()
    with pytest.raises(TransitionRefused) as refusal:
        perform(case, "propose", actor=actor, data=values | {second: "500"})
    assert "au moins 1 000,00 €, ou 0" in plainly(refusal.value.errors[second][0])
    perform(case, "propose", actor=actor, data=values | {second: "1500", first: "2200"})
    item, secretary = in_session(case, "CAPITAL-SCOP")
    client.force_login(secretary, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:grants_committeesession_plan", args=[item.session_id, item.pk])
    page = client.get(address)
    assert plainly(unescape(page.content.decode())).count("Minimum du dispositif : 1 000,00 €, ou 0") == 2
    form = next(form for form in forms_of(page, address) if first in form.fields)
    refused = client.post(address, form.fields | {second: "999,99", "reason": "Moins."})
    assert refused.status_code == 422 and "c’est moins que le minimum" in unescape(refused.content.decode())
    with pytest.raises(SessionRefused) as refusal:
        amounts = {first: D("2200.00"), second: D("500.00")}
        committee.record_decision(
            item, "granted", actor=secretary, amount=D("2700.00"), amounts=amounts, reason="Moins."
        )
    assert refusal.value.field == second
    for least in (D("1000.00"), D("0.00")):
        amounts = {first: D("2200.00"), second: least}
        total = sum(amounts.values())
        committee.record_decision(item, "granted", actor=secretary, amount=total, amounts=amounts, reason="Moins.")
        item.refresh_from_db()
        assert item.decided_amount == total


def plainly(text) -> str:
    return str(text).replace("\u202f", " ").replace("\xa0", " ")


def with_floor(code: str, axis: int | None, amount: str, below: str = "refuse"):
    """The rules of a programme with a minimum on one axis, or on the whole."""
    rules, floor = rules_of(code), Floor(source="region", amount=D(amount), below=below)
    if axis is None:
        return replace(rules, aid=replace(rules.aid, overall=(*rules.aid.overall, floor)))
    axes = list(rules.aid.axes)
    axes[axis] = replace(axes[axis], steps=(*axes[axis].steps, floor))
    return replace(rules, aid=replace(rules.aid, axes=tuple(axes)))


AXES = GrantPlan((Part(D(12000), D(15000), "general"), Part(D(8000), D(16000), "engineering")))


@pytest.mark.parametrize(
    ("rules", "computed", "amount", "fault"),
    [
        (with_floor("progress1", 1, "5000"), AXES, "12500.00", None),  # 5,000 of the engineering
        (with_floor("progress1", 1, "5000"), AXES, "12000.00", ""),
        (with_floor("progress1", 1, "5000", "pay_contribution"), AXES, "2000.00", None),
        (with_floor("progress1", None, "5000"), AXES, "4999.99", ""),
        (with_floor("progress1", None, "5000"), AXES, "5000.00", None),
        (with_floor("cpo", 0, "30000"), None, "90000.00", "year-3"),  # 20,000 of the third year
        (with_floor("cpo", 0, "30000"), None, "150000.00", None),
    ],
)
def test_a_reduction_keeps_the_minimum_of_each_axis_each_year_and_the_whole(rules, computed, amount, fault):
    computed = computed or network().plan
    plan = planned(computed, D(amount))
    if fault is None:
        return refuse_below_floor(rules, computed, plan)
    with pytest.raises(PlanRefused, match="minimum") as refused:
        refuse_below_floor(rules, computed, plan)
    assert refused.value.group == fault


@pytest.mark.django_db
def test_a_committee_decides_year_by_year():
    case, actor = ready_to_propose("CPO")
    values = {"favourable": "yes", "proposed_amount": "180000", "reasons": "Bien."} | consulted()
    perform(case, "propose", actor=actor, data=values)
    item, secretary = in_session(case, "CPO")
    amounts = {f"year-{rank}": D(amount) for rank, amount in ((1, 60000), (2, 20000), (3, 40000))}
    with pytest.raises(SessionRefused) as refused:  # the same total, but not what was proposed: it has its reason
        committee.record_decision(item, "granted", actor=secretary, amount=D(120000), amounts=amounts)
    assert refused.value.field == "reason"
    with pytest.raises(SessionRefused):  # the parts are the amount
        committee.record_decision(item, "granted", actor=secretary, amount=D(1), amounts=amounts, reason="Moins.")
    committee.record_decision(item, "granted", actor=secretary, amount=D(120000), amounts=amounts, reason="Moins.")
    perform(item.session, "close_session", actor=secretary, data={"deliberation_number": "26CP-4"})
    case.refresh_from_db()
    assert [year.amount for year in case.grant_plan.years()] == list(amounts.values())


@pytest.mark.django_db
def test_years_that_a_committee_restores_whole_close_with_their_session():
    """Proposed 120,000 year by year of the 180,000 computed; each year was given its whole, and the session never closed."""
    case, actor = ready_to_propose("CPO")
    typed_years = {"year-1": "60000", "year-2": "20000", "year-3": "40000"}
    values = {"favourable": "yes", "proposed_amount": "120000", "reasons": "Bien."} | consulted() | typed_years
    perform(case, "propose", actor=actor, data=values)
    assert case.live_proposal().grant_plan.way == Way.TYPED
    item, secretary = in_session(case, "CPO")
    whole = {group.code: group.amount for group in case.live_proposal().computation.grant_plan.groups()}
    total = sum(whole.values())
    committee.record_decision(item, "granted", actor=secretary, amount=total, amounts=whole, reason="Tout est utile.")
    perform(item.session, "close_session", actor=secretary, data={"deliberation_number": "26CP-5"})
    case.refresh_from_db()
    assert (case.granted_amount, [year.amount for year in case.grant_plan.years()]) == (total, list(whole.values()))


def test_an_amount_never_replaces_years_that_the_committee_named():
    computed = network().plan
    named = typed(computed, {"year-1": D(0), "year-2": D("40000.00")})
    assert decided(computed, computed, D("80000.00"), standing=named) == named
    for amount in ("60000.00", "100000.00", "180000.00"):
        with pytest.raises(PlanRefused, match="Année 1 0,00.*Année 2 40"):
            decided(computed, computed, D(amount), standing=named)
    assert decided(computed, computed, D("90000.00"), standing=planned(computed, D("60000.00"))).way == Way.PRO_RATA
    # Year by year, what the rules give: the same committee keeps it, though the proposal had cut some of them on purpose.
    restored = planned(computed, computed.amount, {group.code: group.amount for group in computed.groups()})
    assert decided(computed, named, computed.amount, standing=restored) == computed
    with pytest.raises(PlanRefused):
        decided(computed, named, computed.amount)


@pytest.mark.django_db
def test_the_grid_keeps_the_years_that_the_committee_named(client):
    case, actor = ready_to_propose("CPO")
    perform(case, "propose", actor=actor, data={"favourable": "yes", "proposed_amount": "180000", "reasons": "Bien."})
    item, secretary = in_session(case, "CPO")
    client.force_login(secretary, backend="django.contrib.auth.backends.ModelBackend")
    amounts = {"year-1": D(0), "year-2": D(80000), "year-3": D(40000)}
    committee.record_decision(item, "granted", actor=secretary, amount=D(120000), amounts=amounts, reason="Nulle.")

    def in_the_grid(decision: str, amount: str, reason: str) -> int:
        row = {"decision": decision, "amount": amount, "reason": reason}
        data = {f"{item.pk}-{name}": value for name, value in row.items()}
        address = reverse("admin:grants_committeesession_decide-row", args=[item.session_id, item.pk])
        status = client.post(address, data).status_code
        item.refresh_from_db()
        return status

    def by_year() -> list[D]:
        return [year.amount for year in item.grant_plan.years()]

    assert in_the_grid("granted", "120000", "Nulle, voir le procès-verbal.") == 200  # only the reason is corrected
    assert (by_year(), item.grant_plan.way, item.reason) == (
        list(amounts.values()), Way.TYPED, "Nulle, voir le procès-verbal."
    )  # fmt: skip
    grid = client.get(reverse("admin:grants_committeesession_change", args=[item.session_id])).content.decode()
    assert "Année 1 : 0,00" in grid and "Année 2 : 80" in grid
    minutes = {column.key: column for column in SESSION_COLUMNS}["named_groups"].source(item)
    assert minutes.startswith("Année 1 0,00") and "Année 3 40" in minutes
    for amount in ("60000", "180000"):
        assert in_the_grid("granted", amount, "Moins.") == 422 and by_year() == list(amounts.values())
    for decision, reason in (("deferred", "À revoir."), ("", "")):
        assert in_the_grid(decision, "", reason) == 200 and by_year() == []
        address = reverse("admin:grants_committeesession_plan", args=[item.session_id, item.pk])
        page = next(form for form in forms_of(client.get(address), address) if "year-1" in form.fields)
        assert page.fields["year-1"][0].startswith("0")  # what was typed is there again
        assert in_the_grid("granted", "60000", "Moins.") == 422
        assert in_the_grid("granted", "120000", "Nulle.") == 200 and by_year() == list(amounts.values())
    with pytest.raises(DatabaseError, match="named again"), transaction.atomic():
        type(item).objects.filter(pk=item.pk).update(
            decided_plan=reduced(case.latest_computation().grant_plan, D(120000)).as_json()
        )
    perform(item.session, "close_session", actor=secretary, data={"deliberation_number": "26CP-5"})
    case.refresh_from_db()
    assert [year.amount for year in case.grant_plan.years()] == list(amounts.values())


@pytest.mark.django_db
def test_the_database_holds_the_plan_to_the_amount_beside_it():
    case = CaseFactory(programme_code="CPO", state="approved", granted_amount=D("180000.00"), instruction=False)
    plan = case.grant_plan
    with pytest.raises(DatabaseError, match="add up"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(granted_plan=reduced(plan, D("100.00")).as_json())
    with pytest.raises(DatabaseError, match="add up"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(granted_amount=D("1.00"))


@pytest.mark.django_db
def test_the_database_refuses_a_part_above_what_was_computed():
    case, actor = ready_to_propose("CPO")
    computation = case.latest_computation()
    skewed = list(computation.grant_plan.parts)
    skewed[0] = Part(D("70000.00"), skewed[0].cost, "years", 1)
    skewed[1] = Part(D("70000.00"), skewed[1].cost, "years", 2)
    values = {
        "application": case,
        "computation": computation,
        "amount": D("180000.00"),
        "eligible_base": D("250000.00"),
        "reasons": "x",
        "made_by": UserFactory(instructor=True),
    }
    with pytest.raises(DatabaseError, match="above what was computed"), transaction.atomic():
        Proposal.objects.create(plan=GrantPlan(tuple(skewed)).as_json(), **values)
    with pytest.raises(DatabaseError, match="add up"), transaction.atomic():
        Proposal.objects.create(plan={}, **values)
    Proposal.objects.create(plan=computation.plan, **values)
