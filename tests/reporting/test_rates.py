"""The rate of a priority counts on its base, and an operation above it is doubted wherever share or rate is born."""

from datetime import date
from decimal import Decimal
from importlib import import_module

import lxml.html
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from core.figures.checking import look_at
from core.figures.invariants import invariant_of
from core.roles import Role
from core.templatetags.essor import percent
from core.transitions import TransitionRefused, perform
from reporting.eu_programmes.doubts import drop_untrue_doubts
from reporting.eu_programmes.rates import allocation_of
from reporting.models import OperationFlag, OperationVersion, PriorityAllocation
from reporting.operations import add_version, listed_financing, revise
from tests.factories.instruction import staff
from tests.factories.reporting import cofinanced, rule
from tests.forms import form_to

pytestmark = pytest.mark.django_db
D = Decimal


def doubts(case) -> list[dict]:
    return list(
        OperationFlag.objects.filter(operation=case.operation, kind="rate_above_priority")
        .order_by("pk")
        .values_list("detail", flat=True)
    )


def test_a_correction_is_compared_with_public_expenditure_where_the_rate_applies_to_it():
    rule(basis="public")
    case = cofinanced()
    granted, eligible = case.agreement.granted_amount, case.operation.current.eligible_cost
    above = granted * D("0.9")  # of what the EU and the Region bear, and less than the rate of the eligible cost
    revise(case.operation, {"eligible_cost": granted * 2, "eu_amount": above}, actor=None, reason="Plan revu.")
    assert eligible and above * 100 <= granted * 2 * 60
    flag = OperationFlag.objects.get(kind="rate_above_priority")
    head = staff(Role.HEAD_OF_SERVICE)
    still = {"answer": "corrected", "eu_amount": f"{granted * D('0.8'):.2f}"}
    with pytest.raises(TransitionRefused) as refused:
        perform(flag, "answer_flag", actor=head, data=still, comment="Encore trop.")
    assert "eu_amount" in refused.value.errors
    right = {"answer": "corrected", "eu_amount": f"{granted * D('0.5'):.2f}"}
    assert perform(flag, "answer_flag", actor=head, data=right, comment="Corrigé.").state == "answered"


@pytest.mark.parametrize("basis", ["total", "public"])
def test_a_rate_that_goes_down_asks_about_the_operations_above_it(basis):
    rule(basis=basis, rate="25")
    case = cofinanced()
    allocation = allocation_of(case.operation.current)
    head = staff(Role.HEAD_OF_SERVICE)
    assert doubts(case) == []
    for number, rate in enumerate((D("20.0000"), D("10.0000")), 1):
        allocation.eu_rate = rate
        allocation.full_clean()
        allocation.save()
        assert [found["limit"] for found in doubts(case)][-1] == str(rate) and len(doubts(case)) == number
        perform(
            OperationFlag.objects.open().get(), "answer_flag", actor=head, data={"answer": "confirmed"}, comment="Su."
        )
    allocation.eu_rate = D("15.0000")  # answered against less
    allocation.save()
    assert len(doubts(case)) == 2


def test_the_database_lowers_no_rate_under_an_operation_that_nobody_is_asked_about():
    case = cofinanced()
    allocation = allocation_of(case.operation.current)
    with pytest.raises(IntegrityError, match="nobody is asked about it"), transaction.atomic():
        PriorityAllocation.objects.filter(pk=allocation.pk).update(eu_rate=1)
        connection.check_constraints()


def test_a_rate_that_comes_after_its_operations_is_compared_with_them():
    case = cofinanced()
    before = case.operation.current
    revise(case.operation, {"category_of_region": "outermost"}, actor=None, reason="Catégorie corrigée.")
    assert doubts(case) == []
    PriorityAllocation.objects.create(
        priority=before.priority, fund=before.fund, category_of_region="outermost", eu_rate=D(5)
    )
    assert len(doubts(case)) == 1


def test_a_version_written_by_the_models_alone_is_doubted_too():
    case = cofinanced()
    before = case.operation.current
    names = ("name", "beneficiary", "start_date", "end_date", "fund", "priority", "category_of_region", "eligible_cost")
    with transaction.atomic():
        add_version(
            case.operation,
            {name: getattr(before, name) for name in names},
            listed_financing(before.fund, before.eligible_cost, before.eligible_cost),
        )
        connection.check_constraints()
    assert D(doubts(case)[0]["rate"]) == 100


# --- doubts that are no longer true ----------------------------------------------------------------------------------


def change_rate(allocation, rate: str) -> None:
    allocation.eu_rate = D(rate)
    allocation.full_clean()
    allocation.save()


