"""A plan covers what is certified, a priority what is planned on it; a rate above the priority's is a doubt."""

from datetime import timedelta
from decimal import Decimal

import pgtrigger
import pytest
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from core.models import OutboxMessage
from core.money import format_euros
from core.roles import Role
from core.transitions import TransitionRefused, perform
from reporting.forms import FlagAnswerForm
from reporting.models import ErrorType, ExpenditureItem, Fund, OperationFlag, PaymentApplication, PriorityAllocation
from reporting.operations import add_version, eligible_of, facts_of_version, financing_of, listed_financing, revise
from reporting.rules.doubts import rate_above
from tests.factories.instruction import staff
from tests.factories.reporting import applied, cofinanced, controlled, declared, rule, under_control
from tests.forms import forms_of

pytestmark = pytest.mark.django_db
D = Decimal


def plan_of(operation, eligible: str, eu_amount: str, kept=()) -> None:
    """Write a version by the models alone, without ``revise``."""
    before = operation.current
    facts = {"eligible_cost": D(eligible)}
    names = ("name", "beneficiary", "start_date", "end_date", "fund", "priority", "category_of_region")
    with transaction.atomic():
        add_version(
            operation,
            {name: getattr(before, name) for name in names} | facts,
            listed_financing(before.fund, D(eligible), D(eu_amount), kept=kept),
        )


def test_a_plan_does_not_go_under_what_is_certified():
    case = cofinanced()
    controlled(case, "5000.00", "4000.00")
    operation = case.operation
    operation.refresh_from_db()
    certificate = operation.certificates.get()
    of_eu = certificate.amount_of("eu")
    eligible = operation.current.eligible_cost
    with pytest.raises(DatabaseError, match="of the EU are certified"):
        plan_of(operation, str(eligible), str(of_eu - D("0.01")))
    with pytest.raises(DatabaseError, match="its cost cannot be"):
        plan_of(operation, str(certificate.total - D("0.01")), str(of_eu))
    borne = [(line.kind, "", line.amount) for line in certificate.allocations.exclude(kind="eu")]
    with pytest.raises(DatabaseError, match="beside the EU"), transaction.atomic():
        plan_of(operation, str(certificate.total), str(of_eu))
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    plan_of(operation, str(certificate.total), str(of_eu), borne)


def test_an_operation_is_of_the_fund_of_its_act():
    case = cofinanced()
    before = case.operation.current
    other = Fund.objects.exclude(pk=before.fund_id).filter(code__in=("ESF+", "ERDF")).get()
    with pytest.raises(DatabaseError, match="co-financed by"), transaction.atomic():
        revise(case.operation, {"fund": other}, actor=None, reason="Autre fonds.")
    facts = facts_of_version(before)
    plan = listed_financing(other, before.eligible_cost, before.eu_amount)
    with pytest.raises(DatabaseError, match="names the fund"), transaction.atomic():
        add_version(case.operation, facts, plan)
    form = FlagAnswerForm(
        {"answer": "corrected", "fund": other.pk, "comment": "Relu."},
        instance=OperationFlag(operation=case.operation, kind="fund_unknown"),
        actor=case.house.finance,
    )
    assert not form.is_valid() and "relève de ce fonds" in str(form.errors["fund"])


def test_no_more_is_certified_than_the_eligible_cost():
    case = cofinanced()
    under_control(case, "5000.00", "4000.00")
    with transaction.atomic():
        revise(case.operation, {"eligible_cost": D("8999.99"), "eu_amount": D("3000.00")}, actor=None, reason="Réduit.")
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    with pytest.raises(TransitionRefused, match="8"):
        perform(case.declaration, "conclude", actor=case.controller, data=read_it(case))
    data = {"rejected_amount": "0,01", "error_type": ErrorType.objects.first().pk}
    perform(case.items[0], "reject_partly", actor=case.controller, data=data, comment="Hors assiette.")
    assert perform(case.declaration, "conclude", actor=case.controller, data=read_it(case)).state == "controlled"


