"""What the other side alone wrote is an interest until the person answers: declining, declaring, and what it frees."""

import re
from html import unescape
from importlib import import_module

import pgtrigger
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from agreements.models import PaymentBatch
from applicants.models import Applicant, Invitation, KeptInterest, Membership, NoInterest
from applicants.people import PeopleRefused, accept_invitation, declare_no_interest, decline_invitation, invite
from core.models import Event
from core.models.outbox import OutboxMessage
from core.navigation import work_for
from core.roles import Role
from core.transitions import permission_reason, spec_of
from grants.interests import interest_in
from grants.models import AgendaItem, Application, PersonLine
from grants.named import bodies_that_name
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
    with pytest.raises(PeopleRefused) as refusal:
        invite(body, email=person.email.upper(), role="editor", actor=chief)
    assert refusal.value.code == "not_invited"
    with pytest.raises(PeopleRefused):
        accept_invitation(sent.invitation, user=person)
    with pytest.raises(IntegrityError), transaction.atomic():
        Invitation.objects.filter(pk=sent.invitation.pk).update(
            accepted_at=sent.invitation.created_at, accepted_by=person
        )


def test_an_invitation_does_not_tell_who_works_for_the_region():
    """The page says the same of every address; an officer gets no mail and no interest, and cannot take it up."""
    chief, officer, stranger = UserFactory(applicant=True), staff(Role.INSTRUCTOR), "personne@asso.example"
    body = ApplicantFactory(representative=chief)
    page, inviting = reverse("applicants:people", args=[body.pk]), signed_in(chief)
    told = {}
    for email in (officer.email, stranger):
        answer = inviting.post(page, {"email": email, "role": "editor"}, follow=True)
        text = re.sub(r"<[^>]+>", "", unescape(answer.content.decode()))
        told[email] = [line.strip().replace(email, "@@") for line in text.splitlines() if email in line]
    assert told[officer.email] == told[stranger] and any("envoyée" in line for line in told[stranger])
    assert [mail.to for mail in OutboxMessage.objects.all()] == [[stranger]]
    sent = invite(body, email=officer.email, role="editor", actor=chief)
    assert sent.invitation.withheld and not interest(body, officer) and not bodies_that_name(officer)
    assert signed_in(officer).get(reverse("applicants:my_invitation", args=[sent.invitation.pk])).status_code == 404
    with pytest.raises(PeopleRefused):
        accept_invitation(sent.invitation, user=officer)
    with pytest.raises(IntegrityError, match="withheld_has_no_answer"), transaction.atomic():
        Invitation.objects.filter(pk=sent.invitation.pk).update(declined_at=sent.invitation.created_at)


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


def interest(body: Applicant, person) -> bool:
    """What the row says."""
    return bool(Applicant.objects.get(pk=body.pk).interest_of(person))


def write(body: Applicant, address: str) -> None:
    """As the people of the body do, on its page."""
    row = Applicant.objects.get(pk=body.pk)
    row.email = address
    row.save()


def test_nobody_answers_before_they_are_named():
    """Neither on the page, nor by the service, nor in the database."""
    body, officer = ApplicantFactory(), staff(Role.INSTRUCTOR)
    page = reverse("applicants:no_interest", args=[body.pk])
    assert signed_in(officer).get(page).status_code == 404
    assert signed_in(officer).post(page, {"reason": REASON}).status_code == 404
    with pytest.raises(PeopleRefused) as refusal:
        declare_no_interest(body, REASON, actor=officer)
    assert refusal.value.code == "not_named"
    with pytest.raises(IntegrityError, match="answers a naming"), transaction.atomic():
        NoInterest.objects.create(
            user=officer, applicant=body, reason=REASON, places=["address"], address=officer.email
        )
    write(body, officer.email)
    assert interest(body, officer)


