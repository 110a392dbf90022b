"""The operation of an agreement that ends: its plan bears what is paid and kept, never less than what is certified."""

from datetime import timedelta
from decimal import Decimal
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from core.engine.past import Present
from core.transitions import TransitionRefused, perform
from reporting.models import OperationFlag, OperationVersion, PriorityAllocation
from reporting.operations import add_version, facts_of_version, revise
from reporting.rules.ends import End, Line, plan_at_the_end
from reporting.workbooks.operations_list import listed
from tests.factories.agreements import submitted
from tests.factories.reporting import cofinanced, controlled, controlled_of_year, paid

D = Decimal


def end(case, name: str, **outcomes: str) -> None:
    data = {key.replace("_", "-"): value for key, value in outcomes.items()}
    case.agreement.refresh_from_db()
    actor = case.house.finance if name == "complete" else case.house.head
    perform(case.agreement, name, actor=actor, data=data, comment="Le projet est abandonné.")
    case.operation.refresh_from_db()


def granted_in(case) -> Decimal:
    case.operation.refresh_from_db()
    lines = case.operation.current.financing.filter(kind__in=["eu", "region"])
    return sum(lines.values_list("amount", flat=True), D(0))


LINES = [
    Line("eu", "ESF+", D("60.00")),
    Line("region", "", D("40.00")),
    Line("local", "", D("20.00")),
    Line("own", "", D("80.00")),
]


def ended(kept, declared, *, paid=None, may_declare=False) -> End:
    return End(D(kept), D(paid or kept), D(declared), may_declare, D("200.00"))


@pytest.mark.parametrize(
    ("kept", "declared", "eligible", "of_eu", "of_region"),
    [("100.00", "200.00", "200.00", "60.00", "40.00"), ("50.00", "100.00", "100.00", "30.00", "20.00"),
     ("0.00", "0.00", "0.00", "0.00", "0.00"), ("33.33", "66.66", "66.66", "19.99", "13.34"),
     ("150.00", "200.00", "200.00", "60.00", "90.00"), ("100.00", "180.00", "180.00", "54.00", "46.00"),
     ("100.00", "40.00", "40.00", "12.00", "28.00"), ("100.00", "0.00", "0.00", "0.00", "0.00"),
     ("100.00", "900.00", "200.00", "60.00", "40.00")],
)  # fmt: skip
def test_the_cost_is_what_is_declared_and_every_source_follows(kept, declared, eligible, of_eu, of_region):
    plan = plan_at_the_end(LINES, D("200.00"), ended(kept, declared))
    found = {kind: amount for kind, _name, amount in plan.lines}
    assert (plan.eligible, found["eu"], found.get("region", D(0))) == (D(eligible), D(of_eu), D(of_region))
    assert sum(found.values()) == plan.eligible
    assert found["eu"] * 200 <= plan.eligible * 60  # no rate rises by rounding
    assert plan.total(D("300.00")) == max(D("1.50") * plan.eligible, plan.eligible)


def test_while_a_claim_may_add_to_it_the_cost_is_what_the_payments_stand_for():
    for kept, declared, eligible in (
        ("50.00", "20.00", "100.00"),
        ("50.00", "120.00", "120.00"),
        ("0.00", "0.00", "0.00"),
    ):
        assert plan_at_the_end(LINES, D("200.00"), ended(kept, declared, may_declare=True)).eligible == D(eligible)


def test_what_is_certified_is_the_floor():
    lines = [Line("eu", "ESF+", D("60.00"), D("30.00")), Line("region", "", D("40.00"), D("20.00")), *LINES[2:]]
    plan = plan_at_the_end(lines, D("200.00"), ended("10.00", "100.00"))
    assert plan.eligible == D("100.00")
    assert ("eu", "ESF+", D("30.00")) in plan.lines  # above the 10.00 that are paid: what the EU bears is certified
    assert not [line for line in plan.lines if line[0] == "region"]
    assert sum(amount for _kind, _name, amount in plan.lines) == plan.eligible
    plan = plan_at_the_end(lines, D("200.00"), ended("55.00", "0.00"))
    assert plan.eligible == D("50.00") and sum(line[2] for line in plan.lines if line[0] in ("eu", "region")) == 50


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["terminate", "lapse", "complete"])
def test_the_operation_of_an_ended_agreement_of_which_nothing_is_declared_is_nothing_and_somebody_is_asked(name):
    case = cofinanced()
    claim = paid(case, kind="advance")
    before = case.operation.current
    end(case, name)
    now = case.operation.current
    assert now.number == before.number + 1
    assert (now.eligible_cost, now.eu_amount, granted_in(case), now.total_cost) == (0, 0, 0, 0)
    flag = OperationFlag.objects.open().get()
    assert (flag.kind, D(flag.detail["paid"]), D(flag.detail["borne"])) == ("paid_not_borne", claim.paid_amount, 0)
    with pytest.raises((TransitionRefused, IntegrityError)), transaction.atomic():
        revise(case.operation, {"eligible_cost": D("10.00")}, actor=case.house.finance, reason="Non.")
        connection.check_constraints()
    too_much = {"answer": "corrected", "eligible_cost": "10.00"}
    with pytest.raises(TransitionRefused) as refused:
        perform(flag, "answer_flag", actor=case.house.finance, data=too_much, comment="Non.")
    assert "eligible_cost" in refused.value.errors
    perform(flag, "answer_flag", actor=case.house.finance, data={"answer": "confirmed"}, comment="Plan revu.")
    assert not OperationFlag.objects.open().exists()


