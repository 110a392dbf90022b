"""Nobody acts for the Region on a case in which they have an interest, nor does an auditor: the services, the database."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from agreements import claims, payments
from agreements.drafting import DraftingRefused, choose_fund, draft_agreement, write_act
from agreements.models import PaymentBatch, PaymentClaim, PaymentOrder
from applicants.bank_accounts import enter_account
from applicants.models import BankAccount, Invitation, Membership
from applicants.people import change_role, create_applicant, invite
from core.events import record
from core.roles import Role
from core.transitions import TransitionRefused, available_transitions, perform
from grants import committee, instruction
from grants.models import AgendaItem, Application, PersonLine, Proposal
from grants.staff_permissions import may_instruct, may_run_session
from tests.factories.agreements import certified, drafted, in_force, ordered, submitted
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, pdf
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> None:
    settings.ESSOR_DOCUMENT_ROOT = tmp_path


@pytest.fixture
def case() -> Application:
    return CaseFactory(state="in_instruction")


def interested(application: Application, role: Role = Role.INSTRUCTOR):
    """A member of the programme's staff who is an editor of the applicant."""
    person = staff(role, application.programme.code)
    Membership.objects.create(user=person, applicant=application.applicant, role="editor")
    return person


def auditing(application: Application, role: Role = Role.INSTRUCTOR):
    """A member of the programme's staff who is an auditor besides."""
    return hold_in_breach(staff(role, application.programme.code), role, Role.AUDITOR)


SERVICES = {
    "answer_check": lambda case, who: instruction.answer_check(
        case, next(rule.code for rule in case.rules.checks if rule.stage == "eligibility"), "yes", actor=who
    ),
    "refresh_automatic_checks": lambda case, who: instruction.refresh_automatic_checks(case, actor=who),
    "score_criterion": lambda case, who: instruction.score_criterion(
        case, case.rules.criteria[0].code, Decimal(1), actor=who
    ),
    "retain_amount": lambda case, who: instruction.retain_amount(case.budget_lines.first(), Decimal(1), actor=who),
    "compute_aid": lambda case, who: instruction.compute_aid(case, actor=who),
    "ask_opinion": lambda case, who: instruction.ask_opinion(
        case, "x", actor=who, email="a@b.example", body="DREETS", due_on=timezone.localdate() + timedelta(days=9)
    ),
    "add_note": lambda case, who: instruction.add_note(case, "Une note.", actor=who),
    "write_to_applicant": lambda case, who: instruction.write_to_applicant(case, "Bonjour.", actor=who),
    "mark_read": lambda case, who: instruction.mark_read(case, actor=who),
    "assign_instructor": lambda case, who: instruction.assign_instructor(case, staff(Role.INSTRUCTOR), actor=who),
    "choose_eu_fund": lambda case, who: instruction.choose_eu_fund(case, "ESF+", actor=who),
}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("make", [interested, auditing])
def test_the_services_of_the_instruction(case, name: str, make):
    with pytest.raises(instruction.InstructionRefused):
        SERVICES[name](case, make(case))
    SERVICES[name](case, staff(Role.INSTRUCTOR))  # refused for the person alone


def test_every_service_of_the_instruction_is_tried():
    """A service that writes in a person's name is in the list above, or is tried beside it."""
    names = {
        name
        for name, function in vars(instruction).items()
        if getattr(function, "__module__", "") == instruction.__name__
        and "actor"
        in getattr(function, "__code__", test_every_service_of_the_instruction_is_tried.__code__).co_varnames
        and not name.startswith("_")
    }
    # These act on a piece or an opinion through the lock, ``locked_case``; the automatic checks are the product's own.
    others = {"record_opinion", "close_opinion_link", "judge_piece", "answer_automatic_checks", "locked_case"}
    assert names - others == set(SERVICES)


@pytest.mark.parametrize("make", [interested, auditing])
def test_a_session(make):
    case = CaseFactory(state="scheduled")
    session = SessionFactory(state="in_session", members=3)
    (item,) = agenda(session, case)
    secretary = make(case, Role.COMMITTEE_SECRETARY)
    assert may_run_session(secretary, session)
    tries = (
        lambda who: committee.add_member(session, "Mme A.", actor=who),
        lambda who: committee.mark_present(session, [], actor=who),
        lambda who: committee.move_item(item, 1, actor=who),
        lambda who: committee.record_decision(item, "rejected", actor=who, reason="Motif."),
        lambda who: committee.declare_recusal(item, session.members.first(), actor=who),
    )
    for attempt in tries:
        with pytest.raises(committee.SessionRefused):
            attempt(secretary)
        attempt(staff(Role.COMMITTEE_SECRETARY))


