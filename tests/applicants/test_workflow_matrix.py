"""Every transition of bank accounts and of requests to join: by each role, from each state it names, and from others."""

import pgtrigger
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from applicants.models import BankAccount, JoinRequest
from applicants.models.people import MemberRole
from applicants.people import ask_to_join
from core.roles import Role
from core.transitions import TransitionSpec, perform, transitions_of
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, pdf
from tests.factories.core import UserFactory
from tests.matrix import Ready, assert_refused_elsewhere, check, combinations

pytestmark = pytest.mark.django_db

ALL = combinations("applicants")


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


def account_in(state: str) -> Ready:
    """An account with the two people who must not verify it: who entered it, and one of the applicant's."""
    enters, acts = (UserFactory(roles=[Role.FINANCE_OFFICER, Role.INSTRUCTOR]) for _turn in range(2))
    applicant = ApplicantFactory(editor=acts)
    if state == "verified":
        return Ready(BankAccountFactory(applicant=applicant, verified=True), scoped=False)
    account = BankAccountFactory(applicant=applicant, entered_by=enters)
    if state == "rejected":
        perform(account, "reject", actor=UserFactory(finance_officer=True), data={"reason": "Illisible."})
    return Ready(account, involved=(enters, acts), scoped=False)


def change_to_vouch_for() -> Ready:
    """A change of account, with who entered it."""
    enters = UserFactory(roles=[Role.FINANCE_OFFICER, Role.INSTRUCTOR])
    applicant = ApplicantFactory()
    BankAccountFactory(applicant=applicant, verified=True)
    account = BankAccountFactory(applicant=applicant, is_change=True, entered_by=enters)
    return Ready(account, involved=(enters,), scoped=False)


def ready_account(spec: TransitionSpec, state: str) -> Ready:
    ready = account_in(state)
    if spec.name == "vouch":  # a change of an applicant on file since today: nobody can be called
        ready = change_to_vouch_for()
        files = {"document": SimpleUploadedFile("pv.pdf", pdf("pv"), "application/pdf")}
        return Ready(ready.row, data={"reason": "Vue."}, files=files, involved=ready.involved, scoped=False)
    data = {"verify": {"proof_dated": timezone.localdate()}, "reject": {"reason": "Illisible."}}.get(spec.name, {})
    return Ready(ready.row, data=data, involved=ready.involved, scoped=False)


def request_in(state: str) -> Ready:
    """A request, with somebody who represents the applicant, an editor, and the one who asks."""
    representative, editor, asks = (UserFactory(applicant=True) for _turn in range(3))
    applicant = ApplicantFactory(representative=representative, editor=editor)
    request = ask_to_join(applicant, user=asks, role=MemberRole.EDITOR)
    if state != "pending":
        perform(request, "refuse", actor=representative)
    return Ready(request, person={Role.APPLICANT: representative}, involved=(editor, asks), scoped=False)


def editor_to_confirm() -> Ready:
    """A person who asked to represent a body and whom the service let in, with the officer who did."""
    accepts = UserFactory(roles=[Role.INSTRUCTOR, Role.HEAD_OF_SERVICE])
    applicant = ApplicantFactory(representative=UserFactory(applicant=True))
    request = ask_to_join(applicant, user=UserFactory(applicant=True), role=MemberRole.REPRESENTATIVE)
    over(request)
    perform(request, "accept", actor=accepts, data={"reason": "Élection vue."})
    return Ready(request, involved=(accepts,), scoped=False)


def over(request: JoinRequest) -> None:
    """The representatives of the body had their days."""
    with pgtrigger.ignore("applicants.JoinRequest:request_is_fixed"):
        JoinRequest.objects.filter(pk=request.pk).update(service_waits_until=timezone.now())


def ready_request(spec: TransitionSpec, state: str) -> Ready:
    if spec.name == "confirm":
        return editor_to_confirm()
    ready = request_in(state)
    over(ready.row)
    people = {Role.APPLICANT: ready.row.user} if spec.name == "withdraw" else dict(ready.person)
    if Role.INSTRUCTOR in spec.roles:
        people[Role.INSTRUCTOR] = UserFactory(instructor=True)
    involved = tuple({*ready.involved, *ready.person.values()} - set(people.values()))
    return Ready(ready.row, data={"reason": "Vue."}, person=people, involved=involved, scoped=False)


READY = {BankAccount: ready_account, JoinRequest: ready_request}


def test_the_matrix_knows_every_model():
    assert {parameters.values[0] for parameters in ALL} == set(READY)


@pytest.mark.parametrize(("model", "spec", "state"), ALL)
def test_who_may_and_who_may_not(model, spec, state):
    # Any instructor answers a request: the one tried below is not among those who are refused.
    check(model, spec, state, lambda: READY[model](spec, state))


@pytest.mark.parametrize(
    ("make", "state"), [(account_in, "rejected"), (account_in, "verified"), (request_in, "refused")]
)
def test_from_no_other_state(make, state):
    ready = make(state)
    people = {}
    for spec in transitions_of(type(ready.row)):
        if spec.starts_from(state):
            continue
        taker = {"withdraw": getattr(ready.row, "user", None)}.get(spec.name) or ready.person.get(
            Role.APPLICANT if Role.APPLICANT in spec.roles else None
        )
        people[spec.name] = None if spec.audience == "system" else taker or ready.staff(spec.roles[0])
    assert_refused_elsewhere(ready, people)
