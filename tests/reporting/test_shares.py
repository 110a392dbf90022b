"""The cumulative floor: over many amounts no source is ever a cent beyond its exact share, and nothing is lost."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest

from reporting.rules.shares import Source, Year, allocate, allocate_by_year, due_on, plan

D = Decimal
CENT = D("0.01")


def certify(eligible: Decimal, planned: dict[str, Decimal], amounts: list[Decimal]):
    """Certify amounts one after the other; yield what was certified so far, what each source bears and the rest."""
    borne, before, rest = dict.fromkeys(planned, D(0)), D(0), D(0)
    for amount in amounts:
        sources = [Source(key, euros, borne[key], borne[key]) for key, euros in planned.items()]
        parts, remainder = allocate(amount, before, eligible, sources)
        assert sum(parts.values()) + remainder == amount  # each certificate adds up by itself
        before += amount
        rest += remainder
        for key, part in parts.items():
            borne[key] += part
        yield before, dict(borne), rest


@pytest.mark.parametrize("seed", range(40))
def test_no_source_is_ever_a_cent_from_its_exact_share(seed):
    draw = random.Random(seed)
    eligible = D(draw.randint(1_000, 90_000_000)) * CENT
    left, planned = eligible, {}
    for name in ("eu", "region", "state")[: draw.randint(1, 3)]:
        planned[name] = (left * draw.randint(0, 100) / 100).quantize(CENT, "ROUND_FLOOR")
        left -= planned[name]
    amounts, total = [], D(0)
    while total < eligible and len(amounts) < 60:
        amount = min(D(draw.randint(1, max(2, int(eligible * 100) // 25))) * CENT, eligible - total)
        amounts.append(amount)
        total += amount
    for certified, borne, rest in certify(eligible, planned, amounts):
        for name, euros in planned.items():
            exact = Fraction(certified) * Fraction(euros) / Fraction(eligible)
            assert 0 <= exact - Fraction(borne[name]) < Fraction(CENT), (seed, name, certified)
            assert borne[name] <= euros
        assert rest >= 0
        assert sum(borne.values()) + rest == certified
    if total == eligible:
        assert borne == planned  # the last certificate makes every share exact


def test_sharing_each_certificate_apart_would_lose_money():
    amounts = [D("0.99")] * 100
    *_others, (certified, borne, rest) = certify(D("99.00"), {"eu": D("39.60")}, amounts)
    apart = sum(((amount * D("0.4")).quantize(CENT, "ROUND_FLOOR") for amount in amounts), D(0))
    assert (certified, borne["eu"], rest) == (D("99.00"), D("39.60"), D("59.40"))
    assert apart == D("39.00")


def test_a_credit_note_takes_back_its_share():
    states = list(certify(D("1000.00"), {"eu": D("333.33")}, [D("500.01"), D("-200.02"), D("700.01")]))
    assert [borne["eu"] for _certified, borne, _rest in states] == [D("166.66"), D("99.99"), D("333.33")]


def test_nobody_bears_more_than_planned_when_more_is_certified():
    *_others, (_certified, borne, rest) = certify(D("1000.00"), {"eu": D("400.00")}, [D("900.00"), D("300.00")])
    assert (borne["eu"], rest) == (D("400.00"), D("800.00"))


def test_a_change_of_plan_begins_a_new_cumulation_within_the_new_grant():
    source = Source("eu", D("300.00"), borne_in_plan=D(0), borne=D("250.00"))
    parts, rest = allocate(D("500.00"), D(0), D("1000.00"), [source])
    assert (parts["eu"], rest) == (D("50.00"), D("450.00"))


def test_without_eligible_cost_the_beneficiary_bears_everything():
    assert allocate(D("10.00"), D(0), D(0), [Source("eu", D(0))]) == ({"eu": D(0)}, D("10.00"))


@pytest.mark.parametrize("seed", range(30))
def test_a_plan_always_adds_up_to_the_eligible_cost(seed):
    draw = random.Random(seed)
    eligible = D(draw.randint(1, 9_000_000)) * CENT
    total_cost = eligible + D(draw.randint(0, 1_000_000)) * CENT
    granted = D(draw.randint(0, 9_000_000)) * CENT
    others = [("local", D(draw.randint(0, 500_000)) * CENT), ("state", D(draw.randint(0, 500_000)) * CENT)]
    lines = plan(eligible, granted, D(draw.randint(0, 100)), total_cost, others)
    assert sum(amount for _kind, amount in lines) == eligible
    assert all(amount >= 0 for _kind, amount in lines)
    borne = sum(amount for kind, amount in lines if kind in ("eu", "region"))
    assert borne == min(granted, eligible)


def test_the_region_bears_what_the_fund_leaves_of_the_grant():
    lines = plan(D("35500.00"), D("20000.00"), D(40), D("40000.00"), [("local", D("4000.00"))])
    assert lines == [
        ("eu", D("14200.00")),
        ("region", D("5800.00")),
        ("local", D("3550.00")),  # its part of the eligible cost
        ("own", D("11950.00")),
    ]


def by_year(planned: dict[str, str], eligible: str, years: list[tuple[str, str, str]]):
    """Certify the years (euros granted, cost, spent) one after the other; yield the parts and the rest of each."""
    done: list[Year] = []
    borne, before = dict.fromkeys(planned, D(0)), D(0)
    for granted, cost, spent in years:
        done.append(Year(D(spent), due_on(D(granted), D(cost), D(spent))))
        sources = {key: Source(key, D(euros), borne[key], borne[key]) for key, euros in planned.items()}
        public = {key: sources.pop(key) for key in ("eu", "region")}
        parts, rest = allocate_by_year(D(spent), before, D(eligible), public, list(sources.values()), done)
        assert sum(parts.values()) + rest == D(spent)
        before += D(spent)
        borne = {key: borne[key] + part for key, part in parts.items()}
        yield parts, rest


DEAR, CHEAP = ("38000.00", "76000.00", "76000.00"), ("20000.00", "78000.00", "78000.00")


def test_public_money_bears_of_a_year_what_is_due_on_it_whatever_came_before():
    planned = {"eu": "46200.00", "region": "11800.00"}
    dear, cheap = (
        ({"eu": D("22800.00"), "region": D("15200.00")}, D("38000.00")),
        ({"eu": D("20000.00"), "region": D(0)}, D("58000.00")),
    )
    assert list(by_year(planned, "154000.00", [DEAR, CHEAP])) == [dear, cheap]
    assert list(by_year(planned, "154000.00", [CHEAP, DEAR])) == [cheap, dear]


def test_others_bear_no_more_of_a_year_than_public_money_leaves():
    planned = {"eu": "30.00", "region": "100.00", "state": "40.00"}
    (parts, rest), _second = by_year(planned, "200.00", [("95.00", "100.00", "100.00"), ("35.00", "100.00", "100.00")])
    assert (parts, rest) == ({"eu": D("15.00"), "region": D("80.00"), "state": D("5.00")}, D(0))


@pytest.mark.parametrize("seed", range(10))
def test_years_of_one_rate_are_shared_as_the_whole(seed):
    draw = random.Random(seed)
    costs = [D(draw.randint(100, 900_000)) for _ in range(3)]
    granted = [cost / 2 for cost in costs]
    planned = {"eu": sum(costs) * D("0.3"), "region": sum(granted) - sum(costs) * D("0.3")}
    spent = [(cost * draw.randint(1, 100) / 100).quantize(CENT) for cost in costs]
    found = by_year(
        {key: str(euros) for key, euros in planned.items()},
        str(sum(costs)),
        list(zip(granted, costs, spent, strict=True)),
    )
    borne = dict.fromkeys(planned, D(0))
    for (parts, _rest), (_certified, whole, _left) in zip(found, certify(sum(costs), planned, spent), strict=True):
        borne = {key: borne[key] + part for key, part in parts.items()}
        assert borne == whole