@pytest.mark.parametrize("make", [interested, auditing])
def test_agreements_and_claims(make):
    agreement, house = drafted()
    person = make(agreement.application)
    for attempt in (
        lambda who: write_act(agreement, actor=who),
        lambda who: choose_fund(agreement, "ESF+", actor=who),
    ):
        with pytest.raises(DraftingRefused):
            attempt(person)
    granted = CaseFactory(state="approved")
    with pytest.raises(DraftingRefused):
        draft_agreement(granted, actor=make(granted))
    claim = submitted(*in_force())
    with pytest.raises(claims.ClaimRefused):
        claims.certify_lines(claim, {}, actor=make(claim.agreement.application))


def test_an_auditor_does_nothing_on_the_portal_either():
    auditor = UserFactory(roles=[Role.APPLICANT, Role.AUDITOR])
    body = ApplicantFactory(representative=auditor)
    with pytest.raises(TransitionRefused):
        enter_account(body, holder_name="A", iban="FR7630006000011234567890189", proof=pdf(), actor=auditor)
    with pytest.raises(Exception, match="."):
        invite(body, "x@example.org", "editor", actor=auditor)
    with pytest.raises(Exception, match="."):
        change_role(body.memberships.get(), "editor", actor=auditor)
    with pytest.raises(PermissionDenied), transaction.atomic():
        create_applicant(ApplicantFactory.build(siret=None, in_formation=True), actor=auditor)
    batch_opener = hold_in_breach(UserFactory(), Role.FINANCE_OFFICER, Role.AUDITOR)
    with pytest.raises(TransitionRefused):
        payments.open_batch(actor=batch_opener)


def test_the_net_under_every_service(case):
    """Every write leaves an event, and an auditor's event undoes it."""
    with pytest.raises(PermissionDenied):
        record(case, "anything", actor=UserFactory(auditor=True))


def test_buttons_say_why(case):
    person = interested(case)
    options = available_transitions(case, person)
    assert options and not any(option.allowed for option in options)
    reasons = {option.spec.name: option.reason for option in options}
    assert reasons["propose"] == may_instruct(person, case)


@pytest.mark.parametrize("how", ["invited", "its own address", "one of its persons", "who opened it"])
def test_the_kinds_of_interest(case, how: str):
    person = staff(Role.INSTRUCTOR)
    assert may_instruct(person, case) is None
    if how == "invited":
        invitation = Invitation.objects.create(
            applicant=case.applicant, email=person.email, invited_by=UserFactory(), token_hash="x"
        )
    elif how == "its own address":
        case.applicant.email = person.email.upper()
        case.applicant.save()
    elif how == "one of its persons":
        PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=person.email)
    else:
        Application.objects.filter(pk=case.pk).update(created_by=person)
    case.refresh_from_db()
    assert may_instruct(person, case)
    if how == "invited":
        Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())
        case.refresh_from_db()
        assert may_instruct(person, case) is None


# --- the database ----------------------------------------------------------------------------------------------------


def test_the_database_refuses_the_names_of_the_partial():
    agreement, house = in_force()
    claim, batch = ordered(agreement, house)
    reviewed = submitted(*in_force())
    perform(reviewed, "start_review", actor=staff(Role.INSTRUCTOR))
    (order,) = batch.orders.all()
    proposal_case = CaseFactory(state="instructed")
    account = BankAccountFactory(applicant=ApplicantFactory())
    (item,) = agenda(SessionFactory(state="in_session"), CaseFactory(state="scheduled"))
    proposal = proposal_case.live_proposal()
    tries = [
        (PaymentClaim, reviewed, "certified_by", reviewed.agreement.beneficiary, {}),
        (PaymentClaim, claim, "ordered_by", agreement.beneficiary, {}),
        (
            PaymentOrder,
            order,
            "confirmed_by",
            agreement.beneficiary,
            {"state": "paid", "paid_on": timezone.localdate()},
        ),
        (PaymentBatch, batch, "closed_by", agreement.beneficiary, {}),
        (Proposal, proposal, "visa_by", proposal_case.applicant, {"visa_at": timezone.now()}),
        (BankAccount, account, "verified_by", account.applicant, {}),
        (AgendaItem, item, "decided_by", item.application.applicant, {"decision": "rejected", "reason": "x"}),
    ]
    for model, row, column, body, more in tries:
        partial, auditor = UserFactory(), UserFactory(auditor=True)
        Membership.objects.create(user=partial, applicant=body, role="editor")
        for person, word in ((partial, "acts for a body"), (auditor, "auditor changes nothing")):
            with pytest.raises(IntegrityError, match=word), transaction.atomic():
                model.objects.filter(pk=row.pk).update(**{column: person}, **more)


def test_who_joins_later_has_acted_well_before():
    claim = certified(*in_force())
    Membership.objects.create(user=claim.certified_by, applicant=claim.agreement.beneficiary, role="editor")
    assert PaymentClaim.objects.filter(pk=claim.pk).update(state="suspended")