def test_an_answer_covers_the_namings_of_its_day_and_no_later_one():
    case = CaseFactory(state="in_instruction")
    body, officer = case.applicant, staff(Role.INSTRUCTOR)
    write(body, officer.email)
    said = declare_no_interest(body, REASON, actor=officer)
    assert (said.places, said.address) == (["address"], officer.email)
    assert not interest(body, officer)
    for address in ("", officer.email.upper()):  # taken off and written again where it stood
        write(body, address)
        assert not interest(body, officer)
    line = PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=officer.email)
    assert interest_in(officer, Application.objects.filter(pk=case.pk))
    assert [row.pk for row in bodies_that_name(officer)] == [body.pk]
    with pytest.raises(IntegrityError, match="acts for a body"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(instructor=officer)
    assert declare_no_interest(body, REASON, actor=officer).places == [f"case:{case.pk}"]
    assert interest_in(officer, Application.objects.filter(pk=case.pk)) is None
    PersonLine.objects.filter(pk=line.pk).delete()
    line.pk = None
    line.save()
    assert interest_in(officer, Application.objects.filter(pk=case.pk)) is None and not bodies_that_name(officer)
    named(body, officer, "invitation")
    assert interest(body, officer)
    Application.objects.filter(pk=CaseFactory(applicant=body).pk).update(number="PROG-2026-99999")
    other = Application.objects.get(number="PROG-2026-99999")
    PersonLine.objects.create(application=other, rank=1, first_name="A", last_name="B", email=officer.email)
    assert declare_no_interest(body, REASON, actor=officer).places == [f"case:{other.pk}", "invitation"]
    assert not interest(body, officer)
    type(officer).objects.filter(pk=officer.pk).update(email="autre@region.example")
    officer = type(officer).objects.get(pk=officer.pk)
    write(body, "autre@region.example")
    assert interest(body, officer)  # another address was never answered


@pytest.mark.parametrize("how", ["invitation cancelled", "invitation expired", "address", "person of a case"])
def test_who_is_named_is_not_freed_by_the_other_side(how: str):
    case = CaseFactory(state="in_instruction")
    body, officer, other = case.applicant, staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    if how == "address":
        write(body, officer.email)
        write(body, "contact@asso.example")
        write(body, UserFactory(applicant=True).email)
    elif how == "person of a case":
        for _time in range(2):
            PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=officer.email)
            case.persons.all().delete()
    else:
        sent = named(body, officer, "invitation")
        when = {"expires_at" if how.endswith("expired") else "revoked_at": sent.created_at}
        Invitation.objects.filter(pk=sent.pk).update(**when)
    assert interest(body, officer) and not interest(body, other)
    assert [row.pk for row in bodies_that_name(officer)] == [body.pk]
    with pytest.raises(IntegrityError, match="acts for a body"), transaction.atomic():
        Application.objects.filter(pk=case.pk).update(instructor=officer)
    (task,) = [item for item in work_for(officer) if item.action == "Répondre"]
    assert signed_in(officer).post(task.url, {"reason": REASON}).status_code == 302
    assert not interest(body, officer) and not bodies_that_name(officer)
    Application.objects.filter(pk=case.pk).update(instructor=officer)
    assert KeptInterest.objects.count() == ("invitation" not in how)


def test_what_was_declared_stays_as_it_was_said():
    body, officer = ApplicantFactory(), staff(Role.INSTRUCTOR)
    named(body, officer, "address")
    said = declare_no_interest(body, REASON, actor=officer)
    for change in ({"places": ["address", "invitation"]}, {"applicant": ApplicantFactory()}):
        with pytest.raises(Exception, match="Cannot update|answer_stays"), transaction.atomic():
            NoInterest.objects.filter(pk=said.pk).update(**change)
    Membership.objects.create(user=officer, applicant=body, role="editor")
    with pytest.raises(IntegrityError, match="stays so"), transaction.atomic():
        NoInterest.objects.filter(pk=said.pk).update(void_at=None)


def test_declarations_of_before_are_told_what_they_answered():
    """Those of nothing are void; the places of the others are those that their histories tell."""
    case = CaseFactory()
    body, officer, early = case.applicant, staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    write(body, officer.email)
    PersonLine.objects.create(application=case, rank=1, first_name="A", last_name="B", email=officer.email.upper())
    with pgtrigger.ignore("applicants.NoInterest:answers_a_naming"), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE applicants_nointerest DROP CONSTRAINT no_interest_answers_a_naming")
        for person in (officer, early):
            NoInterest.objects.create(user=person, applicant=body, reason=REASON)
    step = import_module("applicants.migrations.0013_declarations_answer_namings")
    with pgtrigger.ignore("applicants.NoInterest:answer_stays"), connection.schema_editor() as editor:
        step.say_what_was_answered(apps, editor)
    kept = NoInterest.objects.get(user=officer)
    assert (sorted(kept.places), kept.address, kept.void_at) == (["address", f"case:{case.pk}"], officer.email, None)
    assert NoInterest.objects.get(user=early).void_at
