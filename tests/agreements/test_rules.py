"""The rules without a database: act or agreement, instalments and tranches, proration, duplicates."""

from datetime import date
from decimal import Decimal

import pytest

from agreements.rules.deadlines import accounts_close_on, payment_due_on, report_due_on
from agreements.rules.duplicates import duplicate_key
from agreements.rules.kind import decide_kind
from agreements.rules.proration import due_now, entitlement
from agreements.rules.schedule import plan_instalments, plan_tranches, split, split_by

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


def test_an_amount_is_shared_in_proportion():
    assert split_by(D("100.00"), [D(1), D(1), D(1)]) == [D("33.33"), D("33.33"), D("33.34")]


def test_each_tranche_has_its_own_advance_and_balance():
    plans = plan_instalments(D("90.00"), [D("0.8"), D("0.2")], [D("30.00")] * 3)
    assert [(plan.tranche, plan.amount) for plan in plans] == [
        (1, D("24.00")), (1, D("6.00")), (2, D("24.00")), (2, D("6.00")), (3, D("24.00")), (3, D("6.00")),
    ]  # fmt: skip


def test_tranches_follow_what_was_asked_or_are_equal():
    start = date(2026, 3, 1)
    wished = plan_tranches(D("90.00"), 3, start, [D(100), D(50), D(50)])
    assert [plan.amount for plan in wished] == [D("45.00"), D("22.50"), D("22.50")]
    assert wished[1].starts_on == date(2027, 3, 1)
    assert wished[0].ends_on == date(2027, 2, 28)
    assert [plan.amount for plan in plan_tranches(D("100.00"), 3, start)] == [D("33.33"), D("33.33"), D("33.34")]


@pytest.mark.parametrize(
    ("policy", "tolerance", "spent", "due"),
    [
        ("strict", "0", "35500.00", "28400.00"),
        ("strict", "0", "35499.99", "28399.99"),
        ("strict", "0", "17750.00", "14200.00"),
        ("tolerance", "10", "31950.00", "28400.00"),  # exactly 90 % of the base
        ("tolerance", "10", "31949.99", "25559.99"),
        ("none", "0", "29000.00", "28400.00"),
        ("none", "0", "20000.00", "20000.00"),  # never above the real cost
    ],
)
def test_what_is_due_follows_the_policy(policy, tolerance, spent, due):
    found = entitlement(
        granted=D("28400.00"), base=D("35500.00"), spent=D(spent), policy=policy, tolerance=D(tolerance)
    )
    assert found.amount == D(due)
    assert found.reasons


def test_what_was_paid_is_taken_off_and_no_more_than_asked_is_due():
    whole = entitlement(granted=D("1000"), base=D("2000"), spent=D("2000"), policy="strict")
    assert due_now(whole, already_paid=D("600"), asked=D("500")).amount == D("400")
    assert due_now(whole, already_paid=D("1200"), asked=D("500")).amount == D("0")
    assert due_now(whole, already_paid=D("0"), asked=D("500")).amount == D("500")


def test_the_same_invoice_is_recognised_however_it_is_typed():
    first = duplicate_key(supplier="Établi & Fils", number="F-2026/001", day=date(2026, 5, 1), total=D("10.00"))
    again = duplicate_key(supplier="etabli & fils", number="f 2026 001", day=date(2026, 5, 1), total=D("10"))
    assert first == again
    assert first != duplicate_key(supplier="etabli & fils", number="F2026001", day=date(2026, 5, 2), total=D("10"))
