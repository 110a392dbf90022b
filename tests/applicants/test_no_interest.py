"""What the other side alone wrote is an interest until the person answers: declining, declaring, and what it frees."""

from html import unescape

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from agreements.models import PaymentBatch
from applicants.models import Applicant, Invitation, Membership, NoInterest
from applicants.people import PeopleRefused, accept_invitation, declare_no_interest, decline_invitation, invite
from core.models import Event
from core.navigation import work_for
from core.roles import Role
from core.transitions import permission_reason, spec_of
from grants.models import AgendaItem, PersonLine
from grants.staff_permissions import may_run_session
from tests.factories.agreements import in_force, ordered
from tests.factories.applicants import ApplicantFactory
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, SessionFactory, agenda, staff

pytestmark = pytest.mark.django_db
REASON = "Invité par un club local ; je ne suis pas de cette association."


def named(body: Applicant, person, how: str) -> Invitation | None:
    """The body writes the address of the person."""
    if how == "address":
        Applicant.objects.filter(pk=body.pk).update(email=person.email.upper())
        return None
    return Invitation.objects.create(applicant=body, email=person.email, invited_by=UserFactory(), token_hash=how)


def signed_in(person) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize("how", ["invitation", "address", "person of a case"])
def test_a_session_is_given_back_by_the_answer(how: str):
    """Also in the database; a session says which case takes its buttons."""
    case = CaseFactory(state="scheduled")
    session = SessionFactory(state="in_session")
    (item,) = agenda(session, case)
    secretary = staff(Role.COMMITTEE_SECRETARY)
    if how == "person of a case":
        PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=secretary.email)
    else:
        named(case.applicant, secretary, how)
    session = type(session).objects.get(pk=session.pk)
    page = signed_in(secretary)
    assert case.number in may_run_session(secretary, session)
    assert may_run_session(secretary, session) in unescape(page.get(session.get_absolute_url()).content.decode())
    assert any(item.action == "Répondre" for item in work_for(secretary))
    with pytest.raises(IntegrityError, match="acts for a body"), transaction.atomic():
        AgendaItem.objects.filter(pk=item.pk).update(decided_by=secretary, decision="rejected", reason="x")
    answer = page.post(reverse("applicants:no_interest", args=[case.applicant_id]), {"reason": REASON})
    assert answer.status_code == 302
    assert Event.objects.of(case.applicant).get(action="no_interest").actor == secretary
    session = type(session).objects.get(pk=session.pk)
    assert may_run_session(secretary, session) is None
    assert not any(item.action == "Répondre" for item in work_for(secretary))
    AgendaItem.objects.filter(pk=item.pk).update(decided_by=secretary, decision="rejected", reason="x")
    read = signed_in(staff(Role.AUDITOR)).get(reverse("admin:applicants_applicant_change", args=[case.applicant_id]))
    assert REASON in read.content.decode()


def test_a_batch_is_given_back_by_declining():
    agreement, house = in_force()
    _claim, batch = ordered(agreement, house)
    officer = staff(Role.FINANCE_OFFICER)
    invitation = named(agreement.beneficiary, officer, "invitation")
    close = spec_of(PaymentBatch, "close")
    assert agreement.application.number in permission_reason(close, PaymentBatch.objects.get(pk=batch.pk), officer)
    with pytest.raises(IntegrityError, match="acts for a body"), transaction.atomic():
        PaymentBatch.objects.filter(pk=batch.pk).update(closed_by=officer)
    signed_in(officer).post(reverse("applicants:my_invitation", args=[invitation.pk]), {"decline": "1"})
    invitation.refresh_from_db()
    assert invitation.declined_at
    assert permission_reason(close, PaymentBatch.objects.get(pk=batch.pk), officer) is None
    with pytest.raises(IntegrityError, match="batch_closed_with_workbook"), transaction.atomic():
        PaymentBatch.objects.filter(pk=batch.pk).update(closed_by=officer)  # nothing about the person any more


def test_who_declined_is_not_invited_again_and_staff_ask_themselves():
    chief, person, officer = UserFactory(applicant=True), UserFactory(applicant=True), staff(Role.INSTRUCTOR)
    body = ApplicantFactory(representative=chief)
    sent = invite(body, email=person.email, role="editor", actor=chief)
    with pytest.raises(PeopleRefused):
        decline_invitation(sent.invitation, user=officer)
    decline_invitation(sent.invitation, user=person)
    assert Event.objects.of(body).get(action="decline_invitation").actor == person
    for email in (person.email.upper(), officer.email):
        with pytest.raises(PeopleRefused) as refusal:
            invite(body, email=email, role="editor", actor=chief)
        assert refusal.value.code == "not_invited"
    with pytest.raises(PeopleRefused):
        accept_invitation(sent.invitation, user=person)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.filter(pk=sent.invitation.pk).update(
            accepted_at=sent.invitation.created_at, accepted_by=person
        )


def test_a_declaration_never_lifts_a_membership_and_ends_with_one():
    body, officer = ApplicantFactory(), staff(Role.INSTRUCTOR)
    invitation = named(body, officer, "invitation")
    declare_no_interest(body, REASON, actor=officer)
    with pytest.raises(PeopleRefused):
        declare_no_interest(body, REASON, actor=officer)
    assert body.interest_of(officer) is None
    accept_invitation(invitation, user=officer)
    assert NoInterest.objects.get().void_at
    assert body.interest_of(officer)
    with pytest.raises(PeopleRefused):
        declare_no_interest(body, REASON, actor=officer)
    Membership.objects.filter(user=officer).delete()
    named(body, officer, "address")
    assert Applicant.objects.get(pk=body.pk).interest_of(officer)
    for person, reason in ((UserFactory(applicant=True), REASON), (UserFactory(auditor=True), REASON), (officer, " ")):
        with pytest.raises(PeopleRefused):
            declare_no_interest(body, reason, actor=person)