@pytest.mark.parametrize(
    ("eu", "base", "limit", "rate"),
    [("60.00", "100.00", "60", None), ("60.01", "100.00", "60", "60.01"), ("98.60", "100.00", "60", "98.60")],
)
def test_the_rate_is_doubted_from_the_first_cent_above(eu, base, limit, rate):
    assert rate_above(D(eu), D(base), D(limit)) == (D(rate) if rate else None)
    assert rate_above(D(eu), D(0), D(limit)) is None


def test_a_share_above_the_rate_of_the_priority_waits_for_an_answer():
    case = cofinanced()
    eligible = case.operation.current.eligible_cost
    revise(case.operation, {"eu_amount": eligible * D("0.6")}, actor=None, reason="Au taux.")
    assert not OperationFlag.objects.filter(kind="rate_above_priority").exists()
    revise(case.operation, {"eu_amount": eligible * D("0.9")}, actor=None, reason="Au-dessus.")
    flag = OperationFlag.objects.get(kind="rate_above_priority")
    assert "90" in flag.found
    declared_by = declared
    with pytest.raises(TransitionRefused, match=case.operation.code):
        declared_by(case, "5000.00")
    answerer = staff(Role.HEAD_OF_SERVICE)
    wrong = {"answer": "corrected", "eu_amount": str(eligible * D("0.7"))}
    with pytest.raises(TransitionRefused):
        perform(flag, "answer_flag", actor=answerer, data=wrong, comment="Encore trop.")
    perform(flag, "answer_flag", actor=answerer, data={"answer": "confirmed"}, comment="Décidé par le comité.")
    revise(case.operation, {"name": "Autre intitulé"}, actor=None, reason="Titre.")
    assert OperationFlag.objects.filter(kind="rate_above_priority").count() == 1  # the same figures, answered once


def test_a_doubt_that_waits_follows_the_figures():
    case = cofinanced()
    eligible = case.operation.current.eligible_cost
    for share in ("0.9", "0.8"):
        revise(case.operation, {"eu_amount": eligible * D(share)}, actor=None, reason="Au-dessus.")
    flag = OperationFlag.objects.get(kind="rate_above_priority")
    assert D(flag.detail["rate"]) == D("80.00")


def test_a_call_limits_the_share_of_the_eu():
    case = cofinanced()
    operation, call = case.operation, case.operation.agreement.application.call
    eligible, planned = operation.current.eligible_cost, operation.current.eu_amount
    call.eu_rate_limit = planned * 100 / eligible - 1
    with pytest.raises(ValidationError, match="conventionné"):
        call.full_clean()
    with pytest.raises(DatabaseError, match="under agreement"), transaction.atomic():
        type(call).objects.filter(pk=call.pk).update(eu_rate_limit=D(1))
    with pgtrigger.ignore("grants.Call:call_keeps_its_eu_rate"):  # as if it had been set before the first act
        type(call).objects.filter(pk=call.pk).update(eu_rate_limit=D(50))
    revise(operation, {"eu_amount": eligible * D("0.5")}, actor=None, reason="Au maximum.")
    with pytest.raises(DatabaseError, match="the call lets the EU bear"), transaction.atomic():
        revise(operation, {"eu_amount": eligible * D("0.5") + D("0.01")}, actor=None, reason="Trop.")
    OperationFlag.objects.create(
        operation=operation, kind="rate_above_priority", detail={"rate": "80.00", "limit": "60.00"}
    )
    flag = OperationFlag.objects.get(kind="rate_above_priority")
    with pytest.raises(TransitionRefused, match="appel à projets"):
        data = {"answer": "corrected", "eu_amount": f"{eligible * D('0.55'):.2f}"}
        perform(flag, "answer_flag", actor=staff(Role.HEAD_OF_SERVICE), data=data, comment="Corrigé.")


def test_a_new_operation_is_planned_within_the_limit_of_its_call():
    its_rule = rule()
    agreement = cofinanced().operation.agreement
    call = agreement.application.call
    call.eu_rate_limit = its_rule.eu_rate - 10
    agreement.application.call = call
    planned = sum(amount for kind, _name, amount in financing_of(agreement, its_rule.fund, its_rule) if kind == "eu")
    assert planned <= eligible_of(agreement) * call.eu_rate_limit / 100


