"""Every transition of the models of grants, from each of its states, by each role: taken, or refused and nothing changed.

The list comes from the registry: a new transition is in the matrix at once, and fails until ``INPUT`` says how it is
taken. ``tests/core/test_every_transition.py`` looks at the declarations of all apps.
"""

from datetime import timedelta

import pytest
from django.apps import apps
from django.utils import timezone

from applicants.models import Membership
from core.models.event import Event
from core.models.user import User
from core.roles import Role
from core.transitions import TransitionRefused, TransitionSpec, perform, transitions_of, workflow_models
from grants import committee
from grants.models import Application, CommitteeSession, PieceRequest
from tests.factories.core import UserFactory
from tests.factories.grants import filed, filled_draft, incomplete
from tests.factories.instruction import (
    CaseFactory,
    SessionFactory,
    agenda,
    answer_all,
    compute,
    consulted,
    score_all,
    staff,
)
from tests.matrix import assert_refused_to_the_partial

pytestmark = pytest.mark.django_db

MODELS = workflow_models(apps.get_app_config("grants").get_models())
EVERY = [
    pytest.param(model, spec, state, id=f"{model.__name__}.{spec.name} from {state}")
    for model in MODELS
    for spec in transitions_of(model)
    for state in spec.sources
]
STAFF = [role for role in Role if role != Role.APPLICANT]


# --- rows that are ready for a transition ----------------------------------------------------------------------


def ready_case(spec: TransitionSpec, state: str) -> Application:
    """A case in ``state`` on which only the actor is left to be right."""
    if spec.audience == "applicant":
        return applicant_case(state)
    case = CaseFactory(state=state)
    if spec.name == "declare_admissible":
        answer_all(case, "completeness", "admissibility")
    if spec.name == "declare_inadmissible" and state == "incomplete":
        yesterday = timezone.localdate() - timedelta(days=1)
        PieceRequest.objects.create(
            application=case, pieces=[], message="…", due_on=yesterday, requested_by=UserFactory(instructor=True)
        )
    if spec.name == "propose":
        answer_all(case, "eligibility")
        score_all(case)
        compute(case)
    if spec.name == "unschedule":
        agenda(SessionFactory(), case)
    if spec.name in ("approve", "reject", "defer"):
        (item,) = agenda(SessionFactory(state="in_session", members=3), case)
        decision = {"approve": "granted", "reject": "rejected", "defer": "deferred"}[spec.name]
        committee.record_decision(item, decision, actor=staff(Role.COMMITTEE_SECRETARY), reason="Motif.")
    return case


def applicant_case(state: str) -> Application:
    """A case with its representative, typed as an applicant types it where the transition looks at what was typed."""
    if state == "draft":
        return filled_draft()
    if state == "incomplete":
        return incomplete(pieces=())
    if state == "submitted":
        return filed()
    case = CaseFactory(state=state)
    Membership.objects.create(user=case.created_by, applicant=case.applicant, role="representative")
    return case


def ready_session(spec: TransitionSpec, state: str) -> CommitteeSession:
    """A session in ``state`` with members, a case, and its decision where it is under way."""
    session = SessionFactory(state=state, members=3)
    (item,) = agenda(session, CaseFactory(state="scheduled"))
    if state == "in_session":
        committee.record_decision(item, "granted", actor=staff(Role.COMMITTEE_SECRETARY))
    return session


READY = {Application: ready_case, CommitteeSession: ready_session}


def schedule_input() -> dict:
    return {"session": SessionFactory().pk}


INPUT = {
    "request_pieces": lambda: {
        "pieces": ["statutes"],
        "message": "Il manque une signature.",
        "deadline": (timezone.localdate() + timedelta(days=15)).isoformat(),
    },
    "propose": lambda: {"proposed_amount": "26000", "reasons": "Un projet solide."} | consulted(),
    "schedule": schedule_input,
    "start_instruction": lambda: {"instructor": staff(Role.INSTRUCTOR).pk},
    "close_session": lambda: {"deliberation_number": "26CP-0512"},
}


