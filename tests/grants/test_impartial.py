"""Nobody acts for the Region on a case in which they have an interest, nor does an auditor: the services, the database."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from importlib import import_module
from inspect import isfunction, signature
from pkgutil import walk_packages

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from agreements import claims, payments
from agreements.drafting import DraftingRefused, choose_fund, draft_agreement, write_act
from agreements.duplicates import answer_warning
from agreements.models import DuplicateWarning, ExpenditureLine, PaymentBatch, PaymentClaim, PaymentOrder
from agreements.permissions import may_review
from applicants.bank_accounts import enter_account
from applicants.models import BankAccount, Invitation, Membership
from applicants.people import change_role, create_applicant, declare_no_interest, invite, remove_member
from core.events import record
from core.models import Event
from core.roles import Role
from core.transitions import (
    TransitionRefused,
    available_transitions,
    perform,
    permission_reason,
    transitions_of,
    workflow_models,
)
from grants import committee, instruction, opinions
from grants.interests import with_interest
from grants.models import AgendaItem, Application, Opinion, PersonLine, Proposal
from grants.services.snapshots import take_snapshot
from grants.staff_permissions import may_instruct, may_run_session
from tests.factories.agreements import certified, drafted, in_force, ordered, submitted
from tests.factories.applicants import ApplicantFactory, BankAccountFactory, given, pdf
from tests.factories.core import UserFactory, hold_in_breach
from tests.factories.grants import filed
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, ask, staff

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


def asked(case: Application) -> Opinion:
    """An opinion that was asked on the case, not yet given."""
    return case.opinions.first() or ask(case, "x")


def given_before(case: Application) -> Opinion:
    """An opinion that was given before the file was completed."""
    if opinion := case.opinions.exclude(result="").first():
        return opinion
    officer = staff(Role.INSTRUCTOR)
    today = timezone.localdate()
    opinion = instruction.record_opinion(
        asked(case), "favourable", actor=officer, given_on=today, proof=pdf("avis"), proof_name="avis.pdf"
    )
    take_snapshot(case, kind="completion", actor=case.created_by, content={})
    return opinion


INSTRUCTION = {
    "answer_check": lambda case, who: instruction.answer_check(
        case, next(rule.code for rule in case.rules.checks if rule.stage == "eligibility"), "yes", actor=who
    ),
    "refresh_automatic_checks": lambda case, who: instruction.refresh_automatic_checks(case, actor=who),
    "score_criterion": lambda case, who: instruction.score_criterion(
        case, case.rules.criteria[0].code, Decimal(1), actor=who
    ),
    "retain_amount": lambda case, who: instruction.retain_amount(
        case.budget_lines.first(), Decimal(1), actor=who, reason="Devis."
    ),
    "compute_aid": lambda case, who: instruction.compute_aid(case, actor=who),
    "ask_opinion": lambda case, who: instruction.ask_opinion(
        case, "x", actor=who, email="a@b.example", body="DREETS", due_on=timezone.localdate() + timedelta(days=9)
    ),
    "record_opinion": lambda case, who: instruction.record_opinion(
        asked(case), "favourable", actor=who, given_on=timezone.localdate(), proof=pdf("avis"), proof_name="avis.pdf"
    ),
    "close_opinion_link": lambda case, who: instruction.close_opinion_link(asked(case), actor=who),
    "judge_piece": lambda case, who: instruction.judge_piece(case.pieces.first(), "accepted", actor=who),
    "add_note": lambda case, who: instruction.add_note(case, "Une note.", actor=who),
    "write_to_applicant": lambda case, who: instruction.write_to_applicant(case, "Bonjour.", actor=who),
    "mark_read": lambda case, who: instruction.mark_read(case, actor=who),
    "assign_instructor": lambda case, who: instruction.assign_instructor(case, staff(Role.INSTRUCTOR), actor=who),
    "choose_eu_fund": lambda case, who: instruction.choose_eu_fund(case, "ESF+", actor=who),
}
SERVICES = {f"grants.instruction.{name}": attempt for name, attempt in INSTRUCTION.items()} | {
    "grants.opinions.uphold_opinion": lambda case, who: opinions.uphold_opinion(
        given_before(case), "Rien de neuf.", actor=who
    )
}
"""What the service does on a case that is instructed."""


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("make", [interested, auditing])
def test_the_services_of_the_instruction(case, name: str, make):
    if name.endswith("judge_piece"):
        case = filed()
    with pytest.raises(instruction.InstructionRefused):
        SERVICES[name](case, make(case))
    SERVICES[name](case, staff(Role.INSTRUCTOR))  # refused for the person alone


BELOW = "tried in this file"
PORTAL = "done by the people of the body themselves"
FOLLOWS = "follows from a transition or a service, which looked at the person"
NOBODYS = "on no row of anybody: a session, a list, a batch"
REASONS = {
    "applicants": {
        PORTAL: """bank_accounts.enter_account de_minimis.links.declare_links de_minimis.register.declare
            de_minimis.register.withdraw_declaration people.create_applicant people.ensure_person people.invite people.declare_no_interest
            people.revoke_invitation people.change_role people.remove_member""",
        FOLLOWS: """people_told.tell_of_people de_minimis.register.record_granted de_minimis.register.follow_grant
            de_minimis.register.withdraw_granted""",
        "tests/applicants/test_interests_that_stay.py": "people.lift_interest",
        "tests/applicants/test_central_register.py": "de_minimis.central.enter de_minimis.central.complete",
        "tests/applicants/test_single_undertaking.py": "de_minimis.links.decide_links",
        "tests/applicants/test_declared_aid.py": """de_minimis.register.enter_declared
            de_minimis.register.correct_declared de_minimis.register.withdraw_declared""",
    },
    "grants": {
        BELOW: """committee.add_member committee.mark_present committee.move_item committee.record_decision
            committee.declare_recusal committee.withdraw_recusal""",
        FOLLOWS: """instruction.fund_of_act commitments.release commitments.use_credit committee.add_to_agenda
            de_minimis.record_granted de_minimis.withdraw_granted decisions.write decisions.take_back decisions.apply
            services.snapshots.take_snapshot instruction.answer_automatic_checks""",
        NOBODYS: "committee.create_session",
    },
    "agreements": {
        BELOW: """drafting.draft_agreement drafting.write_act drafting.choose_fund claims.certify_line
            claims.certify_lines duplicates.answer_warning""",
        PORTAL: """claims.open_claim claims.set_amount claims.add_line claims.change_line claims.remove_line
            claims.attach_proof claims.join_piece claims.remove_piece claims.reply claims.submit intake.preview
            intake.take_in reports.file_report""",
        FOLLOWS: """payments.order_claims payments.close_batch payments.confirm_payments
            schedule.services.extend settlements.services.settle settlements.services.free_what_is_left
            effects.give_up""",
        NOBODYS: "payments.open_batch",
    },
    "reporting": {
        FOLLOWS: """operations.add_version operations.revise ends.follow_the_end imports.apply_import
            eu_programmes.doubts.drop_untrue_doubts eu_programmes.at_the_end.doubt_the_end
            eu_programmes.given_up.doubt_the_plan credit_notes.settle
            eu_programmes.not_asked.doubt_what_cannot_be_asked eu_programmes.not_asked.follow_what_is_asked""",
        NOBODYS: "payment_applications.open_application",
    },
}


def services_in_a_persons_name() -> set[str]:
    """Every function of the business apps that does something for an ``actor``, by its full name."""
    found = set()
    for app in REASONS:
        for module in walk_packages(import_module(app).__path__, f"{app}."):
            if {"migrations", "management", "admin", "views", "forms", "models"} & {*module.name.split(".")}:
                continue  # screens and transitions: the runner and the forms above them ask
            for name, function in vars(import_module(module.name)).items():
                if not isfunction(function) or function.__module__ != module.name or name.startswith("_"):
                    continue
                actor = signature(function).parameters.get("actor")
                if actor is not None and actor.kind is actor.KEYWORD_ONLY:
                    found.add(f"{module.name}.{name}")
    return found


def test_every_service_in_a_persons_name_is_tried_or_has_its_reason():
    """Found in the code: a new one is tried with a person who has an interest, or is listed with why not."""
    reasoned = {f"{app}.{name}" for app, why in REASONS.items() for names in why.values() for name in names.split()}
    assert services_in_a_persons_name() == reasoned | set(SERVICES)
    assert not reasoned & set(SERVICES)


def test_the_runner_asks_for_every_move_of_the_staff():
    """Whatever its own permission says: a new transition is refused to who has an interest, and to an auditor."""
    seen = 0
    for model in workflow_models(apps.get_models()):
        if not model.__module__.startswith("tests."):
            for spec in transitions_of(model):
                if spec.audience == "staff":
                    person = UserFactory(roles=[spec.roles[0]])
                    row = model(pk=1)
                    row._interests = {person.pk: "Vous agissez pour ce demandeur."}
                    assert permission_reason(replace(spec, permission_=None), row, person) == row._interests[person.pk]
                    assert permission_reason(spec, row, UserFactory(auditor=True)), spec.name
                    seen += 1
    assert seen > 40


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
        lambda who: committee.withdraw_recusal(item.recusals.get(), actor=who),
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
    partial = make(claim.agreement.application)
    with pytest.raises(claims.ClaimRefused):
        claims.certify_lines(claim, {}, actor=partial)
    warning = DuplicateWarning(line=ExpenditureLine(claim=claim))
    with pytest.raises(ValueError, match=may_review(partial, claim)):
        answer_warning(warning, answer="different", comment="Deux chantiers.", actor=partial)


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
    Membership.objects.create(user=UserFactory(applicant=True), applicant=body, role="representative")
    remove_member(body.memberships.get(user=auditor), actor=auditor)  # but they may always leave
    assert Event.objects.of(body).get(action="leave").actor == auditor
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


def page_says(person, case) -> bool:
    """What the page of a case reads with it, in SQL of its own."""
    return with_interest(Application.objects.all(), person).get(pk=case.pk).viewer_interested


@pytest.mark.parametrize("how", ["invited", "its own address", "one of its persons", "who opened it", "a partner"])
def test_the_kinds_of_interest(case, how: str):
    person, neighbour = staff(Role.INSTRUCTOR), CaseFactory()
    assert may_instruct(person, case) is None
    assert not page_says(person, case)
    if how == "invited":
        invitation = Invitation.objects.create(
            applicant=case.applicant, email=person.email, invited_by=UserFactory(), token_hash="x"
        )
    elif how == "its own address":
        case.applicant.email = person.email.upper()
        case.applicant.save()
    elif how == "one of its persons":
        PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=person.email)
    elif how == "a partner":
        body = ApplicantFactory(representative=person)
        case.partners.create(rank=1, applicant=body, name=body.name)
    else:
        Application.objects.filter(pk=case.pk).update(created_by=person)
    case.refresh_from_db()
    assert may_instruct(person, case)
    assert page_says(person, case)
    assert not page_says(person, neighbour)
    assert may_instruct(person, neighbour) is None
    if how == "invited":
        Invitation.objects.filter(pk=invitation.pk).update(revoked_at=timezone.now())
        case.refresh_from_db()
        assert may_instruct(person, case)  # the other side takes it back: the person has still to answer
        declare_no_interest(case.applicant, "Invité par erreur.", actor=person)
        case.refresh_from_db()
        assert may_instruct(person, case) is None
        assert not page_says(person, case)


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
        given(user=partial, applicant=body, role="editor")
        for person, word in ((partial, "acts for a body"), (auditor, "auditor changes nothing")):
            with pytest.raises(IntegrityError, match=word), transaction.atomic():
                model.objects.filter(pk=row.pk).update(**{column: person}, **more)


def test_who_joins_later_has_acted_well_before():
    claim = certified(*in_force())
    Membership.objects.create(user=claim.certified_by, applicant=claim.agreement.beneficiary, role="editor")
    assert PaymentClaim.objects.filter(pk=claim.pk).update(state="suspended")
