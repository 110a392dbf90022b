"""Mails reach somebody: not a closed account, and an answer goes to the service."""

import pytest
from django.core import mail

from core.delivery import deliver
from core.models import OutboxMessage
from core.outbox import enqueue_mail
from core.roles import Role
from grants import work
from grants.models import ProgrammeAssignment
from grants.notices import people_of, send_lapsed, service_of
from grants.services.filing import write_message
from tests.factories.core import UserFactory
from tests.factories.instruction import CaseFactory, staff

pytestmark = pytest.mark.django_db


def test_a_message_goes_to_the_instructor_else_to_the_others_else_to_the_service():
    officer = staff(Role.INSTRUCTOR)
    case = CaseFactory(instructor=officer)
    assert service_of(case) == [officer.email]
    colleague = staff(Role.HEAD_OF_SERVICE)
    officer.is_active = False
    officer.save()
    assert service_of(case) == [colleague.email]
    ProgrammeAssignment.objects.filter(user=colleague).delete()
    assert service_of(case) == [case.rules.contact.email]


def test_the_message_of_an_applicant_reaches_somebody():
    officer, colleague = staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    case = CaseFactory(instructor=officer)
    case.applicant.memberships.create(user=case.created_by, role="representative")
    officer.is_active = False
    officer.save()
    write_message(case, user=case.created_by, body="Bonjour.")
    assert OutboxMessage.objects.get(template="grants/mail/message_to_service").to == [colleague.email]


def test_the_work_of_a_closed_account_is_in_the_lists_of_the_others():
    officer, colleague = staff(Role.INSTRUCTOR), staff(Role.INSTRUCTOR)
    case = CaseFactory(state="in_instruction", instructor=officer)
    assert case not in work.queue(colleague)
    officer.is_active = False
    officer.save()
    assert case in work.queue(colleague)
    assert case in work.queue(staff(Role.HEAD_OF_SERVICE), "unassigned")


def test_a_closed_account_of_the_applicant_gets_nothing():
    case = CaseFactory()
    assert case.created_by.email in people_of(case)
    case.created_by.is_active = False
    case.created_by.save()
    case.refresh_from_db()
    assert case.created_by.email not in people_of(case)
    case.applicant.email = ""
    assert people_of(case) == [case.created_by.email]  # rather than nobody


def test_answers_to_a_decision_go_to_the_service_of_the_programme():
    case = CaseFactory(state="approved")
    send_lapsed(case, "Motif.")
    message = OutboxMessage.objects.get(template="grants/mail/lapsed")
    deliver(message.pk)
    assert mail.outbox[-1].reply_to == [case.rules.contact.email]


def test_every_other_mail_is_answered_to_the_region(settings):
    person = UserFactory(applicant=True)
    message = enqueue_mail(
        to=[person.email],
        template="essor/mail/known_address",
        context={"person": person, "url": "https://example.org/"},
        key="known",
    )
    assert message.reply_to == settings.ESSOR_REGION["email"]