def test_a_priority_bears_the_operations_planned_on_it():
    its_rule = rule()
    allocation = PriorityAllocation.objects.get(priority=its_rule.objective.priority)
    first = cofinanced()
    planned = first.operation.current.eu_amount
    with pytest.raises(DatabaseError, match="are planned on this priority"), transaction.atomic():
        PriorityAllocation.objects.filter(pk=allocation.pk).update(amount=planned - D("0.01"))
    allocation.amount = planned - D("0.01")
    with pytest.raises(ValidationError):
        allocation.full_clean()
    PriorityAllocation.objects.filter(pk=allocation.pk).update(amount=planned)
    with pytest.raises(DatabaseError, match="would be planned"), transaction.atomic():
        revise(first.operation, {"eu_amount": planned + D("0.01")}, actor=None, reason="Trop.")
    revise(first.operation, {"eu_amount": planned - D("1.00")}, actor=None, reason="Moins.")


def test_another_controller_finds_the_decisions_and_may_change_them():
    case = cofinanced()
    declaration = under_control(case, "5000.00", "4000.00")
    perform(case.items[0], "park", actor=case.controller, comment="Preuve attendue.")
    perform(declaration, "hand_over", actor=case.controller, comment="Congé.")
    another = staff(Role.EU_CONTROLLER, "PROGRESS1")
    perform(case.declaration, "start_control", actor=another)
    first, second = case.items
    assert (first.state, first.decided_by, second.state) == ("parked", case.controller, "pending")
    perform(first, "accept", actor=another)
    assert ExpenditureItem.objects.get(pk=first.pk).decided_by == another


def test_what_was_not_accepted_is_told_to_the_beneficiary():
    case = cofinanced()
    under_control(case, "5000.00", "4000.00")
    perform(case.items[0], "park", actor=case.controller, comment="Relevé bancaire demandé.")
    perform(case.items[1], "accept", actor=case.controller)
    perform(case.declaration, "conclude", actor=case.controller)
    mail = OutboxMessage.objects.get(template="reporting/mail/controlled")
    assert "Relevé bancaire demandé." in mail.body
    assert mail.body.count("\n- ") == 1
    other = cofinanced()
    controlled(other, "5000.00")
    assert OutboxMessage.objects.filter(template="reporting/mail/controlled").count() == 1


def test_an_acceptance_is_neither_to_come_nor_before_its_sending():
    case = cofinanced()
    controlled(case, "5000.00")
    application = applied(case)
    finance = case.house.finance
    if application.state == "closed":
        perform(application, "send", actor=finance, data={})
    for days in (-1, 1):
        day = (timezone.localdate() + timedelta(days=days)).isoformat()
        with pytest.raises(TransitionRefused) as refused:
            perform(application, "accept", actor=finance, data={"accepted_on": day, "commission_reference": "CE-1"})
        assert "accepted_on" in refused.value.errors
    today = timezone.localdate().isoformat()
    perform(application, "accept", actor=finance, data={"accepted_on": today, "commission_reference": "CE-1"})
    assert PaymentApplication.objects.get(pk=application.pk).state == "accepted"


# --- a plan that is corrected while its expenditure is under control, or after -----------------------------------------


