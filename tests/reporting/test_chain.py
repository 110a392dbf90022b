"""From an agreement in force to the control of its expenditure: who may, what stays exact, what the database refuses."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse

from agreements import claims
from agreements.duplicates import answer_warning, open_warnings
from core.roles import Role
from core.transitions import TransitionRefused, perform
from reporting.models import Certificate, ErrorType, ExpenditureDeclaration, ExpenditureItem, Operation, OperationFlag
from reporting.permissions import may_control
from tests.factories import agreements
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.instruction import staff
from tests.factories.reporting import certified, cofinanced, controlled, cut, declared, paid, rule, under_control

pytestmark = pytest.mark.django_db
D = Decimal
TAKE_UP = (
    "UPDATE reporting_expendituredeclaration SET state = 'under_control', controller_id = %s,"
    " control_started_at = now() WHERE id = %s"
)


def refused_by_the_database(sql: str, *parameters, match: str) -> None:
    """Run SQL past every screen: the database itself says no."""
    with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)


# --- the operation ------------------------------------------------------------------------------------------------------


def test_a_cofinanced_agreement_in_force_is_an_operation_with_its_financing_plan():
    case = cofinanced("ESF+", granted="20000.00")
    version = case.operation.current
    plan = {line.kind: line.amount for line in version.financing.all()}
    assert version.eligible_cost == case.agreement.eligible_base == D("35500.00")
    assert plan["eu"] == version.eu_amount == D("14200.00")  # 40 % of the eligible cost
    assert plan["region"] == D("5800.00")  # the rest of what is granted
    assert sum(plan.values()) == version.eligible_cost
    assert (version.fund.code, version.priority.code) == ("ESF+", "P-ESF+")
    assert not case.operation.flags.exists()


def test_an_agreement_without_a_fund_is_no_operation():
    agreement, _house = agreements.in_force()
    assert not Operation.objects.filter(agreement=agreement).exists()


def test_without_a_rule_someone_chooses_the_priority_and_what_the_fund_bears():
    case = cofinanced("ESF+", without_rule=True)
    flag = OperationFlag.objects.get(operation=case.operation)
    assert (flag.kind, case.operation.programme) == ("no_priority", None)
    declaration = ExpenditureDeclaration.objects.get(claim=certified(case, "12000.00"))
    with pytest.raises(TransitionRefused, match="priorité"):
        perform(declaration, "submit", actor=case.house.instructor)
    objective = rule("ESF+").objective
    given = {"answer": "corrected", "specific_objective": objective.pk, "category_of_region": "transition"}
    with pytest.raises(TransitionRefused) as refused:
        perform(flag, "answer_flag", actor=case.controller, data=given, comment="Axe 1.")
    assert "eu_amount" in refused.value.errors
    perform(flag, "answer_flag", actor=case.controller, data=given | {"eu_amount": "14 200,00"}, comment="Axe 1.")
    case.operation.refresh_from_db()
    plan = {line.kind: line.amount for line in case.operation.current.financing.all()}
    assert case.operation.programme == objective.priority.programme
    assert (plan["eu"], plan["region"], plan["own"]) == (D("14200.00"), D("5800.00"), D("15500.00"))
    assert perform(declaration, "submit", actor=case.house.instructor).state == "submitted"


# --- the declaration ----------------------------------------------------------------------------------------------------


def test_a_certified_claim_opens_a_declaration_with_one_item_per_line():
    case = cofinanced()
    claim = certified(case, "12000.00", "8000.50")
    assert [item.declared_amount for item in case.items] == [D("12000.00"), D("8000.50")]
    assert [item.expenditure_line.claim for item in case.items] == [claim, claim]
    declaration = case.declaration
    assert (declaration.instructor, declaration.certifier) == (case.house.instructor, case.house.instructor)
    assert declaration.orderer is None


def test_who_orders_the_payment_is_remembered_and_does_not_control():
    case = cofinanced()
    paid(case, "12000.00")
    assert case.declaration.orderer == case.house.finance
    perform(case.declaration, "submit", actor=case.house.instructor)
    orderer = case.house.finance
    hold_in_breach(orderer, Role.FINANCE_OFFICER, Role.EU_CONTROLLER)
    orderer = type(orderer).objects.get(pk=orderer.pk)
    with pytest.raises(TransitionRefused, match="Vous avez ordonné ce versement"):
        perform(case.declaration, "start_control", actor=orderer)


def test_a_certification_taken_back_removes_the_draft_and_not_what_was_declared():
    case = cofinanced()
    claim = certified(case, "12000.00")
    perform(claim, "send_back", actor=case.house.finance, comment="Une facture à revoir.")
    assert case.declaration is None
    other = cofinanced()
    declared(other, "12000.00")
    claim = other.declaration.claim
    with pytest.raises(TransitionRefused, match="déclarées"):
        perform(claim, "send_back", actor=other.house.finance, comment="Une facture à revoir.")
    assert other.declaration.state == "submitted"


def test_declared_expenditure_neither_changes_nor_goes():
    case = cofinanced()
    declaration = declared(case, "12000.00")
    item = case.items[0]
    for sql in (
        "UPDATE reporting_expenditureitem SET declared_amount = 1 WHERE id = %s",
        "DELETE FROM reporting_expenditureitem WHERE id = %s",
    ):
        refused_by_the_database(sql, item.pk, match="does not change|never deleted")
    refused_by_the_database(
        "DELETE FROM reporting_expendituredeclaration WHERE id = %s", declaration.pk, match="never deleted"
    )
    refused_by_the_database(
        "UPDATE reporting_expendituredeclaration SET submitted_at = submitted_at + interval '1 second' WHERE id = %s",
        declaration.pk,
        match="does not change",
    )


# --- the control ----------------------------------------------------------------------------------------------------------


def as_controller(user):
    """The same person with the role of a controller too."""
    hold_in_breach(user, *map(Role, user.role_set), Role.EU_CONTROLLER)
    return type(user).objects.get(pk=user.pk)


def test_the_instructor_of_the_case_does_not_control():
    case = cofinanced()
    declaration = declared(case, "12000.00")
    instructor = as_controller(case.house.instructor)
    assert "une autre personne" in may_control(instructor, declaration)
    with pytest.raises(TransitionRefused, match="une autre personne"):
        perform(declaration, "start_control", actor=instructor)
    refused_by_the_database(TAKE_UP, instructor.pk, declaration.pk, match="does_not_control|does not control")


def test_who_took_the_case_over_since_does_not_control_either():
    case = cofinanced()
    declaration = declared(case, "12000.00")
    successor = as_controller(staff(Role.INSTRUCTOR, "PROGRESS1"))
    assert may_control(successor, declaration) is None
    application = case.agreement.application
    type(application).objects.filter(pk=application.pk).update(instructor=successor)
    declaration = ExpenditureDeclaration.objects.get(pk=declaration.pk)
    assert "Vous instruisez" in may_control(successor, declaration)
    refused_by_the_database(TAKE_UP, successor.pk, declaration.pk, match="does not control")


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        (lambda case, order: case.agreement.application.live_proposal().made_by, "Vous avez proposé"),
        (lambda case, order: case.agreement.application.live_proposal().visa_by, "Vous avez visé"),
        (lambda case, order: case.agreement.entered_by, "Vous avez"),
        (lambda case, order: order.batch.closed_by, "Vous avez"),
        (lambda case, order: order.confirmed_by, "Vous avez"),
    ],
    ids=["proposed", "visa", "in force", "closed the batch", "recorded the payment"],
)
def test_who_took_part_in_the_case_does_not_control(part, sentence):
    """Who decided on the grant or paid it, whatever roles they were given since."""
    case = cofinanced()
    claim = paid(case, "12000.00")
    order = claim.orders.get(state="paid")
    perform(case.declaration, "submit", actor=case.house.instructor)
    declaration = case.declaration
    person = as_controller(part(case, order))
    for assignment in case.house.finance.programme_assignments.all():
        type(assignment).objects.get_or_create(user=person, programme=assignment.programme)
    assert "une autre personne" in may_control(person, declaration)
    with pytest.raises(TransitionRefused, match=sentence):
        perform(declaration, "start_control", actor=person)
    refused_by_the_database(TAKE_UP, person.pk, declaration.pk, match="does_not_control|does not control")


def test_who_declared_does_not_control():
    case = cofinanced()
    certified(case, "12000.00")
    declarer = as_controller(UserFactory(finance_officer=True))
    for assignment in case.house.finance.programme_assignments.all():
        type(assignment).objects.create(user=declarer, programme=assignment.programme)
    perform(case.declaration, "submit", actor=declarer)
    with pytest.raises(TransitionRefused, match="Vous avez déclaré"):
        perform(case.declaration, "start_control", actor=declarer)


def test_accept_cut_reject_and_park_each_leave_a_balanced_item():
    case = cofinanced()
    declaration = under_control(case, "5000.00", "4000.00", "3000.00", "2000.00")
    accepted, partly, rejected, parked = case.items
    perform(accepted, "accept", actor=case.controller)
    cut(partly, case.controller, "1000,25")
    error = ErrorType.objects.get(code="PROOF").pk
    perform(rejected, "reject", actor=case.controller, data={"error_type": error}, comment="Justificatif illisible.")
    perform(parked, "park", actor=case.controller, comment="Relevé bancaire demandé.")
    amounts = [(i.state, i.retained_amount, i.rejected_amount, i.parked_amount) for i in case.items]
    assert amounts == [
        ("accepted", D("5000.00"), D("0.00"), D("0.00")),
        ("partly_rejected", D("2999.75"), D("1000.25"), D("0.00")),
        ("rejected", D("0.00"), D("3000.00"), D("0.00")),
        ("parked", D("0.00"), D("0.00"), D("2000.00")),
    ]
    assert {item.decided_by for item in case.items} == {case.controller}
    perform(declaration, "conclude", actor=case.controller)
    certificate = Certificate.objects.get(declaration=declaration)
    assert certificate.total == D("7999.75")
    assert sum(line.amount for line in certificate.allocations.all()) == D("7999.75")


@pytest.mark.parametrize(
    ("name", "data", "comment"),
    [
        ("reject_partly", {"rejected_amount": "10,00"}, "Motif."),  # no type of error
        ("reject_partly", {"rejected_amount": "5 000,00", "error_type": "LINK"}, "Motif."),  # all of it
        ("reject_partly", {"rejected_amount": "-1,00", "error_type": "LINK"}, "Motif."),
        ("reject_partly", {"rejected_amount": "10,00", "error_type": "LINK"}, ""),  # no reason
        ("reject", {}, "Motif."),
        ("reject", {"error_type": "LINK"}, ""),
        ("park", {}, ""),
    ],
)
def test_a_decision_without_its_grounds_is_refused(name, data, comment):
    case = cofinanced()
    under_control(case, "5000.00")
    if "error_type" in data:
        data = data | {"error_type": ErrorType.objects.get(code=data["error_type"]).pk}
    with pytest.raises(TransitionRefused):
        perform(case.items[0], name, actor=case.controller, data=data, comment=comment)
    assert case.items[0].state == "pending"


def test_only_the_controller_of_the_declaration_decides():
    case = cofinanced()
    under_control(case, "5000.00")
    another = staff(Role.EU_CONTROLLER, "PROGRESS1")
    with pytest.raises(TransitionRefused):
        perform(case.items[0], "accept", actor=another)
    refused_by_the_database(
        "UPDATE reporting_expenditureitem SET state = 'accepted', retained_amount = declared_amount,"
        " decided_by_id = %s, decided_at = now() WHERE id = %s",
        another.pk, case.items[0].pk, match="the controller of the declaration decides",
    )  # fmt: skip


def test_the_database_wants_a_balance_and_grounds():
    case = cofinanced()
    under_control(case, "5000.00")
    item = case.items[0]
    decided = "UPDATE reporting_expenditureitem SET decided_by_id = %s, decided_at = now(), "
    for change, constraint in (
        ("state = 'accepted', retained_amount = 4000", "balances"),
        ("state = 'partly_rejected', retained_amount = 4000, rejected_amount = 1000", "explained"),
        ("state = 'accepted', retained_amount = 6000, parked_amount = -1000", "sign|says_amounts"),
        ("state = 'parked', parked_amount = 5000", "parking_is_explained"),
    ):
        refused_by_the_database(f"{decided}{change} WHERE id = %s", case.controller.pk, item.pk, match=constraint)


def test_the_control_ends_when_every_item_is_decided():
    case = cofinanced()
    declaration = under_control(case, "5000.00", "4000.00")
    perform(case.items[0], "accept", actor=case.controller)
    with pytest.raises(TransitionRefused, match="1"):
        perform(declaration, "conclude", actor=case.controller)
    refused_by_the_database(
        "UPDATE reporting_expendituredeclaration SET state = 'controlled', controlled_at = now() WHERE id = %s",
        declaration.pk, match="every item is decided",
    )  # fmt: skip


def test_another_controller_who_takes_over_keeps_what_is_decided():
    case = cofinanced()
    declaration = under_control(case, "5000.00", "4000.00")
    perform(case.items[0], "accept", actor=case.controller)
    perform(declaration, "hand_over", actor=case.controller, comment="Congé.")
    assert [item.state for item in case.items] == ["accepted", "pending"]
    another = staff(Role.EU_CONTROLLER, "PROGRESS1")
    assert perform(case.declaration, "start_control", actor=another).controller == another


def test_what_was_controlled_is_frozen():
    case = cofinanced()
    declaration = controlled(case, "5000.00")
    item = case.items[0]
    with pytest.raises(TransitionRefused):
        perform(item, "park", actor=case.controller, comment="Trop tard.")
    refused_by_the_database(
        "UPDATE reporting_expenditureitem SET reason = 'autre' WHERE id = %s", item.pk, match="under control"
    )
    for sql in (
        "UPDATE reporting_certificate SET total = 1 WHERE declaration_id = %s",
        "DELETE FROM reporting_certificate WHERE declaration_id = %s",
        "UPDATE reporting_expendituredeclaration SET controlled_at = now() WHERE id = %s",
    ):
        with pytest.raises(DatabaseError, match="append|Cannot|does not change"), transaction.atomic():
            connection.cursor().execute(sql, [declaration.pk])
    assert ExpenditureItem.objects.get(pk=item.pk).reason == ""


# --- an invoice declared twice ------------------------------------------------------------------------------------------


def test_an_invoice_declared_in_two_operations_waits_for_an_answer(client):
    first, second = cofinanced(), cofinanced()
    same = {"invoice_number": "F-77/2026", "invoice_total": D("9000.00"), "declared_amount": D("4500.00")}
    for case in (first, second):
        claim = agreements.opened(case.agreement, case.house)
        agreements.add_line(claim, case.house, **same)
        claims.submit(claim, actor=case.house.member)
    claim.refresh_from_db()
    perform(claim, "start_review", actor=second.house.instructor)
    claims.certify_lines(claim, {line.pk: (line.declared_amount, "") for line in claim.lines.all()},
                         actor=second.house.instructor)  # fmt: skip
    claim.refresh_from_db()
    data = {"certified_amount": str(claims.due_of(claim)), "certification_reason": "Dépenses inférieures."}
    with pytest.raises(TransitionRefused, match="deux fois"):
        perform(claim, "certify", actor=second.house.instructor, data=data)
    assert second.declaration is None
    answer_warning(
        open_warnings(claim).get(), answer="split", comment="Facture partagée.", actor=second.house.instructor
    )
    perform(claim, "certify", actor=second.house.instructor, data=data)
    (item,) = second.items
    client.force_login(second.controller, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(reverse("admin:reporting_expenditureitem_change", args=[item.pk])).content.decode()
    assert "Facture partagée." in page  # the controller reads what was answered
