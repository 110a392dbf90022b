"""The rules without a database: act or agreement, instalments and tranches, proration, duplicates."""

from datetime import date
from decimal import Decimal
from random import Random

import pytest

from agreements.rules.deadlines import accounts_close_on, payment_due_on, report_due_on
from agreements.rules.duplicates import duplicate_key
from agreements.rules.kind import decide_kind
from agreements.rules.proration import due_now, entitlement, policy_of
from agreements.rules.schedule import plan_instalments, split, year_period
from grants.rules.schema import Proration

D = Decimal


@pytest.mark.parametrize(
    ("amount", "others", "kind"),
    [
        ("23000.00", "0", "act"),
        ("23000.01", "0", "agreement"),
        ("20000.00", "3000.00", "act"),
        ("20000.00", "3000.01", "agreement"),
    ],
)
def test_an_agreement_is_compulsory_above_23000_euros_a_year(amount, others, kind):
    decision = decide_kind(D(amount), D(others))
    assert decision.kind == kind
    assert decision.yearly_total == D(amount) + D(others)
    assert "23" in decision.reason


def test_a_multi_year_programme_is_an_agreement_whatever_the_amount():
    assert decide_kind(D("100"), D(0), always_agreement=True).kind == "agreement"


@pytest.mark.parametrize(
    ("year_end", "due"), [(date(2025, 12, 31), date(2026, 6, 30)), (date(2025, 8, 31), date(2026, 2, 28))]
)
def test_the_financial_report_is_due_six_months_after_the_end_of_the_year(year_end, due):
    assert report_due_on(year_end) == due


def test_a_grant_is_paid_within_sixty_days_of_its_notification():
    assert payment_due_on(date(2026, 1, 10)) == date(2026, 3, 11)


@pytest.mark.parametrize(
    ("project_end", "closing", "closes"),
    [
        (date(2025, 9, 25), (12, 31), date(2025, 12, 31)),
        (date(2025, 9, 25), (8, 31), date(2026, 8, 31)),
        (date(2025, 8, 31), (8, 31), date(2025, 8, 31)),
    ],
)
def test_the_accounts_close_on_the_project_at_the_end_of_its_financial_year(project_end, closing, closes):
    assert accounts_close_on(project_end, closing) == closes


def test_the_last_instalment_takes_the_odd_cents():
    parts = split(D("100.01"), [D("0.5"), D("0.3"), D("0.2")])
    assert parts == [D("50.00"), D("30.00"), D("20.01")]
    assert sum(parts) == D("100.01")


def test_shares_that_do_not_add_up_are_a_fault_of_the_programme():
    with pytest.raises(ValueError, match="add up to one"):
        split(D(100), [D("0.5"), D("0.4")])


def test_each_tranche_has_its_own_advance_and_balance():
    plans = plan_instalments(D("90.00"), [D("0.8"), D("0.2")], [D("30.00")] * 3)
    assert [(plan.tranche, plan.amount) for plan in plans] == [
        (1, D("24.00")), (1, D("6.00")), (2, D("24.00")), (2, D("6.00")), (3, D("24.00")), (3, D("6.00")),
    ]  # fmt: skip


def test_the_years_of_a_grant_follow_one_another():
    start = date(2026, 3, 1)
    assert year_period(start, 1) == (date(2026, 3, 1), date(2027, 2, 28))
    assert year_period(start, 3) == (date(2028, 3, 1), date(2029, 2, 28))