def test_a_control_ends_on_the_plan_that_was_read(client):
    case = cofinanced()
    declaration = under_control(case, "5000.00")
    first = case.operation.current
    assert declaration.read_version == first
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    with transaction.atomic():
        revise(case.operation, {"eu_amount": D("7000.00")}, actor=None, reason="Taux revu.")
    with pytest.raises(TransitionRefused) as refused:
        perform(declaration, "conclude", actor=case.controller)
    assert list(refused.value.errors) == ["plan_read"]
    client.force_login(case.controller, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("admin:reporting_expendituredeclaration_transition", args=[declaration.pk, "conclude"])
    page = client.get(address)
    words = page.content.decode().replace("\u202f", " ").replace("\xa0", " ")
    case.operation.refresh_from_db()
    for amount in (first.eu_amount, case.operation.current.eu_amount):  # both values
        assert format_euros(amount).replace("\u202f", " ").replace("\xa0", " ") in words
    form = next(form for form in forms_of(page, address) if form.has_box("plan_read"))
    with transaction.atomic():
        revise(case.operation, {"eu_amount": D("6000.00")}, actor=None, reason="Encore revu.")
    assert client.post(address, form.typed(plan_read="on")).status_code == 422  # it speaks of another plan
    form = next(form for form in forms_of(client.get(address), address) if form.has_box("plan_read"))
    assert client.post(address, form.typed(plan_read="on")).status_code == 302
    declaration.refresh_from_db()
    case.operation.refresh_from_db()
    assert (declaration.state, declaration.read_version) == ("controlled", case.operation.current)
    assert declaration.certificate.version == case.operation.current


def test_the_database_ends_no_control_on_a_plan_of_before():
    case = cofinanced()
    declaration = under_control(case, "5000.00")
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    with transaction.atomic():
        revise(case.operation, {"eu_amount": D("7000.00")}, actor=None, reason="Taux revu.")
    with pytest.raises(DatabaseError, match="was corrected since the control began"), transaction.atomic():
        type(declaration).objects.filter(pk=declaration.pk).update(state="controlled", controlled_at=timezone.now())


def test_a_name_corrected_meanwhile_asks_nothing():
    case = cofinanced()
    declaration = under_control(case, "5000.00")
    for item in case.items:
        perform(item, "accept", actor=case.controller)
    with transaction.atomic():
        revise(case.operation, {"name": "Filière textile"}, actor=None, reason="Faute de frappe.")
    assert perform(declaration, "conclude", actor=case.controller).certificate.version.name == "Filière textile"


def test_nothing_is_retained_outside_the_period_as_it_is_now():
    case = cofinanced()
    declaration = under_control(case, "5000.00")
    item, invoiced = case.items[0], case.items[0].expenditure_line.invoice_date
    perform(item, "accept", actor=case.controller)
    with transaction.atomic():
        revise(case.operation, {"start_date": invoiced + timedelta(days=1)}, actor=None, reason="Date corrigée.")
    item = ExpenditureItem.objects.get(pk=item.pk)
    for name, data in (("accept", {}), ("reject_partly", {"rejected_amount": "10", "error_type": error()})):
        with pytest.raises(TransitionRefused, match="d"):
            perform(item, name, actor=case.controller, data=data, comment="Hors période.")
    with pytest.raises(TransitionRefused):
        perform(declaration, "conclude", actor=case.controller, data=read_it(case))
    with pytest.raises(DatabaseError, match="outside the period"), transaction.atomic():
        ExpenditureItem.objects.filter(pk=item.pk).update(decided_at=timezone.now())
    perform(item, "reject", actor=case.controller, data={"error_type": error()}, comment="Hors période.")
    perform(declaration, "conclude", actor=case.controller, data=read_it(case))


def test_certified_expenditure_stays_within_the_period_of_its_operation():
    case = cofinanced()
    controlled(case, "5000.00")
    invoiced = case.items[0].expenditure_line.invoice_date
    with pytest.raises(DatabaseError, match="would be outside its period"), transaction.atomic():
        revise(case.operation, {"start_date": invoiced + timedelta(days=1)}, actor=None, reason="Date corrigée.")


def test_a_line_that_was_declared_keeps_what_was_certified():
    """Its claim does not go back to the review, whoever asks, and the database changes it in no other state."""
    case = cofinanced()
    declaration = declared(case, "5000.00")
    claim, line = declaration.claim, case.items[0].expenditure_line
    with pytest.raises(TransitionRefused):
        perform(claim, "send_back", actor=case.house.finance, comment="À revoir.")
    with pytest.raises(DatabaseError), transaction.atomic():
        type(line).objects.filter(pk=line.pk).update(certified_amount=D("4000.00"), certified_reason="Coupé.")


def error() -> int:
    return ErrorType.objects.get(code="LINK").pk


def read_it(case) -> dict:
    """The plan as it is now was read."""
    case.operation.refresh_from_db()
    return {"plan_read": "on", "version": case.operation.current.pk}
