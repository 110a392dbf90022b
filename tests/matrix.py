"""Transitions × roles: each one taken by those it names, refused to all others without a trace.

A file ``test_workflow_matrix.py`` for each app says how a row gets ready (:class:`Ready`) and runs :func:`check`. A
transition without such a recipe fails: the list of transitions comes from the registry.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from django.apps import apps
from django.db import connection, models, transaction

from agreements.models import PaymentBatch
from applicants.models import Applicant, Invitation, JoinRequest
from core.models import Event, User
from core.roles import Role
from core.transitions import TransitionRefused, TransitionSpec, perform, spec_of, transitions_of, workflow_models
from grants.models import Application, CommitteeSession, Partner, PersonLine
from reporting.models import PaymentApplication
from tests.factories.applicants import ApplicantFactory, given
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.instruction import staff

COMMENT = "Un motif écrit pour la personne."


@dataclass(frozen=True)
class Ready:
    """A row on which only the actor is left to be right.

    ``person``: who takes a transition of a precise person (an applicant, the controller in charge), by role; a role
    that is not in it is any member of staff of the programme. ``involved``: people with the right role whom the
    separation of duties refuses. ``also``: what moves in the same transaction, where the database keeps rows together.
    """

    row: models.Model
    data: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Any] | None = None
    person: Mapping[Role, User] = field(default_factory=dict)
    involved: tuple[User, ...] = ()
    also: Callable[[], None] = lambda: None
    code: str = "PROGRESS1"  # the programme of the row
    then: str = ""  # the state in which another move, set off by this one, leaves the row
    scoped: bool = True  # whether the staff of another programme is refused

    def staff(self, role: Role, **extra: Any) -> User:
        """A member of staff of the row's programme."""
        return staff(role, self.code, **extra)

    def stranger(self, role: Role) -> User:
        """A member of staff of another programme."""
        return staff(role, "CPO" if self.code != "CPO" else "PROGRESS1")


def combinations(app_label: str) -> list:
    """(model, transition, source state) of all the models of an app, as pytest parameters."""
    return [
        pytest.param(model, spec, state, id=f"{model.__name__}.{spec.name} from {state}")
        for model in workflow_models(apps.get_app_config(app_label).get_models())
        for spec in transitions_of(model)
        for state in spec.sources
    ]


# Where a row keeps what leads to its case, nearest first.
WAYS = ("applicant", "application", "agreement", "claim", "tranche", "declaration", "operation")


def body_of(row: models.Model) -> Applicant | None:
    """The applicant that a row concerns; the first of them for a list of cases; None for an empty list."""
    match row:
        case Applicant():
            return row
        case PaymentBatch() | CommitteeSession():
            inner = (row.orders if isinstance(row, PaymentBatch) else row.items).first()
        case PaymentApplication():
            line = row.lines.first()
            inner = line.entries.first().certificate.declaration if line else None
        case _:
            inner = next(getattr(row, name) for name in WAYS if hasattr(row, name))
    return body_of(inner) if inner else None


def interested(row: models.Model, make: Callable[[], User]) -> dict[str, User]:
    """People who could act on the row but for their interest in it, by the kind of interest."""
    body = body_of(row)
    if body is None:
        return {}
    people = {kind: make() for kind in ("representative", "editor", "invited", "by address", "left", "asks")}
    given(user=people["left"], applicant=body, role="editor").delete()
    JoinRequest.objects.create(user=people["asks"], applicant=body)
    for role in ("representative", "editor"):
        given(user=people[role], applicant=body, role=role)
    Invitation.objects.create(
        applicant=body, email=people["invited"].email.upper(), invited_by=people["representative"], token_hash=uuid4()
    )
    Applicant.objects.filter(pk=body.pk).update(email=people["by address"].email)
    case = Application.objects.filter(applicant=body).first()
    if case is not None:
        people |= {kind: make() for kind in ("one of its persons", "of a partner")}
        PersonLine.objects.create(
            application=case, rank=90, first_name="A", last_name="B", email=people["one of its persons"].email.upper()
        )
        partner = ApplicantFactory(editor=people["of a partner"])
        Partner.objects.create(application=case, rank=90, applicant=partner, name=partner.name)
    return people