@pytest.mark.parametrize(
    ("policy", "tolerance", "cut", "spent", "due"),
    [
        ("strict", "0", "from", "35500.00", "28400.00"),
        ("strict", "0", "from", "35500.01", "28400.00"),
        ("strict", "0", "from", "35499.99", "28399.99"),
        ("strict", "0", "from", "17750.00", "14200.00"),
        # Auvergne's rule (france.md B5): cut when the spending is at least 10 % below the estimate.
        ("tolerance", "10", "from", "31950.01", "28400.00"),
        ("tolerance", "10", "from", "31950.00", "25560.00"),
        ("tolerance", "10", "from", "31949.99", "25559.99"),
        ("tolerance", "10", "beyond", "31950.00", "28400.00"),
        ("tolerance", "10", "beyond", "31949.99", "25559.99"),
        ("tolerance", "0", "from", "35500.00", "28400.00"),
        ("tolerance", "0", "beyond", "35499.99", "28399.99"),
        ("none", "0", "from", "29000.00", "28400.00"),
        ("none", "0", "from", "28400.00", "28400.00"),
        ("none", "0", "from", "28399.99", "28399.99"),  # never above the real cost
        ("none", "0", "from", "20000.00", "20000.00"),
    ],
)
def test_what_is_due_follows_the_policy_on_both_sides_of_its_boundary(policy, tolerance, cut, spent, due):
    found = entitlement(
        granted=D("28400.00"), base=D("35500.00"), spent=D(spent), policy=policy, tolerance=D(tolerance), cut=cut
    )
    assert found.amount == D(due)
    assert found.reasons


def test_auvergnes_balance_is_cut_from_ten_percent_below_on():
    values = {"granted": D("20000"), "base": D("100000"), "policy": "tolerance", "tolerance": D(10), "cut": "from"}
    assert entitlement(spent=D("90000.00"), **values).amount == D("18000.00")
    assert entitlement(spent=D("90000.01"), **values).amount == D("20000.00")


def test_no_rounding_moves_the_boundary():
    """90 % of 0.05 is 4.5 cents: five cents are within, four are not, whatever the side of the cut."""
    for cut in ("from", "beyond"):
        values = {"granted": D("0.04"), "base": D("0.05"), "policy": "tolerance", "tolerance": D(10), "cut": cut}
        assert entitlement(spent=D("0.05"), **values).amount == D("0.04")
        assert entitlement(spent=D("0.04"), **values).amount == D("0.03")


def test_a_tolerance_may_be_strict_above_an_amount_and_with_eu_money():
    rule = Proration("tolerance", "x", D("0.10"), strict_above=D(152500), strict_with_eu=True)
    assert policy_of(rule, granted=D("152500.00"), eu_fund="") == "tolerance"
    assert policy_of(rule, granted=D("152500.01"), eu_fund="") == "strict"
    assert policy_of(rule, granted=D("1000"), eu_fund="ESF+") == "strict"
    assert policy_of(Proration("none", "x", strict_with_eu=True), granted=D("1000"), eu_fund="ESF+") == "none"


@pytest.mark.parametrize("policy", ["none", "tolerance", "strict"])
@pytest.mark.parametrize("cut", ["from", "beyond"])
def test_what_is_due_never_falls_when_more_is_spent_and_is_full_at_the_planned_cost(policy, cut):
    random = Random(f"{policy} {cut}")
    for _time in range(200):
        base = D(random.randint(100, 10**7)) / 100
        granted = (base * random.randint(1, 100) / 100).quantize(D("0.01"), "ROUND_FLOOR")
        tolerance = D(random.choice([0, 5, 10, 33]))
        values = {"granted": granted, "base": base, "policy": policy, "tolerance": tolerance, "cut": cut}
        boundary = (base * (100 - tolerance) / 100).quantize(D("0.01"))
        near = [boundary + D(cents) / 100 for cents in (-1, 0, 1)]
        steps = sorted({D(0), base, *near, *(base * random.randint(0, 120) // 100 for _ in range(12))})
        due = [entitlement(spent=max(spent, D(0)), **values).amount for spent in steps]
        assert due == sorted(due)
        assert entitlement(spent=base, **values).amount == granted


def test_what_was_paid_is_taken_off_and_no_more_than_asked_is_due():
    whole = entitlement(granted=D("1000"), base=D("2000"), spent=D("2000"), policy="strict")
    assert due_now(whole, accepted=D("600"), asked=D("500")).amount == D("400")
    assert due_now(whole, accepted=D("1200"), asked=D("500")).amount == D("0")
    assert due_now(whole, accepted=D("0"), asked=D("500")).amount == D("500")


def test_the_same_invoice_is_recognised_however_it_is_typed():
    first = duplicate_key(supplier="Établi & Fils", number="F-2026/001")
    assert first == duplicate_key(supplier="etabli & fils", number="f 2026 001")
    assert first != duplicate_key(supplier="etabli & fils", number="F2026002")