def take(row, spec: TransitionSpec, actor: User | None, *, system: bool = False):
    data = INPUT.get(spec.name, dict)()
    return perform(row, spec.name, actor=actor, data=data, comment="Motif.", system=system)


def representative(case: Application) -> User:
    return case.applicant.memberships.filter(role="representative").first().user


def assert_refused(row, spec: TransitionSpec, actor: User | None) -> None:
    """Refused for the person, and nothing was written."""
    before, events = row.state, Event.objects.of(row).count()
    with pytest.raises(TransitionRefused) as refusal:
        take(row, spec, actor)
    assert refusal.value.code == "permission"
    assert str(refusal.value)
    row.refresh_from_db()
    assert row.state == before
    assert Event.objects.of(row).count() == events


# --- the matrix ----------------------------------------------------------------------------------------------------


def test_the_matrix_knows_every_model():
    assert set(MODELS) == set(READY)


@pytest.mark.parametrize(("model", "spec", "state"), EVERY)
def test_who_may(model, spec, state):
    """Each role named takes the transition from this state; the system where it is declared for it."""
    if spec.audience == "applicant":
        row = READY[model](spec, state)
        actor = representative(row)
        take(row, spec, actor)
        assert_taken(row, spec, state, actor)
    for role in spec.roles if spec.audience == "staff" and not only_the_system(spec, state) else ():
        row = READY[model](spec, state)
        actor = staff(role)
        take(row, spec, actor)
        assert_taken(row, spec, state, actor)
    if spec.for_the_system():
        row = READY[model](spec, state)
        take(row, spec, None, system=True)
        assert_taken(row, spec, state, None)


def only_the_system(spec: TransitionSpec, state: str) -> bool:
    """A case under agreement lapses with its agreement: nobody takes that step by hand."""
    return spec.name == "lapse" and state == "contracted"


def assert_taken(row, spec: TransitionSpec, state: str, actor: User | None) -> None:
    assert row.state == (spec.target or state)
    event = Event.objects.of(row).get(action=spec.name)
    assert (event.from_state, event.to_state, event.actor) == (state, row.state, actor)


@pytest.mark.parametrize(("model", "spec", "state"), EVERY)
def test_who_may_not(model, spec, state):
    """Every other role, an applicant who stands for nobody here, and a stranger to the programme are refused."""
    row = READY[model](spec, state)
    allowed = set(spec.roles) if spec.audience == "staff" else set()
    for role in STAFF:
        if role not in allowed:
            assert_refused(row, spec, staff(role))
        assert_refused(row, spec, staff(role, "CPO"))
    assert_refused(row, spec, UserFactory(applicant=True))
    assert_refused(row, spec, staff(Role.INSTRUCTOR, is_active=False))
    assert_refused(row, spec, None)


@pytest.mark.parametrize(("model", "spec", "state"), EVERY)
def test_nobody_with_an_interest_and_no_auditor(model, spec, state):
    """The right role does not help who acts for a body of the case, nor who is an auditor besides."""
    if spec.audience == "system" or only_the_system(spec, state):
        return
    row = READY[model](spec, state)
    assert_refused_to_the_partial(row, spec, staff, lambda person: take(row, spec, person))


OTHERWISE = {
    Application: lambda spec, state: applicant_case(state),
    CommitteeSession: lambda spec, state: SessionFactory(state=state, members=3),
}
# States in which the database takes a row without further ado.
PLAIN_STATES = {Application: ["inadmissible"], CommitteeSession: ["draft", "convened"]}


@pytest.mark.parametrize(("model", "spec"), [(model, spec) for model in MODELS for spec in transitions_of(model)])
def test_from_no_other_state(model, spec):
    """The transition is refused from a state that it does not name."""
    state = next(state for state in PLAIN_STATES[model] if state not in spec.sources)
    row = OTHERWISE[model](spec, state)
    system = spec.audience == "system"
    actor = representative(row) if spec.audience == "applicant" else None if system else staff(spec.roles[0])
    with pytest.raises(TransitionRefused) as refusal:
        take(row, spec, actor, system=system)
    assert refusal.value.code == "state"
