"""Every list and page of grants takes few queries, whatever the number of rows."""

from decimal import Decimal

import pytest
from django.urls import reverse

from core.roles import Role
from grants.commitments import commit
from grants.models import Application, Call, CommitteeSession, Envelope, Programme
from grants.states import ApplicationState as State
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, compute, programme_of, staff
from tests.staff_pages import assert_queries_do_not_grow, queries_of

pytestmark = pytest.mark.django_db

ROLES = [Role.INSTRUCTOR, Role.HEAD_OF_SERVICE, Role.COMMITTEE_SECRETARY, Role.FINANCE_OFFICER]
FILED = [state for state in State if state != State.DRAFT]


def sign_in(client, *roles):
    user = staff(roles[0], *(["PROGRESS1", "CAPITAL-SCOP", "CPO"]))
    hold_in_breach(user, *list(roles))
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return user


def address(model: str, page: str, *args) -> str:
    return reverse(f"admin:grants_{model}_{page}", args=args)


def fill(count: int) -> None:
    """Cases of one programme in every queue, sessions, envelopes, calls, commitments."""
    finance = staff(Role.FINANCE_OFFICER)
    for _number in range(count):
        CaseFactory()
        case = CaseFactory(state=State.APPROVED)
        commit(case, Decimal("100.00"), finance)
        agenda(SessionFactory(members=2), CaseFactory(state=State.SCHEDULED))


def lists_and_pages():
    for model in (Programme, Call, Envelope, CommitteeSession, Application):
        name = model._meta.model_name
        yield address(name, "changelist")
        yield address(name, "change", model.objects.order_by("pk").first().pk)
    yield address("commitment", "changelist")
    yield address("application", "changelist") + "?o=-1.2&state=approved"
    yield reverse("admin:index")


def test_lists_and_pages_do_not_query_by_row(client):
    """Read by somebody who holds every role of the instruction: more is shown, and asked, than to anybody else."""
    sign_in(client, *ROLES)
    assert_queries_do_not_grow(client, lists_and_pages(), fill)


@pytest.mark.parametrize("state", FILED)
@pytest.mark.parametrize("code", ["PROGRESS1", "CAPITAL-SCOP", "CPO"])
def test_a_case_opens_in_few_queries_in_every_state(client, state, code):
    extra = {"person_count": 3} if code == "CAPITAL-SCOP" else {}
    case = CaseFactory(state=state, programme_code=code, instructor=staff(Role.INSTRUCTOR, code), **extra)
    if state in (State.IN_INSTRUCTION, State.INSTRUCTED) and not case.computations.exists():
        compute(case)
    sign_in(client, *ROLES)
    queries_of(client, address("application", "change", case.pk))


def test_a_programme_s_page_does_not_query_by_person(client):
    client.force_login(UserFactory(administrator=True), backend="django.contrib.auth.backends.ModelBackend")
    page = address("programme", "change", programme_of().pk)
    assert_queries_do_not_grow(client, [page], lambda count: [staff(Role.INSTRUCTOR) for _number in range(count)])