def assert_refused_to_the_partial(row: models.Model, spec: TransitionSpec, make: Callable[[Role], User], take) -> None:
    """Those who hold the right role, but have an interest in the row or are auditors too, are refused."""
    roles = spec.roles if spec.audience == "staff" else ()
    people = interested(row, lambda: make(roles[0])) if roles else {}
    for role in spec.roles:
        auditor = make(role)
        hold_in_breach(auditor, role, Role.AUDITOR)
        people[f"auditor and {role}"] = auditor
    row.refresh_from_db()
    before, events = row.state, Event.objects.of(row).count()
    for kind, person in people.items():
        with pytest.raises(TransitionRefused) as refusal:
            take(person)
        assert refusal.value.code == "permission", f"{kind}: {refusal.value}"
    row.refresh_from_db()
    assert (row.state, Event.objects.of(row).count()) == (before, events)


def check(model: type[models.Model], spec: TransitionSpec, state: str, make: Callable[[], Ready]) -> None:
    """Refused to everyone who is not named, then taken by each who is."""
    ready = make()
    assert ready.row.state == state
    assert_refused_to_the_others(ready, spec)
    assert_refused_to_the_partial(ready.row, spec, ready.staff, lambda person: take(ready, spec, person))
    for role in spec.roles if spec.audience != "system" else ():
        if spec.audience == "applicant" and role not in ready.person:
            continue
        actor = ready.person.get(role) or ready.staff(role)
        with undone():
            assert_taken(copy.deepcopy(ready), spec, state, actor)
    if spec.for_the_system():
        with undone():
            assert_taken(copy.deepcopy(ready), spec, state, None, system=True)


@contextmanager
def undone() -> Iterator[None]:
    """What is done inside is taken back, so that the next role finds the row as it was; the database has agreed to it."""
    with transaction.atomic():
        yield
        connection.check_constraints()
        transaction.set_rollback(True)


def take(ready: Ready, spec: TransitionSpec, actor: User | None, *, system: bool = False) -> models.Model:
    return perform(
        ready.row, spec.name, actor=actor, data=ready.data, files=ready.files, comment=COMMENT, system=system
    )


def assert_taken(ready: Ready, spec: TransitionSpec, state: str, actor: User | None, *, system: bool = False) -> None:
    take(ready, spec, actor, system=system)
    reached = spec.target or state
    assert ready.row.state == (ready.then or reached)
    event = Event.objects.of(ready.row).filter(action=spec.name).last()
    assert (event.from_state, event.to_state, event.actor) == (state, reached, actor)
    ready.also()


def assert_refused_to_the_others(ready: Ready, spec: TransitionSpec) -> None:
    named = set(spec.roles) - {Role.APPLICANT} if spec.audience != "system" else set()
    others: list[User | None] = [ready.staff(role) for role in Role if role not in named]
    others += [*ready.involved, UserFactory(applicant=True), UserFactory(is_superuser=True), None]
    others += [ready.staff(role, is_active=False) for role in spec.roles]
    if ready.scoped and spec.audience == "staff":
        others += [ready.stranger(role) for role in named]
    before, events = ready.row.state, Event.objects.of(ready.row).count()
    for person in others:
        if person is not None and person in ready.person.values():
            continue
        with pytest.raises(TransitionRefused) as refusal:
            take(ready, spec, person)
        assert refusal.value.code == "permission", f"{person}: {refusal.value}"
        assert str(refusal.value)
    if not spec.for_the_system():
        with pytest.raises(TransitionRefused):
            take(ready, spec, None, system=True)
    ready.row.refresh_from_db()
    assert ready.row.state == before
    assert Event.objects.of(ready.row).count() == events


def assert_refused_elsewhere(ready: Ready, names: Mapping[str, User | None]) -> None:
    """From the state of this row, these transitions are refused to the very people who may take them."""
    assert names
    for name, actor in names.items():
        spec = spec_of(type(ready.row), name)
        assert not spec.starts_from(ready.row.state)
        with pytest.raises(TransitionRefused) as refusal:
            take(ready, spec, actor, system=actor is None)
        # Where a precise person is wanted (the controller in charge), from another state there may be none.
        assert refusal.value.code == "state" or (spec.permission and refusal.value.code == "permission"), name
    before = ready.row.state
    ready.row.refresh_from_db()
    assert ready.row.state == before