@pytest.mark.django_db
def test_the_cost_of_an_ended_operation_is_what_is_certified_and_follows_its_control():
    case = cofinanced()
    claim = paid(case, "10000.00", kind="balance")
    end(case, "terminate")
    now = case.operation.current
    assert now.eligible_cost == D("10000.00") and granted_in(case) == claim.paid_amount
    assert not OperationFlag.objects.open().exists()
    # whoever corrects it later shares what was paid, not what had been granted
    revise(case.operation, {"eu_amount": now.eu_amount - D("10.00")}, actor=case.house.finance, reason="Arrondi.")
    assert granted_in(case) == claim.paid_amount


@pytest.mark.django_db
def test_the_list_of_operations_says_when_an_ended_one_was_completed():
    case = cofinanced()
    paid(case, kind="advance")
    today, expected = timezone.localdate(), case.operation.current.end_date
    end(case, "terminate")
    assert case.operation.current.completion_date == today  # its page
    (version,) = OperationVersion.objects.filter(pk=case.operation.current_id)
    assert expected > today and listed(version, Present(), today)["completion_date"] == today
    assert listed(version, Present(), today - timedelta(days=1))["completion_date"] == expected  # not known by then
    assert listed(version, Present(), today, format_version=1)["completion_date"] == expected  # as it was printed


@pytest.mark.django_db
def test_what_is_certified_stays_when_its_agreement_ends():
    case = cofinanced()
    certificate = controlled(case, "5000.00").certificate
    claim = certificate.declaration.claim
    end(case, "terminate", **{f"claim_{claim.pk}": "pay"})
    now = case.operation.current
    assert now.eligible_cost >= certificate.total and now.eu_amount >= certificate.amount_of("eu")
    assert granted_in(case) == max(claim.certified_amount, certificate.amount_of("eu"))


@pytest.mark.django_db
def test_the_plan_follows_the_claims_that_the_settlement_kept():
    case = cofinanced()
    claim = submitted(case.agreement, case.house, "balance", "10000.00")
    end(case, "terminate", **{f"claim_{claim.pk}": "pay"})
    assert granted_in(case) == claim.claimed_amount
    claim.refresh_from_db()
    perform(claim, "start_review", actor=case.house.instructor)
    perform(claim, "reject", actor=case.house.instructor, comment="Rien n’est dû.")
    assert granted_in(case) == 0
    assert case.operation.current.eligible_cost == 0


def give_up(case, claim) -> None:
    claim.refresh_from_db()
    parts = {"parts": ["0"]}  # the one payee
    perform(claim, "give_up", actor=case.house.instructor, data=parts, comment="Le projet ne se fait pas.")


@pytest.mark.django_db
def test_a_plan_that_counts_on_what_was_given_up_is_doubted_at_once_and_comes_down():
    case = cofinanced()
    payable = paid(case, kind="advance").paid_amount
    claim = controlled(case, "20000.00").claim
    assert not OperationFlag.objects.open().exists()
    give_up(case, claim)
    assert payable < case.agreement.granted_amount  # the final claim is over, and nothing else is to be paid
    flag = OperationFlag.objects.open().get()
    assert (flag.kind, D(flag.detail["payable"])) == ("above_payable", payable) and granted_in(case) > payable
    finance, of_eu = case.house.finance, now_certified(case)
    too_much = {"answer": "corrected", "eu_amount": str(payable + 1)}
    for data in ({"answer": "confirmed"}, too_much):
        with pytest.raises(TransitionRefused):
            perform(flag, "answer_flag", actor=finance, data=data, comment="Non.")
    perform(flag, "answer_flag", actor=finance, data={"answer": "corrected", "eu_amount": str(of_eu)}, comment="Vu.")
    assert granted_in(case) == payable and case.operation.current.eu_amount == of_eu
    end(case, "complete")
    agreement = case.agreement
    agreement.refresh_from_db()
    assert (
        granted_in(case) == max(agreement.paid_amount, now_certified(case))
        and not OperationFlag.objects.open().exists()
    )


