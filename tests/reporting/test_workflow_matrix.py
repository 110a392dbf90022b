"""Every transition of the European side: by each role, from each state it names, and from others."""

import pytest
from django.utils import timezone

from core.models import User
from core.roles import Role
from core.transitions import TransitionRefused, TransitionSpec, perform, transitions_of
from reporting.models import ErrorType, ExpenditureDeclaration, ExpenditureItem, OperationFlag, PaymentApplication
from tests.factories import reporting
from tests.factories.core import UserFactory, hold_in_breach
from tests.matrix import COMMENT, Ready, assert_refused_elsewhere, check, combinations

pytestmark = pytest.mark.django_db

ALL = combinations("reporting")


def as_controller(user: User) -> User:
    """Somebody of the case who holds the controller's role as well: the role alone would let them in."""
    hold_in_breach(user, *user.role_set, Role.EU_CONTROLLER)
    return user


# --- declarations and items ------------------------------------------------------------------------------------------


def declaration_in(state: str) -> Ready:
    case = reporting.cofinanced()
    if state == "draft":
        reporting.certified(case, "1000.00")
        return Ready(case.declaration)
    make = {
        "submitted": reporting.declared,
        "under_control": reporting.under_control,
        "controlled": reporting.controlled,
    }
    declaration = make[state](case, "1000.00")
    person = {Role.EU_CONTROLLER: case.controller} if state == "under_control" else {}
    return Ready(declaration, person=person, involved=(as_controller(case.house.instructor),))


def ready_declaration(spec: TransitionSpec, state: str) -> Ready:
    ready = declaration_in(state)
    if spec.name == "conclude":
        for item in ready.row.items.all():
            perform(item, "accept", actor=ready.person[Role.EU_CONTROLLER])
    if spec.name == "hand_over":  # the head of service may too, without being involved
        return Ready(ready.row, person=ready.person, involved=(UserFactory(eu_controller=True),))
    return ready


def item_in(state: str) -> Ready:
    """An item, with the controller who took it up and another controller of the same programme."""
    case = reporting.cofinanced()
    declaration = reporting.under_control(case, "1000.00")
    item = declaration.items.get()
    if state != "pending":
        name = {"accepted": "accept", "partly_rejected": "reject_partly", "rejected": "reject", "parked": "park"}[state]
        perform(item, name, actor=case.controller, data=decision(name), comment=COMMENT)
    other = Ready(item).staff(Role.EU_CONTROLLER)
    return Ready(item, person={Role.EU_CONTROLLER: case.controller}, involved=(other, case.house.instructor))


def decision(name: str) -> dict[str, str | int]:
    if name not in ("reject", "reject_partly"):
        return {}
    return {"error_type": ErrorType.objects.get(code="LINK").pk, "rejected_amount": "250.00"}


def ready_item(spec: TransitionSpec, state: str) -> Ready:
    ready = item_in(state)
    return Ready(ready.row, data=decision(spec.name), person=ready.person, involved=ready.involved)


# --- doubts ----------------------------------------------------------------------------------------------------------


def ready_flag(spec: TransitionSpec, state: str) -> Ready:
    case = reporting.cofinanced()
    flag = OperationFlag.objects.create(operation=case.operation, kind="eu_above_eligible", detail={})
    return Ready(flag, data={"answer": "confirmed"})


# --- payment applications --------------------------------------------------------------------------------------------


def application_in(state: str) -> Ready:
    case, finance = reporting.cofinanced(), UserFactory(finance_officer=True)
    reporting.controlled(case, "1000.00")
    if state == "open":
        application = reporting.opened(case, finance)
    else:
        application = reporting.applied(case, finance)
    if state in ("sent", "accepted"):
        perform(application, "send", actor=finance)
    if state == "accepted":
        perform(application, "accept", actor=finance, data=ACCEPTANCE)
    hold_in_breach(case.controller, Role.EU_CONTROLLER, Role.FINANCE_OFFICER)
    return Ready(application, involved=(case.controller,), scoped=False)


ACCEPTANCE = {"accepted_on": timezone.localdate().isoformat(), "commission_reference": "Ares(2026)1"}


def ready_application(spec: TransitionSpec, state: str) -> Ready:
    ready = application_in(state)
    if spec.name == "close":
        perform(ready.row, "collect", actor=UserFactory(finance_officer=True))
    data = ACCEPTANCE if spec.name == "accept" else {}
    # Who controlled an expenditure does not close the application; the other steps change no amount.
    return Ready(ready.row, data=data, involved=ready.involved if spec.name == "close" else (), scoped=False)


READY = {
    ExpenditureDeclaration: ready_declaration,
    ExpenditureItem: ready_item,
    OperationFlag: ready_flag,
    PaymentApplication: ready_application,
}


def test_the_matrix_knows_every_model():
    assert {parameters.values[0] for parameters in ALL} == set(READY)


@pytest.mark.parametrize(("model", "spec", "state"), ALL)
def test_who_may_and_who_may_not(model, spec, state):
    check(model, spec, state, lambda: READY[model](spec, state))


@pytest.mark.parametrize(
    ("make", "state"),
    [
        (declaration_in, "draft"),
        (declaration_in, "submitted"),
        (declaration_in, "under_control"),
        (declaration_in, "controlled"),
        (application_in, "open"),
        (application_in, "closed"),
        (application_in, "sent"),
        (application_in, "accepted"),
    ],
)
def test_from_no_other_state(make, state):
    ready = make(state)
    others = [spec for spec in transitions_of(type(ready.row)) if not spec.starts_from(state)]
    assert others
    people = {spec.name: ready.person.get(spec.roles[0]) or ready.staff(spec.roles[0]) for spec in others}
    assert_refused_elsewhere(ready, people)


def test_an_item_is_decided_only_under_control():
    ready = declaration_in("controlled")
    item = ready.row.items.get()
    for name in ("accept", "park", "reject", "reject_partly"):
        with pytest.raises(TransitionRefused):
            perform(item, name, actor=ready.row.controller, data=decision(name), comment=COMMENT)
    item.refresh_from_db()
    assert item.state == "accepted"