def test_a_doubt_falls_when_the_rate_goes_up_again_and_is_raised_anew_when_it_goes_down():
    rule(basis="total", rate="60")
    case = cofinanced()
    allocation = allocation_of(case.operation.current)
    for number in (1, 2):
        change_rate(allocation, "1")
        assert look_at(invariant_of("reporting.rate-above-is-doubted")).holds
        (waiting,) = OperationFlag.objects.open().filter(kind="rate_above_priority")
        change_rate(allocation, "60")
        waiting.refresh_from_db()
        assert (waiting.state, waiting.answer, waiting.answered_by) == ("obsolete", "", None)
        assert waiting.events.get(action="fall").comment and len(doubts(case)) == number
    assert look_at(invariant_of("reporting.open-doubt-is-true")).holds


def test_an_obsolete_doubt_answers_no_share():
    rule(basis="total", rate="60")
    case = cofinanced()
    allocation = allocation_of(case.operation.current)
    change_rate(allocation, "1")
    change_rate(allocation, "60")
    with pytest.raises(IntegrityError, match="nobody is asked"), transaction.atomic():
        PriorityAllocation.objects.filter(pk=allocation.pk).update(eu_rate=D("1"))
        connection.check_constraints()


@pytest.mark.parametrize(
    ("kind", "changes"),
    [("no_eu_amount", {}), ("no_priority", {}), ("no_eligible_cost", {}), ("fund_unknown", {}),
     ("programming_date", {"programmed_on": date(2026, 2, 3)})],
)  # fmt: skip
def test_a_doubt_of_any_kind_falls_with_the_version_that_makes_it_untrue(kind, changes):
    case = cofinanced()
    detail = {"programmed_on": case.operation.current.programmed_on.isoformat()} if changes else {}
    flag = OperationFlag.objects.create(operation=case.operation, kind=kind, detail=detail)
    other = OperationFlag.objects.create(operation=case.operation, kind="eu_above_eligible", detail={})
    wanted = changes or {"location": "51100 Reims"}
    perform(other, "answer_flag", actor=staff(Role.HEAD_OF_SERVICE), data={"answer": "confirmed"}, comment="Vu.")
    revise(case.operation, wanted, actor=None, reason="Précision.")
    flag.refresh_from_db()
    other.refresh_from_db()
    assert (flag.state, other.state) == ("obsolete", "answered")


def test_open_doubts_of_before_fall_when_the_database_is_migrated():
    case = cofinanced()
    flag = OperationFlag.objects.create(operation=case.operation, kind="no_priority", detail={})
    step = import_module("reporting.migrations.0018_doubts_fall_when_they_are_no_longer_true")
    for _again in range(2):
        step.doubts_that_are_no_longer_true_fall(apps, None)
        flag.refresh_from_db()
        assert flag.state == "obsolete" and flag.events.filter(action="fall").count() == 1


# --- an answer rests on what its page said ---------------------------------------------------------------------------


@pytest.mark.old_pages
def test_a_doubt_is_not_answered_on_a_rate_that_moved(client):
    rule(basis="total", rate="60")
    case = cofinanced()
    allocation = allocation_of(case.operation.current)
    change_rate(allocation, "15")
    flag = OperationFlag.objects.open().get(operation=case.operation)
    client.force_login(staff(Role.HEAD_OF_SERVICE))
    page = client.get(reverse("admin:reporting_operationflag_transition", args=[flag.pk, "answer_flag"]))
    share = percent(flag.detail["rate"], "points")
    assert share in page.content.decode() and percent(15, "points") in page.content.decode()
    old = form_to(page, "/answer_flag/")
    for rate in ("12", "13"):  # goes down, and up again while the share is above it
        change_rate(allocation, rate)
        flag.refresh_from_db()
        assert D(flag.detail["limit"]) == D(rate)
    assert flag.events.filter(action="figures_moved").count() == 2
    answer = client.post(old.action, old.fields | {"answer": "confirmed", "comment": "Décidé."})
    cells = [cell.text_content() for cell in lxml.html.fromstring(answer.content.decode()).iter("td")]
    assert answer.status_code == 409 and {percent(15, "points"), percent(13, "points")} <= set(cells)
    assert not OperationFlag.objects.filter(state="answered").exists()
    again = form_to(answer, "/answer_flag/")
    assert client.post(again.action, again.fields).status_code == 302
    flag.refresh_from_db()
    assert (flag.state, D(flag.detail["limit"])) == ("answered", 13)


def test_a_doubt_on_amounts_says_those_of_now():
    case = cofinanced()
    detail = {"eu_amount": "5.00", "eligible_cost": "4.00"}
    flag = OperationFlag.objects.create(operation=case.operation, kind="no_eu_amount", detail=detail)
    version = case.operation.current
    drop = OperationVersion(
        operation=case.operation, eu_amount=D(0), eligible_cost=D("7.00"), priority=version.priority
    )
    drop_untrue_doubts(drop, [])
    flag.refresh_from_db()
    assert flag.detail == {"eu_amount": "0", "eligible_cost": "7.00"} and flag.state == "open"