def now_certified(case) -> D:
    """Euros that certificates lay on the EU."""
    return sum(certificate.amount_of("eu") for certificate in case.operation.certificates.all())


@pytest.mark.django_db
def test_a_plan_says_what_was_paid_where_a_certified_payment_was_given_up():
    case = cofinanced()
    advance = paid(case, kind="advance")
    certificate = controlled(case, "20000.00").certificate
    give_up(case, certificate.declaration.claim)
    assert certificate.total > advance.paid_amount > certificate.amount_of("eu")
    end(case, "complete")
    assert granted_in(case) == advance.paid_amount
    assert not OperationFlag.objects.open().filter(kind="above_payable").exists()


@pytest.mark.django_db
def test_the_database_plans_nothing_above_what_an_ended_agreement_paid():
    case = cofinanced()
    before = case.operation.current
    financing = [(line.kind, line.label, line.amount) for line in before.financing.order_by("rank")]
    end(case, "terminate")
    with pytest.raises(IntegrityError, match="are paid and kept"), transaction.atomic():
        add_version(case.operation, facts_of_version(before), financing)
        connection.check_constraints()


@pytest.mark.django_db
def test_an_operation_whose_agreement_ended_before_follows_when_the_database_is_migrated(monkeypatch):
    monkeypatch.setattr("reporting.receivers.follow_the_end", lambda *_args, **_kwargs: None)
    case = cofinanced()
    certificate = controlled(case, "5000.00").certificate
    claim = certificate.declaration.claim
    end(case, "terminate", **{f"claim_{claim.pk}": "pay"})
    assert granted_in(case) == case.agreement.granted_amount  # as it was left
    migration = import_module("reporting.migrations.0012_operations_follow_the_end")
    migration.operations_of_ended_agreements_follow(apps, None)
    assert granted_in(case) == max(claim.certified_amount, certificate.amount_of("eu")) < case.agreement.granted_amount
    versions = case.operation.versions.count()
    migration.operations_of_ended_agreements_follow(apps, None)
    assert case.operation.versions.count() == versions


@pytest.mark.django_db
def test_an_operation_left_above_its_rate_is_doubted_when_the_database_is_migrated():
    case = cofinanced()
    with pgtrigger.ignore("reporting.PriorityAllocation:share_is_doubted"):
        PriorityAllocation.objects.filter(priority=case.operation.current.priority).update(eu_rate=10)
    migration = import_module("reporting.migrations.0011_rates_are_doubted_and_sendings_have_their_day")
    for _again in range(2):
        migration.operations_above_their_rate_are_doubted(apps, None)
        assert OperationFlag.objects.open().filter(kind="rate_above_priority").count() == 1


def test_a_plan_of_which_all_is_certified_is_what_the_certificates_say():
    lines = [Line("eu", "ESF+", D("60.00"), D("19.99")), Line("region", "", D("40.00"), D("13.32")),
             Line("local", "", D("20.00"), D("6.66")), Line("own", "", D("80.00"), D("26.69"))]  # fmt: skip
    plan = plan_at_the_end(lines, D("200.00"), ended("33.31", "66.66"))
    assert [amount for _kind, _name, amount in plan.lines] == [line.borne for line in lines]


@pytest.mark.django_db
def test_the_plan_of_an_ended_grant_is_reckoned_by_the_years_that_were_declared():
    case = cofinanced("ESF+", code="CPO", years=("60000.00", "20000.00", "40000.00"))
    certificate = controlled_of_year(case, 1, "10000.00").certificate
    end(case, "terminate", **{f"claim_{certificate.declaration.claim_id}": "pay"})
    now = case.operation.current
    assert (now.eligible_cost, now.total_cost) == (
        D("10000.00"),
        D("10000.00"),
    )  # spent, and not a fraction of the budget
    assert (now.eu_amount, granted_in(case)) == (D("4000.00"), D("6000.00"))
    assert not OperationFlag.objects.open().exists()


@pytest.mark.django_db
def test_an_act_that_pays_on_no_expenditure_is_doubted_at_once():
    case = cofinanced("ERDF", code="CAPITAL-SCOP", granted="5000.00", persons=("5000.00",))
    flag = OperationFlag.objects.open().get()
    assert flag.kind == "nothing_to_declare"
    perform(flag, "answer_flag", actor=case.house.finance, comment="Rien n’est déclaré.",
            data={"answer": "corrected", "eu_amount": "0,00"})  # fmt: skip
    case.operation.refresh_from_db()
    assert (case.operation.current.eu_amount, granted_in(case)) == (0, D("5000.00"))
